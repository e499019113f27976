"""Frames of anything a user may have, one after the other; what is bad is said once, and nothing stays open or held."""

import errno
import gc
import http.server
import io
import itertools
import math
import pathlib
import socket
import subprocess
import sys
import threading
import time
import types
import weakref
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from watched import open_files

from deephar import video
from deephar.data.samples import frames
from deephar.inference import devices, photo_paths, recordings
from deephar.inference.sources import KINDS, open_source

av = pytest.importorskip("av")
ROOT = pathlib.Path(__file__).parents[1]
COUNT = 60


def picture(number, size=(48, 32)):
    """A picture whose number, up to 60, can be told from its shade."""
    return np.full((size[1], size[0], 3), 4 * number + 4, np.uint8)


def number_of(image):
    return round(np.asarray(image).mean() / 4) - 1


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("sources") / "clip.mp4"
    video.write_video(path, map(picture, range(COUNT)), 25)
    return path


@pytest.fixture
def photos(tmp_path):
    """A folder of img1.png to img11.png, a file that is none, and what macOS leaves."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in (10, 2, 1, 11):
        Image.fromarray(picture(number)).save(folder / f"img{number}.png")
    (folder / "notes.txt").write_text("none")
    (folder / "._img1.png").write_bytes(b"none")
    (folder / "sub").mkdir()
    return folder


def write_timed(path, times, unit=1000, **settings):
    """A video whose frames are shown at the given times, in parts of a second: milliseconds by default."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=settings)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, unit)
        for number, at in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number))
            frame.pts, frame.time_base = at, Fraction(1, unit)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


class Camera:
    """Stands in for PyAV's container of a camera: a video file in real time, that is unplugged after some frames."""

    def __init__(self, path, interval=0.0, unplugged_after=None):
        self._container, self._interval, self._last = av.open(str(path)), interval, unplugged_after
        self.closed = False

    def __getattr__(self, name):
        return getattr(self._container, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._container.close()
        self.closed = True

    def demux(self, stream):
        for number, packet in enumerate(self._container.demux(stream)):
            if number == self._last:
                raise OSError(errno.ENODEV, "No such device")
            time.sleep(self._interval)
            yield packet


@pytest.fixture
def camera(clip, monkeypatch):
    """Function that has camera 0 show the clip, and gives its container."""

    def plug(path=clip, **settings):
        device = Camera(path, **settings)
        monkeypatch.setattr(devices, "open_camera", lambda index: device)
        return device

    return plug


# Photographs


def test_a_photograph(photos):
    with open_source(photos / "img2.png") as source:
        assert (source.kind, source.length, source.live, source.name) == (
            "photographs",
            1,
            False,
            str(photos / "img2.png"),
        )
        (frame,) = source
    assert math.isnan(source.fps) and math.isnan(frame.seconds)
    assert (frame.index, frame.size, frame.name) == (0, (48, 32), str(photos / "img2.png"))
    assert frame.image.mode == "RGB" and number_of(frame.image) == 2


def test_a_folder_is_sorted_as_people_count(photos):
    source = open_source(str(photos))
    assert [(frame.index, number_of(frame.image)) for frame in source] == [(0, 1), (1, 2), (2, 10), (3, 11)]
    assert (source.length, source.ignored) == (4, 2)
    names = ["b1", "a10", "A9", "a9b", "a", "10", "9", "é2", "e\u0301 1"]
    assert sorted(names, key=photo_paths.natural) == ["9", "10", "a", "A9", "a9b", "a10", "b1", "é2", "e\u0301 1"]


def test_patterns_and_lists(photos):
    assert [number_of(frame.image) for frame in open_source(photos / "img1*")] == [1, 10, 11]
    (photos / "a[1].png").write_bytes((photos / "img2.png").read_bytes())
    resumed = open_source(photos, start=2, stride=9)  # photographs are all given
    assert [(frame.index, number_of(frame.image)) for frame in resumed] == [(2, 2), (3, 10), (4, 11)]
    mixed = [photos / "a[1].png", str(photos / "img1[01].png"), picture(20), Image.fromarray(picture(30)), photos]
    source = open_source(mixed)
    assert [number_of(frame.image) for frame in source] == [2, 10, 11, 20, 30, 2, 1, 2, 10, 11]
    assert [frame.name for frame in source][3:5] == ["photograph 3", "photograph 4"]
    assert (source.length, source.ignored) == (10, 2)
    assert [number_of(frame.image) for frame in open_source(tuple(mixed[2:4]))] == [20, 30]


@pytest.mark.parametrize("shape", [(32, 48), (32, 48, 1), (32, 48, 3), (32, 48, 4)])
def test_arrays(shape):
    (frame,) = open_source(np.full(shape, 255, np.uint8))
    assert (frame.image.mode, frame.size, frame.name) == ("RGB", (48, 32), "photograph")
    assert np.asarray(frame.image).min() == 255


def test_pil_images_are_turned_upright_and_named_by_their_files(photos, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(tmp_path / "turned.jpg", exif=exif)
    with Image.open(tmp_path / "turned.jpg") as image:
        (frame,) = open_source(image)
    assert frame.size == frame.image.size == (20, 40) and frame.name == str(tmp_path / "turned.jpg")
    (frame,) = open_source(Image.new("L", (1, 1), 9))
    assert frame.size == (1, 1) and frame.image.getpixel((0, 0)) == (9, 9, 9)


def test_photographs_larger_than_memory(tmp_path, monkeypatch):
    """A JPEG is decoded at a half; its size is that in the file. Another format is broken."""
    for name in ("a.jpg", "b.png"):
        Image.new("L", (80, 60)).save(tmp_path / name)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    source = open_source(tmp_path)
    (frame,) = source
    assert (frame.size, frame.image.size) == ((80, 60), (40, 30))
    assert list(source.broken) == [1] and "b.png" in source.broken[1]


def test_broken_photographs_are_skipped_and_counted(photos):
    (photos / "img2.png").write_bytes((photos / "img2.png").read_bytes()[:60])
    (photos / "img10.png").write_bytes(b"")
    source = open_source([photos, photos / "img12.png"])
    assert [(frame.index, number_of(frame.image)) for frame in source] == [(0, 1), (3, 11)]
    assert list(source.broken) == [1, 2, 4] and "img10.png" in source.broken[2]
    assert source.broken[4] == f"No such photograph: {photos / 'img12.png'}"
    with pytest.raises(ValueError, match=r"img2.png"):
        list(open_source(photos, on_broken="raise"))


def test_a_single_photograph_that_is_broken_is_an_error(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (99, 99, 3), np.uint8)).save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:3000])
    with pytest.raises(ValueError, match=r"cut.jpg is truncated"):
        list(open_source(tmp_path / "cut.jpg"))


