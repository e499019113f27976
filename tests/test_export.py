import itertools
import json
import math
import resource

import numpy as np
import pytest
from exported import HAND, about, person, photograph, result, same, standing

import deephar
from deephar import layouts
from deephar.inference.export import JsonLines, Table, open_writer, read_results

POINTS = [[0, 0, 0], [1, 2, 3], [-1, 2, 3]]


def three():
    """Results with and without people, tracks, 3D poses and actions."""
    return [
        result(0, standing(*POINTS, track=4, position=(1, 2, 3000)), person(track=2)),
        result(5),
        result(7, person(track=3, actions={"wave": 0.75, "kick": 0.25})),
    ]


def written(path, results, **more):
    with JsonLines(path, about(), **more) as writer:
        for one in results:
            writer.write(one)
    return path


def test_the_first_line_says_what_all_have_in_common(tmp_path):
    head, line = written(tmp_path / "new" / "a.jsonl", [result(5)]).read_text().splitlines()
    assert json.loads(head) == {
        "format": "deephar-results-1", "weights": "own.weights.h5", "layout": "hand",
        "joints": ["wrist", "left_thumb", "right_thumb"], "links": [["wrist", "left_thumb"]], "source": "clip.mp4",
        "fps": 25.0, "settings": {}, "deephar": deephar.__version__,
    }  # fmt: skip
    assert json.loads(line) == result(5).to_dict()


def test_results_come_back(tmp_path):
    stored = read_results(written(tmp_path / "a.jsonl", three()))
    assert stored.about == about() and not stored.partial
    for _ in range(2):  # iterating begins anew
        assert all(itertools.starmap(same, zip(stored, three(), strict=True)))


def test_what_is_not_finite_is_null(tmp_path):
    unsure = person(actions={"wave": math.nan})
    unsure.pose_px[1] = math.nan, math.inf
    with JsonLines(tmp_path / "a.jsonl", about(fps=math.nan)) as writer:
        writer.write(photograph(0, "\udcffé.jpg", unsure))
    text = (tmp_path / "a.jsonl").read_text()
    assert text.count("null") == 5 and "NaN" not in text and "Infinity" not in text
    stored = read_results(tmp_path / "a.jsonl")
    (back,) = stored
    assert math.isnan(stored.about.fps) and math.isnan(back.seconds) and back.name == "\udcffé.jpg"
    np.testing.assert_equal(back.people[0].pose_px, [[0, 1], [math.nan, math.nan], [4, 5]])
    assert math.isnan(back.people[0].actions["wave"])


def test_lines_can_be_read_while_the_file_grows(tmp_path):
    with JsonLines(tmp_path / "a.jsonl", about()) as writer:
        for number, one in enumerate(three(), 1):
            writer.write(one)
            assert len(list(read_results(tmp_path / "a.jsonl"))) == number


def test_a_file_cut_off_anywhere_goes_on(tmp_path):
    whole = written(tmp_path / "whole.jsonl", three()).read_bytes()
    ends = np.cumsum([len(line) for line in whole.splitlines(keepends=True)])
    path = tmp_path / "cut.jsonl"
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        left = max(int(np.sum(ends <= cut)) - 1, 0)
        if cut < ends[0]:
            with pytest.raises(ValueError, match="the first line is not whole"):
                read_results(path)
        else:
            stored = read_results(path)
            assert (len(list(stored)), stored.partial) == (left, cut not in ends)
        with JsonLines(path, about(), resume=True) as writer:
            assert writer.next_index == [0, 1, 6, 8][left] and writer.last_track == [0, 4, 4, 4][left]
            assert writer.last is None if not left else same(writer.last, three()[left - 1])
            for one in three()[left:]:
                writer.write(one)
            assert writer.next_index == 8
        assert path.read_bytes() == whole


