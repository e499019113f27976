"""A clip network in two: what is computed for every frame, and what judges T frames together; and its poses alone."""

import re

import keras

from deephar.models import outputs


def split(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """The two parts of a clip network; together they give the same action scores, and share its weights.

    Args:
        model: a clip network of `deephar.models.build` that estimates poses and gives them or judges by them.

    Returns:
        the frame network, from images (B, H, W, 3) to a list: pose (B, J, dim), visibility (B, J, 1) and, where the
        network judges appearance, features under the joints' probability maps (B, J, C); and the head, from these of
        all frames, (B, T, J, ...), to the action scores (B, A) that the clip network gives, under the same names.

    Raises:
        ValueError: for another network.
    """
    names = [layer.name for layer in model.layers]
    blocks = [int(name.removeprefix("pose")) for name in names if re.fullmatch(r"pose\d+", name)]
    if "fold" not in names or not blocks:
        raise ValueError(
            f"Expected a clip network that estimates poses and gives them (export_poses='last') or judges by them. "
            f"Received: {model.name!r}"
        )
    ends = [f"pose{max(blocks)}", f"visibility{max(blocks)}", "unfold_appearance"]
    unfolds = [model.get_layer(name) for name in ends if name in names]
    scores = [
        tensor
        for tensor, output in zip(model.outputs, outputs.describe(model), strict=True)
        if output.kind == outputs.Kind.ACTION
    ]
    frame = keras.Model(model.get_layer("fold").output, [layer.input for layer in unfolds], name=f"{model.name}_frame")
    head = keras.Model([layer.output for layer in unfolds], scores, name=f"{model.name}_head")
    return frame, head


def poses(model: keras.Model) -> keras.Model:
    """The pose part of a clip network as a network for single images.

    Args:
        model: see `split`.

    Returns:
        a network from images (B, H, W, 3) to pose (B, J, dim) and visibility (B, J, 1) of the last block.

    Raises:
        ValueError: see `split`.
    """
    frame, _ = split(model)
    return keras.Model(frame.input, frame.outputs[:2], name=f"{model.name}_poses")
