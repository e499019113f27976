"""Evaluation: predictions of a model on crops, in source pixels, and their scores."""
