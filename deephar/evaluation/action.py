"""Action predictions of a clip network for videos, and their accuracy."""

import dataclasses
import itertools
import logging
import operator
import typing
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from tqdm import tqdm

from deephar import checks, metrics
from deephar.inference import running
from deephar.models import outputs
from deephar.typed import ArrayLike, Floats, Ints, Network

logger: logging.Logger = logging.getLogger(__name__)

COMBINATIONS = ("mean", "product")
"""How the scores of a video's clips are combined: their mean (paper), or their product (published code)."""


class Clip(typing.Protocol):
    """The part of a `deephar.data.samples.video_clips.ClipInput` used here."""

    @property
    def inputs(self) -> Sequence[Floats]: ...


class Video(typing.Protocol):
    """The part of a `deephar.data.samples.video_clips.VideoInput` used here."""

    @property
    def name(self) -> str: ...

    @property
    def action(self) -> int: ...

    @property
    def short(self) -> bool: ...

    @property
    def clips(self) -> Iterable[Clip]: ...


class Videos(typing.Protocol):
    """The part of `deephar.data.samples.video_clips.VideoClips` used here."""

    @property
    def actions(self) -> Sequence[str]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Video: ...


@dataclasses.dataclass(frozen=True)
class ActionPredictions:
    """Scores of every output for every video.

    Attributes:
        scores: output's name to (N, A), in the order of `deephar.models.outputs.judges` (p1 ... v1 ... m); each row
            sums to 1, or is NaN for a video that cannot be read.
        truth: (N,) class numbers; -1 if unknown or if the video cannot be read.
        names: of the videos.
        clips: (N,) number of clips combined.
        short: number of videos too short for one clip at the subsampling; scored on one clip all the same.
        broken: position of every video that could not be read, and the reason.
    """

    scores: dict[str, Floats]
    truth: Ints
    names: list[str]
    clips: Ints
    short: int
    broken: dict[int, str]


class ActionScores(typing.TypedDict):
    """See `action_scores`."""

    accuracy: float
    output: str
    outputs: dict[str, float]
    per_class: dict[str, float]
    per_class_of: dict[str, dict[str, float]]
    confusion: list[list[int]]
    videos: int
    short: int
    broken: int


def combine(scores: ArrayLike, how: str = "mean") -> Floats:
    """Combine the scores of several clips (N, A) into those of one video (A,), which sum to 1.

    Args:
        scores: probabilities.
        how: one of `COMBINATIONS`.
    """
    if how not in COMBINATIONS:
        raise ValueError(f"`how` must be one of {', '.join(COMBINATIONS)}. Received: {how!r}")
    scores = np.asarray(scores, dtype=np.float64)
    if how == "mean":
        return scores.mean(axis=0)
    logits = np.log(np.maximum(scores, 1e-30)).sum(axis=0)
    product = np.exp(logits - logits.max())
    return product / product.sum()


def predict(
    model: Network,
    videos: Videos,
    how: str = "mean",
    batch_size: int = 8,
    progress: bool = False,
    on_broken: str = "raise",
) -> ActionPredictions:
    """Classify videos, in one pass through each; memory holds one batch of clips, however long a video is.

    Args:
        model: a clip network.
        videos: sequence of videos, as from `deephar.data.samples.video_clips.VideoClips`.
        how: one of `COMBINATIONS`.
        batch_size: clips per batch, from one video or several.
        progress: show a progress bar.
        on_broken: "raise" at a video that cannot be read; or "skip" it, log it and name it in `broken`.

    Returns:
        `ActionPredictions`.

    Raises:
        ValueError: if a video cannot be read; with "skip", if none can; or if an output is for other actions.
    """
    names = [output.name for output in outputs.judges(model)]
    scores = {name: np.full((len(videos), len(videos.actions)), np.nan) for name in names}
    walk = _Walk(videos, progress, on_broken)
    for index, judged in itertools.groupby(_judged(model, walk, batch_size), key=operator.itemgetter(0)):
        rows = [row for _, row in judged]
        for name in names if index not in walk.broken else ():
            combined = combine([row[name] for row in rows], how)
            if len(combined) != len(videos.actions):
                raise ValueError(f"{name} tells {len(combined)} actions apart; the videos show {len(videos.actions)}")
            scores[name][index] = combined
    if not walk.clips.any():
        fault = next(iter(walk.broken.values()), "no videos")
        raise ValueError(f"None of {len(videos)} videos can be read; the first error: {fault}")
    return ActionPredictions(scores, walk.truth, walk.names, walk.clips, walk.short, walk.broken)


