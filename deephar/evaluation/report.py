"""Scores as a readable table and as JSON."""

import json
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from deephar import files, viz
from deephar.evaluation import action, breakdown, people, pose2d
from deephar.typed import Path


def pck_table(scores: pose2d.PckScores) -> str:
    """Lines of text: the score per joint, of all joints, of those of the limbs, AUC and every block.

    Args:
        scores: from `deephar.evaluation.pose2d.pck_scores`.

    Returns:
        str.
    """
    head = f"PCK@{scores['threshold']:g} of the torso, {_people(scores, 'located torso')}"
    totals = {"total": scores["total"], "limbs": scores["limbs"]}
    rows = {**scores["per_joint"], **totals, f"AUC@{scores['threshold']:g}": scores["auc"]}
    return "\n".join([head, *_rows(rows), _blocks(scores)])


def pckh_table(scores: pose2d.PckhScores, name: str) -> str:
    """Lines of text: PCKh per joint and block, then a row formatted as in the paper's table 2.

    Args:
        scores: from `deephar.evaluation.pose2d.pckh_scores`.
        name: of the method, in the row.

    Returns:
        str.
    """
    columns = {"PCKh@0.2": "pckh@0.2", "AUC@0.2": "auc@0.2", "PCKh@0.5": "pckh@0.5", "AUC@0.5": "auc@0.5"}
    width = max(len(name), 6)
    return "\n".join(
        [
            f"PCKh@0.5, {_people(scores, 'head size')}",
            *_rows(scores["per_joint"]),
            _blocks(scores),
            "",
            f"{'Method':<{width}}" + "".join(f"{column:>10}" for column in columns),
            f"{name:<{width}}" + "".join(f"{scores[key]:>10.1f}" for key in columns.values()),
        ]
    )


def breakdown_table(groups: Mapping[str, breakdown.Share], confidence: breakdown.Calibration) -> str:
    """Lines of text: the score by group, and how often joints are found by their confidence.

    Args:
        groups: from `deephar.evaluation.breakdown.by_posture`, or others.
        confidence: from `deephar.evaluation.breakdown.calibration`.

    Returns:
        str.
    """
    lines = [f"  {name:<15}{share.percent:6.1f} % of {share.people} people" for name, share in groups.items()]
    bins = zip(confidence["confidence"], confidence["found"], confidence["joints"], strict=True)
    lines += [f"  confidence {sure:.2f}: {100 * found:5.1f} % of {joints} joints" for sure, found, joints in bins]
    return "\n".join([*lines, f"  expected calibration error {100 * confidence['error']:.1f} points"])


def _people(scores: pose2d.PckScores | pose2d.PckhScores, size: str) -> str:
    text = f"{scores['people']} people, {scores['joints']} joints"
    if scores["left_out"]:
        text += f" ({scores['left_out']} people without a {size} skipped)"
    if scores["broken"]:
        text += f" ({scores['broken']} unreadable photographs skipped)"
    return text


def _rows(values: Mapping[str, float]) -> list[str]:
    return [f"  {name:<12}{value:6.1f} %" for name, value in values.items()]


def _blocks(scores: pose2d.PckScores | pose2d.PckhScores) -> str:
    return f"  by block: {', '.join(f'{score:.1f}' for score in scores['blocks'])} %"


