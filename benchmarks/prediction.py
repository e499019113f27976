"""Speed of prediction: photographs a second with boxes given and without, and the first photograph from a cold start.

Data     none; it draws photographs of 640 x 480 with one to five people
Command  python benchmarks/prediction.py [--weights photo-lite-2d] [--runtime openvino] [--photos 240]
Result   photographs and people a second in one call, decoding included; seconds of the command `deephar predict` on one
         photograph in a process of its own, beside those of importing the backend alone
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

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
    """Photographs and people a second; the first few are not counted."""
    list(predictor.stream(paths[:8], boxes))
    start = time.perf_counter()
    people = sum(len(result.people) for result in predictor.stream(paths, boxes))
    seconds = time.perf_counter() - start
    return len(paths) / seconds, people / seconds


def cold(*command):
    """Seconds of a process."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="photo-lite-2d")
    parser.add_argument("--runtime", default="keras")
    parser.add_argument("--photos", type=int, default=240)
    args = parser.parse_args()
    predictor = PosePredictor.from_weights(args.weights, runtime=args.runtime)
    with tempfile.TemporaryDirectory() as folder:
        paths, boxes = photographs(pathlib.Path(folder), args.photos)
        for name, given in (("one box given", lambda frame: boxes[frame.name]), ("people are found", None)):
            photos, people = rate(predictor, paths, given)
            print(f"{name}: {photos:.1f} photographs a second, {people:.1f} people")
        command = ("-m", "deephar.cli", "predict", paths[0], "--weights", args.weights, "--runtime", args.runtime)
        imports = cold("-c", "import keras")
        given, found = cold(*command, "--box=200,100,200,300"), cold(*command)
        print(f"from a cold start: import alone {imports:.1f} s, with a box {given:.1f} s, without {found:.1f} s")


if __name__ == "__main__":
    main()
