"""Fit how sure a person is by the detector's score, the joints' confidence and the agreement of the boxes.

Data     LSP-extended, validation split 3501-3700; street photographs 1701-1760 with predicted joints (--street,
         --street-poses), whole, cut off below a half and a third of the person, and in windows beside the people;
         synthetic groups need nothing
Command  python exp/people/fit_certainty.py --data lspet_dataset.zip --street ccp.zip --street-poses ccp.npz
Result   the constants of deephar/inference/certainty.py, and the average precision of every rank by source
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from deephar import geometry, metrics_overlap
from deephar.data.readers import backgrounds, fused, lsp, photographs
from deephar.data.samples import frames
from deephar.data.synthetic import groups
from deephar.detection import detector, loading
from deephar.inference import PosePredictor, boxes

ALIKE, WINDOWS = 0.5, 150
UPPER = {"upper half": 0.5, "upper third": 0.35}
NOBODY = np.zeros((0, 4))


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder or zip of LSP-extended")
    parser.add_argument("--street", required=True, type=pathlib.Path, help="folder or zip of street photographs")
    parser.add_argument("--street-poses", required=True, type=pathlib.Path, help=".npz of two networks' joints")
    parser.add_argument("--weights", default="photo-lite-2d", help="of the pose network")
    parser.add_argument("--detector", type=pathlib.Path, help="weights of train_people.py (default: deephar's own)")
    args = parser.parse_args()
    try:
        args.people = lsp.LspExtended(args.data, lsp.SPLITS["choose"])
        args.street = fused.seen(photographs.Photographs(args.street, slice(1700, 1760)), args.street_poses)
        args.find = detector.PeopleDetector(loading.load(args.detector))
        args.predictor = PosePredictor.from_weights(args.weights, detector=None)
        return args
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))


def pictures(args):
    """Source, picture and boxes (N, 4) of the people in it."""
    for source, reader in (("sports", args.people), ("street", args.street)):
        for sample in map(reader.sample, range(len(reader))):
            picture, points = frames.to_rgb(sample.image, sample.name), sample.extent_px
            yield source, picture, geometry.points_box(points)[None]
            for name, share in UPPER.items():
                yield f"{source}, {name}", *upper(picture, points, share)
    beside = backgrounds.Backgrounds(args.street, 0)
    for sample in map(beside.sample, range(min(WINDOWS, len(beside)))):
        yield "beside", backgrounds.picture(sample), NOBODY
    drawn = groups.Groups(60, size=(384, 288), seed=50_000)
    for index in range(len(drawn)):
        truth = drawn.truth(index)
        poses = truth.pose_px[truth.share > 0.3]
        yield "drawn", Image.fromarray(drawn.image(index)), np.concatenate([poses.min(axis=1), poses.max(axis=1)], -1)


def upper(picture, points, share):
    """A picture that ends below a share of a person's height, and the box (1, 4) of the points that are left."""
    top = np.nanmin(points[:, 1])
    end = top + share * (np.nanmax(points[:, 1]) - top)
    ended = picture.crop((0, 0, picture.width, max(2, round(end))))
    return ended, geometry.points_box(points[points[:, 1] <= end])[None]


def evidence(args):
    """Source, scores (3,) and whether there is a person, of every box that the detector proposes."""
    for source, image, true in pictures(args):
        proposed, scores = args.find(image)
        for person, score in zip(args.predictor(image, proposed), scores.tolist(), strict=True):
            found = boxes.extent(person.pose_px, person.confidence, image.size)[None]
            agreement = metrics_overlap.box_overlap(person.box_px[None], found)[0, 0]
            right = metrics_overlap.box_overlap(true, person.box_px[None]).max(initial=0.0) >= ALIKE
            yield source, (score, person.confidence.mean(), agreement), right


def main():
    sources, scores, right = (np.array(values) for values in zip(*evidence(options()), strict=True))
    fitted = LogisticRegression().fit(scores, right)
    names = ("DETECTOR", "POSE", "AGREEMENT", "OFFSET")
    for name, value in zip(names, [*fitted.coef_[0], *fitted.intercept_], strict=True):
        print(f"{name} {value:.2f}")
    for source in np.unique(sources):
        rows = sources == source
        if right[rows].any():
            ranks = {"detector": scores[:, 0], "pose": scores[:, 1], "certainty": fitted.decision_function(scores)}
            said = (f"{name} {average_precision_score(right[rows], rank[rows]):.3f}" for name, rank in ranks.items())
            print(f"{source}: {', '.join(said)}, {rows.sum()} boxes, {right[rows].sum()} of people")


if __name__ == "__main__":
    main()
