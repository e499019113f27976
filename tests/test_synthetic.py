import numpy as np
import pytest

from deephar import layouts
from deephar.camera import Camera
from deephar.data.synthetic import backdrop, figure, render, scene
from deephar.data.synthetic.body import HAND, INDEX, JOINTS, LIMITS, draw_body, order, pose_body, reach
from deephar.data.synthetic.motion import ACTIONS, move
from deephar.data.synthetic.people import SyntheticPeople

FRONT = Camera.looking_at((4000, 0, 900), (0, 0, 900), 400, (256, 256))
LOOK = figure.Look({"plain": np.ones(3)}, {})


def canvas(frames=1):
    return render.Canvas(np.zeros((256, 256, 3)), frames, (0, 0, -1), ambient=1.0)


def capsule(start, end, radius):
    """One part in one frame."""
    ends = np.array([[[start, end]]], dtype=float)
    return figure.Parts(ends, np.array([[radius, radius]], dtype=float), ("plain",))


def performance(action, seed=0, frames=24):
    generator = np.random.default_rng(seed)
    body = draw_body(generator)
    return body, *move(ACTIONS[action], body, frames, 15, generator)


def test_joints_serve_the_layouts():
    """All but COCO's and BlazePose's, which have a nose, eyes and ears."""
    for name in set(layouts.LAYOUTS) - {"coco17", "blazepose33"}:
        layout = layouts.get(name)
        found = [JOINTS[place] for place in order(layout)]
        renamed = [(a, b) for a, b in zip(layout.names, found, strict=True) if a != b]
        assert all(a.endswith(("_base", "_end")) for a, _ in renamed), renamed


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


@pytest.mark.parametrize("away", [300.0, 5000.0])
def test_an_arm_reaches(away):
    """The wrist gets to its target, or stretches towards it; bones keep their lengths and the hand its shape."""
    body = draw_body(np.random.default_rng(0))
    joints = pose_body(body, {"l_raise": np.array([30.0]), "l_elbow": np.array([40.0])})
    shoulder = joints[:, INDEX["l_shoulder"]]
    moved = reach(joints, "l", shoulder + [away, 0, 0])
    arm = (body.bones["elbow"] + body.bones["wrist"]) * body.height
    expected = shoulder + [min(away, 0.999 * arm), 0, 0]
    np.testing.assert_allclose(moved[:, INDEX["l_wrist"]], expected, atol=1e-6)
    for a, b in [("shoulder", "elbow"), ("elbow", "wrist"), *(("wrist", end) for end in HAND)]:
        was, now = (np.linalg.norm(j[0, INDEX[f"l_{a}"]] - j[0, INDEX[f"l_{b}"]]) for j in (joints, moved))
        assert now == pytest.approx(was)
    others = [place for place, name in enumerate(JOINTS) if name[2:] not in ("elbow", "wrist", *HAND)]
    np.testing.assert_array_equal(moved[:, others], joints[:, others])


def test_hands_go_to_the_mouth_and_to_each_other():
    for seed in range(5):
        body, joints, side = performance("drink", seed, 60)
        apart = np.linalg.norm(joints[:, INDEX[f"{side}_wrist"]] - joints[:, INDEX["head"]], axis=-1)
        assert apart.min() < 0.13 * body.height < apart.max()
        body, joints, _ = performance("clap", seed)
        apart = np.linalg.norm(joints[:, INDEX["r_wrist"]] - joints[:, INDEX["l_wrist"]], axis=-1)
        assert apart.min() < 0.2 * body.height and apart.max() > 0.4 * body.height
        body, joints, _ = performance("golf_swing", seed)
        apart = np.linalg.norm(joints[:, INDEX["r_wrist"]] - joints[:, INDEX["l_wrist"]], axis=-1)
        assert np.median(apart) < 0.08 * body.height


