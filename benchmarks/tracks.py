"""Tracks of people who cross: IDF1 and identity switches of the tracker, beside greedy overlap of boxes.

Data     none; it makes videos of two or three people who walk past each other, leave the picture, and are hidden
Command  python benchmarks/tracks.py [--people 3]
Result   a table. The detections of a frame are the true people with noise on joints and boxes, 3 % of the
         size of the person; who is seen by less than a quarter is not found, nor is one in 33 of the others; the score
         of a person is the share that is seen, with noise
Time     about a minute on two cores
"""

import argparse
import dataclasses
import functools

import numpy as np

from deephar.data.synthetic.crossings import CrossingVideos
from deephar.evaluation import people
from deephar.inference import Person
from deephar.inference.tracks import Tracker
from deephar.metrics_overlap import box_overlap

NOISE, HIDDEN, LOST = 0.03, 0.25, 0.03


def detections(present, generator):
    """What a detector may find of the people in a frame."""
    found = []
    for pose, box, share in zip(present.pose_px, present.boxes, present.share, strict=True):
        if share < HIDDEN or generator.random() < LOST:
            continue
        deviation = NOISE * max(box[2:] - box[:2])
        low, high = np.split(box + generator.normal(0, deviation, 4), 2)
        confidence = np.full(len(pose), np.clip(share + generator.normal(0, 0.1), 0, 1))
        box = np.concatenate([np.minimum(low, high), np.maximum(low, high) + 1])
        found.append(Person(box, pose + generator.normal(0, deviation, pose.shape), confidence))
    return found


class Greedy:
    """The surest first takes the number of the box in the frame before that it overlaps most."""

    def __init__(self, layout, sure=0.5, overlap=0.2):
        self.sure, self.overlap, self.before, self.begun = sure, overlap, {}, 0

    def __call__(self, found):
        left, now = dict(self.before), {}
        for person in sorted(found, key=lambda one: -one.score):
            if person.score < self.sure:
                continue
            overlaps = {n: box_overlap(one.box_px[None], person.box_px[None])[0, 0] for n, one in left.items()}
            best = max(overlaps, key=overlaps.get, default=None)
            if best is None or overlaps[best] < self.overlap:
                self.begun += 1
                best = self.begun
            left.pop(best, None)
            now[best] = dataclasses.replace(person, track=best)
        self.before = now
        return list(now.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=20)
    parser.add_argument("--people", type=int, default=2, choices=(2, 3), help="in a video")
    parser.add_argument("--seed", type=int, default=5)
    args = parser.parse_args()
    videos = CrossingVideos(args.videos, people=args.people, seed=args.seed)
    videos.truth = functools.cache(videos.truth)  # drawn once for all
    generator, joints = np.random.default_rng(args.seed), len(videos.layout)
    seen = [[detections(p, generator) for p in videos.truth(index)] for index in range(len(videos))]
    print(f"{'':<10}{'IDF1':>8}{'switches':>10}{'MOTA':>8}{'misses':>8}")
    for name, kind in (("greedy", Greedy), ("tracker", Tracker)):
        found = []
        for frames in seen:
            tracker = kind(videos.layout)
            tracked = [tracker(one) for one in frames]
            found.append([people.found_of(one, joints, [p.track for p in one]) for one in tracked])
        s = people.video_scores(videos, found, videos.layout)["tracks"]
        print(f"{name:<10}{100 * s['idf1']:>8.1f}{s['switches']:>10}{100 * s['mota']:>8.1f}{s['misses']:>8}")


if __name__ == "__main__":
    main()
