"""Frames of videos with their times, from anywhere on, and of videos that are damaged or none."""

import os
import sys

import numpy as np
import pytest
from filmed import COUNT, number_of, picture, write_timed

from deephar import video
from deephar.inference import recordings
from deephar.inference.sources import open_source

av = pytest.importorskip("av")


@pytest.mark.parametrize("suffix", video.SUFFIXES)
def test_a_video(suffix, tmp_path):
    video.write_video(tmp_path / f"clip{suffix}", map(picture, range(COUNT)), 20)
    with open_source(tmp_path / f"clip{suffix}") as source:
        assert (source.kind, source.length, source.live, source.fps) == ("video", COUNT, False, pytest.approx(20))
        found = list(source)
    assert [frame.index for frame in found] == [number_of(frame.image) for frame in found] == list(range(COUNT))
    np.testing.assert_allclose([frame.seconds for frame in found], np.arange(COUNT) / 20, atol=2e-3)
    assert found[12].name == f"frame 12 of {tmp_path / f'clip{suffix}'}" and found[12].size == (48, 32)
    assert source.broken == {} and source.dropped == 0


TIMES = [0, 40, 500, 520, 1000, 3000, 3040, 3080, *range(4000, 8000, 100)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_times_of_a_variable_rate(suffix, tmp_path):
    path = write_timed(tmp_path / f"timed{suffix}", TIMES)
    found = [(frame.index, frame.seconds) for frame in open_source(path)]
    assert [index for index, _ in found] == list(range(len(TIMES)))
    np.testing.assert_allclose([seconds for _, seconds in found], np.array(TIMES) / 1000, atol=1e-3)
    later = open_source(path, start=20)
    assert [frame.seconds for frame in later] == [seconds for _, seconds in found][20:] and not later.broken


def test_times_begin_with_the_first_frame(tmp_path):
    """Also where the container begins later, as transport streams do."""
    path = write_timed(tmp_path / "late.ts", range(5000, 6000, 40))
    source = open_source(path)
    np.testing.assert_allclose([frame.seconds for frame in source], np.arange(25) / 25, atol=1e-3)
    assert next(iter(open_source(path, start=10))).seconds == pytest.approx(0.4)


def test_a_video_that_was_stored_turned_is_upright(clip, tmp_path):
    content = clip.read_bytes()
    at = content.index(b"tkhd") + 4 + 40
    matrix = [0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30]
    written = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    (tmp_path / "turned.mp4").write_bytes(content[:at] + written + content[at + 36 :])
    frame = next(iter(open_source(tmp_path / "turned.mp4")))
    assert frame.size == frame.image.size == (32, 48)


@pytest.mark.parametrize(("stride", "start"), [(1, 45), (7, 0), (7, 30), (1, 60), (3, 100)])
@pytest.mark.parametrize("suffix", video.SUFFIXES)
def test_stride_and_start_give_the_same_frames(stride, start, suffix, tmp_path):
    video.write_video(tmp_path / f"clip{suffix}", map(picture, range(COUNT)), 25)
    source = open_source(tmp_path / f"clip{suffix}", stride=stride, start=start)
    found = [(frame.index, number_of(frame.image), round(frame.seconds, 2)) for frame in source]
    assert found == [(n, n, round(n / 25, 2)) for n in range(0, COUNT, stride) if n >= start]
    assert source.length == COUNT and source.broken == {}


def test_resuming_decodes_from_the_key_frame_on(tmp_path, watch):
    """One key frame every ten; the first frame of all is decoded to see that it is a video."""
    path = write_timed(tmp_path / "keys.mp4", range(0, 40 * COUNT, 40), g="10", bf="2", sc_threshold="0")
    source = open_source(path, start=45)
    watch.decoded = 0
    assert number_of(next(iter(source)).image) == 45 and 1 <= watch.decoded <= 12


def test_resuming_where_times_are_made_up(tmp_path, monkeypatch, watch):
    """In a container without times the numbers of frames are counted; also where a jump lands behind."""
    path = write_timed(tmp_path / "b.avi", range(30), unit=25, **{"x264-params": "bframes=2:b-adapt=0:scenecut=0"})
    with av.open(str(path)) as container:
        times = [frame.pts for frame in container.decode(container.streams.video[0])]
    assert times != sorted(times)
    watch.opened = 0
    assert [number_of(frame.image) for frame in open_source(path, start=13)] == list(range(13, 30))
    assert watch.opened == 2
    video.write_video(tmp_path / "b.mkv", map(picture, range(30)), 25)
    monkeypatch.setattr(recordings, "_REORDERED", 1)  # so that it is taken for another time
    assert [number_of(frame.image) for frame in open_source(tmp_path / "b.mkv", start=13)] == list(range(13, 30))


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
def test_a_truncated_video_gives_the_frames_before(suffix, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (30, 32, 48, 3), np.uint8)
    video.write_video(tmp_path / f"whole{suffix}", noise, 25)
    content = (tmp_path / f"whole{suffix}").read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(content[: len(content) * 6 // 10])
    source = open_source(tmp_path / f"cut{suffix}")
    found = list(source)
    assert 10 <= len(found) <= 20 and "cut" in "".join(source.broken.values())
    assert min(source.broken) == len(found) and "ends early: after" in source.broken[max(source.broken)]
    assert suffix == ".mkv" or "is damaged" in source.broken[len(found)]  # an AVI's last frame is half there
    with pytest.raises(ValueError, match=f"cut{suffix}"):
        list(open_source(tmp_path / f"cut{suffix}", on_broken="raise"))
    later = open_source(tmp_path / f"cut{suffix}", start=5)
    assert [frame.index for frame in later] == list(range(5, len(found))) and later.broken == source.broken


def test_data_that_end_in_nonsense(tmp_path):
    """Faults are noted where they are; frames that can be read are given."""
    noise = np.random.default_rng(0).integers(0, 255, (30, 32, 48, 3), np.uint8)
    video.write_video(tmp_path / "whole.mp4", noise, 25)
    content = bytearray((tmp_path / "whole.mp4").read_bytes())
    at = content.index(b"mdat")
    content[at + 4 + 20000 : content.index(b"moov") - 4] = b"\xff" * (content.index(b"moov") - at - 8 - 20000)
    (tmp_path / "whole.mp4").write_bytes(content)
    source = open_source(tmp_path / "whole.mp4")
    given = [frame.index for frame in source]
    assert 5 < len(given) < 30 and min(source.broken) >= 5 and "whole.mp4" in source.broken[min(source.broken)]


def sound(path, codec="pcm_s16le"):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=8000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        samples.sample_rate = 8000
        container.mux(stream.encode(samples))
        container.mux(stream.encode())


def test_files_that_are_no_pictures(clip, tmp_path):
    """The first half of an MP4, an unknown codec, sound, text that FFmpeg would draw, a pipe, and nothing at all."""
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:3000])
    head, description, rest = clip.read_bytes().rpartition(b"stsd")
    unknown = rest.replace(b"avc1", b"zzzz", 1).replace(b"avcC", b"zzzC", 1)
    (tmp_path / "codec.mp4").write_bytes(head + description + unknown)
    os.mkfifo(tmp_path / "pipe.mp4")
    sound(tmp_path / "sound.wav")
    (tmp_path / "notes.txt").write_text("not a video\n" * 50)
    (tmp_path / "notes.mp4").write_text("not a video\n" * 50)
    for name in ("empty.mp4", "empty.jpg", "empty"):
        (tmp_path / name).write_bytes(b"")
    for name, said in (
        ("cut.mp4", "cut.mp4 is not a readable video"),
        ("codec.mp4", "codec.mp4 is not a readable video: FFmpeg has no decoder for its pictures"),
        ("pipe.mp4", "the URL of a stream .* Received: .*pipe.mp4, a pipe or a device"),
        ("absent.mp4", "No such video: .*absent.mp4"),
        ("notes.mp4", "notes.mp4 is not a readable video: Invalid data found when processing input$"),
        ("sound.wav", "sound.wav has no video stream"),
        ("notes.txt", "notes.txt has no video stream"),
        ("empty.mp4", "empty.mp4, which is empty"),
        ("empty.jpg", "empty.jpg, which is empty"),
        ("empty", "empty, which is empty"),
    ):
        with pytest.raises(ValueError, match=said):
            open_source(tmp_path / name)


def test_without_pyav_the_extra_is_named(clip, photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    for source in (clip, "rtsp://127.0.0.1/1"):
        with pytest.raises(ImportError, match=r"deephar\[video\]"):
            open_source(source)
    assert len(list(open_source(photos))) == 4
