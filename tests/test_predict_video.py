"""`deephar predict` on videos: lines, tables and films while they run, stopped and resumed."""

import contextlib
import csv
import errno
import functools
import json
import os
import pathlib
import signal
import types

import numpy as np
import pytest

pytest.importorskip("av", reason='needs PyAV: pip install "deephar[video]"')

from filmed import Camera, answering
from PIL import Image
from scripts import predict as run
from spots import Spots, film

from deephar import cli
from deephar.cli import predict as predict_command
from deephar.cli import predict_video
from deephar.inference import clip_actions, devices, export, recordings
from deephar.inference.export import writing
from deephar.video import open_video, write_video
from deephar.video_writer import VideoWriter

FRAMES = 20


def test_an_end_that_nothing_announced_is_told_and_no_failure(network, tmp_path, capsys):
    path = tmp_path / "clip.mkv"
    write_video(path, film(lambda t: 60 + 2 * t, lambda t: 250 - t, count=FRAMES), 10)
    server, address = answering(b"HTTP/1.1 200 OK", path.read_bytes())
    with server:
        status, _, said = run(capsys, address, "--json", tmp_path / "people.jsonl")
    assert (status, said) == (
        0,
        f"{address} ended after {FRAMES} frames; its server does not tell whether that was all\n",
    )
    assert tracks_of(tmp_path / "people.jsonl") == [[1, 2]] * FRAMES


class Breaks(Spots):
    """A network at which the user loses patience."""

    def __init__(self, after, by=None):
        super().__init__()
        self.after, self.by = after, by

    def predict_on_batch(self, images):
        if len(self.batches) == self.after:
            if self.by is None:
                raise KeyboardInterrupt
            self.by()
        return super().predict_on_batch(images)


def tracks_of(path):
    return [[person.track for person in result.people] for result in export.read_results(path)]


