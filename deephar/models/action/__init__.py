"""Clip networks: poses and visual features of every frame become an action (paper section 4)."""
