"""2D poses of a model on crops, in source pixels, and their scores."""

import dataclasses
import logging
import typing
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from tqdm import tqdm

from deephar import checks, geometry, layouts, metrics, sides
from deephar.camera import Camera
from deephar.inference import running
from deephar.inference.running import predict_crops  # noqa: F401, where it was before
from deephar.layouts import PoseLayout
from deephar.models.outputs import split_blocks  # noqa: F401, likewise
from deephar.typed import ArrayLike, Bools, Floats, Network

logger: logging.Logger = logging.getLogger(__name__)


class Crop(typing.Protocol):
    """The part of a `deephar.data.samples.crops.Crop` used here."""

    @property
    def name(self) -> str: ...

    @property
    def image(self) -> Floats: ...

    @property
    def px_to_crop(self) -> Floats: ...

    @property
    def pose_px(self) -> Floats: ...

    @property
    def pose_crop(self) -> Floats: ...

    @property
    def head_px(self) -> float: ...

    @property
    def root_mm(self) -> float: ...

    @property
    def depth_scale(self) -> float: ...

    @property
    def camera(self) -> Camera | None: ...


class Crops(typing.Protocol):
    """The part of `deephar.data.samples.crops.Crops` used here."""

    @property
    def layout(self) -> PoseLayout: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Crop: ...


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Poses of every block for every crop.

    Attributes:
        pose_px: (K, N, J, 2 or more) in source pixels; columns after (x, y) are as output by the model.
        visibility: (K, N, J) in [0, 1].
        true_px: (N, J, 2 or more), NaN where not located.
        inside: (N, J) bool, whether the located joint is strictly inside the crop.
        head_px: (N,) head sizes, NaN if there is none.
        broken: position of every sample that could not be read, and the reason; its rows are NaN.
    """

    pose_px: Floats
    visibility: Floats
    true_px: Floats
    inside: Bools
    head_px: Floats
    broken: dict[int, str] = dataclasses.field(default_factory=dict)


_Predictions = typing.TypeVar("_Predictions", bound=Predictions)
_ByBlock: typing.TypeAlias = tuple[Floats, ...]
_ByCrop: typing.TypeAlias = tuple[np.ndarray, ...]
_Gather: typing.TypeAlias = Callable[[list[Crop], Floats, Floats], tuple[_ByBlock, _ByCrop]]


class _Counts(typing.TypedDict):
    people: int
    left_out: int
    broken: int
    joints: int


class PckScores(_Counts):
    """See `pck_scores`."""

    threshold: float
    blocks: list[float]
    total: float
    limbs: float
    auc: float
    per_joint: dict[str, float]


PckhScores = typing.TypedDict(
    "PckhScores",
    {
        "people": int,
        "left_out": int,
        "broken": int,
        "joints": int,
        "pckh@0.2": float,
        "auc@0.2": float,
        "pckh@0.5": float,
        "auc@0.5": float,
        "blocks": list[float],
        "per_joint": dict[str, float],
    },
)
"""See `pckh_scores`."""


def predict(
    model: Network,
    crops: Crops,
    batch_size: int = 32,
    flip: bool = False,
    progress: bool = False,
    on_broken: str = "raise",
) -> Predictions:
    """Poses of every crop in source pixels.

    Args:
        model: a pose network.
        crops: sequence of `deephar.data.samples.crops.Crop`, with a `layout`.
        batch_size: crops per batch.
        flip: average with the prediction on the mirrored crop (paper section 5).
        progress: show a progress bar.
        on_broken: "raise" at a sample that cannot be read; or "skip" it, log it and name it in `Predictions.broken`.

    Returns:
        `Predictions`.

    Raises:
        ValueError: if a sample cannot be read; with "skip", if none can.
    """
    by_block, by_crop, broken = over_batches(model, crops, gather, batch_size, flip, progress, on_broken)
    (pose, visibility), (true, inside, head) = by_block, by_crop
    return Predictions(pose, visibility, true, inside, head, broken)


def over_batches(
    model: Network,
    crops: Crops,
    gather: _Gather,
    batch_size: int = 32,
    flip: bool = False,
    progress: bool = False,
    on_broken: str = "raise",
) -> tuple[list[Floats], list[np.ndarray], dict[int, str]]:
    """Run a model over crops and gather results of every batch.

    Args:
        model, crops, batch_size, flip, progress, on_broken: see `predict`.
        gather: function of (list of B crops, poses (K, B, J, D) in crop coordinates, visibilities (K, B, J)) that
            returns two tuples of arrays: (K, B, ...) by block, and (B, ...) by crop.

    Returns:
        two lists of arrays, (K, N, ...) and (N, ...), whose rows are NaN (False, None) for crops that cannot be read;
        and a dict from the position of each of those to the reason.
    """
    walk, parts = _Walk(crops, progress, on_broken), []
    for batch in running.batches(walk, batch_size):
        images = running.padded([crop.image for crop in batch], batch_size if parts else len(batch))
        found = running.predict_crops(model, images, crops.layout, flip)
        parts.append(gather(batch, *(output[:, : len(batch)] for output in found)))
    places, broken = walk.places, walk.broken
    if not parts:
        raise ValueError(f"None of {len(crops)} samples can be read; the first error: {broken.get(0, 'no samples')}")
    by_block, by_crop = zip(*parts, strict=True)
    joined = [
        [_spread(np.concatenate(arrays, axis), places, len(crops), axis) for arrays in zip(*tuples, strict=True)]
        for axis, tuples in ((1, by_block), (0, by_crop))
    ]
    return joined[0], joined[1], broken


class _Walk:
    """Iterates over the readable crops; collects their positions and the errors of the others; see `over_batches`."""

    def __init__(self, crops: Crops, progress: bool, on_broken: str) -> None:
        self.crops, self.progress = crops, progress
        self.on_broken: str = checks.one_of("on_broken", on_broken, ("raise", "skip"))
        self.places: list[int] = []
        self.broken: dict[int, str] = {}

    def __iter__(self) -> Iterator[Crop]:
        for index in tqdm(range(len(self.crops)), desc="predict", unit="crop", disable=not self.progress):
            try:
                crop = self.crops[index]
            except ValueError as error:
                if self.on_broken == "raise":
                    raise
                self.broken[index] = str(error)
                logger.warning("skipped: %s", error)
            else:
                self.places.append(index)
                yield crop


def gather(batch: list[Crop], poses: Floats, visibilities: Floats) -> tuple[_ByBlock, _ByCrop]:
    """The arrays of `Predictions` for some crops, in the form that `over_batches` expects."""
    back = np.stack([np.linalg.inv(crop.px_to_crop) for crop in batch])
    located = np.stack([crop.pose_crop[..., :2] for crop in batch])
    return (
        (geometry.transform_points(back, poses), visibilities),
        (
            np.stack([crop.pose_px for crop in batch]),
            np.all((located > 0) & (located < 1), axis=-1),
            np.array([crop.head_px for crop in batch]),
        ),
    )


def _spread(array: np.ndarray, places: list[int], length: int, axis: int) -> np.ndarray:
    """Scatter rows to their positions among `length`; the others are NaN (or False, or None)."""
    empty = {"b": False, "O": None}.get(array.dtype.kind, np.nan)
    spread = np.full((*array.shape[:axis], length, *array.shape[axis + 1 :]), empty, dtype=array.dtype)
    spread[(slice(None),) * axis + (places,)] = array
    return spread


def average(predictions: Sequence[_Predictions]) -> _Predictions:
    """Mean over several predictions of the same people, e.g. on displaced crops (paper section 5).

    Args:
        predictions: list of `Predictions`; labels are those of the first.

    Returns:
        `Predictions`.
    """
    return dataclasses.replace(
        predictions[0],
        pose_px=np.mean([p.pose_px for p in predictions], axis=0),
        visibility=np.mean([p.visibility for p in predictions], axis=0),
    )


def pck_scores(predictions: Predictions, layout: PoseLayout, threshold: float = 0.2) -> PckScores:
    """PCK relative to the torso, for every block and joint.

    Args:
        predictions: `Predictions`.
        layout: of their joints.
        threshold: in torso sizes.

    Returns:
        dict: `threshold`, `people` (scored), `left_out` (people without a torso), `broken` (could not be read),
        `joints` (counted), `blocks` (score of each, in percent), of the last block, in percent: `total`, `limbs` (of
        shoulders to wrists and hips to ankles alone, NaN if there are none), `auc` and `per_joint` (by name).
    """
    size = metrics.torso_size(predictions.true_px, layout)
    distances = _distances(predictions, size)
    blocks = [100 * metrics.correct_share(d, threshold) for d in distances]
    limbs = [place for place, name in enumerate(layout.names) if sides.split(name)[1] in layouts.LIMBS]
    return {
        "threshold": threshold,
        **_counts(predictions, size, distances[-1]),
        "blocks": blocks,
        "total": blocks[-1],
        "limbs": 100 * metrics.correct_share(distances[-1][:, limbs], threshold),
        "auc": 100 * metrics.area_under_curve(distances[-1], threshold),
        "per_joint": _per_joint(distances[-1], layout, threshold),
    }


def errors(predictions: Predictions, layout: PoseLayout) -> Floats:
    """Errors of the last block's joints: (N, J, 2) in torso sizes, x to the right and y down, NaN where unknown."""
    size = metrics.torso_size(predictions.true_px, layout)[:, None, None]
    return (predictions.pose_px[-1][..., :2] - predictions.true_px[..., :2]) / size


