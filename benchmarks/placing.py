"""Where synthetic people are found before a camera whose focal length is known: the error of the pelvis.

Data     none; it draws groups. Everybody of whom nine tenths are seen counts; their boxes are given
Command  python benchmarks/placing.py [--weights photo-lite-3d] [--pictures 100]
Result   the mean and the median error in per cent of the distance. Synthetic people's heights vary by a twentieth about
         their means of 1640 and 1770 mm, while all are taken to be 1700 mm tall: that alone is 4 % of the distance
"""

import argparse

import numpy as np
from PIL import Image

from deephar import geometry
from deephar.data.synthetic import groups
from deephar.inference import PosePredictor
from deephar.inference.placing import Place

LEAST_SEEN = 0.9


def errors(predictor, pictures, index):
    """Distances of the found from the true pelvis, relative to its distance from the camera, in one picture."""
    truth, camera = pictures.truth(index), pictures.camera(index)
    seen = np.flatnonzero(truth.share >= LEAST_SEEN)
    if not len(seen):
        return []
    boxes = [geometry.points_box(truth.pose_px[number]) for number in seen]
    place = Place(focal_px=float(camera.focal.mean()), principal_px=camera.principal.tolist())
    (result,) = predictor.stream([Image.fromarray(pictures.image(index))], boxes=lambda _: boxes, then=[place])
    roots = np.column_stack([truth.pose_px[seen, pictures.layout.index("pelvis")], truth.depth_mm[seen]])
    pairs = zip(result.people, camera.unproject(roots), strict=True)
    return [np.linalg.norm(one.position_mm - true) / np.linalg.norm(true) for one, true in pairs]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="photo-lite-3d", help="of a network with depth")
    parser.add_argument("--pictures", type=int, default=100)
    args = parser.parse_args()
    predictor = PosePredictor.from_weights(args.weights, detector=None)
    pictures = groups.Groups(args.pictures, size=(384, 288), seed=20_000)
    found = 100 * np.array([one for index in range(len(pictures)) for one in errors(predictor, pictures, index)])
    print(f"{len(found)} people: mean {found.mean():.1f} %, median {np.median(found):.1f} % of the distance")


if __name__ == "__main__":
    main()
