"""Weights: their descriptions, their files, and networks that use them.

`deephar.build` and `deephar.load` are defined in `loading`.
"""
