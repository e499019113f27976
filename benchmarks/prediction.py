"""Speed of prediction: photographs a second with boxes given and without, and the first photograph from a cold start.

Data     none; it draws photographs of 640 x 480 with one to five people
Command  python benchmarks/prediction.py [--weights photo-lite-2d] [--runtimes keras openvino openvino:bfloat16]
         [--photos 240] [--rounds 5]
Result   for every runtime, photographs and people a second in one call, decoding included: the median of rounds that
         take turns, and their middle half; then seconds of the command `deephar predict` on one photograph in a process
         of its own, beside those of importing the backend alone
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

from deephar.data.synthetic import groups
from deephar.inference import PosePredictor

DRAWN = 24


def photographs(folder, count):
    """Paths of JPEG files, and the boxes of the people in each."""
    pictures = groups.Groups(DRAWN, size=(640, 480), seed=60_000)
    drawn = [(pictures.image(index), pictures.truth(index)) for index in range(DRAWN)]
    paths, boxes = [], {}
    for number in range(count):
        pixels, truth = drawn[number % DRAWN]
        paths.append(folder / f"{number:04}.jpg")
        Image.fromarray(pixels).save(paths[-1], quality=90)
        boxes[str(paths[-1])] = truth.boxes[truth.share > 0.5][:1]
    return paths, boxes


def rate(predictor, paths, boxes):
    """Photographs and people a second."""
    start = time.perf_counter()
    people = sum(len(result.people) for result in predictor.stream(paths, boxes))
    seconds = time.perf_counter() - start
    return len(paths) / seconds, people / seconds


def rates(predictors, paths, boxes, rounds):
    """Median and middle half of photographs a second, and the median of people, of every predictor."""
    for predictor in predictors.values():
        rate(predictor, paths[:DRAWN], boxes)
    found = {name: [] for name in predictors}
    for _ in range(rounds):
        for name, predictor in predictors.items():
            found[name].append(rate(predictor, paths, boxes))
    quartiles = {name: np.quantile(pairs, [0.25, 0.5, 0.75], axis=0) for name, pairs in found.items()}
    return {name: (middle[0], low[0], high[0], middle[1]) for name, (low, middle, high) in quartiles.items()}


def cold(*command):
    """Seconds of a process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="photo-lite-2d")
    parser.add_argument("--runtimes", nargs="+", default=["keras"], metavar="NAME[:PRECISION]")
    parser.add_argument("--photos", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    chosen = {one: (one.partition(":")[0], one.partition(":")[2] or "float32") for one in args.runtimes}
    predictors = {
        one: PosePredictor.from_weights(args.weights, runtime=runtime, precision=precision)
        for one, (runtime, precision) in chosen.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        paths, boxes = photographs(pathlib.Path(folder), args.photos)
        for name, given in (("one box given", lambda frame: boxes[frame.name]), ("people are found", None)):
            for one, (photos, low, high, people) in rates(predictors, paths, given, args.rounds).items():
                print(
                    f"{one}, {name}: {photos:.1f} ({low:.1f} to {high:.1f}) photographs a second, {people:.1f} people"
                )
        imports = cold("-c", "import keras")
        for one, (runtime, precision) in chosen.items():
            command = ["-m", "deephar.cli", "predict", paths[0], "--weights", args.weights]
            command += ["--runtime", runtime, "--precision", precision]
            given, found = cold(*command, "--box=200,100,200,300"), cold(*command)
            print(f"{one}, cold start: import alone {imports:.1f} s, with a box {given:.1f} s, without {found:.1f} s")


if __name__ == "__main__":
    main()
