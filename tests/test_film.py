"""Films that are written while their pictures come: their times, their sound, what an interruption leaves."""

import os
import signal
import threading
from fractions import Fraction

import numpy as np
import pytest
from filmed import number_of, picture  # skips without PyAV
from PIL import Image

from deephar import video
from deephar.inference import open_source
from deephar.viz import Film

av = pytest.importorskip("av")

TIMES = (0.0, 0.04, 0.1, 0.5, 0.65, 1.0)
"""Of a variable frame rate."""

RATE = 16000


def write_talkie(path, codec, seconds=2.0, late=0):
    """A video of 25 frames a second that is silent up to its middle, then sounds; its clock starts late, in seconds."""
    with av.open(str(path), "w") as container:
        pictures, sound = container.add_stream("libx264", 25), container.add_stream(codec, rate=RATE, layout="mono")
        pictures.width, pictures.height, pictures.pix_fmt = 48, 32, "yuv420p"
        for number in range(round(25 * seconds)):
            shown = av.VideoFrame.from_ndarray(picture(number))
            shown.pts, shown.time_base = number + 25 * late, Fraction(1, 25)
            container.mux(pictures.encode(shown))
        container.mux(pictures.encode(None))
        times = np.arange(round(RATE * seconds)) / RATE
        wave = (8000 * np.sin(2 * np.pi * 440 * times) * (times >= seconds / 2)).astype(np.int16)
        for start in range(0, len(wave), 1000):
            frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1000], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, start + late * RATE, Fraction(1, RATE)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


@pytest.fixture(scope="module", params=["aac.mkv", "pcm_s16le.mkv", "aac.ts"])
def talkie(request, tmp_path_factory):
    codec, _, suffix = request.param.partition(".")
    return write_talkie(tmp_path_factory.mktemp("talkie") / request.param, codec, late=3 if suffix == "ts" else 0)


def heard(path):
    """Codec of the sound of a video, seconds from its beginning to its end, and when it gets loud."""
    with av.open(str(path)) as container:
        codec, parts = container.streams.audio[0].codec_context.name, []
        for frame in container.decode(audio=0):
            loud = np.abs(frame.to_ndarray()[0].astype(float))
            parts.append((frame.time + np.arange(frame.samples) / frame.sample_rate, loud))
    times, loud = (np.concatenate(values) for values in zip(*parts, strict=True))
    return codec, times[0], times[-1], times[np.argmax(loud > loud.max() / 2)]


def frames_of(path):
    with open_source(path, on_broken="raise") as source:
        return [(frame.seconds, number_of(frame.image)) for frame in source]


@pytest.mark.parametrize(("suffix", "tick"), [(".mp4", 1 / 32767), (".mov", 1 / 32767), (".mkv", 0.001)])
def test_a_variable_frame_rate_keeps_its_pace(suffix, tick, tmp_path):
    path = tmp_path / "new" / f"film{suffix}"
    with Film(path, 25) as film:
        for number, time in enumerate(TIMES):
            film.write(Image.fromarray(picture(number)), 7.0 + time)
            assert not path.exists()
    times, numbers = zip(*frames_of(path), strict=True)
    assert numbers == tuple(range(len(TIMES))) and (film.pictures, film.notes) == (len(TIMES), [])
    np.testing.assert_allclose(times, TIMES, atol=tick)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_without_times_pictures_follow_by_the_rate(tmp_path):
    with Film(tmp_path / "film.mp4", 30000 / 1001) as film:
        for number in range(10):
            film.write(picture(number))
    times, numbers = zip(*frames_of(tmp_path / "film.mp4"), strict=True)
    assert numbers == tuple(range(10))
    np.testing.assert_allclose(times, np.arange(10) * 1001 / 30000, atol=1e-4)


def test_times_that_do_not_rise_lose_no_picture(tmp_path):
    with Film(tmp_path / "film.mkv", 25) as film:
        for number, time in enumerate((0.0, 0.04, 0.04, 0.02, 0.2)):
            film.write(picture(number), time)
    times, numbers = zip(*frames_of(tmp_path / "film.mkv"), strict=True)
    assert numbers == tuple(range(5)) and times[-1] == pytest.approx(0.2, abs=0.001)


def test_a_picture_is_repeated_where_a_file_has_no_times(tmp_path):
    with Film(tmp_path / "film.avi", 10) as film:
        for number, time in enumerate(TIMES):
            film.write(picture(number), time)
    assert [number for _, number in frames_of(tmp_path / "film.avi")] == [0, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5]


