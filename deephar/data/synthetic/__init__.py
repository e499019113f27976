"""Synthetic people: body, motion, rendering and scene, from seeded generators."""
