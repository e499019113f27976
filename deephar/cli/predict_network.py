"""The network on the command line of `deephar predict`."""

import argparse
import contextlib
import typing

from deephar.option_types import at_least, positive, within

if typing.TYPE_CHECKING:
    from deephar.inference import PosePredictor
    from deephar.inference.placing import Place


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which network looks how."""
    parser.add_argument("--weights", metavar="NAME|FILE", default="photo-lite-2d", help="(default: %(default)s)")
    parser.add_argument(
        "--runtime", metavar="NAME", help="keras, openvino, onnx or litert, see docs/runtimes.md (default: keras)"
    )
    parser.add_argument(
        "--precision", metavar="NAME", default="float32", help="or bfloat16, int8, of OpenVINO (default: %(default)s)"
    )
    parser.add_argument("--calibration", metavar="FOLDER", help="of photographs like yours, for --precision int8")
    parser.add_argument(
        "--detector",
        metavar="FILE",
        help="finds people: weights (.h5), `deephar export people`'s, ONNX or MoveNet",
    )
    parser.add_argument("--flip", action="store_true", help="average with the mirrored picture, in twice the time")
    parser.add_argument("--conf", type=within(0, 1), metavar="SCORE", help="of people who are found, at least")
    parser.add_argument("--max-people", type=at_least(1), metavar="N", help="the surest of a picture that are kept")
    parser.add_argument("--one-person", action="store_true", help="every picture shows one person: do not search")
    lens = parser.add_mutually_exclusive_group()
    lens.add_argument(
        "--focal",
        type=positive,
        metavar="PIXELS",
        help="focal length: where people are before the camera",
    )
    lens.add_argument(
        "--fov", type=within(1e-3, 179), metavar="DEGREES", help="the same by the field of view of the longer side"
    )
    lens.add_argument("--camera", metavar="FILE", help="the same by a calibration of OpenCV, see docs/predict.md")
    parser.add_argument("--device", metavar="NAME", help="cpu, gpu, gpu:1 ... (default: the backend's choice)")


def predictor(options: argparse.Namespace) -> "PosePredictor":
    """`deephar.PosePredictor` as the options say.

    Raises:
        ValueError: for options that are out of range, and weights that cannot be used.
    """
    from deephar.inference import PosePredictor
    from deephar.inference.predictor import LEAST_SCORE

    settings: dict[str, typing.Any] = {"detector": None} if options.one_person else {}
    idle = [name for name in ("detector", "conf", "max_people") if getattr(options, name) is not None]
    if options.one_person and idle:
        option = idle[0].replace("_", "-")
        raise ValueError(f"--one-person searches for nobody, so that --{option} would have nothing to do")
    if options.detector:
        from deephar.detection.opening import open_detector
        from deephar.runtimes import choosing

        runtime = None if options.runtime == "keras" else options.runtime
        settings["detector"] = open_detector(options.detector, runtime, choosing.beside(options.precision))
    return PosePredictor.from_weights(
        options.weights,
        flip=options.flip,
        least_score=LEAST_SCORE if options.conf is None else options.conf,
        max_people=options.max_people,
        runtime=options.runtime,
        precision=options.precision,
        calibration=options.calibration,
        **settings,
    )


def names_actions(options: argparse.Namespace) -> bool:
    """Whether the weights for poses name actions as well, and it is known which."""
    from deephar.runtimes import choosing
    from deephar.weights import loading

    if choosing.is_exported(options.weights):
        return False
    about = loading.describe(options.weights)
    return about.judges_actions and bool(about.sets)


def place(options: argparse.Namespace, predictor: "PosePredictor") -> "Place":
    """What gives people with 3D poses their place, by the options or by EXIF data.

    Raises:
        ValueError: for options that are out of range, or whose network gives no 3D poses.
    """
    from deephar.inference.lens import Lens
    from deephar.inference.placing import Place

    given = next((name for name in ("focal", "fov", "camera") if getattr(options, name) is not None), None)
    if given and not predictor.depth:
        raise ValueError(f"--{given} is for networks with depth, and {options.weights} has none")
    return Place(options.focal, options.fov, lens=Lens.read(options.camera) if options.camera else None)


def device(options: argparse.Namespace) -> "contextlib.AbstractContextManager[object]":
    """Where the network runs.

    Raises:
        ValueError: for a device that there is not.
    """
    if options.device is None:
        return contextlib.nullcontext()
    from deephar.runtimes import choosing

    if options.runtime not in (None, "keras") or choosing.is_exported(options.weights):
        raise ValueError("--device is for Keras; the other runtimes use the processor")
    import keras

    known = [*{"cpu", *(name.lower() for name in _devices())}]
    asked = options.device.lower()
    name = asked if ":" in asked else f"{asked}:0"
    if not any(one.split("/")[-1].removeprefix("device:") in (name, asked) for one in known):
        raise ValueError(f"No device {options.device}; there are {', '.join(sorted(known))}")
    return keras.device(name)


def _devices() -> list[str]:
    """Those of Keras' backend, as Keras names them; it does not list those of PyTorch."""
    import keras

    if keras.backend.backend() != "torch":
        return keras.distribution.list_devices()
    import torch

    graphics = [f"gpu:{number}" for number in range(torch.cuda.device_count())]
    return ["cpu:0", *graphics, *(["mps:0"] if torch.backends.mps.is_available() else [])]