class _Walk:
    """Iterates over the clips of videos, one video after another, and collects facts about them; see `predict`."""

    def __init__(self, videos: Videos, progress: bool, on_broken: str) -> None:
        self.videos, self.progress = videos, progress
        self.on_broken: str = checks.one_of("on_broken", on_broken, ("raise", "skip"))
        self.truth, self.clips = np.full(len(videos), -1), np.zeros(len(videos), int)
        self.names, self.short = [""] * len(videos), 0
        self.broken: dict[int, str] = {}

    def __iter__(self) -> Iterator[tuple[int, Sequence[Floats]]]:
        """Position of the video and inputs, for every clip; also for those before the error in a broken video."""
        for index in tqdm(range(len(self.videos)), desc="judge", unit="video", disable=not self.progress):
            try:
                video, count = self.videos[index], 0
                for clip in video.clips:
                    yield index, clip.inputs
                    count += 1
            except ValueError as error:
                if self.on_broken == "raise":
                    raise
                self.broken[index] = str(error)
                logger.warning("skipped: %s", error)
            else:
                self.truth[index], self.clips[index], self.names[index] = video.action, count, video.name
                self.short += video.short


def _judged(
    model: Network, clips: Iterable[tuple[int, Sequence[Floats]]], batch_size: int
) -> Iterator[tuple[int, dict[str, Floats]]]:
    """Position of the video, and output's name to scores (A,), for every clip."""
    for batch in running.batches(clips, batch_size):
        places, scores = [place for place, _ in batch], _scores(model, [inputs for _, inputs in batch], batch_size)
        batch.clear()  # before the next one is made
        for row, place in enumerate(places):
            yield place, {name: array[row] for name, array in scores.items()}


def _scores(model: Network, clips: list[Sequence[Floats]], batch_size: int) -> dict[str, Floats]:
    """Output's name to scores (at least the clips, A)."""
    inputs = [running.padded(parts, batch_size) for parts in zip(*clips, strict=True)]
    found = running.judge(model, inputs[0] if len(inputs) == 1 else inputs)
    return {output.name: array for output, array in found.items()}


def action_scores(predictions: ActionPredictions, actions: Sequence[str]) -> ActionScores:
    """Accuracy of every output, and by class of the last one.

    Args:
        predictions: `ActionPredictions`; videos with unknown action are not counted.
        actions: names of the classes.

    Returns:
        dict: `accuracy` (percent, of the last output), `output` (its name), `outputs` (name to percent), `per_class`
        (name to percent, NaN for classes without a video), `per_class_of` (the last output of every branch: name to
        the same), `confusion` (rows: truth, columns: prediction, counts), `videos`, `short`, `broken`.
    """
    counted = predictions.truth >= 0
    truth = predictions.truth[counted]
    found = {name: scores[counted].argmax(axis=1) for name, scores in predictions.scores.items()}
    last = list(found)[-1]
    branches = {outputs.of_name(name).branch: name for name in found}  # the last of each
    by_class = {name: metrics.accuracy_per_class(truth, found[name], len(actions)) for name in branches.values()}
    by_class = {name: dict(zip(actions, (100 * a).tolist(), strict=True)) for name, a in by_class.items()}
    return {
        "accuracy": 100 * metrics.accuracy(truth, found[last]),
        "output": last,
        "outputs": {name: 100 * metrics.accuracy(truth, guess) for name, guess in found.items()},
        "per_class": by_class[last],
        "per_class_of": by_class,
        "confusion": metrics.confusion(truth, found[last], len(actions)).tolist(),
        "videos": int(counted.sum()),
        "short": predictions.short,
        "broken": len(predictions.broken),
    }
