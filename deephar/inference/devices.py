"""Streams from the network and cameras, opened by PyAV."""

import pathlib
import platform
import re
import typing

from deephar.ffmpeg import pyav, reason
from deephar.inference.photo_paths import natural
from deephar.video import picture_stream

if typing.TYPE_CHECKING:
    from av.container import InputContainer

SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "rtp", "http", "https", "udp", "tcp", "srt")

_WEB = ("http", "https")

_NAMES = r"user(?:name)?|usr|login|[\w-]*(?:pass(?:word|wd)?|pwd|token|key|auth|sig(?:nature)?|credentials?)"
_SECRET = re.compile(rf"([/?&;#](?:{_NAMES})=)[^&;]*", re.IGNORECASE)

OPENING_S, READING_S = 15.0, 10.0
"""How long a stream may take to answer, and to send the next data."""

_FORMATS = {"Linux": "v4l2", "Darwin": "avfoundation", "Windows": "dshow"}


def is_url(text: str) -> bool:
    """Whether a text has a scheme, as "rtsp://camera/1" has; a drive of Windows is none."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def shown(url: str) -> str:
    """A URL as it may be shown: without user and password, which cameras often have in theirs, in front or behind."""
    scheme, colon, place = url.partition("://")
    if not re.match(r"[^/?#@]*:\d+[/?#]", place):  # a host and its port
        user, _, rest = place.rpartition("@")  # a password may have any character
        place = rest if ":" in user or "/" not in user else place
    return scheme.lower() + colon + _SECRET.sub(r"\g<1>***", place)


def open_stream(url: str) -> "InputContainer":
    """PyAV's container of a stream, to be closed by whoever asked for it.

    Raises:
        ValueError: for an unknown scheme, or if it cannot be reached, shows no pictures or a single one; the message
            has no password.
        ImportError: without PyAV.
    """
    scheme, name = url.partition("://")[0].lower(), shown(url)
    if scheme not in SCHEMES:
        raise ValueError(f"Expected a URL with one of {', '.join(f'{s}://' for s in SCHEMES)}. Received: {name}")
    options = {"rtsp_transport": "tcp"} if scheme in ("rtsp", "rtsps") else {}
    container = _opened(f"{name} cannot be opened", url, options=options, timeout=(OPENING_S, READING_S))
    if container.format.name.endswith("_pipe"):
        container.close()
        raise ValueError(f"{name} is a photograph; download it, and predict from the file")
    return container


def is_live(container: "InputContainer", url: str) -> bool:
    """Whether a stream goes on whether it is read or not; a file on a web server has a length and waits."""
    return url.partition("://")[0].lower() not in _WEB or container.duration is None


def open_camera(index: int) -> "InputContainer":
    """PyAV's container of a camera, to be closed by whoever asked for it.

    Args:
        index: number of the camera, from 0, as the system counts.

    Raises:
        ValueError: if there is no such camera (those that are connected are named), or another program has it.
        ImportError: without PyAV.
    """
    system = platform.system()
    connected = cameras()
    numbers = [str(number) for number in range(len(connected))] if system == "Windows" else connected
    if str(index) not in numbers:
        raise ValueError(f"No camera {index}; connected: {', '.join(connected) or 'none'}")
    place = {"Linux": f"/dev/video{index}", "Windows": f"video={connected[index]}" if system == "Windows" else ""}
    options = {"framerate": "30"} if system == "Darwin" else {}
    fault = f"Camera {index} cannot be opened; another program may have it, or you may not be allowed to use it"
    return _opened(fault, place.get(system, str(index)), format=_FORMATS.get(system, "v4l2"), options=options)


def cameras() -> list[str]:
    """Cameras that are connected: their numbers, or on Windows their names in the order of the numbers."""
    system = platform.system()
    if system == "Linux":
        found = sorted(pathlib.Path("/dev").glob("video[0-9]*"), key=lambda path: natural(path.name))
        return [path.name.removeprefix("video") for path in found]
    listing = getattr(pyav(), "device", None)
    if listing is None or system not in _FORMATS:
        return []
    return [d.name for d in listing.enumerate_input_devices(_FORMATS[system]) if "video" in d.media_types]


def _opened(fault: str, place: str, **settings: object) -> "InputContainer":
    av, container = pyav(), None
    try:
        container = av.open(place, metadata_errors="replace", **settings)
        picture_stream(container)
        return container
    except Exception as error:
        if container is not None:
            container.close()
        raise ValueError(f"{fault}: {reason(error)}") from None