def pckh_scores(predictions: Predictions, layout: PoseLayout, inside_only: bool = False) -> PckhScores:
    """PCKh and the area under its curve, as in the paper's table 2.

    Args:
        predictions: `Predictions` with head sizes.
        layout: of their joints; `deephar.metrics.NOT_IN_TOTAL` are not counted.
        inside_only: count only joints inside the crop, as the original's evaluation does; MPII's counts all.

    Returns:
        dict: `people` (scored), `left_out` (people without a head size), `broken` (could not be read), `joints`
        (counted), `pckh@0.2`, `auc@0.2`, `pckh@0.5`, `auc@0.5` (of the last block, in percent), `blocks` (PCKh@0.5 of
        each), `per_joint` (PCKh@0.5 by name, all joints).
    """
    counted = [place for name, place in layout.places.items() if name not in metrics.NOT_IN_TOTAL]
    every = _distances(predictions, predictions.head_px, predictions.inside if inside_only else None)
    distances = [d[:, counted] for d in every]
    return {
        **_counts(predictions, predictions.head_px, distances[-1]),
        "pckh@0.2": 100 * metrics.correct_share(distances[-1], 0.2),
        "auc@0.2": 100 * metrics.area_under_curve(distances[-1], 0.2),
        "pckh@0.5": 100 * metrics.correct_share(distances[-1], 0.5),
        "auc@0.5": 100 * metrics.area_under_curve(distances[-1], 0.5),
        "blocks": [100 * metrics.correct_share(d, 0.5) for d in distances],
        "per_joint": _per_joint(every[-1], layout, 0.5),
    }