def test_suffixes_that_are_missing_or_wrong(photos, clip, tmp_path):
    (tmp_path / "photo").write_bytes((photos / "img2.png").read_bytes())
    (tmp_path / "video").write_bytes(clip.read_bytes())
    assert open_source(tmp_path / "photo").kind == "photographs" and open_source(tmp_path / "video").kind == "video"
    (tmp_path / "photo.MP4").write_bytes((photos / "img2.png").read_bytes())
    assert [number_of(frame.image) for frame in open_source(tmp_path / "photo.MP4")] == [2]  # FFmpeg reads it too


HEADER = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"


@pytest.fixture
def heic(tmp_path):
    """A file that begins like HEIC; the stand-in for its decoder finds a PNG behind that."""
    file = io.BytesIO()
    Image.fromarray(picture(7)).save(file, "PNG")
    (tmp_path / "IMG_1.HEIC").write_bytes(HEADER + file.getvalue())
    return tmp_path / "IMG_1.HEIC"


def test_heic_by_its_extra(heic, monkeypatch):
    def opener(file, name=None):
        return PngImagePlugin.PngImageFile(io.BytesIO(file.read()[len(HEADER) :]))

    def register():
        Image.register_open("HEIF", opener, lambda prefix: prefix[4:12] == b"ftypheic")

    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    monkeypatch.setitem(sys.modules, "pillow_heif", types.SimpleNamespace(register_heif_opener=register))
    for source in (heic, heic.parent, [heic]):
        assert [number_of(frame.image) for frame in open_source(source)] == [7]


