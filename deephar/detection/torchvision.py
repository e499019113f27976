"""Detectors of torchvision as detectors of people."""

import importlib
import typing
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from deephar import checks
from deephar.detection.letterbox import people
from deephar.typed import Floats

PERSON = 1
"""Label of people in the weights of torchvision that were trained on COCO."""


class TorchvisionDetector:
    """People found by a detection model of torchvision, or by another that takes and gives the same.

    Args:
        model: takes a list of RGB (3, H, W) in [0, 1] and gives for each a dict of `boxes` (N, 4) x1, y1, x2, y2 in
            pixels, `labels` (N,) and `scores` (N,); put into evaluation mode here, and run where its parameters are.
        least: score of a person, at least.
        person: label of people.

    Raises:
        ImportError: without PyTorch; with the command.

    Example:
        >>> model = torchvision.models.detection.fasterrcnn_mobilenet_v3_large_fpn(weights="DEFAULT")
        >>> predictor = PosePredictor.from_weights("photo-lite-2d", detector=TorchvisionDetector(model))
    """

    def __init__(self, model: typing.Any, least: float = 0.5, person: int = PERSON) -> None:
        try:
            self._torch = importlib.import_module("torch")
        except ImportError:
            raise ImportError('TorchvisionDetector needs PyTorch: pip install "deephar[torch]" torchvision') from None
        self.model = model.eval()
        self.least: float = checks.between("least", least, 0, 1)
        self.person: int = checks.whole("person", person, 0)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.model, self.least, self.person)

    def __call__(self, image: Image.Image) -> tuple[Floats, Floats]:
        """Find people.

        Args:
            image: upright RGB.

        Returns:
            boxes (N, 4) x1, y1, x2, y2 in pixels, inside the picture, and scores (N,), the highest first.

        Raises:
            ValueError: if the model gives something else.
        """
        pixels = np.ascontiguousarray(np.moveaxis(np.asarray(image), -1, 0))
        device = next((parameter.device for parameter in self.model.parameters()), None)
        values = self._torch.tensor(pixels, device=device) / 255
        with self._torch.inference_mode():
            given = self.model([values])
        boxes, labels, scores = _of_one(given)
        of_people = labels == self.person
        return people(boxes[of_people], scores[of_people], image.size, self.least)


def _of_one(given: Sequence[Mapping[str, typing.Any]]) -> tuple[Floats, Floats, Floats]:
    try:
        (found,) = given
        boxes, labels, scores = (found[name].cpu().numpy() for name in ("boxes", "labels", "scores"))
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        raise ValueError(
            f"Expected a list of one dict with tensors `boxes`, `labels` and `scores`: {error!r}"
        ) from None
    if boxes.shape != (len(scores), 4) or labels.shape != scores.shape:
        raise ValueError(
            f"Expected N boxes, labels and scores. Received: {boxes.shape}, {labels.shape}, {scores.shape}"
        )
    return boxes, labels, scores
