"""What runs networks: Keras, compiled for prediction, or a runtime that needs no training framework.

All have `predict_on_batch` and name their outputs, see `deephar.typed.Network`.
"""
