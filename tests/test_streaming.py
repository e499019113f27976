"""Actions while they happen: the two parts of a clip network, and frames of several people as they come."""

import numpy as np
import pytest
from helpers import eagerly

from deephar import geometry, models
from deephar.data.samples import frames
from deephar.inference import seen
from deephar.inference.actions import ActionStream
from deephar.models import outputs
from deephar.models.action.streaming import split

TINY = {"input_shape": (32, 32, 3), "num_blocks": 2, "width": 16, "num_action_blocks": 1, "num_actions": 3}
LEFT, RIGHT = (np.array([30.0, 40.0]), np.full(2, 50.0)), (np.array([70.0, 45.0]), np.full(2, 40.0))


def network(preset="lite-merge", frames=3, **changes):
    return models.build(preset, **TINY | {"frames": frames} | changes)


def film(count, seed=0):
    """Pictures (count, 80, 100, 3) of noise."""
    return np.random.default_rng(seed).integers(0, 255, (count, 80, 100, 3), dtype=np.uint8)


def clip_scores(model, pictures, window):
    """What the clip network says of crops of one window."""
    size = model.input_shape[2:4]
    crops = [
        frames.to_input(frames.warp(frames.to_rgb(frames.open_image(picture)), geometry.window_to_crop(*window), size))
        for picture in pictures
    ]
    return outputs.actions(model, model.predict_on_batch(np.stack(crops)[None]))


def stream(model, stride=1, **options):
    layout = "pa20j" if model.name.startswith("ntu") else "pa16j"
    return ActionStream(*split(model), layout, model.input_shape[1], stride, **options)


def close(found, expected):
    assert list(found) == list(expected)
    for output, values in expected.items():
        np.testing.assert_allclose(found[output], values[0], atol=1e-5)


@pytest.mark.parametrize("preset", ["penn-merge", "ntu-merge"])
@eagerly()
def test_two_people_in_fixed_windows_are_judged_as_by_the_clip_network(preset):
    model = network(preset, export_poses="last")
    live, pictures = stream(model, stride=2), film(7)
    for number, picture in enumerate(pictures):
        judged = live(picture, {"left": LEFT, "right": RIGHT})
        assert [bool(one.scores) for one in judged.values()] == [number >= 4] * 2
    for who, window in (("left", LEFT), ("right", RIGHT)):
        close(judged[who].scores, clip_scores(model, pictures[2::2], window))
        np.testing.assert_array_equal(judged[who].probabilities, list(judged[who].scores.values())[-1])
        assert judged[who].pose_px.shape == (len(live.layout), 2)
        low, high = window[0] - window[1] / 2, window[0] + window[1] / 2
        assert np.all((judged[who].pose_px >= low) & (judged[who].pose_px <= high))


@eagerly()
def test_the_parts_share_the_weights_of_the_network():
    model = network(branches="pose")
    frame, head = split(model)
    pictures = film(3)
    before = clip_scores(model, pictures, LEFT)
    kernel = model.get_layer("pose_action1_maps").kernel
    kernel.assign(kernel * 3.0)
    live = ActionStream(frame, head, "pa16j", 3)
    for picture in pictures:
        judged = live(picture, {1: LEFT})
    close(judged[1].scores, clip_scores(model, pictures, LEFT))
    assert not np.allclose(judged[1].probabilities, list(before.values())[-1][0], atol=1e-4)


@eagerly()
def test_a_short_gap_repeats_the_last_frame_and_a_long_one_begins_anew():
    model, pictures = network(), film(12)
    live = stream(model, patience=2)
    away = (3, 4, 6, 7, 8)
    judged = {number: live(pictures[number], {} if number in away else {1: LEFT}) for number in range(12)}
    assert [number for number, one in judged.items() if one and one[1].scores] == [2, 5, 11]
    close(judged[5][1].scores, clip_scores(model, pictures[[2, 2, 5]], LEFT))
    close(judged[11][1].scores, clip_scores(model, pictures[9:], LEFT))
    assert set(live(pictures[0], {2: LEFT})) == {2}
    assert live._kept.keys() == {1, 2}
    for _ in range(3):
        live(pictures[0], {2: LEFT})
    assert live._kept.keys() == {2} and len(live._kept[2]) == 3  # memory does not grow


@eagerly()
def test_frames_come_in_rising_order():
    live = stream(network())
    live(film(1)[0], {}, number=4)
    with pytest.raises(ValueError, match="rising order. Received: frame 4 after 4"):
        live(film(1)[0], {}, number=4)


def test_poses_of_windows_that_move_are_brought_to_one_square():
    """Windows from 0 to 100 and from 50 to 150: the square is 150 wide, 0.5 in each is 1/3 and 2/3; depth shrinks."""
    pose, sure = np.array([[0.5, 0.5, 0.8]]), np.ones((1, 1))
    clip = [seen.Seen((np.array([x, 50.0]), np.full(2, 100.0)), (pose, sure)) for x in (50, 100)]
    moved, visible = seen._in_one_window(clip)
    third = 1 / 3
    np.testing.assert_allclose(moved[:, 0], [[third, 0.5, 0.7], [2 * third, 0.5, 0.7]])
    assert visible.shape == (2, 1, 1)
    np.testing.assert_array_equal(seen._in_one_window(clip[:1] * 2)[0], [pose, pose])


def test_windows_follow_the_joints_of_the_last_frames():
    """Joints from 40 to 80 and from 60 to 100 pixels, 20 high; half of the longer side more around each."""
    follow = seen.Following(frames=2)

    def after(x):
        return np.concatenate(follow(np.array([[x, 40.0], [x + 40, 60]]), (200, 100)))

    np.testing.assert_allclose(after(40.0), [60, 50, 60, 60])
    np.testing.assert_allclose(after(60.0), [70, 50, 80, 80])
    np.testing.assert_allclose(after(60.0), [80, 50, 60, 60])  # the first is forgotten
    with pytest.raises(ValueError, match="frames"):
        seen.Following(frames=0)


@pytest.mark.parametrize(
    "other",
    [lambda: models.build("lite-2d", width=16, num_blocks=1), lambda: network(poses="given", export_poses="none")],
)
def test_other_networks_have_no_two_parts(other):
    with pytest.raises(ValueError, match="Expected a clip network that estimates poses"):
        split(other())