def test_lines_a_table_and_a_film(walkers, network, tmp_path, capsys):
    outputs = [tmp_path / name for name in ("people.jsonl", "people.csv", "film.mp4")]
    status, printed, said = run(
        capsys, walkers, "--json", outputs[0], "--out", outputs[1], "--picture", outputs[2], "--smooth"
    )
    assert (status, printed, said) == (0, "", "")
    results = list(export.read_results(outputs[0]))
    assert tracks_of(outputs[0]) == [[1, 2]] * FRAMES
    assert [result.seconds for result in results] == pytest.approx([t / 10 for t in range(FRAMES)])
    middle = [person.pose_px.mean(axis=0)[0] for person in results[-1].people]
    np.testing.assert_allclose(middle, [60 + 2 * (FRAMES - 1), 250 - (FRAMES - 1)], atol=6)
    with open(outputs[1], newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 2 * FRAMES
    with open_video(outputs[2]) as drawn, open_video(walkers) as plain:
        assert len(drawn) == FRAMES and drawn.size == plain.size
        assert np.abs(np.asarray(drawn.frame(5), float) - np.asarray(plain.frame(5), float)).max() > 100


def test_without_an_output_the_lines_are_printed(walkers, network, capsys):
    status, printed, _ = run(capsys, walkers, "--stride", 10)
    header, *lines = map(json.loads, printed.splitlines())
    assert status == 0 and header["format"] == "deephar-results-1" and header["source"] == str(walkers)
    assert [line["frame"] for line in lines] == [0, 10]


def test_ctrl_c_leaves_what_was_written_and_resume_goes_on(walkers, network, tmp_path, capsys):
    whole, lines, table = tmp_path / "whole.jsonl", tmp_path / "people.jsonl", tmp_path / "people.csv"
    assert run(capsys, walkers, "--json", whole)[0] == 0
    network(Breaks(after=7))
    status, _, said = run(capsys, walkers, "--json", lines, "--out", table, "--picture", tmp_path / "film.mp4")
    assert status == 130 and "interrupted" in said
    assert tracks_of(lines) == [[1, 2]] * 7
    with open_video(tmp_path / "film.mp4") as film:
        assert len(film) == 7
    network(Spots())
    assert run(capsys, walkers, "--json", lines, "--out", table, "--resume")[0] == 0
    assert tracks_of(lines) == tracks_of(whole)
    with open(table, newline="", encoding="utf-8") as file:
        assert [int(row["frame"]) for row in csv.DictReader(file)] == sorted([*range(FRAMES)] * 2)
    before = lines.read_bytes()
    complete, coco = table.read_bytes(), tmp_path / "people.coco.json"
    for left in (None, b"", complete[: len(complete) // 2], b"frame,who\n"):  # a table that is lost, cut off, another
        table.unlink() if left is None else table.write_bytes(left)
        assert run(capsys, walkers, "--json", lines, "--out", table, "--out", coco, "--resume")[0] == 0
        assert table.read_bytes() == complete and len(json.loads(coco.read_text())) == 2 * FRAMES
    assert run(capsys, walkers, "--json", lines, "--resume")[0] == 0 and lines.read_bytes() == before
    assert run(capsys, walkers, "--out", lines, "--resume")[0] == 0 and lines.read_bytes() == before


def test_an_animated_gif_is_a_video(network, tmp_path, capsys):
    """And a still one a photograph; in a list, both are photographs."""
    pictures = [Image.fromarray(picture) for picture in film(lambda t: 60 + 9 * t, count=5)]
    moving, still = tmp_path / "moving.gif", tmp_path / "still.gif"
    pictures[0].save(moving, save_all=True, append_images=pictures[1:], duration=200)
    pictures[0].save(still)
    assert run(capsys, moving, "--json", tmp_path / "people.jsonl")[0] == 0
    assert tracks_of(tmp_path / "people.jsonl") == [[1]] * 5
    results = export.read_results(tmp_path / "people.jsonl")
    assert [result.seconds for result in results] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    _, printed, _ = run(capsys, moving, still)
    assert [len(entry["people"]) for entry in json.loads(printed)["photos"]] == [1, 1]
    _, printed, _ = run(capsys, still)
    assert len(json.loads(printed)["photos"]) == 1


def test_frames_that_an_earlier_run_could_not_read_are_not_forgotten(walkers, network, tmp_path, capsys):
    """Two in the middle have no line: the video is damaged, whatever is left of it."""
    path = tmp_path / "people.jsonl"
    assert run(capsys, walkers, "--json", path, "--stride", 2)[0] == 0
    header, *lines = path.read_text().splitlines(keepends=True)
    for left, more in ((lines[:3] + lines[5:], 2), (lines[:3] + lines[5:8], 2), (lines[:8], 0)):
        path.write_text("".join([header, *left]))
        status, _, said = run(capsys, walkers, "--json", path, "--stride", 2, "--resume")
        wanted = "earlier frames without a line, as a previous run could not read them: 2\n" if more else ""
        assert (status, said) == (int(more > 0), wanted)


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as on POSIX")
def test_sigterm_ends_a_film_as_ctrl_c_does(walkers, network, tmp_path, capsys, monkeypatch):
    finish, terminate = VideoWriter.finish, functools.partial(os.kill, os.getpid(), signal.SIGTERM)
    monkeypatch.setattr(VideoWriter, "finish", lambda self: terminate() or finish(self))  # a second one, too late
    network(Breaks(after=7, by=terminate))
    before = signal.getsignal(signal.SIGTERM)
    status, _, said = run(capsys, walkers, "--picture", tmp_path / "film.mp4")
    assert status == 130 and "interrupted" in said and signal.getsignal(signal.SIGTERM) is before
    with open_video(tmp_path / "film.mp4") as film_of_all:
        assert len(film_of_all) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_a_file_of_another_spelling_is_not_replaced(network, tmp_path, capsys):
    """A URL of a file, a suffix in another case, a link."""
    own = tmp_path / "clip.mp4"
    write_video(own, film(lambda t: 60 + 2 * t, count=3), 10)
    before = own.read_bytes()
    other, link = own.with_suffix(".MP4"), tmp_path / "link.mp4"
    link.hardlink_to(own)
    for source, out in ((own.as_uri(), own), (other, own), (own, link)):
        status, _, said = run(capsys, source, "--picture", out)
        assert status == 1 and "would replace a source" in said and own.read_bytes() == before


def test_a_video_is_not_read_for_a_length_that_nobody_sees(walkers, network, tmp_path, capsys, monkeypatch):
    """Standard error is no terminal here: there is no progress bar."""
    monkeypatch.setattr(recordings.Recording, "count", lambda self: pytest.fail("all frames were counted"))
    assert run(capsys, walkers, "--json", tmp_path / "people.jsonl")[0] == 0
    assert len(tracks_of(tmp_path / "people.jsonl")) == FRAMES


def test_weights_that_name_actions_serve_for_the_poses_of_slow_videos(network, monkeypatch):
    """Frames 2 s apart, of a judge of the last second: refused only where actions were asked for."""
    judge = types.SimpleNamespace(span_s=1.0, sets={"": ("wave",)})
    monkeypatch.setattr(clip_actions, "from_weights", lambda *_: judge)
    common = ["clip.mp4", "--weights", "four-lite", "--stride", "20"]
    for more in ([], ["--classes", "wave"]):
        options = predict_command._parser().parse_args([*common, *more])
        with pytest.raises(ValueError, match="frames 2 s apart") if more else contextlib.nullcontext():
            assert judge in predict_video._steps(options, network(Spots()), 10.0)


class Endless(Camera):
    """Shows a walkers again and again, its times too."""

    def demux(self, stream):
        while True:
            yield from (packet for packet in super().demux(stream) if packet.dts is not None)
            self._container.seek(0)


def test_what_has_no_end_is_read_until_the_user_stops_it(walkers, network, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(devices, "open_camera", lambda index: Endless(walkers, interval=0.005))
    network(Breaks(after=3 * FRAMES))
    status, _, said = run(capsys, "0", "--json", tmp_path / "people.jsonl", "--smooth")
    assert status == 130 and "interrupted" in said
    numbers = [result.index for result in export.read_results(tmp_path / "people.jsonl")]
    assert len(numbers) == 3 * FRAMES and numbers == sorted(set(numbers))


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
def test_a_damaged_video_gives_what_comes_before(suffix, network, tmp_path, capsys):
    """And says so, also when there is nothing left to go on with."""
    cut = tmp_path / f"cut{suffix}"
    frames = film(lambda t: 60 + 2 * t, count=FRAMES)
    noise = np.random.default_rng(0).integers(0, 60, frames.shape, np.uint8)
    write_video(cut, np.maximum(frames, noise), 10)
    content = cut.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    for more in ([], ["--resume"], ["--resume"]):
        status, _, said = run(capsys, cut, "--json", tmp_path / "people.jsonl", *more)
        read = list(export.read_results(tmp_path / "people.jsonl"))
        assert 0 < len(read) < FRAMES and status == 1 and "cannot be read" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--box", "1,2,30,40"], "are for photographs"),
        (["--resume"], "name that file"),
        (["--resume", "--json", "a.jsonl", "--picture", "a.mp4"], "a.mp4 cannot be continued"),
        (["--detector", "file.onnx", "--json", "./file.onnx"], "another file that is read"),
        (["--one-person", "--conf", "0.5"], "--conf would have nothing to do"),
        (["--one-person", "--max-people", "2"], "--max-people would have nothing to do"),
        (["--picture", "CLIP"], "would replace a source"),
        (["--json", "a.csv", "--out", "a.csv"], "or another output"),
        (["--out", "a.jsonl", "--out", "a.jsonl"], "or another output"),
        (["--out", "a.docx"], "Results go to files that end in"),
        (["--picture", "a.png"], "A film's name must end in one of .mp4"),
        (["--out", "a.bvh"], "needs 3D poses"),
        (
            ["--actions", "--stride", "30"],
            "by the last 2.5 s. Received: --stride 30, frames 3 s apart",
        ),
        (["--fov", "60"], "--fov is for networks with depth, and photo-lite-2d has none"),
        (["--device", "abacus"], "No device abacus"),
        (["--device", "cpu", "--weights", "a.onnx"], "--device is for Keras"),
        (["--one-person", "--detector", "a.onnx"], "--detector would have nothing to do"),
    ],
)
def test_what_a_video_cannot_have(arguments, message, walkers, network, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = walkers.read_bytes()
    status, _, said = run(capsys, walkers, *[walkers if argument == "CLIP" else argument for argument in arguments])
    assert status == 1 and message in said, said
    assert walkers.read_bytes() == before
    assert not [path for path in pathlib.Path(tmp_path).iterdir() if path.suffix == ".mp4"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--stride=0", "--stride: must be 1 or more. Received: 0"),
        ("--stride=two", "invalid whole value: 'two'"),
        ("--conf=1.5", "--conf: must be in [0, 1]. Received: 1.5"),
        ("--conf=nan", "--conf: must be in [0, 1]. Received: nan"),
        ("--max-people=0", "--max-people: must be 1 or more. Received: 0"),
        ("--focal=0", "--focal: must be above 0. Received: 0"),
        ("--fov=180", "--fov: must be in [0.001, 179]. Received: 180"),
    ],
)
def test_numbers_out_of_range_are_no_command_line(option, message, walkers, capsys):
    status, _, said = run(capsys, walkers, option)
    assert status == 2 and message in said


@pytest.mark.parametrize("option", ["--smooth", "--actions", "--stride=2"])
def test_what_photographs_cannot_have(option, network, tmp_path, capsys):
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    status, _, said = run(capsys, tmp_path / "a.png", option)
    assert status == 1 and f"{option.partition('=')[0]} is for videos" in said


@pytest.mark.parametrize(
    "wrong", [["--classes", "swimming"], ["--actions", "nothing"], ["--device", "abacus"], ["--fov", "60"]]
)
def test_wrong_options_replace_no_file(wrong, walkers, network, tmp_path, capsys):
    outs = [tmp_path / "people.jsonl", tmp_path / "people.csv"]
    for out in outs:
        out.write_text("of yesterday")
    status, _, said = run(capsys, walkers, "--json", outs[0], "--out", outs[1], *wrong)
    assert status == 1 and said.startswith("deephar predict: ")
    assert [out.read_text() for out in outs] == ["of yesterday"] * 2


def test_a_full_disk_leaves_no_empty_file(walkers, network, tmp_path, capsys, monkeypatch):
    """The file is named, without the number of the error."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(writing.Lines, "add", full)
    status, _, said = run(capsys, walkers, "--json", tmp_path / "people.jsonl")
    assert (status, said) == (1, f"deephar predict: {tmp_path / 'people.jsonl'}: No space left on device\n")
    assert not list(tmp_path.iterdir())


def test_the_reader_of_the_lines_may_go_away(walkers, network, capsys, monkeypatch):
    def gone(*_):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(export.Printed, "_print", gone)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    monkeypatch.setattr("sys.stdout", types.SimpleNamespace(fileno=lambda: 1, flush=lambda: None))
    assert cli.main(["predict", str(walkers)]) == 1
    assert capsys.readouterr().err == ""


def test_a_film_of_nothing_hides_no_fault(network, tmp_path):
    source = types.SimpleNamespace(kind="stream", live=True, name="tcp://host", fps=25.0, broken={})

    def filmed():
        return predict_video._Filmed(tmp_path / "a.mp4", source, network(Spots()))

    with pytest.raises(ValueError, match="at least one frame"), filmed():
        pass
    source.broken[0] = "tcp://host stopped"
    with filmed():
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("live", "name", "said"), [(False, "a.mp4", True), (True, "a.mp4", False), (False, "a.gif", False)]
)
def test_a_film_of_a_web_video_says_that_it_has_no_sound(live, name, said, network, tmp_path, capsys):
    source = types.SimpleNamespace(kind="stream", live=live, name="http://host/clip.mp4", fps=10.0, broken={})
    made = network(Spots())
    with predict_video._Filmed(str(tmp_path / name), source, made) as filmed:
        for result in made.stream(film(lambda t: 60 + 2 * t, count=3)):
            filmed.write(result)
    assert ("has no sound" in capsys.readouterr().err) == said


def test_there_is_no_such_camera(network, capsys):
    status, _, said = run(capsys, "97")
    assert status == 1 and "No camera 97" in said


def test_results_of_another_video_are_not_gone_on_with(walkers, network, tmp_path, capsys):
    other = tmp_path / "other.mp4"
    other.write_bytes(walkers.read_bytes())
    run(capsys, other, "--json", tmp_path / "people.jsonl", "--stride", 10)
    status, _, said = run(capsys, walkers, "--json", tmp_path / "people.jsonl", "--stride", 10, "--resume")
    assert status == 1 and "source" in said and "settings" not in said
    status, _, said = run(capsys, other, "--json", tmp_path / "people.jsonl", "--conf", 0.4, "--resume")
    assert status == 1 and "results of settings {'stride': 10}, not {'conf': 0.4}" in said
