"""The mathematics of deephar as pure functions on `keras.ops`.

Axis letters: B batch, T frames, H rows, W columns, J joints (or any channel), D coordinates or depth cells.
Leading axes are written `...` where there may be any number of them, so a clip needs no reshaping. Functions that
compute probabilities or coordinates do so in float32 and return float32, whatever their input dtype, unless
`dtype="float64"` is given. Channels are last. Rows grow downwards (y), columns to the right (x). Sizes may be unknown
until a traced graph runs, and a batch may be empty.
"""

import collections.abc
import math

import keras
from keras import ops

from deephar import checks
from deephar.typed import Tensor

GRIDS = ("end_inclusive", "cell_centred")
"""The two conventions for where cell i of n lies in [0, 1].

`end_inclusive`: i / (n - 1), so the outermost cells sit on 0 and 1 (published CVPR'18 weights).
`cell_centred`: (i + 0.5) / n, the centre of the cell, which agrees with a crop divided into n equal cells.
"""


def grid_positions(size: int | Tensor, grid: str = "end_inclusive", dtype: str = "float32") -> Tensor:
    """Position of every cell along one axis.

    Args:
        size: number of cells, int or scalar integer tensor.
        grid: one of `GRIDS`.
        dtype: of the result.

    Returns:
        (size,), in [0, 1].

    Raises:
        ValueError: for an unknown grid.
    """
    checks.one_of("grid", grid, GRIDS)
    index, count = ops.cast(ops.arange(size), dtype), ops.cast(size, dtype)
    if grid == "end_inclusive":
        return index / ops.maximum(count - 1.0, 1.0)
    return (index + 0.5) / count


def _largest(x, axis, keepdims=False):
    """`ops.max` over one or several of the last axes; for an empty batch, which backends reject, the empty result."""
    before = min(axis) if isinstance(axis, tuple) else axis
    if 0 in x.shape[:before]:
        return ops.sum(x, axis=axis, keepdims=keepdims)
    return ops.max(x, axis=axis, keepdims=keepdims)


def _softmax(x, axis, dtype):
    x = ops.cast(x, dtype)
    x = ops.exp(x - ops.stop_gradient(_largest(x, axis, keepdims=True)))
    return x / ops.sum(x, axis=axis, keepdims=True)


def spatial_softmax(heatmaps: Tensor, dtype: str = "float32") -> Tensor:
    """Softmax over all H x W cells of each map (paper section 3.1).

    Args:
        heatmaps: (..., H, W, J) logits.
        dtype: of computation and result, "float32" or "float64".

    Returns:
        (..., H, W, J); each map is >= 0 and sums to 1.
    """
    return _softmax(heatmaps, (-3, -2), dtype)


def expectation_2d(probability: Tensor, grid: str = "end_inclusive", dtype: str = "float32") -> Tensor:
    """Expected (x, y) under a probability map.

    Args:
        probability: (..., H, W, J), each map sums to 1.
        grid: one of `GRIDS`.
        dtype: see `spatial_softmax`.

    Returns:
        (..., J, 2), (x, y) in [0, 1] of the map.
    """
    probability = ops.cast(probability, dtype)
    shape = ops.shape(probability)
    x = ops.sum(probability, axis=-3) * grid_positions(shape[-2], grid, dtype)[:, None]
    y = ops.sum(probability, axis=-2) * grid_positions(shape[-3], grid, dtype)[:, None]
    return ops.stack([ops.sum(x, axis=-2), ops.sum(y, axis=-2)], axis=-1)


def soft_argmax_2d(heatmaps: Tensor, grid: str = "end_inclusive", dtype: str = "float32") -> Tensor:
    """Differentiable arg-max of each map: the expectation of its spatial softmax (paper section 3.1).

    Args:
        heatmaps: (..., H, W, J) logits.
        grid: one of `GRIDS`.
        dtype: see `spatial_softmax`.

    Returns:
        (..., J, 2), (x, y) in [0, 1] of the map.
    """
    return expectation_2d(spatial_softmax(heatmaps, dtype), grid, dtype)


