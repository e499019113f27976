"""Batches: queues, mixtures, processes and the loaders for Keras."""
