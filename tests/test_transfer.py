"""What a clip network takes over from the weights of a pose network."""

import pytest

from deephar.training import Recipe, Stage, options, transfer
from deephar.weights import loading

RECIPE = Recipe(
    preset="lite-merge", network={"input_shape": (96, 96, 3)}, layout="pa16j", mixture={"videos": 1}, batch_size=4,
    stages=(Stage("all", 1, rate=0.1),), steps=2,
)  # fmt: skip


@pytest.mark.parametrize(("keep", "side"), [((), 160), ({"input_shape"}, 96)])
def test_the_network_is_that_of_the_weights_but_for_what_is_kept(keep, side):
    """Also where a setting is the default of the weights' preset, and of the recipe's another."""
    own = transfer.with_pose(RECIPE, "photo-base-3d", keep)
    pose, expected = own.settings.network, loading.describe("photo-base-3d").network
    assert (pose.num_blocks, pose.depth_maps, pose.dim, pose.num_joints) == (
        4,
        12,
        3,
        17,
    ) and own.layout.name == "pa17j"
    assert pose.input_shape == (side, side, 3) and expected.input_shape == (160, 160, 3)
    assert transfer.with_pose(RECIPE, None, keep) is RECIPE


def test_settings_that_the_command_line_gives_are_known():
    parser = options.parser("", RECIPE, "runs", "")
    assert options.named(parser.parse_args(["--input-shape", "(64,64,3)", "--steps", "3"])) == {"input_shape"}
    assert options.named(parser.parse_args([])) == set()
