"""Named models: `build(name)` gives a functional `keras.Model`, with published weights if asked for."""

from deephar import config
from deephar.models.action import build_action
from deephar.models.reception import build_reception

_BUILDERS = {config.ReceptionConfig: build_reception, config.ActionConfig: build_action}

NAMES = tuple(config.VARIANTS)


def build(variant, /, weights=None, *, name=None, **overrides):
    """Build a named model.

    Args:
        variant: one of `NAMES`.
        weights: None for random weights, a name of `deephar.pretrained` (`SHIPPED`, `PUBLISHED`), or the path of a
            Keras 3 `.weights.h5` or of an original `.h5` file. Where it is known what network they are of, its
            overrides are taken unless others are given.
        name: of the `keras.Model`; the variant's by default. Two networks in one model need different names.
        **overrides: fields of the model's configuration, see `deephar.config`.

    Returns:
        a functional `keras.Model`. Input: float32 images (B, H, W, 3), or clips (B, T, H, W, 3), in [-1, 1]. Output: a
        list in the published order, see the family's builder, `deephar.models.reception.build_reception` or
        `deephar.models.action.build_action`.

    Raises:
        ValueError: for an unknown variant or override, or weights that do not fit.

    Example:
        >>> model = deephar.models.build("mpii-2d", num_blocks=4)
        >>> pose, visibility = model(images)[-2:]
    """
    if weights is not None:
        from deephar import pretrained

        overrides = {**pretrained.overrides_of(weights, variant), **overrides}
    settings = config.variant(variant, **overrides)
    model = _BUILDERS[type(settings)](settings, name=name or variant.replace("-", "_"))
    if weights is not None:
        pretrained.load_weights(model, weights)
    return model