def test_who_sits_down_keeps_the_feet_in_place():
    _, joints, _ = performance("sit_down")
    feet = joints[:, [INDEX["r_ankle"], INDEX["l_ankle"]], :2].mean(axis=1)
    np.testing.assert_allclose(feet, 0, atol=1e-9)
    assert np.ptp(joints[:, INDEX["pelvis"], 0]) > 200


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
    assert ACTIONS[action].held in (None, *figure.HELD)
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
    drawn.draw(capsule(point, point, 60.0), FRONT, LOOK)
    y, x = np.nonzero(drawn.colour[0, ..., 0])
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
    drawn.draw(capsule((500, 0, 600), (500, 0, 1200), 100.0), FRONT, LOOK)
    points = np.array([[0, 0, 900], [700, 0, 900], [0, 400, 900], [500, 0, 900], [0, 9000, 900]], dtype=float)[None]
    assert drawn.hidden(points, FRONT)[0].tolist() == [True, False, False, True, True]
    assert drawn.hidden(points, FRONT, behind=110)[0].tolist() == [True, False, False, False, True]


def by_hand(a, b, ra, rb, size):
    """Where a tapered capsule covers a picture, pixel by pixel; ends (x, y)."""
    y, x = np.mgrid[:size, :size] + 0.5
    along = np.subtract(b, a)
    t = np.clip(((x - a[0]) * along[0] + (y - a[1]) * along[1]) / max(along @ along, 1e-6), 0, 1)
    return np.hypot(x - a[0] - t * along[0], y - a[1] - t * along[1]) < ra + t * (rb - ra)


def test_the_rows_of_a_capsule_cover_it():
    """Capsules of any place, size and taper, partly or wholly outside, against a test of every pixel."""
    generator = np.random.default_rng(0)
    ends, radii = generator.uniform(-20, 60, (300, 2, 2)), generator.uniform(0.3, 15, (300, 2))
    ends[:20, 1] = ends[:20, 0]
    depth = np.full((300, 1), 1000.0)
    capsules = np.concatenate([ends[:, 0], depth, ends[:, 1], depth, radii], axis=1)
    number, x, y, _ = render._pixels(capsules, 40, 40)
    covered = np.zeros((300, 40, 40), dtype=bool)
    covered[number, y, x] = True
    wanted = np.array([by_hand(*end, *radius, 40) for end, radius in zip(ends, radii, strict=True)])
    assert not np.any(wanted & ~covered) and wanted.sum() > 0.85 * covered.sum()


def test_the_nearest_is_seen_whatever_the_order():
    near, far = capsule((500, 0, 900), (500, 0, 900), 100.0), capsule((0, 0, 900), (0, 0, 900), 300.0)
    bright, dark = figure.Look({"plain": np.ones(3)}, {}), figure.Look({"plain": np.full(3, 0.2)}, {})
    pictures = []
    for things in ([(near, bright), (far, dark)], [(far, dark), (near, bright)]):
        drawn = canvas()
        for parts, look in things:
            drawn.draw(parts, FRONT, look)
        pictures.append(drawn.colour)
    np.testing.assert_array_equal(*pictures)
    assert pictures[0][0, 128, 128, 0] > 200 > 100 > pictures[0][0, 128, 105, 0] > 0


def test_many_frames_are_those_drawn_one_by_one():
    generator = np.random.default_rng(0)
    person = figure.draw_person(generator)
    joints, side = move(ACTIONS["bat_swing"], person.body, 2 * render.CHUNK + 1, 15, generator)
    whole = canvas(len(joints))
    whole.draw(figure.parts_of(joints, person, "bat", side), FRONT, person.look)
    for frame in (0, render.CHUNK, len(joints) - 1):
        one = canvas()
        one.draw(figure.parts_of(joints[[frame]], person, "bat", side), FRONT, person.look)
        np.testing.assert_array_equal(one.colour[0], whole.colour[frame])
        np.testing.assert_array_equal(one.depth[0], whole.depth[frame])


