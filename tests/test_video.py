import concurrent.futures
import gc
import pathlib
import pickle
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image
from watched import open_files

from deephar import video
from deephar.data.synthetic import write_ntu
from deephar.data.synthetic.writing import Settings
from deephar.inference.sources import open_source
from deephar.video_writer import VideoWriter

av = pytest.importorskip("av")


def shades(count=12, size=(48, 32)):
    """Pictures whose number can be told from their shade: 20 each; the left half is black."""
    pictures = [np.full((size[1], size[0], 3), 20 * (number + 1), np.uint8) for number in range(count)]
    for picture in pictures:
        picture[:, : size[0] // 2] = 0
    return pictures


def number_of(picture):
    """Which of `shades` a decoded picture is."""
    return round(np.asarray(picture)[:, -10:].mean() / 20) - 1


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    video.write_video(path, shades(), 25)
    return path


@pytest.mark.parametrize("suffix", video.SUFFIXES)
def test_written_frames_are_read_back_by_number(suffix, tmp_path):
    path = tmp_path / f"clip{suffix}"
    video.write_video(path, [Image.fromarray(picture) for picture in shades()], 29.97)
    opened = video.open_video(path)
    assert (len(opened), opened.size) == (12, (48, 32)) and opened.fps == pytest.approx(29.97)
    assert [number_of(opened.frame(index)) for index in (0, 1, 4, 4, 11, 3, 10)] == [0, 1, 4, 4, 11, 3, 10]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_mpeg4_where_h264_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    video.write_video(tmp_path / "clip.avi", shades(), 10)
    with av.open(str(tmp_path / "clip.avi")) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
    opened = video.open_video(tmp_path / "clip.avi")
    assert [number_of(opened.frame(index)) for index in range(len(opened))] == list(range(12))


def test_what_was_trimmed_away_is_no_frame(clip, tmp_path):
    """A video cut between key frames keeps those before the cut, and a list that says not to show them."""
    path = tmp_path / "trimmed.mp4"
    with av.open(str(clip)) as whole, av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as part:
        pictures = whole.streams.video[0]
        copied = part.add_stream_from_template(pictures)
        step = round(1 / (25 * pictures.time_base))
        for packet in whole.demux(pictures):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - 3 * step, packet.dts - 3 * step, copied
                part.mux(packet)
    opened = video.open_video(path)
    with av.open(str(path)) as container:
        packets = sum(packet.size > 0 for packet in container.demux(video=0))
    shown = [number_of(opened.frame(index)) for index in range(len(opened))]
    assert packets == 12 and shown == list(range(12 - len(opened), 12)) and len(opened) < 12
    with open_source(path) as source:
        assert source.length == len(list(source)) == len(opened)


def test_a_picture_that_is_refused_leaves_no_trace(tmp_path):
    with VideoWriter(tmp_path / "clip.mp4", 25) as writer:
        with pytest.raises(ValueError, match=r"all be \(32, 48\) RGB. Received: \(32, 48\)"):
            writer.write(shades()[0][..., 0])
        writer.write(shades()[0])


def test_rising_numbers_are_decoded_once(clip, watch):
    """Up to frame 9; then again from the start up to frame 2."""
    opened = video.open_video(clip)
    for index in (0, 3, 3, 6, 9):
        opened.frame(index)
    assert (watch.opened, watch.decoded) == (1, 10)
    opened.frame(2)
    assert (watch.opened, watch.decoded) == (2, 13)


def test_files_close_when_they_are_no_longer_used(clip):
    """Not when the garbage collector comes: at `close`, at the end of a `with`, and with the last reference."""
    gc.collect()
    gc.disable()
    try:
        before, opened = open_files(), video.open_video(clip)
        assert len(opened) == 12 and open_files() == before + 1
        opened.close()
        assert open_files() == before and number_of(opened.frame(1)) == 1
        del opened
        with video.open_video(clip) as opened:
            opened.frame(3)
        for _ in range(5):
            video.open_video(clip).frame(2)
            with pytest.raises(ValueError, match="Received: frame 12"):
                opened.frame(12)
        assert open_files() == before
    finally:
        gc.enable()


def test_threads_that_share_a_video_get_their_frames(clip):
    opened = video.open_video(clip)
    order = np.random.default_rng(0).integers(0, 12, (2, 40)).tolist()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda numbers: [number_of(opened.frame(number)) for number in numbers], order))
    assert found == order


def test_some_frames_in_any_order(clip):
    assert [number_of(picture) for picture in video.read_frames(clip, [7, 2, 7, 0])] == [7, 2, 7, 0]
    with pytest.raises(ValueError, match=r"clip.mp4 has 12 frames. Received: frame 12"):
        video.read_frames(clip, [3, 12])


