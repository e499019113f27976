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
            Keras 3 `.weights.h5` or of an original `.h5` file. Where it is known what network they were trained in, by
            their name or by a model.json beside them, its configuration is taken but for the outputs, and `overrides`
            change it.
        name: of the model; by default that of the variant, with underscores. Two models inside a third need two names.
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
    settings = config.variant(variant, **overrides)
    if weights is None:
        return _build(settings, variant, name)
    from deephar import fitting, pretrained

    about = _described(weights)
    model = _build(config.variant(variant, **{**fitting.trained_overrides(variant, about), **overrides}), variant, name)
    try:
        pretrained.load_weights(model, weights)
    except ValueError as error:
        explanation = fitting.contradiction(variant, weights, about, overrides)
        if explanation is None:
            raise
        raise ValueError(explanation) from error
    return model


def _build(settings, variant, name):
    return _BUILDERS[type(settings)](settings, name=name or variant.replace("-", "_"))


def _described(weights):
    """What is known of some weights, None if nothing."""
    from deephar import pretrained

    try:
        return pretrained.describe(weights)
    except ValueError:
        return None