def soft_argmax_1d(maps: Tensor, grid: str = "end_inclusive", dtype: str = "float32") -> Tensor:
    """Differentiable arg-max along depth (paper section 3.1, volumetric heat maps).

    Args:
        maps: (..., D, J) logits over D depth cells.
        grid: one of `GRIDS`.
        dtype: see `spatial_softmax`.

    Returns:
        (..., J, 1), z in [0, 1] of the depth range.
    """
    weighted = _softmax(maps, -2, dtype) * grid_positions(ops.shape(maps)[-2], grid, dtype)[:, None]
    return ops.sum(weighted, axis=-2)[..., None]


def joint_visibility(
    heatmaps: Tensor, depth_maps: Tensor | None = None, scale: float = 1.0, dtype: str = "float32"
) -> Tensor:
    """Probability that a joint is visible: sigmoid of the largest logit (paper section 3.1).

    Args:
        heatmaps: (..., H, W, J) logits.
        depth_maps: optional (..., D, J) logits, whose maximum is added (published 3D weights).
        scale: factor on the logit; the published clip models use 4 in 2D and 2 in 3D.
        dtype: see `spatial_softmax`.

    Returns:
        (..., J, 1) in [0, 1].
    """
    logit = _largest(ops.cast(heatmaps, dtype), (-3, -2))
    if depth_maps is not None:
        logit = logit + _largest(ops.cast(depth_maps, dtype), -2)
    return ops.sigmoid(scale * logit)[..., None]


def joint_confidence(probability: Tensor, dtype: str = "float32") -> Tensor:
    """How concentrated a probability map is: the largest sum of two by two cells (SPNet, published weights).

    Args:
        probability: (..., H, W, J), each map sums to 1; H and W 2 or more.
        dtype: see `spatial_softmax`.

    Returns:
        (..., J, 1) in [0, 1].
    """
    probability = ops.cast(probability, dtype)
    rows = probability[..., :-1, :, :] + probability[..., 1:, :, :]
    return _largest(rows[..., :-1, :] + rows[..., 1:, :], (-3, -2))[..., None]


def expected_depth(probability: Tensor, depth: Tensor, dtype: str = "float32") -> Tensor:
    """Depth of every joint: the sigmoid of its depth map, weighted by its probability map (SPNet, TPAMI 2020).

    Args:
        probability: (..., H, W, J), each map sums to 1.
        depth: (..., H, W, J) logits.
        dtype: see `spatial_softmax`.

    Returns:
        (..., J, 1) in [0, 1] of the depth range.
    """
    weighted = ops.sigmoid(ops.cast(depth, dtype)) * ops.cast(probability, dtype)
    return ops.sum(weighted, axis=(-3, -2))[..., None]


UNSEEN = 1e-30
"""A visibility below this counts as 0; its reciprocal and products of it are far from float32's limits."""


