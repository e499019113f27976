"""Batches: queues, mixtures, worker processes and the loaders for Keras."""
