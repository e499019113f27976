import numpy as np
import pytest

from deephar import layouts
from deephar.camera import Camera
from deephar.data.synthetic import render, scene
from deephar.data.synthetic.body import INDEX, JOINTS, LIMITS, draw_body, pose_body
from deephar.data.synthetic.motion import ACTIONS, move

FRONT = Camera.looking_at((4000, 0, 900), (0, 0, 900), 400, (256, 256))
LOOK = render.Look({name: np.ones(3) for name in ("skin", "hair", "shirt")}, {})


def canvas():
    return render.Canvas(np.zeros((256, 256, 3)), (0, 0, -1), ambient=1.0)


def performance(action, seed=0, frames=24):
    generator = np.random.default_rng(seed)
    body = draw_body(generator)
    return body, *move(ACTIONS[action], body, frames, 15, generator)


def test_joints_serve_the_layouts():
    for name in ("pa16j", "pa17j", "pa20j", "pa21j", "mpii16", "lsp14", "h36m17", "penn13", "jhmdb15"):
        assert set(layouts.get(name).names) <= set(JOINTS), name


def test_upright_by_hand():
    body = draw_body(np.random.default_rng(0))
    (joints,) = pose_body(body, {"yaw": np.zeros(1)})
    up = body.bones["spine"] + body.bones["thorax"] + body.bones["neck"] + body.bones["head"] + body.bones["head_top"]
    np.testing.assert_allclose(joints[INDEX["head_top"]], [0, 0, up * body.height], atol=1e-9)
    arm = -(body.bones["elbow"] + body.bones["wrist"])
    shoulder, wrist = joints[INDEX["l_shoulder"]], joints[INDEX["l_wrist"]]
    np.testing.assert_allclose(wrist - shoulder, [0, 0, arm * body.height], atol=1e-9)
    assert joints[INDEX["l_hip"], 1] > 0 > joints[INDEX["r_hip"], 1] and joints[INDEX["r_foot"], 0] > 0


@pytest.mark.parametrize(
    ("angles", "direction"),
    [
        ({"raise": 90, "plane": 0}, (1, 0, 0)), ({"raise": 90, "plane": 90}, (0, 1, 0)),
        ({"raise": 90, "plane": 180}, (-1, 0, 0)), ({"raise": 180, "plane": 40}, (0, 0, 1)),
    ],
)  # fmt: skip
def test_an_arm_goes_where_its_angles_say(angles, direction):
    """The left arm: forward, to the left, backward, up; the right arm is its mirror image."""
    body = draw_body(np.random.default_rng(0))
    both = {f"{side}_{name}": np.array([float(value)]) for name, value in angles.items() for side in "rl"}
    (joints,) = pose_body(body, both)
    for side, mirror in (("l", 1), ("r", -1)):
        arm = joints[INDEX[f"{side}_elbow"]] - joints[INDEX[f"{side}_shoulder"]]
        np.testing.assert_allclose(arm / np.linalg.norm(arm), np.array(direction) * [1, mirror, 1], atol=1e-9)


def test_knees_bend_backward_and_elbows_forward():
    body = draw_body(np.random.default_rng(0))
    (joints,) = pose_body(body, {"r_knee": np.array([90.0]), "r_elbow": np.array([90.0])})
    shin, forearm = (
        joints[INDEX["r_ankle"]] - joints[INDEX["r_knee"]],
        joints[INDEX["r_wrist"]] - joints[INDEX["r_elbow"]],
    )
    np.testing.assert_allclose(shin, [-body.bones["ankle"] * body.height, 0, 0], atol=1e-9)
    np.testing.assert_allclose(forearm, [body.bones["wrist"] * body.height, 0, 0], atol=1e-9)


def test_angles_are_cut_at_the_limits():
    body = draw_body(np.random.default_rng(0))
    far = pose_body(body, {"r_knee": np.array([-40.0, 400.0])})
    limits = pose_body(body, {"r_knee": np.array(LIMITS["knee"], dtype=float)})
    np.testing.assert_allclose(far, limits)


BONES = [
    ("pelvis", "r_hip"),
    ("r_hip", "r_knee"),
    ("l_knee", "l_ankle"),
    ("r_shoulder", "r_elbow"),
    ("l_elbow", "l_wrist"),
]


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_keep_bones_and_ground(action):
    """Bones keep their length in every frame, something is on the ground unless in the air, and something moves."""
    _, joints, _ = performance(action)
    for a, b in BONES:
        lengths = np.linalg.norm(joints[:, INDEX[a]] - joints[:, INDEX[b]], axis=-1)
        np.testing.assert_allclose(lengths, lengths[0], rtol=1e-9)
    lowest = joints[..., 2].min(axis=1)
    assert lowest.min() > 0 and lowest.min() < 150
    airborne = any("lift" in angles for _, angles in ACTIONS[action].keys)
    assert airborne or lowest.max() < 150
    assert np.ptp(joints, axis=0).max() > 30


