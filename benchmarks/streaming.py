"""Actions while they happen: frames a second of `ActionStream`, and of the clip network run anew at every frame.

Command  python benchmarks/streaming.py [--presets penn-merge lite-merge] [--rounds 5]
Result   a table: medians over alternating rounds in one process, and their ratio; random weights, one person in a fixed
         window, frames of 640 x 480 that are decoded already
Time     three minutes on two cores of an AVX2 server CPU
"""

import argparse
import statistics

import numpy as np

import deephar
from deephar import geometry
from deephar.data.samples import frames
from deephar.inference import running
from deephar.inference.actions import ActionStream
from deephar.models.action.streaming import split
from deephar.stopwatch import in_turn

FRAMES = 16
WINDOW = (np.array([320.0, 240.0]), np.full(2, 400.0))


def crop(picture, size):
    return frames.to_input(
        frames.warp(frames.to_rgb(frames.open_image(picture)), geometry.window_to_crop(*WINDOW), size)
    )


def measured(preset, rounds, count=4):
    """Medians of the frames a second, anew and streamed."""
    model = deephar.build(preset, frames=FRAMES, export_poses="last")
    layout = "pa20j" if preset.startswith("ntu") else "pa16j"
    live, size = ActionStream(*split(model), layout, FRAMES), model.input_shape[2:4]
    pictures = np.random.default_rng(0).integers(0, 255, (FRAMES, 480, 640, 3), dtype=np.uint8)
    clip = np.stack([crop(picture, size) for picture in pictures])[None]

    def streamed():
        for picture in pictures[:count]:
            live(picture, {1: WINDOW})

    def anew():
        clip[0, -1] = crop(pictures[-1], size)
        running.run(model, clip)

    for picture in pictures:
        live(picture, {1: WINDOW})
    times = in_turn({"anew": anew, "streamed": streamed}, rounds, before=1)
    return 1 / statistics.median(times["anew"]), count / statistics.median(times["streamed"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=["penn-merge", "ntu-merge", "lite-merge"])
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    print(f"{'frames/s':<14}{'anew':>8}{'streamed':>10}{'ratio':>8}")
    for preset in args.presets:
        anew, streamed = measured(preset, args.rounds)
        print(f"{preset:<14}{anew:>8.2f}{streamed:>10.2f}{streamed / anew:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
