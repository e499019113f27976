"""Proportions of a grown body, as fractions of its height: published averages, rounded."""

HEIGHT_MM = 1700.0
"""Mean height of grown people."""

BONES: dict[str, float] = {
    "hip": 0.052, "knee": 0.245, "ankle": 0.246, "foot": 0.085, "spine": 0.120, "thorax": 0.165, "neck": 0.050,
    "head": 0.065, "head_top": 0.075, "shoulder": 0.112, "elbow": 0.172, "wrist": 0.152, "hand": 0.050,
}  # fmt: skip
"""Length of every bone by the name of its far end, both sides alike; `hip` and `shoulder` are half widths."""
