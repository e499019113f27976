"""What deephar runs on: versions, the backend and its devices, the processor, what is installed.

Nothing heavy is imported here: what may be broken is tried in processes of its own, which may crash or hang.
"""

import contextlib
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import time
import typing
from collections.abc import Mapping

import deephar
from deephar.typed import Json

SECONDS = 120.0
"""That a library may take to be imported; TensorFlow takes 20 on a slow disk."""

BACKENDS = ("tensorflow", "jax", "torch")

EXTRAS: dict[str, tuple[str, str]] = {
    "jax": ("jax", "jax"),
    "torch": ("torch", "torch"),
    "video": ("av", "av"),
    "heic": ("pillow-heif", "pillow_heif"),
    "h36m": ("cdflib", "cdflib"),
    "figures": ("matplotlib", "matplotlib"),
    "baselines": ("scikit-learn", "sklearn"),
    "hub": ("huggingface_hub", "huggingface_hub"),
    "onnx": ("onnxruntime", "onnxruntime"),
    "openvino": ("openvino", "openvino"),
    "litert": ("ai-edge-litert", "ai_edge_litert"),
    "int8": ("nncf", "nncf"),
    "export": ("tf2onnx", "tf2onnx"),
    "tensorboard": ("tensorboard", "tensorboard"),
    "ray": ("ray", "ray"),
}
"""What `pip install "deephar[NAME]"` adds: the package and its module. As in setup.py."""

_PROBES = {
    "keras": "import keras as m; found = [m.backend.backend()]",
    "tensorflow": "import tensorflow as m; found = [d.name for d in m.config.list_physical_devices('GPU')]",
    "jax": "import jax as m; found = [str(d) for d in m.devices() if d.platform != 'cpu']",
    "torch": (
        "import torch as m; found = [m.cuda.get_device_name(i) for i in range(m.cuda.device_count())]\n"
        "found += ['mps'] * m.backends.mps.is_available()"
    ),
    "av": "import av as m; found = [n for n in ('h264', 'libx264', 'libopenh264') if n in m.codecs_available]",
}
"""Programs, whose `m` is the module and `found` a list of texts."""

CPUINFO = pathlib.Path("/proc/cpuinfo")
_FEATURES = {"AVX2": {"avx2"}, "AVX-512": {"avx512f"}, "bfloat16": {"avx512_bf16", "amx_bf16"}}
_GRAPHICS = pathlib.Path("/dev")


@dataclasses.dataclass(frozen=True)
class Probe:
    """What trying a library showed.

    Attributes:
        version: as the library says; None where it could not be imported.
        found: of Keras its backend, of a backend the accelerators that it sees, of PyAV its codecs for H.264.
        error: why it could not be imported, or None.
    """

    version: str | None
    found: tuple[str, ...] = ()
    error: str | None = None


@dataclasses.dataclass
class Section:
    """A part of the report: facts by name, and what to do about those that are wrong."""

    title: str
    facts: dict[str, Json] = dataclasses.field(default_factory=dict)
    todo: list[str] = dataclasses.field(default_factory=list)


