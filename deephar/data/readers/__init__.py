"""Readers: one file per dataset, the protocol in `base`; errors in external files become clear messages."""
