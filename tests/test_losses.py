import keras
import numpy as np
import pytest
from helpers import gradient_of, units

from deephar import losses, ops

pytestmark = pytest.mark.backend

CASES = [
    *(pytest.param(name, marks=pytest.mark.slow_on("jax")) for name in ("img2d", "clip3d")),
    "img3d",  # JAX compiles every loss for every shape: one of either number of axes and of coordinates
    "clip2d",
]
PUBLISHED = {
    "losses_elasticnet_loss_on_valid_joints": losses.elastic_net_mean,
    "losses_elasticnet_bincross_loss_on_valid_joints": losses.elastic_net_bce_mean,
    "losses_l1_loss_on_valid_joints": losses.l1_mean,
    "losses_l2_loss_on_valid_joints": losses.l2_mean,
    "objectives_elasticnet": losses.elastic_net_sum,
}
FORMS = {
    "l1l2": "elastic_net_mean",
    "l1": "l1_mean",
    "l2": "l2_mean",
    "l1l2bincross": "elastic_net_bce_mean",
}


def case(name):
    return units()[f"loss.{name}.in.y_true"], units()[f"loss.{name}.in.y_pred"]


def check(function, y_true, y_pred, key):
    value = keras.ops.convert_to_numpy(function(y_true, y_pred))
    np.testing.assert_allclose(value, units()[f"{key}.value"], rtol=1e-5)
    gradient = gradient_of(lambda y: function(y_true, y), y_pred)
    expected = units()[f"{key}.grad_of_mean"]
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("published", "function"), PUBLISHED.items())
def test_coordinate_losses_of_the_original(name, published, function):
    y_true, y_pred = case(name)
    check(function, y_true[..., :-1], y_pred[..., :-1], f"loss.{name}.out.{published}")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(("published", "form"), FORMS.items())
def test_pose_loss_of_the_original(name, published, form):
    check(losses.PoseLoss(form).call, *case(name), f"loss.{name}.out.pose_regression_{published}")


@pytest.mark.parametrize("name", CASES)
def test_visibility_loss_of_the_original(name):
    y_true, y_pred = case(name)
    value = keras.ops.convert_to_numpy(losses.visibility_bce(y_true[..., -1:], y_pred[..., -1:]))
    np.testing.assert_allclose(value, units()[f"loss.{name}.out.vis_bce.value"], rtol=1e-5)


def test_paper_form_by_hand():
    """Two labelled joints of three: errors (0.1, 0.2) and (0, 0.5)."""
    y_true = np.array([[[0.5, 0.5], [0.2, 0.2], [losses.MISSING] * 2]])
    y_pred = np.array([[[0.6, 0.7], [0.2, 0.7], [0.3, 0.3]]])
    expected = ((0.1 + 0.01) + (0.2 + 0.04) + (0.5 + 0.25)) / 2
    value = keras.ops.convert_to_numpy(losses.elastic_net_per_joint(y_true, y_pred))
    np.testing.assert_allclose(value, [expected], rtol=1e-5)


def test_paper_form_counts_a_joint_that_lacks_its_depth():
    """Two labelled joints, one of them without depth: its x and y are 0.1 and 0.2 off, the other is right."""
    y_true = np.array([[[0.5, 0.5, losses.MISSING], [0.2, 0.2, 0.2]]])
    y_pred = np.array([[[0.6, 0.7, 0.9], [0.2, 0.2, 0.2]]])
    expected = ((0.1 + 0.01) + (0.2 + 0.04)) / 2
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(losses.elastic_net_per_joint(y_true, y_pred)), [expected], rtol=1e-5
    )


def test_forms_agree_where_every_label_is_valid():
    generator = np.random.default_rng(0)
    y_true, y_pred = generator.uniform(0.1, 0.9, (2, 3, 16, 2))
    per_joint = keras.ops.convert_to_numpy(losses.elastic_net_per_joint(y_true, y_pred))
    total = keras.ops.convert_to_numpy(losses.elastic_net_sum(y_true, y_pred))
    mean = keras.ops.convert_to_numpy(losses.elastic_net_mean(y_true, y_pred))
    np.testing.assert_allclose(per_joint, total / 16, rtol=1e-5)
    np.testing.assert_allclose(per_joint, 2 * mean, rtol=1e-5)


@pytest.mark.parametrize("form", losses.FORMS)
@pytest.mark.parametrize("missing", [losses.MISSING, np.nan])
def test_missing_labels_give_no_loss_and_no_gradient(form, missing):
    y_true = np.full((2, 4, 3), 0.5)
    y_true[0, :, 2] = missing
    y_true[1] = missing
    y_pred = np.full((2, 4, 3), 0.25)
    gradient = gradient_of(lambda y: losses.FORMS[form](y_true, y), y_pred)
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[0, :, :2] != 0)
    assert np.all(gradient[0, :, 2] == 0) and np.all(gradient[1] == 0)