def test_without_resume_a_file_is_begun_anew(tmp_path):
    path = written(tmp_path / "a.jsonl", three())
    assert len(list(read_results(written(path, [result(1)])))) == 1
    assert len(list(read_results(written(path, [result(2)], resume=True)))) == 2


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"weights": "b"}, "weights 'own.weights.h5', not 'b'"),
        ({"source": "b.mp4"}, "source 'clip.mp4', not 'b.mp4'"),
        ({"fps": math.nan}, "fps 25.0, not None"),
        ({"layout": layouts.get("lsp14")}, "layout 'hand', not 'lsp14'; joints "),
        ({"layout": layouts.PoseLayout("hand", HAND.names)}, r"links \[\['wrist', 'left_thumb'\]\], not \[\]"),
    ],
)
def test_results_of_something_else_do_not_go_on(tmp_path, other, message):
    before = written(tmp_path / "a.jsonl", three()).read_bytes()
    with pytest.raises(ValueError, match=f"a.jsonl holds results of {message}"):
        JsonLines(tmp_path / "a.jsonl", about(**other), resume=True)
    assert (tmp_path / "a.jsonl").read_bytes() == before


def test_a_foreign_file_is_not_gone_on_with(tmp_path):
    for text in ("my notes", "my notes\n", "[1]\n", '{"format": "deephar-poses-1"}\n'):
        (tmp_path / "a.txt").write_text(text)
        with pytest.raises(ValueError, match=r"a.txt is no file of results \(deephar-results-1\): "):
            JsonLines(tmp_path / "a.txt", about(), resume=True)
        with pytest.raises(ValueError, match="no file of results"):
            read_results(tmp_path / "a.txt")
        assert (tmp_path / "a.txt").read_text() == text


PERSON = json.dumps(standing(*POINTS, track=4).to_dict())
LINE = json.dumps(result(5).to_dict())


@pytest.mark.parametrize(
    "line",
    [
        "", "null", "[1]", "{", '{"frame": NaN}', "[" * 100_000, "\0", "{}", '{"frame": 0}',
        *(LINE.replace('"frame": 5', f'"frame": {value}') for value in ("1e999", "-1", "1.5", '"5"', "true")),
        *(LINE.replace('"seconds": 0.2', f'"seconds": {value}') for value in ("[]", "1" + "0" * 400, "{}", "NaN")),
        LINE.replace("640", "0"), LINE.replace("[]", '"ab"'), LINE.replace("[]", "[null]"),
        *(LINE.replace("[]", f"[{PERSON}]").replace(old, new) for old, new in [
            ('"track": 4', '"track": "4"'), ('"track": 4', '"track": 0'), ("[1.0, 2.0, 30.0, 40.0]", "[[1], 2, 3, 4]"),
            ("[1.0, 2.0, 30.0, 40.0]", "[[1], [2], [3], [4]]"), ("[0.5, 0.5, 0.5]", "[[0.5], [0.5], [0.5]]"),
            ("[0.5, 0.5, 0.5]", "[0.5, 0.5]"), ("[1.0, 2.0, 3.0]", "[1, 2]"), ('"track": 4', '"position": [1, 2]'),
            ('"track": 4', '"actions": [1]'), ('"track": 4', '"actions": {"wave": "often"}'), ("[2.0, 3.0], ", ""),
        ]),
    ],
)  # fmt: skip
def test_damaged_lines_are_named(tmp_path, line):
    path = written(tmp_path / "a.jsonl", three())
    head, first, _, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(head + first + line.encode() + b"\n" + last)
    results = iter(read_results(path))
    same(next(results), three()[0])
    with pytest.raises(ValueError, match=r"a.jsonl, line 3 is damaged: "):
        next(results)
    with pytest.raises(ValueError, match=r"a.jsonl, line 3 is damaged: "):
        JsonLines(path, about(), resume=True)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 1}, {"weights": None}, {"source": 3}, {"layout": ["hand"]}, {"joints": 5}, {"joints": ["l_eye"]},
        {"links": [["wrist", 3]]}, {"links": 7}, {"fps": -1}, {"fps": 10**400}, {"fps": "25"}, {"fps": 0},
    ],
)  # fmt: skip
def test_a_damaged_header_is_refused(tmp_path, change):
    path = written(tmp_path / "a.jsonl", three())
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(head), **change}), *lines]) + "\n")
    with pytest.raises(ValueError, match="a.jsonl is no file of results"):
        read_results(path)