def save_pictures(
    crops: pose2d.Crops,
    predictions: pose2d.Predictions,
    path: Path,
    people: int = 24,
    columns: int = 8,
    views: Callable[[int], Image.Image] | None = None,
) -> None:
    """Write a contact sheet of predictions on evenly spaced crops.

    Args:
        crops: sequence of `deephar.data.samples.crops.Crop`, with a `layout`.
        predictions: `deephar.evaluation.pose2d.Predictions` on them.
        path: of the image.
        people: number of people.
        columns: people per row.
        views: None, or a function of a position that returns an image to place beside its crop, with the same height
            for all; e.g. the 3D pose.
    """
    readable = [index for index in range(len(crops)) if index not in predictions.broken]
    shown = [readable[i] for i in np.linspace(0, len(readable) - 1, min(len(readable), people)).astype(int)]
    pictures = [viz.draw_crop(crops[index], predictions.pose_px[-1, index], crops.layout) for index in shown]
    if views:
        shown_views = [views(index) for index in shown]
        pictures = [viz.side_by_side(pair) for pair in zip(pictures, shown_views, strict=True)]
    with files.whole_file(path) as temporary:
        viz.contact_sheet(pictures, columns, pictures[0].size).save(temporary)


def save_json(values: object, path: Path) -> None:
    """Write a JSON file atomically; NaN and infinity become null."""
    with files.whole_file(path) as temporary:
        temporary.write_text(as_json(values) + "\n", encoding="utf-8")


def as_json(values: object) -> str:
    """JSON text in which NaN and infinity are null."""
    return json.dumps(files.without_nan(values), indent=2, allow_nan=False)


def action_table(scores: action.ActionScores) -> str:
    """Lines of text: the accuracy of every output, and of every class by the last output of each branch.

    Args:
        scores: from `deephar.evaluation.action.action_scores`.

    Returns:
        str.
    """
    head = f"accuracy on {scores['videos']} videos, %"
    if scores["short"]:
        head += f" ({scores['short']} shorter than a clip, scored on one clip with frames repeated or sampled densely)"
    if scores["broken"]:
        head += f" ({scores['broken']} unreadable ones skipped)"
    outputs = "  ".join(f"{name} {value:.1f}" for name, value in scores["outputs"].items())
    by_branch = scores["per_class_of"]
    columns = "".join(f"{name:>8}" for name in by_branch)
    rows = [
        f"  {action:<18}" + "".join(f"{values[action]:>8.1f}" for values in by_branch.values())
        for action in scores["per_class"]
    ]
    return "\n".join([head, f"  {outputs}", f"  {'':<18}{columns}", *rows])


def picture_table(scores: people.PictureScores) -> str:
    """Lines of text: average precision of the poses of several people, and how many of them are found.

    Args:
        scores: from `deephar.evaluation.people.picture_scores`.

    Returns:
        str.
    """
    poses, boxes = scores["poses"], scores["boxes"]
    head = f"several people, {scores['pictures']} pictures ({scores['empty']} with nobody), {poses['people']} people"
    rows = {"AP": poses["AP"], "AP50": poses["AP50"], "AP75": poses["AP75"], "AR": poses["AR"]}
    rows |= {"precision": boxes["precision"], "recall": boxes["recall"], "F1": boxes["f1"]}
    return "\n".join(
        [
            head + _hardly_seen(scores["left_out"]),
            *_rows({name: 100 * value for name, value in rows.items()}),
            f"  false people in {100 * boxes['false_people_share']:.1f} % of the pictures",
        ]
    )


def track_table(scores: people.VideoScores) -> str:
    """Lines of text: how well people keep their names in videos.

    Args:
        scores: from `deephar.evaluation.people.video_scores`.

    Returns:
        str.
    """
    tracks = scores["tracks"]
    head = f"people followed, {scores['videos']} videos, {scores['frames']} frames, {tracks['people']} people in them"
    rows = {"IDF1": tracks["idf1"], "IDP": tracks["idp"], "IDR": tracks["idr"], "MOTA": tracks["mota"]}
    counts = {"switches": tracks["switches"], "misses": tracks["misses"], "false": tracks["false_positives"]}
    return "\n".join(
        [
            head + _hardly_seen(scores["left_out"]),
            *_rows({name: 100 * value for name, value in rows.items()}),
            *[f"  {name:<12}{value:6d}" for name, value in counts.items()],
        ]
    )


def _hardly_seen(left_out: int) -> str:
    return f" ({left_out} hardly seen left out)" if left_out else ""
