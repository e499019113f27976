"""Scores as a table for people and as JSON for programs."""

import json
import math

from deephar.files import whole_file


def pck_table(scores):
    """Lines of text: the score per joint, the total, AUC and every block.

    Args:
        scores: from `deephar.evaluation.pose2d.pck_scores`.

    Returns:
        str.
    """
    head = f"PCK@{scores['threshold']:g} of the torso, {scores['people']} people, {scores['joints']} joints"
    if scores["left_out"]:
        head += f" ({scores['left_out']} people without a located torso left out)"
    rows = [(name, value) for name, value in scores["per_joint"].items()]
    rows += [("total", scores["total"]), (f"AUC@{scores['threshold']:g}", scores["auc"])]
    blocks = ", ".join(f"{score:.1f}" for score in scores["blocks"])
    return "\n".join([head, *(f"  {name:<12}{value:6.1f} %" for name, value in rows), f"  by block: {blocks} %"])


def save_json(values, path):
    """Write a JSON file, whole or not at all; NaN becomes null."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(_without_nan(values), indent=2, allow_nan=False) + "\n")


def _without_nan(value):
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
