"""Named models: `build(name)` gives a functional `keras.Model`, with published weights if asked for."""

from deephar import config
from deephar.models.action import build_action
from deephar.models.reception import build_reception

_BUILDERS = {config.ReceptionConfig: build_reception, config.ActionConfig: build_action}

NAMES = tuple(config.VARIANTS)


def build(name, weights=None, **overrides):
    """Build a named model.

    Args:
        name: one of `NAMES`.
        weights: None for random weights, a name of `deephar.pretrained` (`SHIPPED`, `PUBLISHED`), or the path of a
            Keras 3 `.weights.h5` or of an original `.h5` file.
        **overrides: fields of the model's configuration, see `deephar.config`.

    Returns:
        a functional `keras.Model`. Input: float32 images (B, H, W, 3), or clips (B, T, H, W, 3), in [-1, 1]. Output: a
        list in the published order, see the family's builder, `deephar.models.reception.build_reception` or
        `deephar.models.action.build_action`.

    Raises:
        ValueError: for an unknown name or override, or weights that do not fit.

    Example:
        >>> model = deephar.models.build("mpii-2d", num_blocks=4)
        >>> pose, visibility = model(images)[-2:]
    """
    settings = config.variant(name, **overrides)
    model = _BUILDERS[type(settings)](settings, name=name.replace("-", "_"))
    if weights is not None:
        from deephar import pretrained

        pretrained.load_weights(model, weights)
    return model
