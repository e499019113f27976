"""Pictures and videos whose frames can be told apart, a camera that is a video file, and a web server."""

import contextlib
import errno
import socket
import threading
import time
from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av")
COUNT = 60


def picture(number, size=(48, 32)):
    """A picture whose number, up to 60, can be told from its shade."""
    return np.full((size[1], size[0], 3), 4 * number + 4, np.uint8)


def number_of(image):
    return round(np.asarray(image).mean() / 4) - 1


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


def answering(head, body):
    """Address of a server that answers once for each time it is asked, and then closes the connection."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer():
        with server, contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(2**16)
                    connection.sendall(head + b"\r\n\r\n" + body)

    threading.Thread(target=answer, daemon=True).start()
    return server, f"http://127.0.0.1:{server.getsockname()[1]}/"


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
