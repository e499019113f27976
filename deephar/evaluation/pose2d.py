"""2D poses of a model on crops, in source pixels, and how good they are."""

import dataclasses

import numpy as np
from tqdm import tqdm

from deephar import geometry, metrics


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Poses of every block for every crop.

    Attributes:
        pose_px: (K, N, J, 2) in source pixels.
        visibility: (K, N, J) in [0, 1].
        true_px: (N, J, 2), NaN where not located.
    """

    pose_px: np.ndarray
    visibility: np.ndarray
    true_px: np.ndarray


def split_blocks(outputs):
    """Outputs of a pose network, joined or not, to poses and visibilities.

    Args:
        outputs: list in the published order, or the one output of a network of one block; numpy arrays.

    Returns:
        poses (K, B, J, D) and visibilities (K, B, J). Exported heat maps and features are left out.
    """
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    vectors = [np.asarray(output) for output in outputs if len(output.shape) == 3]
    visibilities = [output[..., 0] for output in vectors if output.shape[-1] == 1]
    poses = [output for output in vectors if output.shape[-1] > 1]
    if not visibilities:
        visibilities = [pose[..., -1] for pose in poses]
        poses = [pose[..., :-1] for pose in poses]
    return np.stack(poses), np.stack(visibilities)


def predict_crops(model, images, layout, flip=False):
    """Poses of a batch in crop coordinates.

    Args:
        model: a pose network.
        images: float32 (B, H, W, 3) in [-1, 1].
        layout: `deephar.layouts.PoseLayout` of the model's joints.
        flip: average with the prediction on the mirrored crop (paper section 5).

    Returns:
        poses (K, B, J, D) and visibilities (K, B, J).
    """
    poses, visibilities = split_blocks(model.predict_on_batch(images))
    if not flip:
        return poses, visibilities
    mirrored, mirrored_visibilities = split_blocks(model.predict_on_batch(images[:, :, ::-1]))
    mirrored = mirrored[:, :, layout.flip]
    mirrored[..., 0] = 1.0 - mirrored[..., 0]
    return (poses + mirrored) / 2, (visibilities + mirrored_visibilities[:, :, layout.flip]) / 2


def predict(model, crops, batch_size=32, flip=False, progress=False):
    """Poses of every crop in source pixels.

    Args:
        model: a pose network.
        crops: sequence of crops with `image`, `px_to_crop`, `pose_px`, and a `layout`.
        batch_size: crops at a time.
        flip: see `predict_crops`.
        progress: show a progress bar.

    Returns:
        `Predictions`.
    """
    poses, visibilities, truths = [], [], []
    for first in tqdm(range(0, len(crops), batch_size), desc="predict", unit="batch", disable=not progress):
        batch = [crops[index] for index in range(first, min(first + batch_size, len(crops)))]
        images = np.stack([crop.image for crop in batch])
        padding = batch_size - len(batch) if first else 0
        images = np.concatenate([images, np.repeat(images[:1], padding, axis=0)])
        pose, visibility = predict_crops(model, images, crops.layout, flip)
        back = np.stack([np.linalg.inv(crop.px_to_crop) for crop in batch])
        poses.append(geometry.transform_points(back, pose[:, : len(batch)]))
        visibilities.append(visibility[:, : len(batch)])
        truths += [crop.pose_px for crop in batch]
    return Predictions(np.concatenate(poses, axis=1), np.concatenate(visibilities, axis=1), np.stack(truths))


def pck_scores(predictions, layout, threshold=0.2):
    """PCK of the torso, for every block and joint.

    Args:
        predictions: `Predictions`.
        layout: of their joints.
        threshold: in torsos.

    Returns:
        dict: `threshold`, `people`, `left_out` (people without a torso), `joints` (counted), `blocks` (score of
        each, in percent), `total` and `auc` (of the last block, in percent), `per_joint` (name to percent).
    """
    size = metrics.torso_size(predictions.true_px, layout)
    distances = [metrics.normalised_distances(predictions.true_px, pose, size) for pose in predictions.pose_px]
    blocks = [100 * metrics.correct_share(d, threshold) for d in distances]
    per_joint = 100 * metrics.correct_share_per_joint(distances[-1], threshold)
    return {
        "threshold": threshold,
        "people": int(np.isfinite(size).sum()),
        "left_out": int(np.isnan(size).sum()),
        "joints": int(np.isfinite(distances[-1]).sum()),
        "blocks": blocks,
        "total": blocks[-1],
        "auc": 100 * metrics.area_under_curve(distances[-1], threshold),
        "per_joint": dict(zip(layout.names, per_joint.tolist(), strict=True)),
    }


def constant_baseline(training_crops, crops):
    """Predict, for every crop, the average of the located joints of some training crops: the score to beat.

    Args:
        training_crops: sequence of crops with `pose_crop`.
        crops: sequence of crops to predict for.

    Returns:
        `Predictions` of one block, in source pixels.
    """
    mean = np.nanmean([training_crops[index].pose_crop for index in range(len(training_crops))], axis=0)
    targets = [crops[index] for index in range(len(crops))]
    poses = np.stack([geometry.transform_points(np.linalg.inv(crop.px_to_crop), mean) for crop in targets])
    return Predictions(poses[None], np.ones((1, *poses.shape[:2])), np.stack([crop.pose_px for crop in targets]))