def test_a_file_without_times_has_its_pictures_in_order(tmp_path):
    """Of what moves, H.264 would store some later than those that follow them."""
    texture = np.random.default_rng(0).integers(0, 255, (12, 30, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    with Film(tmp_path / "film.avi", 25) as film:
        for number in range(20):
            film.write(texture[:, 4 * number : 4 * number + 96])
    with av.open(str(tmp_path / "film.avi")) as container:
        assert {int(frame.pict_type) for frame in container.decode(video=0)} == {1, 2}  # whole, and from earlier ones


@pytest.mark.parametrize("suffix", video.SUFFIXES)
def test_sound_goes_with_the_pictures(suffix, talkie, tmp_path):
    """From the first picture, at 0.6 s, on: what gets loud at 1.0 s does so 0.4 s later; it ends with the last one."""
    path = tmp_path / f"film{suffix}"
    with open_source(talkie, start=15) as source, Film(path, 25, audio_from=talkie) as film:
        for frame in source:
            if frame.seconds < 1.5:
                film.write(frame.image, frame.seconds)
    codec, start, end, loud = heard(path)
    packet = 1024 / RATE  # where it is cut; the encoder's delay, in some files, is as long
    begins = packet if suffix in (".mp4", ".mov") else 2 * packet
    assert codec == "aac" and film.notes == []
    assert start <= begins and loud == pytest.approx(0.4, abs=0.1) and 0.9 <= end < 1.1
    assert len(video.open_video(path)) == film.pictures


def test_sound_is_copied_where_it_can_be(tmp_path, monkeypatch):
    clip = write_talkie(tmp_path / "clip.mp4", "aac")
    with Film(tmp_path / "film.mp4", 25, audio_from=clip) as film:
        for number in range(40):
            film.write(picture(number))
    stored = []
    for path in (clip, tmp_path / "film.mp4"):
        with av.open(str(path)) as container:
            stored.append([bytes(packet) for packet in container.demux(audio=0) if packet.size and packet.pts >= 0])
    assert 20 < len(stored[1]) < len(stored[0]) and stored[1] == stored[0][: len(stored[1])]


def test_without_sound_where_there_is_none_to_be_had(clip, tmp_path):
    (tmp_path / "damaged.mp4").write_bytes(b"none")
    for source, notes in ((clip, 0), (tmp_path / "absent.mp4", 1), (tmp_path / "damaged.mp4", 1)):
        with Film(tmp_path / "film.mp4", 25, audio_from=source) as film:
            film.write(picture(1))
        assert len(film.notes) == notes and all("film.mp4 is without sound: " in note for note in film.notes)
        assert len(video.open_video(tmp_path / "film.mp4")) == 1


def test_sound_of_an_unknown_codec_leaves_the_pictures(tmp_path):
    clip = write_talkie(tmp_path / "clip.mkv", "aac")
    clip.write_bytes(clip.read_bytes().replace(b"A_AAC", b"A_XYZ"))
    with Film(tmp_path / "film.mp4", 25, audio_from=clip) as film:
        film.write(picture(1))
    (note,) = film.notes
    assert "film.mp4 is without sound: " in note and "has sound that FFmpeg cannot decode" in note
    assert len(video.open_video(tmp_path / "film.mp4")) == 1


def test_sound_that_cannot_be_encoded_leaves_the_pictures(talkie, tmp_path, monkeypatch):
    from deephar import soundtrack

    monkeypatch.setattr(soundtrack, "COPIED", ())
    monkeypatch.setattr(soundtrack, "ENCODER", "none")
    with Film(tmp_path / "film.mp4", 25, audio_from=talkie) as film:
        film.write(picture(1))
    (note,) = film.notes
    assert note.startswith(f"{tmp_path / 'film.mp4'} is without sound: ")
    assert len(video.open_video(tmp_path / "film.mp4")) == 1


def test_sound_that_breaks_off_leaves_the_pictures(talkie, tmp_path, monkeypatch):
    from deephar.soundtrack import Soundtrack

    def broken(*_):
        raise ValueError("broken")

    with Film(tmp_path / "film.mp4", 25, audio_from=talkie) as film:
        for number in range(10):
            film.write(picture(number))
        monkeypatch.setattr(Soundtrack, "feed", broken)
        for number in range(10, 20):
            film.write(picture(number))
    (note,) = film.notes
    assert "The sound of" in note and "ends after 0.44 s at the latest: broken" in note
    assert [number for _, number in frames_of(tmp_path / "film.mp4")] == list(range(20))


@pytest.mark.parametrize("suffix", [*video.SUFFIXES, ".gif", ".webp"])
@pytest.mark.parametrize("fault", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_leaves_the_film_so_far(suffix, fault, tmp_path):
    path = tmp_path / f"film{suffix}"
    path.write_bytes(b"an older one")
    with pytest.raises(fault), Film(path, 10) as film:
        for number in range(8):
            film.write(picture(5 * number))
            if number == 5:
                assert path.read_bytes() == b"an older one"
                raise fault
    if suffix in video.SUFFIXES:
        assert [number for _, number in frames_of(path)] == list(range(0, 30, 5))
    else:
        with Image.open(path) as opened:
            assert opened.n_frames == 6
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent as Unix does")
def test_ctrl_c_at_any_moment_loses_no_picture(tmp_path):
    """Also while a picture is encoded, where most of the time goes."""
    noise = np.random.default_rng(0).integers(0, 255, (8, 240, 320, 3), np.uint8)
    for trial in range(8):
        path, asked = tmp_path / f"{trial}.mp4", 0
        timer = threading.Timer(0.1 + 0.05 * trial, os.kill, (os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt), Film(path, 25) as film:
            timer.start()
            while True:
                film.write(noise[asked % 8])
                asked += 1
        with av.open(str(path)) as container:
            assert sum(1 for _ in container.decode(video=0)) in (asked, asked + 1)


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_without_pictures_there_is_no_file(suffix, tmp_path):
    with pytest.raises(KeyboardInterrupt), Film(tmp_path / f"film{suffix}", 10):
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="at least one"), Film(tmp_path / f"film{suffix}", 10):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".mp4", ".webp"])
def test_pictures_are_of_one_size(suffix, tmp_path):
    with pytest.raises(ValueError, match="must all be"), Film(tmp_path / f"film{suffix}", 10) as film:
        film.write(picture(0))
        film.write(picture(1, (50, 32)))
    assert (tmp_path / f"film{suffix}").is_file() and film.pictures == 1


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".gif"])
def test_a_full_disk_is_said(suffix, tmp_path):
    resource = pytest.importorskip("resource", reason="limits of files are set by Unix")
    path, limits = tmp_path / f"film{suffix}", resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = np.random.default_rng(0).integers(0, 255, (4, 120, 160, 3), np.uint8)
    count = 4 if suffix == ".gif" else 20
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
    try:
        with pytest.raises(OSError) as caught, Film(path, 10) as film:
            for number in range(count):
                film.write(noise[number % 4])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.filename == str(path) and str(path) in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_video_grows_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})  # the fastest
    noise = np.random.default_rng(0).integers(0, 255, (4, 120, 160, 3), np.uint8)
    with Film(tmp_path / "film.mp4", 10) as film:
        for number in range(120):
            film.write(noise[number % 4])
        (temporary,) = tmp_path.iterdir()
        grown = temporary.stat().st_size
    assert grown > 0.5 * film.path.stat().st_size


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animations_keep_their_pace(suffix, tmp_path):
    """A GIF counts hundredths of a second; no error adds up, and a picture after less than 20 ms is left out."""
    with Film(tmp_path / f"film{suffix}", 30) as film:
        for number, time in enumerate([*(n / 30 for n in range(12)), 0.38, 1.0]):
            film.write(picture(4 * number), 5 + time)
    with Image.open(tmp_path / f"film{suffix}") as opened:
        shown, numbers = [], []
        for index in range(opened.n_frames):
            opened.seek(index)
            numbers.append(round(number_of(opened.convert("RGB")) / 4))
            shown.append(opened.info["duration"])
    assert numbers == [*range(12), 13]
    tick = 5 if suffix == ".gif" else 0.5
    np.testing.assert_allclose(
        np.cumsum(shown), [*(1000 * n / 30 for n in range(1, 12)), 1000, 1000 + 1000 / 30], atol=tick
    )


