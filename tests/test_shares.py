"""Many photographs shared among the tasks of an array job: `deephar predict --shard`."""

import json
import subprocess

import numpy as np
import pytest
from PIL import Image
from scripts import predict as run
from spots import Spots, film

from deephar import inference, layouts, models
from deephar.inference import export, open_source
from deephar.inference.shares import Share

COUNT = 11


@pytest.fixture
def photos(tmp_path):
    """A folder of 11 photographs with a bright square, each somewhere else, and a file that is none."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, picture in enumerate(film(lambda t: 60 + 15 * t, count=COUNT)):
        Image.fromarray(picture).save(folder / f"img{number}.png")
    (folder / "notes.txt").write_text("none")
    return folder


class Stops(Spots):
    """A network during which the task is ended."""

    def __init__(self, after, error=KeyboardInterrupt):
        super().__init__()
        self.after, self.error = after, error

    def predict_on_batch(self, images):
        found = super().predict_on_batch(images)
        if len(self.batches) == self.after + 1:
            raise self.error
        return found


@pytest.mark.parametrize(("length", "count"), [(11, 1), (11, 3), (11, 11), (3, 8), (0, 2), (1_000_003, 97)])
def test_shares_are_disjoint_complete_and_in_order(length, count):
    parts = [Share(index, count).of(length) for index in range(count)]
    assert [index for part in parts for index in part] == [*range(length)]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_share_is_counted_from_0():
    assert Share.parse("3/8") == Share(3, 8)
    for wrong in ("8/8", "1", "0/0", "-1/4", "a/b", "1/2/3", ""):
        with pytest.raises(ValueError, match="I from 0 to N - 1. Received: " + wrong):
            Share.parse(wrong)


def test_parts_sort_in_the_order_of_the_shares():
    share = Share(3, 120)
    for name, part in {
        "a/people.jsonl": "a/people-00003-of-00120.jsonl",
        "p.coco.json": "p-00003-of-00120.coco.json",
        "v1.2.csv": "v1.2-00003-of-00120.csv",
        "plain": "plain-00003-of-00120",
    }.items():
        assert share.part(name).as_posix() == part


@pytest.mark.parametrize("count", [1, 4, 13])
def test_parts_together_are_the_whole(count, photos, network, tmp_path, capsys):
    """Joined as docs/predict.md says, they are byte for byte what one task writes."""
    assert run(capsys, photos, "--shard", "0/1", "--json", tmp_path / "whole.jsonl")[0] == 0
    for index in range(count):
        out = tmp_path / "parts" / "people.jsonl"
        assert run(capsys, photos, "--shard", f"{index}/{count}", "--json", out) == (0, "", "")
    parts = sorted((tmp_path / "parts").iterdir())
    assert len(parts) == count
    joined = f"head -qn 1 {parts[0]}; tail -qn +2 {tmp_path}/parts/people-*-of-*.jsonl"
    done = subprocess.run(["sh", "-c", joined], capture_output=True, check=True)
    assert done.stdout == (tmp_path / "whole-00000-of-00001.jsonl").read_bytes()
    results = list(export.read_results(tmp_path / "whole-00000-of-00001.jsonl"))
    assert [result.index for result in results] == [*range(COUNT)]
    found = [result.people[0].pose_px.mean(axis=0)[0] for result in results]
    np.testing.assert_allclose(found, [60 + 15 * number for number in range(COUNT)], atol=6)


def test_a_network_of_our_own_gives_each_share_what_it_gives_the_whole(photos, monkeypatch, capsys):
    tiny = models.build("lite-2d", num_joints=14, input_shape=(64, 64, 3), width=32, num_blocks=1)
    made = inference.PosePredictor(tiny, layouts.get("lsp14"))
    monkeypatch.setattr(inference.PosePredictor, "from_weights", lambda *_, **__: made)
    _, printed, _ = run(capsys, photos)
    shares = [run(capsys, photos, "--shard", f"{index}/2") for index in range(2)]
    whole = json.loads(printed)["photos"]
    for index, (status, printed, _) in enumerate(shares):
        header, *lines = map(json.loads, printed.splitlines())
        assert status == 0 and header["format"] == "deephar-results-1"
        own = [whole[frame] for frame in Share(index, 2).of(COUNT)]
        assert [line["name"] for line in lines] == [entry["photo"] for entry in own]
        for line, entry in zip(lines, own, strict=True):
            np.testing.assert_allclose(line["people"][0]["pose"], entry["people"][0]["pose"], atol=1e-4)


def test_a_task_that_is_ended_goes_on(photos, network, tmp_path, capsys):
    """With a part of a table beside the lines, and pictures; what was found is not looked for again."""
    arguments = [photos, "--shard", "1/2", "--json", tmp_path / "people.jsonl", "--out", tmp_path / "people.csv"]
    lines, table = tmp_path / "people-00001-of-00002.jsonl", tmp_path / "people-00001-of-00002.csv"
    assert run(capsys, *arguments)[0] == 0
    whole = lines.read_bytes(), table.read_bytes()
    network(Stops(after=2))
    assert run(capsys, *arguments)[0] == 130
    assert [result.index for result in export.read_results(lines)] == [5, 6]
    lines.write_bytes(lines.read_bytes() + b'{"frame":7,"na')  # as a kill leaves it
    again = Spots()
    network(again)
    assert run(capsys, *arguments, "--resume", "--picture", tmp_path / "drawn")[0] == 0
    assert (lines.read_bytes(), table.read_bytes()) == whole and len(again.batches) == 4
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "img10.png",
        *(f"img{n}.png" for n in (7, 8, 9)),
    ]
    assert run(capsys, *arguments, "--resume") == (0, "", "")
    assert (lines.read_bytes(), table.read_bytes()) == whole


def test_all_photographs_may_be_gone_on_with(photos, network, tmp_path, capsys):
    """Without shares, and with the lines among the other outputs."""
    arguments = [photos, "--out", tmp_path / "people.jsonl", "--resume"]
    network(Stops(after=4))
    assert run(capsys, *arguments)[0] == 130
    network(Spots())
    assert run(capsys, *arguments)[0] == 0
    assert [result.index for result in export.read_results(tmp_path / "people.jsonl")] == [*range(COUNT)]
    assert run(capsys, photos, "--json", tmp_path / "lines.jsonl") == (0, "", "")
    assert [result.index for result in export.read_results(tmp_path / "lines.jsonl")] == [*range(COUNT)]


def test_every_photograph_that_fails_is_named(photos, network, tmp_path, capsys):
    (photos / "img2.png").write_bytes(b"no photograph")
    network(Stops(after=2, error=MemoryError))
    arguments = [photos, "--shard", "0/2", "--json", tmp_path / "people.jsonl"]
    status, printed, said = run(capsys, *arguments)
    assert (status, printed) == (1, "")
    assert f"{photos / 'img2.png'}" in said and f"{photos / 'img3.png'}: MemoryError" in said
    assert "2 of 5 photographs failed" in said
    assert [result.index for result in export.read_results(tmp_path / "people-00000-of-00002.jsonl")] == [0, 1, 4]
    status, _, said = run(capsys, *arguments, "--resume")
    assert status == 1 and "earlier photographs without a line, as a previous run failed at them: 2" in said


def test_photographs_that_have_changed_are_not_gone_on_with(photos, network, tmp_path, capsys):
    arguments = [photos, "--shard", "0/2", "--json", tmp_path / "people.jsonl"]
    assert run(capsys, *arguments)[0] == 0
    before = (tmp_path / "people-00000-of-00002.jsonl").read_bytes()
    (photos / "img3.png").unlink()
    status, _, said = run(capsys, *arguments, "--resume")
    assert status == 1 and "the photographs have changed" in said
    assert (tmp_path / "people-00000-of-00002.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shard", "2/2"], "I from 0 to N - 1. Received: 2/2"),
        (["--shard", ""], "I from 0 to N - 1. Received: nothing (is a variable unset?)"),
        (["--shard", "0/2", "--json", "a.json"], "is of JSON Lines: FILE.jsonl. Received: a-00000-of-00002.json"),
        (["--resume"], "name that file"),
        (["--resume", "--json", "a.jsonl", "--out", "a.mp4"], "a.mp4 would be a film"),
        (["--shard", "0/2", "--smooth"], "--smooth is for videos"),
        (["--shard", "0/2", "--show"], "--show waits for somebody"),
        (["--shard", "0/2", "--json", "a.jsonl", "--out", "a.jsonl"], "or another output"),
    ],
)
def test_what_a_share_cannot_have(arguments, message, photos, network, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    status, _, said = run(capsys, photos, *arguments)
    assert status == 1 and message in said, said
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_pictures_of_two_shares_replace_no_other(photos, network, tmp_path, capsys):
    """Photographs of the same name in two folders, which two tasks would draw to one file."""
    (tmp_path / "more").mkdir()
    (photos / "img0.png").rename(tmp_path / "more" / "img10.png")
    sources = [photos, tmp_path / "more"]
    status, _, said = run(capsys, *sources, "--shard", "0/2", "--picture", tmp_path / "drawn")
    assert status == 1 and "another output" in said


def test_videos_and_frames_are_not_shared(tmp_path, network, capsys):
    frames = film(lambda t: 60, count=3)
    with open_source(frames) as source, pytest.raises(ValueError, match="share whole videos"):
        source.between(0, 2)
    pytest.importorskip("av", reason='needs PyAV: pip install "deephar[video]"')
    from deephar.video import write_video

    write_video(tmp_path / "clip.mp4", frames, 10)
    for shard in ("0/2", ""):
        status, _, said = run(capsys, tmp_path / "clip.mp4", "--shard", shard)
        assert status == 1 and "--shard is for photographs" in said and "share whole videos" in said
