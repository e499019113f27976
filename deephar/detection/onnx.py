"""Detectors in ONNX files, run by onnxruntime, as detectors of people."""

import importlib
import typing
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from deephar import checks
from deephar.detection import maps
from deephar.detection.letterbox import Letterbox, people
from deephar.typed import Floats, Path

SIDE = 640
"""Of the input, in pixels, of a file that takes any."""

GREY = 114
"""Of the bars beside a picture of other proportions, as YOLO has them in training."""

MOST = 1000
"""Boxes, the surest, of which those of the same person are sought."""

CPU = ("CPUExecutionProvider",)

_FLOATS: Mapping[str, type[np.floating]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxDetector:
    """People found by a detector in an ONNX file.

    The file has one input of RGB in [0, 1], (1, 3, H, W) or (3, H, W), and its outputs, in pixels of that, are one of

    - three, as torchvision exports its detectors, told apart by shape and type: boxes (N, 4) x1, y1, x2, y2, labels
      (N,), which are whole numbers, and scores (N,);
    - one, (1, 4 + C, N), as YOLO has since version 8: middle x, y, width, height, and the scores of C classes, or,
      of pose networks, the score of the only class and the joints; of overlapping boxes, the surest is kept;
    - one, (1, N, 6), as YOLO has where it does that itself: x1, y1, x2, y2, score, label.

    Args:
        path: of the file.
        least: score of a person, at least.
        person: number of the class; by default 1 for the first, torchvision's, and 0 for the others, YOLO's.
        side: of the input in pixels, if the file takes any.
        providers: of onnxruntime, the first that works.

    Raises:
        ValueError: if the file is missing, damaged, or has another input.
        ImportError: without onnxruntime; with the command.
    """

    def __init__(
        self,
        path: Path,
        least: float = 0.4,
        person: int | None = None,
        side: int = SIDE,
        providers: Sequence[str] = CPU,
    ) -> None:
        self.path: Path = path
        self.least: float = checks.between("least", least, 0, 1)
        self.person: int | None = None if person is None else checks.whole("person", person, 0)
        self.side: int = checks.whole("side", side)
        self.providers: tuple[str, ...] = tuple(providers)
        self._session = _session(path, self.providers)
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape)
        if len(inputs) != 1 or inputs[0].type not in _FLOATS or len(shape) not in (3, 4) or shape[-3] != 3:
            received = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
            raise ValueError(
                f"Expected one input, (1, 3, H, W), of floating-point numbers in {path}. Received: {received}"
            )
        self._input, self._dtype, self._batch = inputs[0].name, _FLOATS[inputs[0].type], len(shape) == 4
        height, width = (length if isinstance(length, int) and length > 0 else self.side for length in shape[-2:])
        self._size = width, height

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.path, self.least, self.person, self.side, self.providers)

    def __call__(self, image: Image.Image) -> tuple[Floats, Floats]:
        """Find people.

        Args:
            image: upright RGB.

        Returns:
            boxes (N, 4) x1, y1, x2, y2 in pixels, inside the picture, and scores (N,), the highest first.

        Raises:
            ValueError: for outputs of another form.
        """
        fitted = Letterbox.of(image, self._size, GREY)
        values = np.moveaxis(fitted.pixels, -1, 0).astype(np.float32) / 255
        values = (values[None] if self._batch else values).astype(self._dtype)
        outputs = [np.asarray(output) for output in self._session.run(None, {self._input: values})]
        boxes, scores = self._decoded(outputs)
        return people(fitted.in_picture(boxes), scores, image.size, self.least)

    def _decoded(self, outputs: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Boxes (N, 4) in pixels of the input and scores (N,) of people."""
        shapes = [output.shape for output in outputs]
        if len(outputs) == 3 and {len(shape) for shape in shapes} == {1, 2}:
            return _listed(outputs, 1 if self.person is None else self.person)
        person = self.person or 0
        if len(shapes) == 1 and len(shapes[0]) == 3 and shapes[0][0] == 1:
            (found,) = outputs[0]
            if found.shape[1] == 6:
                of_people = found[found[:, 5] == person]
                return of_people[:, :4], of_people[:, 4]
            if 4 + person < found.shape[0] < found.shape[1]:
                return _apart(found, person, self.least)
        raise ValueError(
            f"Expected boxes, labels and scores, or (1, 4 + classes, N), or (1, N, 6), of {self.path}. "
            f"Received: {', '.join(map(str, shapes))}"
        )


def _session(path: Path, providers: Sequence[str]) -> typing.Any:
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError:
        raise ImportError('Detectors in ONNX need onnxruntime; install it with: pip install "deephar[onnx]"') from None
    try:
        return onnxruntime.InferenceSession(str(path), providers=list(providers))
    except Exception as error:
        raise ValueError(f"Expected a network in ONNX in {path}: {error}") from None


def _listed(outputs: Sequence[Floats], person: int) -> tuple[Floats, Floats]:
    """Of boxes, labels and scores, in any order."""
    kinds = {
        "boxes" if output.ndim == 2 else "labels" if output.dtype.kind in "iu" else "scores": output
        for output in outputs
    }
    if set(kinds) != {"boxes", "labels", "scores"} or kinds["boxes"].shape != (len(kinds["scores"]), 4):
        raise ValueError(f"Expected boxes (N, 4), labels (N,) and scores (N,). Received: {[o.shape for o in outputs]}")
    of_people = kinds["labels"] == person
    return kinds["boxes"][of_people], kinds["scores"][of_people]


def _apart(found: Floats, person: int, least: float) -> tuple[Floats, Floats]:
    """Of (4 + C, N), where the same person may be found several times."""
    scores = found[4 + person]
    sure = np.argsort(-scores, kind="stable")[:MOST]
    sure = sure[scores[sure] >= least]
    middles, sizes = found[:2, sure].T, found[2:4, sure].T
    boxes = np.concatenate([middles - sizes / 2, middles + sizes / 2], axis=1)
    kept = maps.apart(boxes, scores[sure])
    return boxes[kept], scores[sure][kept]