def test_animations_are_reduced_and_have_their_own_colours(tmp_path):
    wide = np.zeros((100, 1000, 3), np.uint8)
    wide[:, :500] = (200, 30, 90)
    for width, size in ((None, (480, 48)), (200, (200, 20)), (2000, (1000, 100))):
        with Film(tmp_path / "film.gif", 10, width=width) as film:
            film.write(wide)
            film.write(Image.fromarray(255 - wide))
        with Image.open(tmp_path / "film.gif") as opened:
            assert opened.size == size
            np.testing.assert_allclose(opened.convert("RGB").getpixel((9, 9)), (200, 30, 90), atol=4)
            opened.seek(1)
            np.testing.assert_allclose(opened.convert("RGB").getpixel((9, 9)), (55, 225, 165), atol=4)


@pytest.mark.parametrize(
    ("name", "fps", "message"),
    [
        ("film.png", 25, "must end in one of .mp4, .mov, .mkv, .avi, .gif, .webp"),
        ("film.mp4", 0, "`fps` must be above 0"),
        ("film.gif", float("nan"), "`fps` must be above 0"),
    ],
)
def test_what_is_no_film(name, fps, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Film(tmp_path / name, fps)


def test_a_film_is_written_in_a_with(tmp_path):
    film = Film(tmp_path / "film.mp4", 25)
    with pytest.raises(ValueError, match="with Film"):
        film.write(picture(0))
    with film:
        film.write(picture(0))
    with pytest.raises(ValueError, match="with Film"):
        film.write(picture(1))
