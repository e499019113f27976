"""From photographs to poses: boxes, crops, network and back to pixels, for `deephar predict` and for programs."""

import contextlib
import dataclasses
import threading
import typing
from collections.abc import Sequence

import numpy as np
from PIL import Image

from deephar import geometry, layouts
from deephar.data.samples import frames
from deephar.inference import boxes as box_rules
from deephar.inference import running
from deephar.inference.people import Person
from deephar.inference.space import weak_perspective
from deephar.layouts import PoseLayout
from deephar.typed import ArrayLike, Floats, Network, Path, Pixels, Size
from deephar.weights import loading

BATCH = 16
"""Crops per batch."""


@dataclasses.dataclass(frozen=True)
class _Photo:
    """A decoded photograph, and its size in the file, which is larger if it was decoded at a reduced size."""

    rgb: Image.Image
    size: Size

    def crop(self, px_to_crop: Floats, size: Size) -> Floats:
        scale = np.divide(self.size, self.rgb.size)
        return frames.to_input(frames.warp(self.rgb, px_to_crop @ geometry.scaling(*scale), size))


class PoseNetwork(Network, typing.Protocol):
    """A network with one input, images (B, H, W, 3): a `keras.Model`, or any object with these attributes."""

    @property
    def input_shape(self) -> tuple[int | None, int, int, int]: ...


class PosePredictor:
    """Poses of people in photographs.

    Args:
        model: a pose network.
        layout: `deephar.layouts.PoseLayout` of its joints, or its name.
        flip: average with the prediction on the mirrored crop.
        margin: side of a person's window, as a multiple of the box's longer side.
        crop_mm: for a network with depth, see `deephar.inference.space.weak_perspective`.

    Several threads may share a predictor: they decode in parallel and take turns at the network.

    Example:
        >>> predictor = PosePredictor.from_weights("lsp-lite-2d")
        >>> predictor("photo.jpg")[0].pose_px
    """

    def __init__(
        self,
        model: PoseNetwork,
        layout: PoseLayout | str,
        flip: bool = False,
        margin: float = geometry.MARGIN,
        crop_mm: float = geometry.WINDOW_MM,
    ) -> None:
        self.model: PoseNetwork = model
        self.layout: PoseLayout = layouts.get(layout)
        self.flip: bool = flip
        self.margin: float = margin
        self.crop_mm: float = crop_mm
        self._turn = threading.Lock()

    def __reduce__(self) -> tuple[type[typing.Self], tuple[PoseNetwork, PoseLayout, bool, float, float]]:
        return type(self), (self.model, self.layout, self.flip, self.margin, self.crop_mm)

    @classmethod
    def from_weights(cls, weights: Path, flip: bool = False) -> typing.Self:
        """A predictor with the network that some weights are for.

        Args:
            weights: a name that `deephar pretrained` lists, or a weight file from training beside its model.json.
            flip: see the class.

        Raises:
            ValueError: if there are no such weights, or nothing says what network they are for.
        """
        about = loading.describe(weights)
        if about.judges_actions:
            raise ValueError(f"{weights} are for {about.preset}, which classifies clips; expected a pose network's")
        return cls(loading.load(weights), about.layout, flip, about.window_margin, about.crop_mm)

    def __call__(
        self, photo: "Path | Image.Image | Pixels", boxes: ArrayLike | None = None, name: str | None = None
    ) -> list[Person]:
        """Predict the people in boxes, or one person in the whole photograph.

        Args:
            photo: anything that `deephar.data.samples.frames.open_image` opens: a path, a `PIL.Image.Image` (turned
                upright according to its EXIF data), or a uint8 array, grey (H, W), RGB (H, W, 3) or RGBA (H, W, 4).
            boxes: (N, 4) x1, y1, x2, y2 around each person in pixels of the upright photograph, or None to estimate one
                from the whole photograph: a first prediction gives the box for a second (paper section 5).
            name: of the photograph, for messages; its path by default.

        Returns:
            list of `Person`, one for each box.

        Raises:
            ValueError: if the photograph cannot be read; if a box is empty, not finite, or does not overlap the
                photograph.
        """
        decoded = self._decode(photo, name or frames.name_of(photo))
        boxes = self._estimated_box(decoded) if boxes is None else box_rules.checked(boxes, decoded.size)
        if not len(boxes):
            return []
        windows = [geometry.person_window(box, self.margin) for box in boxes]
        poses, confidences = self._predict(decoded, windows)
        if poses.shape[-1] < 3:
            return [Person(*person) for person in zip(boxes, poses, confidences, strict=True)]
        sides = [side for _, (side, _) in windows]
        spaces = weak_perspective(poses, np.array(sides), self.layout, self.crop_mm)
        return [Person(*person) for person in zip(boxes, poses[..., :2], confidences, spaces, strict=True)]

    def _decode(self, photo: "Path | Image.Image | Pixels", name: str) -> _Photo:
        image = frames.open_image(photo, name)
        with self._turn if image is photo else contextlib.nullcontext():  # other threads may have the same image
            size = frames.upright_size(image, name)
            return _Photo(frames.to_rgb(image, name), size)

    def _estimated_box(self, photo: _Photo) -> Floats:
        center = np.array(photo.size) / 2
        (pose,), (confidence,) = self._predict(photo, [(center, np.full(2, float(max(photo.size))))])
        box = box_rules.extent(pose, confidence)
        nothing_found = np.array_equal(box[:2], box[2:])
        return np.array([[0.0, 0.0, *photo.size]]) if nothing_found else box[None]

    def _predict(self, photo: _Photo, windows: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
        """Poses (N, J, 2 or 3) in pixels, depth in [0, 1], and confidences (N, J) of square windows."""
        height, width = self.model.input_shape[1:3]
        maps = np.stack([geometry.window_to_crop(*window) for window in windows])
        poses, confidences = [], []
        for batch in running.batches(maps, BATCH):
            batch = np.stack(batch)
            crops = np.stack([photo.crop(px_to_crop, (width, height)) for px_to_crop in batch])
            with self._turn:
                pose, confidence = running.predict_crops(self.model, crops, self.layout, self.flip)
            poses.append(geometry.transform_points(np.linalg.inv(batch), pose[-1]))
            confidences.append(confidence[-1])
        return np.concatenate(poses), np.concatenate(confidences)
