"""Score the detector: people found in held-out photographs, false people in windows without anybody, synthetic groups.

Data     LSP-extended, test split 3701-4200; street photographs 1761-1900 with predicted joints (--street,
         --street-poses), beside whose people 500 windows are cut; synthetic groups need nothing
Command  python exp/people/eval_people.py --data lspet_dataset.zip --street ccp.zip --street-poses ccp.npz
Result   tables of recall and false people by threshold, of the detector alone and of the people whom a predictor finds
         with it (boxes around their joints); average precision on synthetic groups, boxes of the detector and
         poses of --weights; identities in synthetic videos of people who cross; OUT/eval.json, OUT/groups.jpg, eight of
         the groups, evenly spaced, and OUT/film.webp, the first video
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib

import numpy as np
from PIL import Image
from tqdm import tqdm

from deephar import files, geometry
from deephar.data.readers import backgrounds, fused, lsp, photographs
from deephar.data.samples import frames
from deephar.data.synthetic import crossings, groups
from deephar.detection import detector, loading
from deephar.evaluation import detection, people, report
from deephar.inference import PosePredictor, Result
from deephar.viz import Film, contact_sheet, draw_result

WINDOWS, SHOWN = 500, 8


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, help="folder or zip of LSP-extended")
    parser.add_argument("--street", type=pathlib.Path, help="folder or zip of street photographs")
    parser.add_argument("--street-poses", type=pathlib.Path, help=".npz of two networks' joints")
    parser.add_argument("--detector", type=pathlib.Path, help="weights of train_people.py (default: deephar's own)")
    parser.add_argument("--weights", default="photo-lite-2d", help="of the pose network, for the groups")
    parser.add_argument("--groups", type=int, default=200, help="synthetic pictures")
    parser.add_argument("--videos", type=int, default=20, help="synthetic videos")
    parser.add_argument("--levels", type=int, default=2, help="see deephar.detection.detector.PeopleDetector")
    parser.add_argument("--out", default="runs/people", type=pathlib.Path)
    args = parser.parse_args()
    photographs = args.data, args.street, args.street_poses
    if any(photographs) and not all(photographs):
        parser.error("--data, --street and --street-poses belong together")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        args.network = loading.load(args.detector)
        return args, detector.PeopleDetector(args.network, min(detection.THRESHOLDS), args.levels)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def photographed(path):
    """Held-out photographs, and the box around the located joints of the person in each."""
    reader = lsp.LspExtended(path, lsp.SPLITS["test"])
    for index in tqdm(range(len(reader)), unit="photo"):
        sample = reader.sample(index)
        yield frames.to_rgb(sample.image, sample.name), geometry.points_box(sample.pose_px)


def beside(street, poses):
    """Windows beside the people of held-out street photographs."""
    seen = fused.seen(photographs.Photographs(street, slice(1760, 1900)), poses)
    seed = number = 0
    while number < WINDOWS:
        reader = backgrounds.Backgrounds(seen, seed)
        for index in range(min(len(reader), WINDOWS - number)):
            yield backgrounds.picture(reader.sample(index))
            number += 1
        seed += 1


def predictor_of(args, **options):
    """The predictor with the detector that is scored."""
    finder = detector.PeopleDetector(args.network, levels=args.levels)
    return PosePredictor.from_weights(args.weights, detector=finder, **options)


def people_of(args):
    """A detector of the people whom a predictor finds, with their scores."""
    predictor = predictor_of(args, least_score=min(detection.THRESHOLDS))

    def find(image):
        found = predictor(image)
        boxes = np.array([person.box_px for person in found]).reshape(-1, 4)
        return boxes, np.array([person.score for person in found])

    return find


def drawn(args):
    """Scores of poses and boxes in pictures of several synthetic people, with the detector's own threshold."""
    pictures = groups.Groups(args.groups, size=(384, 288), seed=10_000)
    predictor = predictor_of(args)
    shown = set(np.linspace(0, len(pictures) - 1, SHOWN).astype(int).tolist())
    found, sheet = [], []
    for index in tqdm(range(len(pictures)), unit="picture"):
        image = Image.fromarray(pictures.image(index))
        there = predictor(image)
        found.append(people.found_of(there, len(predictor.layout)))
        if index in shown:
            sheet.append(draw_result(Result(index, np.nan, image.size, "drawn", predictor.layout, there, image)))
    with files.whole_file(args.out / "groups.jpg") as temporary:
        contact_sheet(sheet, 4, (384, 288)).save(temporary)
    return people.picture_scores(pictures, found, predictor.layout)


def crossing(args):
    """Identities in synthetic videos of two people who cross, and a film of the first."""
    predictor = predictor_of(args)
    videos = crossings.CrossingVideos(args.videos, size=(384, 288), seed=40_000)
    found = []
    for index in tqdm(range(len(videos)), unit="video"):
        frames = videos.images(index)
        results = list(predictor.stream(frames))
        found.append([found_in(result) for result in results])
        if not index:
            with Film(args.out / "film.webp", videos.fps, width=384) as film:
                for result in results:
                    film.write(draw_result(result))
    return people.video_scores(videos, found, predictor.layout)


def found_in(result):
    return people.found_of(result.people, len(result.layout), [person.track for person in result.people])


def main():
    args, found = options()
    scores = {}
    if args.data:
        for name, find in (("detector", found), ("people", people_of(args))):
            print(name)
            scores[name] = detection.rates(find, photographed(args.data), beside(args.street, args.street_poses))
            for row in scores[name]:
                print("  ".join(f"{what} {np.round(value, 3)}" for what, value in row.items()))
    scores["groups"] = drawn(args)
    print(report.picture_table(scores["groups"]))
    scores["crossings"] = crossing(args)
    print(report.track_table(scores["crossings"]))
    report.save_json(scores, args.out / "eval.json")


if __name__ == "__main__":
    main()