def test_heic_without_its_extra(heic, photos, monkeypatch):
    """Alone it is an error; among others it is broken. Nothing else needs the decoder."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImportError, match=r'IMG_1.HEIC.*pip install "deephar\[heic\]"'):
        open_source(heic)
    source = open_source([heic, photos])
    assert len(list(source)) == 4 and "deephar[heic]" in source.broken[0]
    with pytest.raises(ImportError, match="heic"):
        list(open_source([heic], on_broken="raise"))
    assert not frames.is_heif(b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1avif") and not frames.is_heif(b"")


# Videos


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
    """The first half of an MP4, sound, text that FFmpeg would draw, and nothing at all."""
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:3000])
    sound(tmp_path / "sound.wav")
    (tmp_path / "notes.txt").write_text("not a video\n" * 50)
    for name in ("empty.mp4", "empty.jpg", "empty"):
        (tmp_path / name).write_bytes(b"")
    for name, said in (
        ("cut.mp4", "cut.mp4 is not a readable video"),
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


# Frames of a program


def test_arrays_of_frames_and_iterables():
    stack = np.stack([picture(number) for number in range(6)])
    source = open_source(stack, stride=2, start=1)
    assert [(frame.index, number_of(frame.image)) for frame in source] == [(2, 2), (4, 4)]
    assert [frame.index for frame in source] == [2, 4] and (source.kind, source.length) == ("frames", 6)
    once = open_source(Image.fromarray(image) for image in stack)
    walk = iter(once)
    assert next(walk).name == "frame 0" and once.length is None
    walk.close()
    assert [frame.index for frame in once] == [1, 2, 3, 4, 5]  # it goes on


def test_frames_that_are_none_are_skipped_and_the_programs_own_errors_are_not():
    source = open_source(iter([picture(1), picture(2).astype(float), "absent.jpg", 7, picture(3)]))
    assert [number_of(frame.image) for frame in source] == [1, 3] and list(source.broken) == [1, 2, 3]
    assert source.broken[3] == "Expected a picture: a path, a PIL image or a uint8 array. Received: int"

    def faulty():
        yield picture(1)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        list(open_source(faulty()))


def test_one_frame_is_held(clip, photos, monkeypatch):
    """Whoever drops a frame before asking for the next holds none while that is made, and the source holds none."""
    made, given, most = [], [], 0

    def alive(refs):
        return sum(ref() is not None for ref in refs)

    def watched(make):
        def making(*arguments):
            nonlocal most
            most = max(most, alive(made))
            return make(*arguments)

        return making

    def generator():
        nonlocal most
        for number in range(100):
            most = max(most, alive(given))
            image = Image.fromarray(picture(number % COUNT))
            given.append(weakref.ref(image))
            yield image
            del image

    monkeypatch.setattr(frames, "to_rgb", watched(frames.to_rgb))
    monkeypatch.setattr(recordings, "upright", watched(recordings.upright))
    gc.disable()
    try:
        for source in (generator(), clip, photos, [picture(number) for number in range(9)]):
            made.clear()
            for frame in open_source(source):
                made.append(weakref.ref(frame.image))
                del frame
            assert len(made) >= 4 and alive(made) == most == 0
        assert len(given) == 100
    finally:
        gc.enable()


# Live sources


def test_a_camera_gives_the_newest_frame_and_drops_the_others(camera):
    """60 frames in 0.6 s; whoever looks every 0.1 s sees few, in order, with the numbers of their arrival."""
    device = camera(interval=0.01)
    with open_source(0) as source:
        assert (source.kind, source.name, source.live, source.length) == ("camera", "camera 0", True, None)
        found = []
        for frame in source:
            found.append((frame.index, number_of(frame.image), frame.seconds))
            assert frame.name == "camera 0"
            time.sleep(0.1)
    numbers = [index for index, _, _ in found]
    assert numbers == [number for _, number, _ in found] == sorted(set(numbers)) and 3 <= len(found) <= 12
    assert source.dropped == COUNT - len(found) and numbers[-1] == COUNT - 1
    np.testing.assert_allclose([seconds for _, _, seconds in found], np.array(numbers) / 25, atol=1e-6)
    assert device.closed and source.broken == {}


def test_times_of_a_camera_begin_with_its_first_frame(camera, tmp_path):
    """A camera's own clock may run since the machine was started."""
    camera(path=write_timed(tmp_path / "late.ts", range(5000, 6000, 40)), interval=0.02)
    with open_source(0) as source:
        np.testing.assert_allclose([frame.seconds - frame.index / 25 for frame in source], 0, atol=1e-3)


