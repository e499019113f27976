"""Boxes from a file: what it says, what is cut with it, and that it is refused for other pictures."""

import dataclasses
import json

import numpy as np
import pytest
from drawn import DrawnVideos, figure
from PIL import Image
from scripts import refused, run

from deephar import cli, geometry, inference, layouts
from deephar.data.readers import pennaction
from deephar.data.samples import box_file, boxes, clips, frames, video_clips
from deephar.data.synthetic import write_penn
from deephar.data.synthetic.writing import Settings

WEIGHTS = {"network": "lite-2d"}
VIDEO = {"golden": box_file.Boxes((128, 96), frames={0: [10, 20, 40, 20], 8: [30, 20, 10, 30], 9: None})}


@pytest.fixture(scope="module")
def videos():
    return DrawnVideos()


def extent(pose):
    """[x, y, width, height] of located joints, None where there are none."""
    if not np.isfinite(pose[:, :2]).any():
        return None
    x1, y1, x2, y2 = geometry.points_box(pose).tolist()
    return [x1, y1, x2 - x1, y2 - y1]


def from_truth(reader, every=1, margin=1.0):
    """A file of boxes as a network makes it whose poses are the truth."""
    stored = box_file.BoxFile("drawn", WEIGHTS, margin=margin)
    for index in range(len(reader)):
        video = reader.video(index)
        numbers = sorted({*range(0, len(video), every), len(video) - 1})
        found = {number: extent(video.pose_px[number]) for number in numbers}
        stored.pictures[video.name] = box_file.Boxes(video.size_px, frames=found)
    return stored