def test_a_pickled_video_opens_anew_and_a_closed_one_too(clip):
    opened = video.open_video(clip)
    opened.frame(5)
    again = pickle.loads(pickle.dumps(opened))
    opened.close()
    assert number_of(again.frame(6)) == number_of(opened.frame(6)) == 6 and len(again) == 12


def test_after_an_error_other_frames_are_read(clip):
    opened = video.open_video(clip)
    for wrong in (12, -1):
        with pytest.raises(ValueError, match=f"Received: (frame )?{wrong}"):
            opened.frame(wrong)
        assert number_of(opened.frame(8)) == 8


def test_odd_sizes_are_made_even_by_repeating_the_edge(tmp_path):
    picture = np.zeros((33, 47, 3), np.uint8)
    picture[:, 40:] = 200
    video.write_video(tmp_path / "odd.mp4", [picture], 1)
    (frame,) = video.read_frames(tmp_path / "odd.mp4", [0])
    assert frame.size == (48, 34) and np.asarray(frame)[:, -1].mean() == pytest.approx(200, abs=6)


@pytest.mark.parametrize(
    ("matrix", "rows"),
    [
        ((1, 0, 0, 1), "ab cd"), ((-1, 0, 0, 1), "ba dc"), ((1, 0, 0, -1), "cd ab"), ((-1, 0, 0, -1), "dc ba"),
        ((0, 1, -1, 0), "ca db"), ((0, -1, 1, 0), "bd ac"), ((0, 1, 1, 0), "ac bd"), ((0, -1, -1, 0), "db ca"),
        ((0, 0, 0, 0), "ab cd"), ((2, 1, -1, 2), "ab cd"),
    ],
)  # fmt: skip
def test_videos_that_are_stored_turned_or_mirrored_are_upright(matrix, rows, tmp_path):
    """The display matrix of a telephone, a b u c d v x y w: the stored (x, y) is shown at (a x + c y, b x + d y).

    Of quarters a b above c d, with the matrix of an upright telephone the left ones come to the top.
    """
    shades, stored = {"a": 0, "b": 80, "c": 160, "d": 240}, np.zeros((32, 48, 3), np.uint8)
    stored[:16, :24], stored[:16, 24:], stored[16:, :24], stored[16:, 24:] = shades.values()
    video.write_video(tmp_path / "clip.mp4", [stored], 25)
    content, (a, b, c, d) = (tmp_path / "clip.mp4").read_bytes(), matrix
    at = content.index(b"tkhd") + 4 + 40  # 40 bytes into the box
    values = [value << 16 for value in (a, b, 0, c, d, 0, 0, 0)] + [1 << 30]
    written = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    (tmp_path / "turned.mp4").write_bytes(content[:at] + written + content[at + 36 :])
    with video.open_video(tmp_path / "turned.mp4") as opened:
        shown = opened.frame(0)
    assert shown.size == opened.size == ((32, 48) if abs(b) > abs(a) else (48, 32))
    quarters = np.asarray(shown.resize((2, 2), Image.Resampling.BOX))[..., 0]
    np.testing.assert_allclose(quarters, [[shades[letter] for letter in row] for row in rows.split()], atol=8)


def test_names_and_titles_of_every_kind(tmp_path):
    """A colon or a per cent sign is no protocol and no pattern; accents may be composed or not, titles in Latin-1."""
    path = tmp_path / unicodedata.normalize("NFD", "12:30 %d ü.mp4")
    video.write_video(path, shades(2), 25)
    for form in ("NFC", "NFD"):
        assert number_of(video.read_frames(unicodedata.normalize(form, str(path)), [1])[0]) == 1
    path.write_bytes(path.read_bytes().replace(b"VideoHandler", "Gr\u00fc\u00dfeHandler".encode("latin-1")))
    assert number_of(video.read_frames(path, [1])[0]) == 1


def test_frames_larger_than_memory_are_refused(clip, monkeypatch):
    monkeypatch.setattr(video, "MOST_PIXELS", 48 * 32 - 1)
    with pytest.raises(ValueError, match=r"clip.mp4 is not a readable video: at most 1535 pixels.*48 x 32"):
        video.open_video(clip)


