"""Synthetic people: a body, its motions, how it is drawn and where it is, from seeded generators."""