def installed(module: str) -> bool:
    """Whether a module can be found, which is not to say that it works; nothing is imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def probe(programs: Mapping[str, str] | None = None, seconds: float = SECONDS) -> dict[str, Probe]:
    """Try libraries, each in a process of its own, all at the same time.

    Args:
        programs: name to program, see `_PROBES`; by default Keras, the backends and PyAV, those that are installed.
        seconds: that they may take in all.

    Returns:
        dict of the name to `Probe`. A library that crashes or hangs has an error, and harms nothing.
    """
    if programs is None:
        programs = {name: program for name, program in _PROBES.items() if installed(name)}
    ending, until = "\nimport json; print('\\n' + json.dumps([m.__version__, found]))", time.monotonic() + seconds
    running = []
    with contextlib.ExitStack() as stack:
        for name, program in programs.items():
            # no pipe, which a child of a killed process might hold open
            output = stack.enter_context(tempfile.TemporaryFile("w+b"))
            command = [sys.executable, "-P", "-W", "ignore", "-c", program + ending]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
            stack.callback(_end, process)
            running.append((name, process, output))
        return {name: _finished(process, output, until, seconds) for name, process, output in running}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _finished(process: subprocess.Popen[bytes], output: typing.IO[bytes], until: float, seconds: float) -> Probe:
    try:
        status = process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Probe(None, error=f"it did not answer in {seconds:g} seconds")
    output.seek(0)
    lines = output.read().decode(errors="replace").strip().splitlines() or [""]
    if status < 0:
        return Probe(None, error=f"it crashed (signal {-status})")
    if status:
        return Probe(None, error=lines[-1].strip() or f"it ended with status {status}")
    try:
        version, found = json.loads(lines[-1])
        return Probe(str(version), tuple(map(str, found)))
    except ValueError:
        return Probe(None, error=f"it answered {lines[-1][:80]!r}")


def system() -> Section:
    """Versions of deephar, Python and the operating system, and of the packages that deephar needs."""
    section = Section(
        "Versions",
        {
            "deephar": f"{deephar.__version__}, {pathlib.Path(deephar.__file__).parent}",
            "Python": f"{platform.python_version()}, {sys.executable}",
            "system": f"{platform.platform()}",
        },
    )
    for name, least in _needed().items():
        version = _version(name)
        section.facts[name] = version or "not installed"
        if version is None and name in BACKENDS:
            continue  # one of them is enough
        if version is None or _numbers(version) < _numbers(least):
            section.todo.append(f'{name} {least} or later is needed, and it is {version or "missing"}: '
                                f'pip install "{name}>={least}"')  # fmt: skip
    return section


def _needed() -> dict[str, str]:
    """Packages that deephar needs, by its own metadata: the least version by name. Empty in a bare checkout."""
    try:
        requirements = importlib.metadata.requires("deephar") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    plain = (re.fullmatch(r"([\w.-]+)>=([\d.]+)", requirement.replace(" ", "")) for requirement in requirements)
    return {match[1]: match[2] for match in plain if match}


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3])


def backends(probes: Mapping[str, Probe]) -> Section:
    """Keras, its backend, and the backends that are installed with the accelerators that each sees.

    Args:
        probes: from `probe`.
    """
    section, keras = Section("Keras and backends"), probes.get("keras", Probe(None, error="it is not installed"))
    active = keras.found[0] if keras.found else os.environ.get("KERAS_BACKEND", "tensorflow")
    section.facts["Keras"] = f"{keras.version}, on {active}" if keras.version else f"broken: {keras.error}"
    for name in BACKENDS:
        if name not in probes:
            section.facts[name] = f"not installed: {_pip(name)}"
            continue
        found = probes[name]
        devices = ", ".join(found.found) or "no GPU, the processor alone"
        section.facts[name] = f"{found.version}, {devices}" if found.version else f"broken: {found.error}"
        if found.error and name == active:
            section.todo.append(f"{name}, the backend of Keras, does not work ({found.error}): install it anew, or "
                                "choose another by KERAS_BACKEND")  # fmt: skip
        if found.version and not found.found and name == active and list(_GRAPHICS.glob("nvidia[0-9]*")):
            section.todo.append(f"{name} does not see the NVIDIA GPU that is there: its build may be for processors "
                                "alone, or the driver older than its CUDA")  # fmt: skip
    if keras.error and active in probes and not probes[active].error:
        section.todo.append(f"Keras does not work ({keras.error}): pip install --force-reinstall keras")
    if active not in probes:
        section.todo.append(f"{active}, the backend that Keras is to use, is not installed: {_pip(active)}; or choose "
                            "another by KERAS_BACKEND")  # fmt: skip
    return section


def _pip(name: str) -> str:
    return f'pip install "deephar[{name}]"' if name in EXTRAS else f"pip install {name}"


def usable_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> Section:
    """The processor, how many cores this process may use, and instructions that matter for speed."""
    text = CPUINFO.read_text(encoding="utf-8", errors="replace") if CPUINFO.is_file() else ""
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    section = Section("Processor", {"name": fields.get("model name") or platform.processor() or "unknown"})
    section.facts["cores"] = f"{os.cpu_count()}, of which {usable_cores()} may be used"
    flags = set(fields["flags"].split()) if "flags" in fields else None
    for name, wanted in _FEATURES.items():
        section.facts[name] = "unknown" if flags is None else "yes" if flags & wanted else "no"
    return section


def extras(probes: Mapping[str, Probe]) -> Section:
    """The optional parts: version, or how to get them; and what PyAV can do with H.264.

    Args:
        probes: from `probe`.
    """
    section = Section("Optional parts")
    for extra, (distribution, module) in EXTRAS.items():
        if extra in BACKENDS:
            continue
        there = installed(module)
        section.facts[extra] = f"{distribution} {_version(distribution) or ''}".strip() if there else _pip(extra)
    if "av" in probes:
        section.facts["H.264"], problem = _h264(probes["av"])
        section.todo += problem
    return section


def _h264(av: Probe) -> tuple[str, list[str]]:
    if av.error:
        return "unknown", [f'PyAV does not work ({av.error}): pip install --force-reinstall "av>=12"']
    if "h264" not in av.found:
        return "cannot be read", [
            "This PyAV cannot read H.264, which most videos are in: pip install --force-reinstall av"
        ]
    writer = next((name for name in av.found if name != "h264"), None)
    return f"read; written by {writer}" if writer else "read; MPEG-4 is written instead", []
