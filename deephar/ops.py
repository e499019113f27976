"""The mathematics of deephar as pure functions on `keras.ops`.

Axis letters: B batch, T frames, H rows, W columns, J joints (or any channel), D coordinates or depth cells.
Leading axes are written `...` where there may be any number of them, so a clip needs no reshaping. Functions that
compute probabilities or coordinates do so in float32 and return float32, whatever dtype they are given.
Channels are last. Rows grow downwards (y), columns to the right (x).
"""

from keras import ops

GRIDS = ("end_inclusive", "cell_centred")
"""The two conventions for where cell i of n lies in [0, 1].

`end_inclusive`: i / (n - 1), so the outermost cells sit on 0 and 1 (published CVPR'18 weights).
`cell_centred`: (i + 0.5) / n, the centre of the cell, which agrees with a crop divided into n equal cells.
"""


def grid_positions(size, grid="end_inclusive"):
    """Position of every cell along one axis.

    Args:
        size: number of cells, int or scalar integer tensor.
        grid: one of `GRIDS`.

    Returns:
        float32 (size,), in [0, 1].

    Raises:
        ValueError: for an unknown grid.
    """
    index = ops.cast(ops.arange(size), "float32")
    count = ops.cast(size, "float32")
    if grid == "end_inclusive":
        return index / ops.maximum(count - 1.0, 1.0)
    if grid == "cell_centred":
        return (index + 0.5) / count
    raise ValueError(f"`grid` must be one of {', '.join(GRIDS)}. Received: grid={grid!r}")


def _softmax(x, axis):
    x = ops.cast(x, "float32")
    x = ops.exp(x - ops.stop_gradient(ops.max(x, axis=axis, keepdims=True)))
    return x / ops.sum(x, axis=axis, keepdims=True)


def spatial_softmax(heatmaps):
    """Softmax over all H x W cells of each map (paper section 3.1).

    Args:
        heatmaps: (..., H, W, J) logits.

    Returns:
        float32 (..., H, W, J); each map is >= 0 and sums to 1.
    """
    return _softmax(heatmaps, axis=(-3, -2))


def expectation_2d(probability, grid="end_inclusive"):
    """Expected (x, y) under a probability map.

    Args:
        probability: (..., H, W, J), each map sums to 1.
        grid: one of `GRIDS`.

    Returns:
        float32 (..., J, 2), (x, y) in [0, 1] of the map.
    """
    probability = ops.cast(probability, "float32")
    shape = ops.shape(probability)
    x = ops.sum(probability, axis=-3) * grid_positions(shape[-2], grid)[:, None]
    y = ops.sum(probability, axis=-2) * grid_positions(shape[-3], grid)[:, None]
    return ops.stack([ops.sum(x, axis=-2), ops.sum(y, axis=-2)], axis=-1)


def soft_argmax_2d(heatmaps, grid="end_inclusive"):
    """Differentiable arg-max of each map: the expectation of its spatial softmax (paper section 3.1).

    Args:
        heatmaps: (..., H, W, J) logits.
        grid: one of `GRIDS`.

    Returns:
        float32 (..., J, 2), (x, y) in [0, 1] of the map.
    """
    return expectation_2d(spatial_softmax(heatmaps), grid)


def soft_argmax_1d(maps, grid="end_inclusive"):
    """Differentiable arg-max along depth (paper section 3.1, volumetric heat maps).

    Args:
        maps: (..., D, J) logits over D depth cells.
        grid: one of `GRIDS`.

    Returns:
        float32 (..., J, 1), z in [0, 1] of the depth range.
    """
    weighted = _softmax(maps, axis=-2) * grid_positions(ops.shape(maps)[-2], grid)[:, None]
    return ops.sum(weighted, axis=-2)[..., None]


def joint_visibility(heatmaps, depth_maps=None, scale=1.0):
    """Probability that a joint is seen: sigmoid of the largest logit (paper section 3.1).

    Args:
        heatmaps: (..., H, W, J) logits.
        depth_maps: optional (..., D, J) logits, whose maximum is added (published 3D weights).
        scale: factor on the logit; the published clip models use 4 in 2D and 2 in 3D.

    Returns:
        float32 (..., J, 1) in [0, 1].
    """
    logit = ops.max(ops.cast(heatmaps, "float32"), axis=(-3, -2))
    if depth_maps is not None:
        logit = logit + ops.max(ops.cast(depth_maps, "float32"), axis=-2)
    return ops.sigmoid(scale * logit)[..., None]