def test_a_file_says_what_its_numbers_mean(tmp_path):
    photo = {"photo.jpg": box_file.Boxes((640, 480), people=[[10, 20, 30, 40.5]])}
    stored = box_file.BoxFile("Penn Action", WEIGHTS, {**VIDEO, **photo}, 1.0, str(tmp_path / "boxes.json"))
    stored.save(tmp_path / "boxes.json")
    assert box_file.read(tmp_path / "boxes.json") == stored
    content = json.loads((tmp_path / "boxes.json").read_text())
    assert content["format"] == "deephar-boxes-2" and content["source"] == "Penn Action"
    assert content["made_by"] == WEIGHTS and content["margin"] == 1.0
    assert "x, y, width, height in pixels" in content["coordinates"] and "1.5 around clips" in content["margin_means"]
    assert content["pictures"]["photo.jpg"] == {"size": [640, 480], "people": [[10, 20, 30, 40.5]]}
    assert content["pictures"]["golden"]["frames"]["9"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["boxes.json"]


def test_the_frames_that_count_by_hand():
    """The middle as published, int(T / 2 + 0.5)."""
    assert [boxes.key_positions(frames) for frames in (1, 2, 5, 16)] == [[0], [0, 1], [0, 3, 4], [0, 8, 15]]


def test_boxes_of_a_clip_by_hand():
    """40 x 20 about (30, 30) becomes 60 x 60, 10 x 30 about (35, 35) becomes 45 x 45; nobody is the whole picture."""
    stored, video = box_file.BoxFile("", WEIGHTS, VIDEO), dataclasses.replace(DrawnVideos().video(0), name="golden")
    video = dataclasses.replace(video, size_px=(128, 96))
    first, second, nobody = [0, 0, 60, 60], [12.5, 12.5, 57.5, 57.5], [0, 0, 128, 96]
    assert boxes.predicted(stored, video, np.arange(4)).tolist() == [first]
    assert boxes.predicted(stored, video, np.array([0, 2, 4, 8])).tolist() == [first, second]
    assert boxes.predicted(stored, video, np.array([1, 7, 8, 9])).tolist() == [first, second, nobody]
    wider = dataclasses.replace(stored, margin=1.25)
    np.testing.assert_allclose(boxes.predicted(wider, video, [0])[0], [6, 6, 54, 54])  # 32 x 16 without its margin


@pytest.mark.parametrize("square", [True, False])
@pytest.mark.parametrize("frames", [1, 4, 5, 8])
def test_predicted_poses_that_are_true_give_the_true_windows(videos, frames, square):
    """The same crops as from the joints, in every clip, of even and odd length, with nobody in a frame."""
    stored = from_truth(videos)
    for index in range(len(videos)):
        for numbers in clips.multi_clip_frames(8, frames):
            truth, found = (
                clips.make_clip(videos, index, numbers, boxes=cut, square=square)
                for cut in (None, lambda *clip: boxes.predicted(stored, *clip))
            )
            np.testing.assert_allclose(found.px_to_crop, truth.px_to_crop, rtol=1e-12, atol=1e-12)


def test_predicted_boxes_cut_off_no_joint(videos):
    """Boxes of every third frame, clips of all frames: everybody is whole, with the room that the margin leaves."""
    stored = from_truth(videos, every=3)
    for index in range(len(videos)):
        cut = clips.make_clip(videos, index, np.arange(7), boxes=lambda *clip: boxes.predicted(stored, *clip))
        located = cut.pose_crop[np.isfinite(cut.pose_crop[..., 0]), :2]
        assert np.all((located > 0) & (located < 1))
        assert np.ptp(located, axis=0).max() == pytest.approx(1 / 1.5, abs=0.1)


def test_boxes_are_refused_for_frames_of_another_size(videos):
    stored = dataclasses.replace(from_truth(videos), path="boxes.json")
    video = videos.video(0)
    half = dataclasses.replace(video, size_px=(80, 85))
    with pytest.raises(ValueError, match=r"boxes.json .*video0 .* 160 x 170 pixels. Received: images of 80 x 85"):
        boxes.predicted(stored, half, [0])
    with pytest.raises(ValueError, match="boxes.json has no boxes for other"):
        boxes.predicted(stored, dataclasses.replace(video, name="other"), [0])
    with pytest.raises(ValueError, match="boxes.json has no frames of video0"):
        photo = {"video0": box_file.Boxes(video.size_px, people=[[1, 1, 9, 9]])}
        boxes.predicted(dataclasses.replace(stored, pictures=photo), video, [0])


def test_the_choices_of_the_scripts(tmp_path, videos):
    from_truth(videos).save(tmp_path / "boxes.json")
    assert boxes.chooser("truth") is None
    assert boxes.chooser("full")(videos.video(0), [0]).tolist() == [[0, 0, 160, 170]]
    cut, true = (
        next(video_clips.VideoClips(videos, 4, (32, 32), boxes=boxes.chooser(choice))[0].clips).pose
        for choice in (str(tmp_path / "boxes.json"), "truth")
    )
    np.testing.assert_allclose(cut, true, atol=1e-6)
    boxes.chooser(str(tmp_path / "boxes.json"), videos)
    box_file.BoxFile("other", WEIGHTS, VIDEO).save(tmp_path / "boxes.json")
    with pytest.raises(ValueError, match=r"boxes.json has boxes of none of the 3 videos. It has boxes of golden"):
        boxes.chooser(str(tmp_path / "boxes.json"), videos)


GOOD = {"format": box_file.FORMAT, "source": "", "made_by": {}, "margin": 1.0, "pictures": {}}
FRAME = {"size": [64, 48], "frames": {"0": [1, 2, 3, 4]}}
DAMAGED = {
    "nested": ("[" * 100000, "Expected a box file"),
    "no JSON": ("{", "Expected a box file, deephar-boxes-2, in"),
    "no object": ([], "Received: no format"),
    "other": ({"format": "deephar-poses-1"}, "Received: deephar-poses-1"),
    "older": ({"format": "deephar-boxes-1", "boxes": {}}, "has neither sizes nor origin; make it again"),
    "no margin": ({**GOOD, "margin": 0}, "is damaged: `margin` must be above 0"),
    "no origin": ({k: v for k, v in GOOD.items() if k != "made_by"}, "is damaged: lacks 'made_by'"),
    "no size": ({**GOOD, "pictures": {"a": {"frames": {}}}}, "is damaged: a lacks 'size'"),
    "bad size": ({**GOOD, "pictures": {"a": {**FRAME, "size": [64]}}}, r"a: `size` must be \[width, height\]"),
    "bad frame": ({**GOOD, "pictures": {"a": {**FRAME, "frames": {"x": None}}}}, "is damaged: a: .*'x'"),
    "NaN": ({**GOOD, "pictures": {"a": {**FRAME, "frames": {"0": [1, 2, 3, float("nan")]}}}}, "a: a box must be"),
    "turned": ({**GOOD, "pictures": {"a": {**FRAME, "frames": {"0": [9, 9, -1, 2]}}}}, "non-negative sides"),
    "no list": ({**GOOD, "pictures": {"a": {"size": [64, 48], "people": 3}}}, "is damaged: a: "),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_files_are_refused(kind, tmp_path):
    content, message = DAMAGED[kind]
    path = tmp_path / "boxes.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ValueError, match=message) as error:
        box_file.read(path)
    assert "boxes.json" in str(error.value)
    with pytest.raises(ValueError, match=r"Expected a box file, .*absent.json"):
        box_file.read(tmp_path / "absent.json")


class Truth:
    """A network that knows the joints of every frame of a reader."""

    def __init__(self, reader):
        self.known = {}
        for video in map(reader.video, range(len(reader))):
            for number, pose in enumerate(video.pose_px):
                self.known[frames.to_rgb(video.frame(number)).tobytes()] = pose

    def __call__(self, image):
        pose = self.known[image.tobytes()]
        seen = np.isfinite(pose[:, 0])
        return [inference.Person(np.zeros(4), pose, np.where(seen, 1.0, 0.0))]


def test_from_the_script_to_the_windows(tmp_path, monkeypatch, capsys):
    """Predicted for Penn Action's files by a network that is right; gone on with; refused for all else."""
    settings = Settings("penn", (48, 40), "laboratory", ("squat", "wave"), length=(5, 7), test_share=0.5)
    write_penn.write(settings, tmp_path, 4)
    labels, pictures, out = tmp_path / "labels", tmp_path / "frames", tmp_path / "boxes.json"
    reader = pennaction.PennAction(labels, pictures, actions=("squat", "wave"))
    monkeypatch.setattr(inference.PosePredictor, "from_weights", lambda *_, **__: Truth(reader))
    script, files = "exp/predict_bboxes.py", ("--dataset", "penn", "--labels", labels, "--frames", pictures)
    options = (*files, "--weights", "lsp-lite-2d", "--out", out, "--every", 1)
    assert json.loads(run(script, monkeypatch, capsys, *options, "--videos", 2))["videos"] == 2
    begun = box_file.read(out)
    assert json.loads(run(script, monkeypatch, capsys, *options)) == {"videos": 4, "left out": 0, "file": str(out)}
    stored = box_file.read(out)
    assert stored.source == "Penn Action" and len(stored.made_by["weights_sha256"]) == 64
    assert begun.pictures == {name: stored.pictures[name] for name in ("0001", "0002")}

    judged, true = (
        video_clips.VideoClips(reader, 4, None, "multi", given=True, boxes=boxes.chooser(choice))
        for choice in (str(out), "truth")
    )
    for one, other in zip(judged, true, strict=True):
        for predicted, annotated in zip(one.clips, other.clips, strict=True):
            np.testing.assert_allclose(predicted.pose, annotated.pose, atol=1e-6)
    said = refused(script, monkeypatch, capsys, *options, "--weights", "lsp-lite-3d")
    assert "boxes.json was made with other settings: network was 'lite-2d', now 'lite-3d'; weights_sha256 was" in said
    halve(pictures)
    with pytest.raises(ValueError, match=r"0001 in images of 48 x 40 pixels. Received: images of 24 x 20 pixels"):
        list(judged[0].clips)
    evaluation = (
        "--labels",
        labels,
        "--frames",
        pictures,
        "--classes",
        "found",
        "--weights",
        "absent",
        "--out",
        tmp_path,
    )
    said = refused("exp/pennaction/eval_penn_ar_pe_merge.py", monkeypatch, capsys, *evaluation, "--boxes", out)
    assert "images of 48 x 40 pixels. Received: images of 24 x 20 pixels" in said
    with pytest.raises(SystemExit, match=r"has 0001 with another frame size; choose another --out"):
        run(script, monkeypatch, capsys, *options)
    assert box_file.read(out) == stored


def halve(folder):
    for path in folder.rglob("*.jpg"):
        with Image.open(path) as picture:
            small = picture.resize((picture.width // 2, picture.height // 2))
        small.save(path)


class Centre:
    """A network that calls the centre of its box every joint."""

    layout, depth = layouts.get("lsp14"), False
    result = inference.PosePredictor.result

    def inside(self, pictures):
        return [
            [inference.Person(box, np.tile((box[:2] + box[2:]) / 2, (14, 1)), np.ones(14)) for box in boxes]
            for _, boxes in pictures
        ]


@pytest.mark.parametrize("margin", [1.0, 2.0])
def test_the_command_takes_the_same_file(margin, tmp_path, monkeypatch, capsys):
    """By path or by name; a margin that the boxes have is taken off; another size or a video is an error."""
    monkeypatch.setattr(inference.PosePredictor, "from_weights", lambda *_, **__: Centre())
    names = ["one.jpg", "two.jpg", "video.jpg", "absent.jpg"]
    for name in names:
        figure(np.random.default_rng(0))[0].save(tmp_path / name)
    pictures = {
        "one.jpg": box_file.Boxes((160, 170), people=[[40, 20, 60, 130], [10, 10, 50, 50]]),
        str(tmp_path / "two.jpg"): box_file.Boxes((320, 340), people=[[40, 20, 60, 130]]),
        "video.jpg": box_file.Boxes((160, 170), frames={0: [40, 20, 60, 130]}),
    }
    box_file.BoxFile("drawn", {"detector": "mine"}, pictures, margin).save(tmp_path / "boxes.json")
    photos = [str(tmp_path / name) for name in names]
    assert cli.main(["predict", *photos, "--boxes", str(tmp_path / "boxes.json")]) == 1
    one, two, video, absent = json.loads(capsys.readouterr().out)["photos"]
    assert [person["box"] for person in one["people"]] == (
        [[40, 20, 60, 130], [10, 10, 50, 50]] if margin == 1 else [[55, 52.5, 30, 65], [22.5, 22.5, 25, 25]]
    )
    assert one["people"][0]["pose"][0] == [70, 85]
    assert "images of 320 x 340 pixels. Received: images of 160 x 170" in two["error"]
    assert "frames of a video under" in video["error"] and "has no boxes for" in absent["error"]
