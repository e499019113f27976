"""Weights: what is known of them, where they are, and networks with them.

`deephar.build` and `deephar.load` are here, in `loading`.
"""