def test_damaged_videos_are_named(clip, tmp_path):
    content = clip.read_bytes()
    for name, kept in (
        ("empty.mp4", b""),
        ("text.avi", b"not a video" * 99),
        ("cut.mp4", content[: len(content) // 2]),
    ):
        (tmp_path / name).write_bytes(kept)
        with pytest.raises(ValueError, match=rf"{name} is not a readable video"):
            video.open_video(tmp_path / name)
    with pytest.raises(ValueError, match=r"No such video: .*absent.mp4"):
        video.open_video(tmp_path / "absent.mp4")
    with pytest.raises(ValueError, match=r"No such video"):
        video.open_video(tmp_path)


def test_a_truncated_avi_has_the_frames_that_are_left(tmp_path):
    """Its header still tells the old number."""
    noise = np.random.default_rng(0).integers(0, 255, (12, 32, 48, 3), np.uint8)
    video.write_video(tmp_path / "whole.avi", noise, 25)
    content = (tmp_path / "whole.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) * 6 // 10])
    opened = video.open_video(tmp_path / "cut.avi")
    assert 3 <= len(opened) <= 9
    with pytest.raises(ValueError, match=r"cut.avi"):
        opened.frame(11)
    assert opened.frame(1).size == (48, 32)


def test_sound_alone_is_refused(tmp_path):
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(ValueError, match=r"sound.wav has no video stream"):
        video.open_video(tmp_path / "sound.wav")


@pytest.mark.parametrize(
    ("name", "pictures", "fps", "message"),
    [
        ("clip.gif", shades(), 25, "must end in one of .mp4"),
        ("clip.mp4", shades(), 0, "`fps` must be above 0. Received: 0"),
        ("clip.mp4", [], 25, "at least one frame"),
        ("clip.mp4", [*shades(2), shades(1, (50, 32))[0]], 25, r"must all be \(32, 48\) RGB. Received: \(32, 50, 3\)"),
        ("clip.mp4", [np.zeros((32, 48), np.uint8)], 25, r"RGB. Received: \(32, 48\)"),
    ],
)
def test_what_cannot_be_written(name, pictures, fps, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        video.write_video(tmp_path / name, pictures, fps)
    assert not list(tmp_path.iterdir())


def test_without_pyav_the_extra_is_named(clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    for call in (lambda: video.open_video(clip), lambda: video.write_video("clip.mp4", shades(), 25)):
        with pytest.raises(ImportError, match=r"deephar\[video\]"):
            call()
    assert not pathlib.Path("clip.mp4").exists()


def test_a_folder_of_pictures_is_a_video(tmp_path):
    for number in (1, 2, 4):
        Image.new("RGB", (20, 10), (number, 0, 0)).save(tmp_path / f"{number:05d}.png")
    (tmp_path / "notes.txt").write_text("x")
    folder = video.PictureFolder(tmp_path, ".png")
    assert (len(folder), folder.size) == (4, (20, 10))
    assert folder.frame(3).getpixel((0, 0)) == (4, 0, 0)
    with pytest.raises(ValueError, match=r"No such photograph: .*00003.png"):
        folder.frame(2)


@pytest.mark.parametrize("suffix", [".JPG", ".jpeg", ".Jpeg"])
def test_pictures_whose_suffix_is_spelt_otherwise(suffix, tmp_path):
    """However many digits a number has; one that is missing is named as the others are spelt."""
    for number in (1, 3):
        Image.new("RGB", (20, 10), (50 * number, 0, 0)).save(tmp_path / f"{number:06d}{suffix}", format="JPEG")
    folder = video.PictureFolder(tmp_path)
    assert (len(folder), folder.size, round(folder.frame(2).getpixel((0, 0))[0] / 50)) == (3, (20, 10), 3)
    with pytest.raises(ValueError, match="No such photograph: .*000002.jpg"):
        folder.frame(1)


def test_a_folder_without_pictures_is_named(tmp_path):
    (tmp_path / "00001.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"Expected images 00001.jpg.*there are none"):
        video.PictureFolder(tmp_path)
    with pytest.raises(ValueError, match=r"Expected a folder of images.*absent"):
        video.PictureFolder(tmp_path / "absent")


def test_real_videos(shared):
    opened = video.open_video(shared / "data" / "photos" / "demo.mp4")
    assert (len(opened), opened.size, opened.fps) == (280, (340, 256), 28.0)
    first, later = np.asarray(opened.frame(0)), np.asarray(opened.frame(200))
    np.testing.assert_array_equal(np.asarray(opened.frame(0)), first)
    assert np.abs(later.astype(int) - first).mean() > 1
    ntu = video.open_video(shared / "data" / "ntu" / "nturgb+d_rgb" / "S001C001P001R001A001_rgb.avi")
    assert (len(ntu), ntu.size, ntu.fps) == (103, (1920, 1080), 30.0)


@pytest.mark.parametrize("threads", [1, 2])
def test_an_encoder_has_the_threads_that_are_asked_for(threads, tmp_path, monkeypatch):
    """With one, it cannot depend on which is faster; a clip of NTU RGB+D is written so."""
    with VideoWriter(tmp_path / "film.mp4", 25, threads=threads) as writer:
        writer.write(np.zeros((54, 96, 3), np.uint8))
        assert writer._stream.codec_context.thread_count == threads
    asked = []
    monkeypatch.setattr(video, "write_video", lambda *_, threads: asked.append(threads))
    write_ntu.one_clip(Settings("ntu", (32, 32), "laboratory", ("wave",), length=(3, 3)), tmp_path, (0, 1))
    assert asked == [1]