@pytest.mark.parametrize("end", [".jsonl", ".csv", ".coco.json", ".trc", ".bvh"])
def test_what_was_collected_is_written_on_every_way_out(tmp_path, end):
    layout = layouts.get("pa17j")
    points = np.random.default_rng(0).normal(size=(17, 3)) * 100
    paths = [tmp_path / f"{name}{end}" for name in ("whole", "left")]
    for path, error in zip(paths, [None, KeyboardInterrupt], strict=True):
        path.write_text("of an earlier run")
        writer = open_writer(path, about(layout), depth=True)
        try:
            with writer:
                writer.write(result(0, standing(*points, track=1, layout=layout), layout=layout))
                if error:
                    raise error
        except KeyboardInterrupt:
            pass
        with pytest.raises(ValueError, match=f"{path.name} is closed"):
            writer.write(result(1, standing(*points, track=1, layout=layout), layout=layout))
        writer.close()
    whole, left = (path.read_text().replace(path.name, "") for path in paths)
    assert whole == left and "of an earlier run" not in left
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_the_end_of_the_name_is_the_format(tmp_path):
    for depth in (False, True):
        with open_writer(tmp_path / "A.CSV", about(), depth) as writer:
            assert isinstance(writer, Table)
        assert ("wrist_z_mm" in (tmp_path / "A.CSV").read_text()) is depth
    with pytest.raises(ValueError, match=r"end in .jsonl, .csv, .coco.json, .trc, .bvh. Received: .*a.json"):
        open_writer(tmp_path / "a.json", about())
    with pytest.raises(ValueError, match=r"a.trc needs 3D poses. Received: a network without depth"):
        open_writer(tmp_path / "a.trc", about())


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_full_disk_leaves_whole_lines(tmp_path, name):
    """The limit of the operating system for a file's size stands for the disk."""
    path = tmp_path / name
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_writer(path, about()) as writer:
        writer.write(result(0, person()))
        before = path.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
        try:
            with pytest.raises(OSError, match=f"too large: .*{name}"):
                writer.write(result(1, person()))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert path.read_bytes() == before
        writer.write(result(1, person()))
    assert path.read_bytes().startswith(before) and path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize("end", [".jsonl", ".csv", ".coco.json", ".trc", ".bvh"])
def test_what_cannot_be_written_is_named(tmp_path, end):
    (tmp_path / "file").touch()
    with pytest.raises((ValueError, OSError), match=f"file.a{end}"):
        open_writer(tmp_path / "file" / f"a{end}", about(layouts.get("pa17j")), depth=True)


def test_a_file_that_fails_at_the_end_is_named_and_may_be_tried_again(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    writer = open_writer(folder / "a.coco.json", about(layouts.get("lsp14")))
    folder.rmdir()
    folder.touch()
    with pytest.raises(OSError, match=r"folder.a.coco.json"):
        writer.close()
    folder.unlink()
    writer.close()
    assert json.loads((folder / "a.coco.json").read_text()) == []


def test_a_frame_rate_is_above_0():
    with pytest.raises(ValueError, match="`fps` must be above 0, or NaN if unknown. Received: fps=0"):
        about(fps=0)


def test_settings_come_back_and_must_be_the_same(tmp_path):
    settings = {"stride": 2, "conf": 0.4, "size": (640, 480)}
    with JsonLines(tmp_path / "a.jsonl", about(settings=settings)) as lines:
        lines.write(result(0))
    assert read_results(tmp_path / "a.jsonl").about.settings == {**settings, "size": [640, 480]}
    with JsonLines(tmp_path / "a.jsonl", about(settings=settings), resume=True) as lines:
        assert lines.next_index == 1
    with pytest.raises(ValueError, match="holds results of settings .*'stride': 2.*, not {}. Choose another file"):
        JsonLines(tmp_path / "a.jsonl", about(), resume=True)
    text = (tmp_path / "a.jsonl").read_text().replace('{"stride":2,"conf":0.4,"size":[640,480]}', "[]")
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(ValueError, match=r"expected settings by name. Received: \[\]"):
        read_results(tmp_path / "a.jsonl")
