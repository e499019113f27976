"""Evaluation: given a model and crops, predictions in source pixels and their scores."""