def _distances(predictions: Predictions, size: ArrayLike, valid: Bools | None = None) -> list[Floats]:
    true = predictions.true_px[..., :2]
    return [metrics.normalised_distances(true, pose[..., :2], size, valid) for pose in predictions.pose_px]


def _counts(predictions: Predictions, size: Floats, distances: Floats) -> _Counts:
    return {
        "people": int(np.isfinite(size).sum()),
        "left_out": int(np.isnan(size).sum()) - len(predictions.broken),
        "broken": len(predictions.broken),
        "joints": int(np.isfinite(distances).sum()),
    }


def _per_joint(distances: Floats, layout: PoseLayout, threshold: float) -> dict[str, float]:
    scores = 100 * metrics.correct_share_per_joint(distances, threshold)
    return dict(zip(layout.names, scores.tolist(), strict=True))


def constant_baseline(training_crops: Crops, crops: Crops, on_broken: str = "raise") -> Predictions:
    """Predict, for every crop, the mean of the located joints over some training crops: the baseline to beat.

    Args:
        training_crops: sequence of crops with `pose_crop`.
        crops: sequence of crops to predict for.
        on_broken: see `predict`; with "skip" also for training crops.

    Returns:
        `Predictions` of one block, in source pixels.
    """
    poses = []
    for index in range(len(training_crops)):
        try:
            poses.append(training_crops[index].pose_crop)
        except ValueError:
            if on_broken == "raise":
                raise
    if not poses:
        raise ValueError(f"None of the {len(training_crops)} people to take the mean of can be read")
    mean = np.ma.masked_invalid(poses).mean(axis=0).filled(np.nan)  # of a joint that nobody has

    class Mean:
        output_names: Sequence[str] = ("block1_pose_visibility",)

        def predict_on_batch(self, images):
            pose = np.concatenate([mean, np.ones((len(mean), 1))], axis=-1)
            return np.repeat(pose[None], len(images), axis=0)

    return predict(Mean(), crops, on_broken=on_broken)