def test_nothing_is_dropped_that_nobody_wanted(camera):
    """A fast consumer, and frames that start and stride leave out."""
    camera(interval=0.02)
    with open_source("0", start=10, stride=5) as source:
        assert [frame.index for frame in source] == list(range(10, 60, 5)) and source.dropped == 0


def test_a_camera_that_is_unplugged_ends(camera):
    camera(interval=0.005, unplugged_after=20)
    source = open_source(0)
    assert 1 <= len(list(source)) <= 20
    ((index, reason),) = source.broken.items()
    assert reason == "camera 0 stopped: No such device" and 10 < index <= 20
    camera(unplugged_after=20)
    with pytest.raises(ValueError, match="camera 0 stopped"):
        list(open_source(0, on_broken="raise"))


def test_no_thread_and_no_file_is_left_of_a_camera(camera):
    """After an early exit, an exception, an interruption, and a source that was forgotten."""
    threads, before = threading.active_count(), open_files()
    for fault in (None, RuntimeError, KeyboardInterrupt):
        device = camera(interval=0.1)
        try:
            with open_source(0) as source:
                next(iter(source))
                if fault:
                    raise fault
        except (RuntimeError, KeyboardInterrupt):
            pass
        assert device.closed and threading.active_count() == threads and open_files() == before
        with pytest.raises(ValueError, match="camera 0 is closed"):
            iter(source)
    device = camera(interval=0.1)
    source = open_source(0)
    del source
    until = time.monotonic() + 5
    while not device.closed and time.monotonic() < until:
        time.sleep(0.01)
    assert device.closed


def test_a_reader_that_waits_is_freed_by_closing(camera):
    camera(interval=0.3)
    source = open_source(0, start=50)
    timer = threading.Timer(0.2, source._feed.close)
    timer.start()
    begun = time.monotonic()
    assert list(source) == [] and time.monotonic() - begun < 5
    timer.join()