def context_aggregation(pose, context_pose, context_visibility, alpha=0.8):
    """Blend each joint with the visibility-weighted mean of its context maps (published weights).

    Args:
        pose: (..., J, D) from the specialised maps.
        context_pose: (..., J*N, D); the N contexts of joint j are rows j*N ... j*N+N-1.
        context_visibility: (..., J*N, 1), > 0.
        alpha: weight of `pose`, in [0, 1].

    Returns:
        float32 (..., J, D): alpha * pose + (1 - alpha) * sum(v*p) / sum(v).
    """
    pose = ops.cast(pose, "float32")
    weight = ops.cast(context_visibility, "float32")
    weighted = weight * ops.cast(context_pose, "float32")

    def group(x):
        lead = ops.shape(x)[:-2]
        joints = pose.shape[-2]
        return ops.reshape(x, (*lead, joints, x.shape[-2] // joints, x.shape[-1]))

    context = ops.sum(group(weighted), axis=-2) / ops.sum(group(weight), axis=-2)
    return alpha * pose + (1.0 - alpha) * context


def max_plus_min_pooling_2d(x, pool_size=2, strides=None, padding="same"):
    """Largest plus smallest value of each window (paper section 3.2, "max-plus-min pooling").

    Padded cells take no part: an odd size rounds up and its last window holds fewer cells.

    Args:
        x: (B, H, W, C).
        pool_size, strides: int or pair; strides default to the pool size.
        padding: "same" or "valid".

    Returns:
        (B, ceil(H / stride), ceil(W / stride), C) for "same".
    """
    pool_size = _pair(pool_size)
    strides = pool_size if strides is None else _pair(strides)

    def largest(x):
        return ops.max_pool(x, pool_size, strides, padding, data_format="channels_last")

    return largest(x) - largest(-x)


def _pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def global_max_plus_min_pooling_2d(x):
    """Largest plus smallest value of each map (paper section 3.2).

    Args:
        x: (..., H, W, C).

    Returns:
        (..., C).
    """
    return ops.max(x, axis=(-3, -2)) + ops.min(x, axis=(-3, -2))


def split_volume(volume, depth):
    """Split volumetric heat maps into maps over (x, y) and maps over z (paper section 3.1).

    Args:
        volume: (..., H, W, depth*J) logits, depth-major: channel = d*J + j.
        depth: number of depth cells.

    Returns:
        float32 (..., H, W, J), the mean over depth, and float32 (..., depth, J), the mean over the image.
    """
    volume = ops.cast(volume, "float32")
    lead = ops.shape(volume)[:-1]
    volume = ops.reshape(volume, (*lead, depth, volume.shape[-1] // depth))
    return ops.mean(volume, axis=-2), ops.mean(volume, axis=(-4, -3))


def appearance_pooling(probability, features):
    """Visual features under every joint's probability map (paper section 4.2): one contraction over space.

    Args:
        probability: (..., H, W, J), each map sums to 1.
        features: (..., H, W, C).

    Returns:
        float32 (..., J, C): sum over the cells of probability times feature.
    """
    probability, features = (ops.cast(x, "float32") for x in (probability, features))
    lead, cells = ops.shape(features)[:-3], features.shape[-3] * features.shape[-2]
    probability = ops.reshape(probability, (*lead, cells, probability.shape[-1]))
    features = ops.reshape(features, (*lead, cells, features.shape[-1]))
    return ops.matmul(ops.swapaxes(probability, -1, -2), features)


def gaussian_maps(pose, height, width, sigma, grid="end_inclusive"):
    """Probability maps that are Gaussians around given joints.

    Args:
        pose: (..., J, 2 or more), x and y in [0, 1].
        height, width: H and W of the maps.
        sigma: of the Gaussian, in crops.
        grid: one of `GRIDS`.

    Returns:
        float32 (..., H, W, J); each map sums to 1.
    """
    pose = ops.cast(pose, "float32")[..., None, :, :]
    along_x = ops.square(grid_positions(width, grid)[:, None] - pose[..., 0])
    along_y = ops.square(grid_positions(height, grid)[:, None] - pose[..., 1])
    distance = along_y[..., :, None, :] + along_x[..., None, :, :]
    return spatial_softmax(distance / (-2 * sigma**2))