def context_aggregation(
    pose: Tensor, context_pose: Tensor, context_visibility: Tensor, alpha: float = 0.8, dtype: str = "float32"
) -> Tensor:
    """Blend each joint with the visibility-weighted mean of its context maps (published weights).

    Args:
        pose: (..., J, D) from the specialised maps.
        context_pose: (..., J*N, D); the N contexts of joint j are rows j*N ... j*N+N-1.
        context_visibility: (..., J*N, 1), >= 0.
        alpha: weight of `pose`, in [0, 1].
        dtype: see `spatial_softmax`.

    Returns:
        (..., J, D): alpha * pose + (1 - alpha) * sum(v*p) / sum(v); the unweighted mean of p for a joint
        that none of its context maps sees (all v below `UNSEEN`).
    """
    pose, context_pose, weight = (ops.cast(x, dtype) for x in (pose, context_pose, context_visibility))
    joints = ops.shape(pose)[-2]

    def group(x):
        *lead, contexts, size = ops.shape(x)
        return ops.reshape(x, (*lead, joints, contexts // joints, size))

    context_pose, weight = group(context_pose), group(weight)
    largest = ops.stop_gradient(_largest(weight, -2, keepdims=True))
    unseen = ops.cast(largest < UNSEEN, dtype)
    weight = unseen + (1.0 - unseen) * weight / (largest + unseen)  # the scale cancels in the mean
    context = ops.sum(weight * context_pose, axis=-2) / ops.sum(weight, axis=-2)
    return alpha * pose + (1.0 - alpha) * context


def max_plus_min_pooling_2d(
    x: Tensor,
    pool_size: int | collections.abc.Sequence[int] = 2,
    strides: int | collections.abc.Sequence[int] | None = None,
    padding: str = "same",
) -> Tensor:
    """Largest plus smallest value of each window (paper section 3.2, "max-plus-min pooling").

    Padded cells are ignored: an odd size rounds up and its last window has fewer cells. A window with a NaN gives NaN.

    Args:
        x: (B, H, W, C); integers are computed in float32.
        pool_size, strides: int or pair; strides default to the pool size.
        padding: "same" or "valid".

    Returns:
        (B, ceil(H / stride), ceil(W / stride), C) for "same".
    """
    pool_size = checks.pair("pool_size", pool_size)
    strides = pool_size if strides is None else checks.pair("strides", strides)
    x = _floating(x)
    unknown = ops.isnan(x)

    def largest(x):
        x = ops.where(unknown, math.inf, x)  # TensorFlow's pooling ignores NaN; the difference of infinities is NaN
        return ops.max_pool(x, pool_size, strides, padding, data_format="channels_last")

    return largest(x) - largest(-x)


def _floating(x):
    """Unchanged if it has a float dtype, else cast to float32."""
    x = ops.convert_to_tensor(x)
    return x if keras.backend.is_float_dtype(x.dtype) else ops.cast(x, "float32")


def global_max_plus_min_pooling_2d(x: Tensor) -> Tensor:
    """Largest plus smallest value of each map (paper section 3.2).

    Args:
        x: (..., H, W, C); integers are computed in float32.

    Returns:
        (..., C).
    """
    x = _floating(x)
    return _largest(x, (-3, -2)) - _largest(-x, (-3, -2))


def split_volume(volume: Tensor, depth: int, dtype: str = "float32") -> tuple[Tensor, Tensor]:
    """Split volumetric heat maps into maps over (x, y) and maps over z (paper section 3.1).

    Args:
        volume: (..., H, W, depth*J) logits, depth-major: channel = d*J + j.
        depth: number of depth cells.
        dtype: see `spatial_softmax`.

    Returns:
        (..., H, W, J), the mean over depth, and (..., depth, J), the mean over the image.
    """
    volume = ops.cast(volume, dtype)
    *lead, channels = ops.shape(volume)
    volume = ops.reshape(volume, (*lead, depth, channels // depth))
    return ops.mean(volume, axis=-2), ops.mean(volume, axis=(-4, -3))


def appearance_pooling(probability: Tensor, features: Tensor, dtype: str = "float32") -> Tensor:
    """Visual features weighted by every joint's probability map (paper section 4.2): one contraction over space.

    Args:
        probability: (..., H, W, J), each map sums to 1.
        features: (..., H, W, C).
        dtype: see `spatial_softmax`.

    Returns:
        (..., J, C): sum over the cells of probability times feature.
    """

    def rows(x):
        *lead, height, width, channels = ops.shape(x)
        return ops.reshape(ops.cast(x, dtype), (*lead, height * width, channels))

    return ops.swapaxes(rows(probability), -1, -2) @ rows(features)


def gaussian_maps(
    pose: Tensor,
    height: int | Tensor,
    width: int | Tensor,
    sigma: float,
    grid: str = "end_inclusive",
    dtype: str = "float32",
) -> Tensor:
    """Gaussian probability maps around given joints.

    Args:
        pose: (..., J, 2 or more), x and y in [0, 1].
        height, width: H and W of the maps.
        sigma: of the Gaussian, in crop sizes.
        grid: one of `GRIDS`.
        dtype: see `spatial_softmax`.

    Returns:
        (..., H, W, J); each map sums to 1.
    """
    pose = ops.cast(pose, dtype)[..., None, :, :]
    along_x = ops.square(grid_positions(width, grid, dtype)[:, None] - pose[..., 0])
    along_y = ops.square(grid_positions(height, grid, dtype)[:, None] - pose[..., 1])
    distance = along_y[..., :, None, :] + along_x[..., None, :, :]
    return spatial_softmax(distance / (-2 * sigma**2), dtype)