def test_cameras_by_system(monkeypatch):
    """Where each system's cameras are, and what is said when there is none of that number."""
    asked = []
    stream = types.SimpleNamespace(width=4, height=4, codec_context=types.SimpleNamespace())

    def opened(place, **settings):
        asked.append((place, settings["format"]))
        if place.endswith("7"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return types.SimpleNamespace(
            streams=types.SimpleNamespace(video=[stream]),
            format=types.SimpleNamespace(name="v4l2"),
            close=lambda: None,
        )

    kinds = {"avfoundation": ["0", "1"], "dshow": ["Front", "Back"]}
    listing = types.SimpleNamespace(
        enumerate_input_devices=lambda kind: [
            types.SimpleNamespace(name=name, media_types=media)
            for name, media in [("Microphone", ["audio"]), *((name, ["video"]) for name in kinds[kind])]
        ]
    )
    monkeypatch.setattr(devices, "pyav", lambda: types.SimpleNamespace(open=opened, device=listing))
    for system in ("Darwin", "Windows"):
        monkeypatch.setattr("platform.system", lambda system=system: system)
        devices.open_camera(1)
    with pytest.raises(ValueError, match="No camera 3; connected: Front, Back"):
        devices.open_camera(3)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr(devices, "cameras", lambda: ["0", "7"])
    devices.open_camera(0)
    with pytest.raises(ValueError, match="Camera 7 cannot be opened; another program.*: Permission denied"):
        devices.open_camera(7)
    with pytest.raises(ValueError, match="No camera 3; connected: 0, 7"):
        open_source(3)
    assert asked == [("1", "avfoundation"), ("video=Back", "dshow"), ("/dev/video0", "v4l2"), ("/dev/video7", "v4l2")]


# Streams


@pytest.fixture
def served(tmp_path):
    """Address of a web server of a folder with clip.mkv."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path)

        def log_message(self, *arguments):
            pass

        def copyfile(self, source, output):
            try:
                super().copyfile(source, output)
            except ConnectionError:
                self.close_connection = True

    video.write_video(tmp_path / "clip.mkv", map(picture, range(COUNT)), 25)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_file_on_a_web_server_waits(served):
    with open_source(f"http://me:secret@{served}/clip.mkv", start=5, stride=10) as source:
        assert (source.kind, source.live, source.name) == ("stream", False, f"http://{served}/clip.mkv")
        assert [number_of(frame.image) for frame in source] == [10, 20, 30, 40, 50]


def test_a_stream_that_goes_on_is_live(tmp_path):
    path = write_timed(tmp_path / "clip.ts", range(0, 40 * COUNT, 40))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send():
            connection, _ = server.accept()
            with connection:
                connection.sendall(path.read_bytes())

        thread = threading.Thread(target=send)
        thread.start()
        with open_source(f"tcp://127.0.0.1:{server.getsockname()[1]}") as source:
            found = list(source)
        thread.join()
    assert (source.kind, source.live) == ("stream", True) and len(found) + source.dropped == COUNT
    assert found[-1].index == COUNT - 1 == number_of(found[-1].image) and source.broken == {}
    assert found[-1].name == f"frame {COUNT - 1} of {source.name}"


def test_streams_that_cannot_be_reached_do_not_tell_passwords():
    with pytest.raises(ValueError, match="Expected a URL with one of rtsp://.*Received: gopher://host/1"):
        open_source("gopher://me:secret@host/1")
    with pytest.raises(ValueError, match="cannot be opened") as fault:
        open_source("rtsp://me:secret@127.0.0.1:9/1")
    assert "secret" not in str(fault.value)


# All of them


def test_what_cannot_be_a_source(photos, tmp_path, clip):
    (tmp_path / "void").mkdir()
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "clip.mp4").write_bytes(clip.read_bytes())
    for source, said in (
        (tmp_path / "absent.jpg", "No such photograph: .*absent.jpg"),
        (str(tmp_path / "*.jpg"), r"among what .*\*.jpg matches. Received: no files"),
        (tmp_path / "void", "in the folder .*void. Received: no files"),
        (tmp_path / "films", "Received: 1 other files; a video is opened by its own path"),
        ([photos, clip], "A list is of photographs.*clip.mp4"),
        ([], "an empty list"),
        (np.zeros((4, 4)), "expected an array of uint8"),
        (np.zeros((0, 4, 4, 3), np.uint8), "expected an array of uint8"),
        (-1, "`camera` must be a whole number, 0 or more"),
        (True, "Received: bool"),
        (None, "Received: NoneType"),
        (1.5, "Received: float"),
    ):
        with pytest.raises(ValueError, match=said):
            open_source(source)
    for rules in ({"stride": 0}, {"start": -1}, {"on_broken": "ignore"}):
        with pytest.raises(ValueError, match=f"`{next(iter(rules))}` must be"):
            open_source(photos, **rules)


def test_a_file_url_and_spellings(photos, clip):
    (photos / "a b.png").write_bytes((photos / "img2.png").read_bytes())
    assert open_source((photos / "a b.png").as_uri()).kind == "photographs"
    assert open_source(photos / "img2.PNG").length == 1
    assert open_source(clip.with_suffix(".MP4")).length == COUNT


@pytest.mark.parametrize("fault", [None, RuntimeError, KeyboardInterrupt])
def test_files_close_on_every_way_out(clip, fault):
    """Leaving the loop, the end of the `with` while the iterator is kept, an exception, Ctrl-C."""
    gc.disable()
    try:
        before = open_files()
        for _ in open_source(clip):
            break
        assert open_files() == before
        walk = None
        try:
            with open_source(clip, start=30) as source:
                walk = iter(source)
                next(walk)
                assert open_files() == before + 1
                if fault:
                    raise fault
        except (RuntimeError, KeyboardInterrupt):
            pass
        assert open_files() == before and next(walk, None) is None
    finally:
        gc.enable()


def test_a_source_can_be_walked_again_and_twice_at_once(clip, photos):
    for source in (open_source(clip), open_source(photos)):
        first, second = iter(source), iter(source)
        for a, b in itertools.islice(zip(first, second, strict=True), 4):
            assert a.index == b.index and number_of(a.image) == number_of(b.image)
        assert len(list(source)) == source.length and source.kind in KINDS


def test_neither_keras_nor_pyav_is_imported_before_it_is_needed():
    code = (
        "import sys; import deephar.inference.sources\n"
        "print([m for m in ('keras', 'tensorflow', 'scipy', 'h5py', 'av', 'pillow_heif') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