@pytest.mark.parametrize(
    "loss",
    [
        losses.CoordinateLoss("l1_mean"),
        losses.VisibilityLoss(),
        losses.PoseLoss("elastic_net_sum", 0.5),
        losses.HeatmapLoss(0.5, 0.1, "cell_centred"),
    ],
)
def test_losses_round_trip(loss):
    copy = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(copy) is type(loss) and copy.get_config() == loss.get_config()


def test_unknown_form_lists_the_forms():
    with pytest.raises(ValueError, match="elastic_net_per_joint"):
        losses.PoseLoss("l3")


def test_half_precision_predictions_lose_nothing():
    """0.999 and 0.9995 differ by less than a bfloat16 step; the loss must still be computed in float32."""
    y_true, y_pred = np.full((1, 1, 2), 0.999), np.full((1, 1, 2), 0.5)
    value = losses.elastic_net_sum(y_true, keras.ops.cast(y_pred, "bfloat16"))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(value), [2 * (0.499 + 0.499**2)], rtol=1e-5)


def test_an_unknown_visibility_is_no_label():
    v_true = np.array([[[1.0], [losses.MISSING]], [[np.nan], [0.0]]])
    v_pred = np.array([[[0.8], [0.3]], [[0.3], [0.4]]])
    value = keras.ops.convert_to_numpy(losses.visibility_bce(v_true, v_pred))
    np.testing.assert_allclose(value, [-np.log(0.8), -np.log(0.6)], rtol=1e-5)
    gradient = gradient_of(lambda v: losses.visibility_bce(v_true, v), v_pred)[..., 0]
    assert gradient[0, 1] == gradient[1, 0] == 0 and gradient[0, 0] != 0 != gradient[1, 1]


def test_heatmap_loss_by_hand():
    """Two cells at x = 0 and 1: a joint at 0 wants exp(0) against exp(-1 / (2 sigma^2)) of them."""
    y_true = np.array([[[0.0, 0.0, 1.0]]])
    heatmaps = np.log([[[[0.9], [0.1]]]])
    wanted = 1 / (1 + np.exp(-1 / (2 * 0.5**2)))
    value = keras.ops.convert_to_numpy(losses.HeatmapLoss(2.0, 0.5)(y_true, heatmaps))
    expected = -2 * (wanted * np.log(0.9) + (1 - wanted) * np.log(0.1))
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_heatmap_loss_is_least_where_soft_argmax_finds_the_joint():
    """At the Gaussian itself there is no gradient and the expectation is the joint; a missing joint has none."""
    grid = np.linspace(0, 1, 9)
    distance = (grid[:, None] - 0.5) ** 2 + (grid[None] - 0.25) ** 2  # y = 0.5, x = 0.25
    heatmaps = np.repeat(-distance[None, :, :, None] / (2 * 0.1**2), 2, axis=3)
    y_true = np.array([[[0.25, 0.5], [losses.MISSING, losses.MISSING]]])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(ops.soft_argmax_2d(heatmaps))[0, 0], [0.25, 0.5], atol=1e-3)
    assert np.abs(gradient_of(lambda h: losses.heatmap_cross_entropy(y_true, h, 0.1), heatmaps)).max() < 1e-6
    gradient = gradient_of(lambda h: losses.heatmap_cross_entropy(y_true, h, 0.1), 0 * heatmaps)
    assert np.abs(gradient[..., 0]).max() > 1e-3 and np.all(gradient[..., 1] == 0)


def labels(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 0.9, (2, *shape)).astype("float32")


def value(loss, *arguments, **options):
    return keras.ops.convert_to_numpy(loss(*arguments, **options))


@pytest.mark.parametrize("loss", [losses.CoordinateLoss(), losses.PoseLoss(visibility_weight=0.0)])
def test_the_default_form_counts_a_joint_on_the_edge_and_beyond(loss):
    """Targets in [-1, 1] as well: x at -0.5 and y at 0, both 0.5 off, of one joint."""
    y_true = np.array([[[-0.5, 0.0, 1.0]]], dtype="float32")
    y_pred = np.array([[[0.0, 0.5, 1.0]]], dtype="float32")
    if isinstance(loss, losses.CoordinateLoss):
        y_true, y_pred = y_true[..., :2], y_pred[..., :2]
    np.testing.assert_allclose(value(loss, y_true, y_pred), 2 * (0.5 + 0.25), rtol=1e-6)
