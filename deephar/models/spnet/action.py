"""Actions of a clip at one level of a pyramid: from poses and pooled features, and what was known before (SPNet)."""

import keras
from keras import layers

from deephar.layers import GlobalMaxPlusMinPooling2D, MaxPlusMinPooling2D
from deephar.models.blocks import FORMAT
from deephar.models.spnet.units import conv, norm_act, residual


def _padding(length: int, step: int) -> tuple[int, int]:
    """Cells before and after, so that a length becomes a multiple of a step."""
    missing = -length % step
    return missing // 2, missing - missing // 2


def _pooled(x: keras.KerasTensor, stride: int, name: str) -> keras.KerasTensor:
    """Pooled over pairs of joints, and of frames where clips are long; zeros pad what does not divide."""
    pad = _padding(x.shape[1], 2 * stride), _padding(x.shape[2], 4)
    if any(map(any, pad)):
        x = layers.ZeroPadding2D(pad, name=f"{name}_pad", **FORMAT)(x)
    return layers.MaxPooling2D(2, (stride, 2), padding="same", name=f"{name}_pool", **FORMAT)(x)


def action_block(
    pose: keras.KerasTensor,
    confidence: keras.KerasTensor,
    visual: keras.KerasTensor,
    known: keras.KerasTensor | None,
    features: tuple[int, int],
    num_actions: tuple[int, ...],
    name: str,
    last: bool,
) -> tuple[list[keras.KerasTensor], keras.KerasTensor | None]:
    """Action maps of every set from one prediction of poses.

    Args:
        pose: (B, T, J, dim) in [0, 1].
        confidence: (B, T, J, 1) in [0, 1].
        visual: (B, T, J, C), features pooled under the joints' probability maps.
        known: (B, T', J', F) of the last action block; None for the first.
        features: channels for poses and for visual features, F being the larger.
        num_actions: classes of every set.
        name: prefix.
        last: whether nothing follows.

    Returns:
        list of action maps (B, T'', J'', A), one a set, see `action_scores`; and the features
        (B, T', J', F) for the next block, None for the last.
    """
    of_pose, of_visual = features
    stride = 2 if pose.shape[1] >= 16 else 1
    x = layers.Multiply(name=f"{name}_seen")([pose, confidence])
    shapes = {"a": (3, 1, 16), "b": (3, 3, 8), "c": (3, 5, 4)}
    parts = [conv(x, of_pose // share, (h, w), f"{name}_p_conv0{letter}") for letter, (h, w, share) in shapes.items()]
    x = residual(layers.Concatenate(name=f"{name}_p_concat")(parts), of_pose, 3, f"{name}_r1")
    inputs = [
        _pooled(x, stride, f"{name}_p"),
        _pooled(conv(visual, of_visual, 1, f"{name}_v_conv0"), stride, f"{name}_v"),
    ]
    x = layers.Concatenate(name=f"{name}_concat")([*inputs, *([] if known is None else [known])])
    width = max(features)
    x = residual(x, width, 3, f"{name}_r2", narrowing=4)
    y = conv(norm_act(x, f"{name}_pred_bn1", f"{name}_pred_act1"), width, 3, f"{name}_pred_conv1")
    low = MaxPlusMinPooling2D(2, name=f"{name}_pred_pool", **FORMAT)(y)
    low = norm_act(low, f"{name}_pred_bn2", f"{name}_pred_act2")
    found = [
        layers.Conv2D(
            classes, 3, padding="same", use_bias=False, dtype="float32", name=f"{name}_pred_conv2h{number}", **FORMAT
        )(low)
        for number, classes in enumerate(num_actions)
    ]
    if last:
        return found, None
    every = layers.Concatenate(dtype="float32", name=f"{name}_maps")(found) if len(found) > 1 else found[0]
    back = layers.ReLU(name=f"{name}_pred_act3")(layers.UpSampling2D(2, name=f"{name}_pred_up", **FORMAT)(every))
    return found, layers.Add(name=f"{name}_add")([x, y, conv(back, width, 3, f"{name}_pred_conv3")])


def action_scores(found: list[keras.KerasTensor], block: int) -> list[keras.KerasTensor]:
    """Action maps (B, T'', J'', A) to probabilities (B, A), an output for every set: `m1`, or `set1_m1` of several."""
    scores = []
    for number, one in enumerate(found, start=1):
        name = f"set{number}_m{block}" if len(found) > 1 else f"m{block}"
        logits = GlobalMaxPlusMinPooling2D(dtype="float32", name=f"{name}_logits", **FORMAT)(one)
        scores.append(layers.Softmax(dtype="float32", name=name)(logits))
    return scores