def test_noise_has_its_strength():
    drawn = render.Canvas(np.full((64, 64, 3), 128), 2, (0, 0, -1))
    pictures = drawn.pictures(0.04, np.random.default_rng(0)).astype(float)
    assert pictures.std() == pytest.approx(0.04 * 255, rel=0.05) and abs(pictures.mean() - 128) < 0.5
    assert np.abs(pictures[0] - pictures[1]).mean() > 5


def test_faces_look_ahead():
    """From the front a head is of skin, from behind of hair."""
    person = figure.Person(draw_body(np.random.default_rng(0)), figure.draw_look(np.random.default_rng(0)))
    colours = {material: np.zeros(3) for material in person.look.colours} | {"skin": [1, 0, 0], "hair": [0, 1, 0]}
    joints = pose_body(person.body, {"yaw": np.array([0.0, 180.0])}) + [0, 0, 900]
    drawn = canvas(2)
    drawn.draw(figure.parts_of(joints, person), FRONT, figure.Look(colours, {}))
    _, y, _ = FRONT.world_to_uvd(joints[0, INDEX["neck"]])
    front, back = (drawn.colour[:, : int(y)] > 0).sum(axis=(1, 2))
    assert front[0] > 2 * front[1] and back[1] > 4 * back[0]


def test_backdrops():
    for backdrop_of in (backdrop.room, backdrop.anywhere):
        one, two = (backdrop_of(np.random.default_rng(3), (48, 32)) for _ in range(2))
        assert one.shape == (32, 48, 3) and one.dtype == np.uint8
        np.testing.assert_array_equal(one, two)


def test_a_performance_seen_by_several_cameras():
    """One scene, other pictures; joints in the world are the same and each camera's pixels are their projection."""
    performance = scene.perform(np.random.default_rng(0), "walk", 3, facing=90.0)
    hips = performance.joints[:, INDEX["l_hip"]] - performance.joints[:, INDEX["r_hip"]]
    assert np.all(hips[:, 0] < -50)  # who faces y has the left side towards -x
    other = Camera.looking_at((0, -4000, 900), (0, 0, 900), 400, (256, 256))
    clips = [scene.film(np.random.default_rng(1), [performance], camera, "laboratory") for camera in (FRONT, other)]
    for clip, camera in zip(clips, (FRONT, other), strict=True):
        np.testing.assert_array_equal(clip.joints_mm_world, performance.joints)
        np.testing.assert_array_equal(clip.joints_uvd, camera.world_to_uvd(performance.joints))
    assert clips[0].images.tobytes() != clips[1].images.tobytes()


def test_a_person_alone_shows_the_near_side_and_hides_the_far():
    """Seen from the right side, the right shoulder is visible and the left one is behind the chest."""
    person = figure.draw_person(np.random.default_rng(1))
    joints = pose_body(person.body, {"yaw": np.array([90.0])}) + [0, 0, 900]  # facing +y, the right to the camera
    drawn = canvas()
    drawn.draw(figure.parts_of(joints, person), FRONT, person.look)
    (hidden,) = drawn.hidden(joints, FRONT, 0.1 * person.body.height)
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


def test_people_without_files():
    """Pixels and depth go back to joints with the bones of a person; the window is 2.25 m wide at the pelvis."""
    people = SyntheticPeople(3, (64, 64), seed=4)
    sample, again = people.sample(1), SyntheticPeople(9, (64, 64), seed=4).sample(1)
    np.testing.assert_array_equal(np.asarray(sample.image), np.asarray(again.image))
    world = sample.camera.uvd_to_world(sample.pose_px)
    names = people.layout.index
    thighs = [np.linalg.norm(world[names(f"{side}_hip")] - world[names(f"{side}_knee")]) for side in "rl"]
    assert thighs[0] == pytest.approx(thighs[1], abs=1e-6) and 300 < thighs[0] < 550
    pelvis = sample.pose_px[names("pelvis")]
    np.testing.assert_allclose(sample.center_px, pelvis[:2])
    np.testing.assert_allclose(sample.window_px * sample.root_mm / sample.camera.focal, 2250)
    assert len(people) == 3 and sample.root_mm == pelvis[2]
