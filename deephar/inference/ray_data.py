"""Ray Data: photographs of a cluster, one network in every actor; `pip install "deephar[ray]"`.

    import ray
    from deephar.inference.ray_data import PredictBatches, photographs

    people = photographs("photos/").map_batches(PredictBatches, batch_size=16, concurrency=4, num_gpus=1)
    people.write_parquet("people/")

Ray begins an actor that dies anew, and repeats its batches: every photograph is in the result once.
"""

import typing
from collections.abc import Mapping, Sequence

import numpy as np

from deephar import console
from deephar.inference import photo_paths, watching
from deephar.inference.detection import Detector
from deephar.inference.predictor import PosePredictor
from deephar.inference.results import Result
from deephar.inference.sources import Picture, open_source
from deephar.typed import Array, Path

if typing.TYPE_CHECKING:
    import ray.data  # pyright: ignore[reportMissingImports]

COLUMN = "path"
"""Column of the photographs, unless another is named."""

_FOUND = ("boxes", "poses", "confidences", "scores")


class Settings(typing.TypedDict, total=False):
    """Arguments of `deephar.inference.PosePredictor.from_weights` after the weights."""

    flip: bool
    detector: Detector | typing.Literal["people"] | None
    least_score: float
    max_people: int | None
    runtime: str | None
    precision: str
    calibration: Path | None


class PredictBatches:
    """What `ray.data.Dataset.map_batches` takes: the network is loaded once in each actor. It does not import Ray.

    Every row is a photograph, and stays one: paths as of `photographs`, encoded files as "bytes" of
    `ray.data.read_binary_files`, or pixels as "image" of `ray.data.read_images`. Bytes and pixels are left out of the
    result, all other columns are kept. Columns that are added, of N people, who differ from row to row, with J joints:

    - `width`, `height`: int64, pixels, upright; 0 where the photograph failed;
    - `boxes`: float64 (N, 4), x1, y1, x2, y2 in pixels;
    - `poses`: float64 (N, J, 2), pixels;
    - `confidences`: float64 (N, J), in [0, 1];
    - `scores`: float64 (N,), in [0, 1];
    - `poses_3d`: float64 (N, J, 3), mm from the pelvis; only of a network with depth;
    - `error`: why the photograph failed; "" where it did not. One that fails ends nothing.

    Args:
        weights: see `deephar.inference.PosePredictor.from_weights`.
        column: of the photographs: paths, bytes, or uint8 arrays (H, W, 3).
        **settings: further arguments of `deephar.inference.PosePredictor.from_weights`.

    Raises:
        ValueError, ImportError: see `deephar.inference.PosePredictor.from_weights`.

    Example:
        >>> settings = {"weights": "lsp-lite-3d", "column": "image"}
        >>> images = ray.data.read_images("s3://bucket/photos", include_paths=True)
        >>> images.map_batches(PredictBatches, fn_constructor_kwargs=settings, batch_size=16, concurrency=(1, 8))
    """

    def __init__(
        self, weights: Path = "photo-lite-2d", column: str = COLUMN, **settings: typing.Unpack[Settings]
    ) -> None:
        self.column: str = column
        self._predictor = PosePredictor.from_weights(weights, **settings)
        self._depth = self._predictor.depth

    def __call__(self, batch: Mapping[str, Array]) -> dict[str, Array]:
        """The people in a batch of photographs.

        Args:
            batch: of every column an array (B, ...), the format "numpy" of Ray Data.

        Returns:
            dict of arrays (B, ...), see the class; those whose rows differ in shape are of dtype object.

        Raises:
            ValueError: if it lacks the column of the photographs.
        """
        if self.column not in batch:
            raise ValueError(f"Expected a column {self.column!r} of photographs. Received: {', '.join(batch)}")
        pictures = typing.cast(Sequence[Picture], batch[self.column])
        results, errors = self._results(pictures)
        kept = {name: values for name, values in batch.items() if name != self.column or _are_paths(pictures)}
        sizes = np.array([result.size if result else (0, 0) for result in results], np.int64).reshape(-1, 2)
        found = self._found(results)
        return {**kept, "width": sizes[:, 0], "height": sizes[:, 1], **found, "error": _objects(errors)}

    def _results(self, pictures: Sequence[Picture]) -> tuple[list[Result | None], list[str]]:
        """What was found in every picture, None where it failed; and why it did."""
        results: list[Result | None] = [None] * len(pictures)
        errors = [""] * len(pictures)
        with open_source(iter(pictures)) as source:
            for frame, people in watching.attempts(self._predictor, source, None):
                if isinstance(people, Exception):
                    errors[frame.index] = console.reason(people)
                else:
                    results[frame.index] = self._predictor.result(frame, people)
        for index, reason in source.broken.items():
            errors[index] = reason
        return results, errors

    def _found(self, results: Sequence[Result | None]) -> dict[str, Array]:
        nobody = Result(0, 0.0, (1, 1), "", self._predictor.layout, []).to_numpy()
        rows = [nobody if result is None else result.to_numpy() for result in results]
        names = [*_FOUND, *(["poses_3d"] if self._depth else [])]
        return {name: _objects([row[name] for row in rows]) for name in names}


def photographs(source: Path | Sequence[Path], blocks: int | None = None) -> "ray.data.Dataset":
    """A data set of Ray with a row for every photograph, whose "path" is one that all machines see.

    Args:
        source: of a photograph, a folder or a pattern, or a list of these, see `deephar.inference.open_source`.
        blocks: number of parts that actors take, by default Ray's choice.

    Raises:
        ValueError: if there are no photographs.
        ImportError: without Ray; with the command.
    """
    try:
        import ray.data  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ImportError('Data sets of Ray need its package; install it with: pip install "deephar[ray]"') from None

    sources = list(source) if isinstance(source, (list, tuple)) else [source]
    paths = [str(path) for path in photo_paths.expanded_list(sources).items]
    return ray.data.from_items([{COLUMN: path} for path in paths], override_num_blocks=blocks)


def _are_paths(pictures: Sequence[object]) -> bool:
    return all(isinstance(picture, str) for picture in pictures)


def _objects(values: Sequence[object]) -> Array:
    """A column (B,) of values that may differ in shape."""
    column = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        column[row] = value
    return column
