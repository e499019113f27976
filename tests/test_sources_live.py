"""Frames of cameras and streams: the newest, the others counted; and nothing is left of them."""

import errno
import gc
import http.server
import socket
import threading
import time
import types

import av
import numpy as np
import pytest
from filmed import COUNT, Camera, answering, number_of, picture, write_timed
from PIL import Image
from watched import open_files

from deephar import video
from deephar.inference import devices, endings, live
from deephar.inference.sources import open_source


@pytest.fixture
def camera(clip, monkeypatch):
    """Function that has camera 0 show the clip, and gives its container."""

    def plug(path=clip, **settings):
        device = Camera(path, **settings)
        monkeypatch.setattr(devices, "open_camera", lambda index: device)
        return device

    return plug


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
    assert numbers == [number for _, number, _ in found] == sorted(set(numbers)) and 3 <= len(found) <= COUNT // 2
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
    with open_source("0", start=10, stride=20) as source:
        assert [frame.index for frame in source] == [20, 40] and source.dropped == 0


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
    gc.collect()  # no file of an earlier test closes meanwhile
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
        assert device.closed and threading.active_count() <= threads and open_files() <= before
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
    device = camera(interval=0.3)
    source = open_source(0, start=50)
    timer = threading.Timer(0.2, source.close)
    timer.start()
    begun = time.monotonic()
    assert list(source) == [] and time.monotonic() - begun < 5
    timer.join()
    assert device.closed


def test_times_of_a_stream_are_by_one_clock(monkeypatch):
    """A frame without a time lies between those with one."""
    clock = iter([100.0, 100.5, 101.0, 101.5])
    monkeypatch.setattr(live.time, "monotonic", lambda: next(clock))
    for times, expected in (((None, 7.5, None, 8.6), (0.0, 0.5, 1.0, 1.6)), ((9.0, None, 10.1), (0.0, 0.5, 1.1))):
        clock = iter([100.0, 100.5, 101.0, 101.5])
        since = live._Since()
        found = [since.of(types.SimpleNamespace(time=one)) for one in times]
        np.testing.assert_allclose(found, expected)


def test_a_clock_that_is_set_back_counts_on(monkeypatch):
    """From when the frame arrives, 1.0 s after the first; so do the frames after it."""
    clock = iter([100.0, 100.5, 101.0, 101.1])
    monkeypatch.setattr(live.time, "monotonic", lambda: next(clock))
    since = live._Since()
    found = [since.of(types.SimpleNamespace(time=one)) for one in (50.0, 50.4, 0.0, 0.1)]
    np.testing.assert_allclose(found, [0.0, 0.4, 1.0, 1.1])


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


def test_a_photograph_on_a_web_server_is_to_be_downloaded(served, tmp_path):
    Image.fromarray(picture(3)).save(tmp_path / "photo.jpg")
    with pytest.raises(ValueError, match=r"photo.jpg is a photograph; download it"):
        open_source(f"http://{served}/photo.jpg")


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


@pytest.mark.parametrize(("name", "live"), [("clip.mkv", False), ("clip.ts", True)])
def test_what_a_server_sends_without_its_length_ends_when_the_connection_does(tmp_path, name, live):
    path = tmp_path / name
    if live:
        write_timed(path, range(0, 40 * COUNT, 40))
    else:
        video.write_video(path, map(picture, range(COUNT)), 25)
    server, address = answering(b"HTTP/1.1 200 OK", path.read_bytes())
    with server, open_source(address) as source:
        assert source.live == live and (live or source.length == COUNT)
        assert live or source.note == ""  # a stream may have been received whole by now
        found = list(source)
        assert len(found) + source.dropped == COUNT and found[-1].index == COUNT - 1 == number_of(found[-1].image)
        assert found[-1].seconds == pytest.approx((COUNT - 1) / 25, abs=2e-3) and source.broken == {}
        assert source.note == f"{address} ended after {COUNT} frames; its server does not tell whether that was all"


def test_what_comes_short_of_its_announced_length_is_damaged(tmp_path):
    data = write_timed(tmp_path / "clip.ts", range(0, 40 * COUNT, 40)).read_bytes()
    server, address = answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d" % len(data), data[: len(data) // 2])
    with server, open_source(address) as source:
        assert 0 < len(list(source)) + source.dropped < COUNT
        assert list(source.broken.values()) == [f"{address} stopped: Input/output error"] and source.note == ""


@pytest.mark.parametrize(
    ("name", "form", "size", "number"),
    [
        ("http://host/clip", "mpegts", -38, errno.ECONNRESET),
        ("http://host/list.m3u8", "hls", -38, errno.EIO),
        ("tcp://host:1", "mpegts", -38, errno.EIO),
        ("clip.ts", "mpegts", 1000, errno.EIO),
    ],
)
def test_other_faults_of_a_connection_are_no_end(clip, name, form, size, number):
    def demux(stream):
        raise OSError(number, "as it were")
        yield

    with av.open(str(clip)) as inner:
        settings = {"name": name, "format": types.SimpleNamespace(name=form), "size": size, "streams": inner.streams}
        packets = endings.Packets(types.SimpleNamespace(**settings, demux=demux))
        with pytest.raises(OSError, match="as it were"):
            list(packets)
    assert not packets.unannounced


def test_a_stream_that_never_answers_is_given_up(monkeypatch):
    monkeypatch.setattr(devices, "OPENING_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(ValueError, match=f"{address} cannot be opened: nothing came in time"):
            open_source(address)


def test_streams_that_cannot_be_reached_do_not_tell_passwords():
    with pytest.raises(ValueError, match="Expected a URL with one of rtsp://.*Received: gopher://host/1"):
        open_source("gopher://me:secret@host/1")
    with pytest.raises(ValueError, match="cannot be opened") as fault:
        open_source("rtsp://me:secret@127.0.0.1:9/1?channel=2&Password=secret&user=secret")
    assert "secret" not in str(fault.value) and "?channel=2&Password=***&user=***" in str(fault.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://10.0.0.5:554/user=admin&password=s&channel=1.sdp", "rtsp://10.0.0.5:554/user=***&password=***&channel=1.sdp"),
        ("https://h/a.mp4?X-Amz-Signature=s&expires=9&access_token=s", "https://h/a.mp4?X-Amz-Signature=***&expires=9&access_token=***"),
        ("RTSP://me:a/s?s@host/1", "rtsp://host/1"),
        ("rtsp://10.0.0.5:554/1?password=p@ss", "rtsp://10.0.0.5:554/1?password=***"),
        ("https://h:8443/@me/v", "https://h:8443/@me/v"),
        ("https://h/@me/v=1?design=2", "https://h/@me/v=1?design=2"),
    ],
)  # fmt: skip
def test_secrets_are_not_shown(url, shown):
    assert devices.shown(url) == shown
