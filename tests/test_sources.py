"""Frames of photographs and of a program, one by one; what is bad is said once, and nothing stays open or held."""

import concurrent.futures
import gc
import io
import itertools
import math
import pathlib
import subprocess
import sys
import threading
import types
import weakref

import numpy as np
import pytest
from filmed import COUNT, number_of, picture
from PIL import Image, PngImagePlugin
from watched import open_files

from deephar.data.samples import frames
from deephar.inference import photo_paths, recordings, sources
from deephar.inference.sources import KINDS, open_source

av = pytest.importorskip("av")
ROOT = pathlib.Path(__file__).parents[1]


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
    given = open_source(path for path in (str(heic), str(photos / "img2.png")))
    assert len(list(given)) == 1 and "deephar[heic]" in given.broken[0]
    assert not frames.is_heif(b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1avif") and not frames.is_heif(b"")


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
        ([photos, "rtsp://127.0.0.1/a"], "a stream is opened by its own URL"),
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


def test_closing_while_another_thread_waits_for_a_photograph(photos, monkeypatch):
    """It gets that one, and no other."""
    source, opened, asked = open_source(photos), threading.Event(), threading.Event()
    decode = sources.decoded

    def slow(*item):
        asked.set()
        opened.wait(10)
        return decode(*item)

    monkeypatch.setattr(sources, "decoded", slow)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        got = pool.submit(list, source)
        asked.wait(10)
        source.close()
        opened.set()
        assert len(got.result()) == 1


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


def test_urls_of_files_are_paths_in_a_list_too(photos):
    with open_source([(photos / "img1.png").as_uri(), (photos / "img2.png").as_uri()]) as source:
        assert [frame.name for frame in source] == [str(photos / "img1.png"), str(photos / "img2.png")]
    with pytest.raises(ValueError, match="a stream is opened by its own URL. Received: http://host/a.jpg"):
        open_source([photos / "img1.png", "http://host/a.jpg"])


def test_an_empty_text_is_not_the_current_folder():
    for source in ("", ["a.png", ""]):
        with pytest.raises(ValueError, match=r"an empty text \(is a variable unset\?\)"):
            open_source(source)