def test_sitting_down_and_standing_up_are_the_same_frames_in_another_order():
    _, down, _ = performance("sit_down", seed=3)
    _, up, _ = performance("stand_up", seed=3)
    heights = down[:, INDEX["head_top"], 2], up[:, INDEX["head_top"], 2]
    assert heights[0][0] > heights[0][-1] + 250 and heights[1][-1] > heights[1][0] + 250
    np.testing.assert_allclose(np.sort(heights[0])[[0, -1]], np.sort(heights[1])[[0, -1]], rtol=0.06)


def test_people_vary():
    heights = [draw_body(np.random.default_rng(seed)).height for seed in range(50)]
    assert min(heights) < 1620 and max(heights) > 1800
    assert {performance("throw", seed)[2] for seed in range(30)} == {"r", "l"}


@pytest.mark.parametrize("joint", ["pelvis", "r_wrist", "l_foot", "head_top"])
def test_pixels_are_where_joints_project(joint):
    """A small ball at a joint: the middle of its pixels is the joint's projection, within half a pixel."""
    _, joints, _ = performance("kick")
    drawn = canvas()
    point = joints[7, INDEX[joint]]
    drawn.draw([(point, point, 60.0, 60.0, "skin")], FRONT, LOOK)
    y, x = np.nonzero(drawn.picture()[..., 0])
    (expected,) = FRONT.world_to_uvd(point[None])
    np.testing.assert_allclose([x.mean() + 0.5, y.mean() + 0.5], expected[:2], atol=0.5)
    assert drawn.depth.min() == pytest.approx(expected[2] - 60, abs=1)


def test_right_and_left_follow_the_camera():
    """Facing the camera, a person's right is on the left of the picture; from behind, on the right."""
    body = draw_body(np.random.default_rng(0))
    joints = pose_body(body, {"yaw": np.array([0.0, 180.0])}) + [0, 0, 900]
    front, back = FRONT.world_to_uvd(joints)[:, [INDEX["r_shoulder"], INDEX["l_shoulder"]], 0]
    assert front[0] < 128 < front[1] and back[1] < 128 < back[0]


def test_what_is_hidden_follows_the_depth():
    drawn = canvas()
    drawn.draw([((500.0, 0.0, 600.0), (500.0, 0.0, 1200.0), 100.0, 100.0, "shirt")], FRONT, LOOK)
    points = np.array([[0, 0, 900], [700, 0, 900], [0, 400, 900], [500, 0, 900], [0, 9000, 900]], dtype=float)
    assert drawn.hidden(points, FRONT).tolist() == [True, False, False, True, True]
    assert drawn.hidden(points, FRONT, behind=110).tolist() == [True, False, False, False, True]


def test_a_person_alone_shows_the_near_side_and_hides_the_far():
    """Seen from the right side, the right shoulder is visible and the left one is behind the chest."""
    generator = np.random.default_rng(1)
    body = draw_body(generator)
    joints = pose_body(body, {"yaw": np.array([90.0])})[0] + [0, 0, 900]  # facing +y, the right side to the camera
    drawn = canvas()
    drawn.draw(render.parts_of(joints, body), FRONT, render.draw_look(generator))
    hidden = drawn.hidden(joints, FRONT, 0.1 * body.height)
    assert not hidden[INDEX["r_shoulder"]] and hidden[INDEX["l_shoulder"]]


def test_picked_frames_are_those_of_the_clip():
    whole = scene.draw_clip(np.random.default_rng(5), "kick", 4, (64, 64), domain="laboratory")
    part = scene.draw_clip(np.random.default_rng(5), "kick", 4, (64, 64), domain="laboratory", picked=[2])
    np.testing.assert_array_equal(part.joints_uvd[0], whole.joints_uvd[2])
    assert np.abs(part.images[0].astype(int) - whole.images[2]).mean() < 5  # but for the sensor's noise


@pytest.mark.parametrize("domain", scene.DOMAINS)
def test_clips(domain):
    one, two = (scene.draw_clip(np.random.default_rng(5), "wave", 3, (96, 64), domain=domain) for _ in range(2))
    assert one.images.shape == (3, 64, 96, 3) and one.images.tobytes() == two.images.tobytes()
    np.testing.assert_allclose(one.camera.uvd_to_world(one.joints_uvd), one.joints_mm_world, atol=1e-6)
    assert one.visible.shape == (3, len(JOINTS)) and one.visible.mean() > 0.4
    other = scene.draw_clip(np.random.default_rng(6), "wave", 3, (96, 64), domain=domain)
    assert one.images.tobytes() != other.images.tobytes()


def test_the_laboratory_has_four_cameras():
    clips = [
        scene.draw_clip(np.random.default_rng(seed), "walk", 1, (32, 32), domain="laboratory") for seed in range(12)
    ]
    assert len({tuple(clip.camera.center) for clip in clips}) == 4


def test_what_does_not_exist_is_said():
    with pytest.raises(ValueError, match=r"jumping_jacks.*Received: action='fly'"):
        scene.draw_clip(np.random.default_rng(0), "fly", 1)
    with pytest.raises(ValueError, match="domain='moon'"):
        scene.draw_clip(np.random.default_rng(0), "walk", 1, domain="moon")
