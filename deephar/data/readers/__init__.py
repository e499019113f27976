"""Readers: one file a dataset, the protocol in `base`; foreign files behind guarded doors."""
