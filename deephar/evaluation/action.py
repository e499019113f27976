"""Actions of videos by a clip network, and how often they are right."""

import dataclasses
import logging

import numpy as np
from tqdm import tqdm

from deephar import metrics

logger = logging.getLogger(__name__)

COMBINATIONS = ("mean", "product")
"""How the clips of a video are judged together: the mean of their scores (paper), or their product (published code)."""


@dataclasses.dataclass(frozen=True)
class ActionPredictions:
    """Scores of every output for every video.

    Attributes:
        scores: output's name (p1 ... v1 ... m) to (N, A), each row sums to 1; NaN for videos that cannot be read.
        truth: (N,) numbers of the classes; -1 where unknown or where the video cannot be read.
        names: of the videos.
        clips: (N,) number of clips judged together.
        short: number of videos too short for one clip at the subsampling; judged by one clip all the same.
        broken: position of every video that could not be read and the reason.
    """

    scores: dict
    truth: np.ndarray
    names: list
    clips: np.ndarray
    short: int
    broken: dict


def combine(scores, how="mean"):
    """Scores of several clips (N, A) as those of one video (A,), which sum to 1.

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


def predict(model, videos, how="mean", batch_size=8, progress=False, on_broken="raise"):
    """Judge videos.

    Args:
        model: a clip network.
        videos: sequence of what `deephar.data.video_clips.VideoClips` gives.
        how: one of `COMBINATIONS`.
        batch_size: clips at a time, of one video or several.
        progress: show a progress bar.
        on_broken: "raise" at a video that cannot be read; or "skip" it, log it and name it in `broken`.

    Returns:
        `ActionPredictions`.

    Raises:
        ValueError: if a video cannot be read; with "skip", if none can.
    """
    outputs = [name for name, output in zip(model.output_names, model.outputs, strict=True) if len(output.shape) == 2]
    scores = {name: np.full((len(videos), len(videos.actions)), np.nan) for name in outputs}
    truth, clips, names, broken = np.full(len(videos), -1), np.zeros(len(videos), int), [""] * len(videos), {}
    short, waiting = 0, []

    def judge():
        for (index, _), rows in zip(waiting, _judge(model, [v for _, v in waiting], batch_size), strict=True):
            for name in outputs:
                scores[name][index] = combine(rows[name], how)

    for index in tqdm(range(len(videos)), desc="judge", unit="video", disable=not progress):
        try:
            video = videos[index]
        except ValueError as error:
            if on_broken == "raise":
                raise
            broken[index] = str(error)
            logger.warning("skipped: %s", error)
            continue
        truth[index], clips[index], names[index] = video.action, len(video.inputs[0]), video.name
        short += video.short
        waiting.append((index, video))
        if sum(len(v.inputs[0]) for _, v in waiting) >= batch_size:
            judge()
            waiting.clear()
    if waiting:
        judge()
    if not clips.any():
        raise ValueError(f"None of {len(videos)} videos can be read; the first fault: {broken.get(0, 'no videos')}")
    return ActionPredictions(scores, truth, names, clips, short, broken)


def _judge(model, videos, batch_size):
    """For every video, output's name to scores (clips, A)."""
    inputs = [np.concatenate(parts) for parts in zip(*(video.inputs for video in videos), strict=True)]
    total = len(inputs[0])
    padded = -(-total // batch_size) * batch_size  # whole batches save compilations
    inputs = [np.concatenate([x, np.repeat(x[:1], padded - total, axis=0)]) for x in inputs]
    parts = []
    for first in range(0, padded, batch_size):
        batch = [x[first : first + batch_size] for x in inputs]
        found = model.predict_on_batch(batch[0] if len(batch) == 1 else batch)
        found = found if isinstance(found, (list, tuple)) else [found]
        parts.append([array[:batch_size] for array in found])  # every copy of a strategy gives the whole batch
    found = {
        name: np.concatenate(arrays)
        for name, arrays in zip(model.output_names, zip(*parts, strict=True), strict=True)
        if arrays[0].ndim == 2
    }
    ends = np.cumsum([len(video.inputs[0]) for video in videos])
    return [
        {name: a[end - len(v.inputs[0]) : end] for name, a in found.items()}
        for v, end in zip(videos, ends, strict=True)
    ]


def action_scores(predictions, actions):
    """Accuracy of every output, and of the last one by class.

    Args:
        predictions: `ActionPredictions`; videos of unknown action are not counted.
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
    branches = {name[0]: name for name in found}  # the last of p1 p2 ..., of v1 v2 ..., and m
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
