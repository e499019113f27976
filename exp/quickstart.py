"""From the shipped weights to poses and actions of unseen people in about twelve minutes on two cores, with a video.

Data     none; it makes 2,500 images and 300 videos of people in six actions, in MPII's and Penn Action's formats
Command  python exp/quickstart.py
Time     7.7 minutes on two AVX-512 cores; 11.1 and 12.6 on two cores of an AVX2 server CPU, whose speed varies
Score    PCKh@0.5 of 83.4 % (nearest neighbour 23.6 %); actions 90.8 % with the pose part frozen (linear 27.5 %)
Result   runs/quickstart/: report.json, poses.png (test set predictions), blocks.png, classes.png, confusion.png,
         film.webp (six test videos, predicted skeletons and actions), pose.weights.h5, action.weights.h5 and the data
Recipe   the pose network is fine-tuned from shipped weights, trained on photographs above all (--from-scratch: random
         weights, which need more --pose-steps); then the clip network's action part is trained with the pose frozen
Test     other bodies, clothes, cameras and backgrounds than in training; compared with two trivial baselines: the pose
         of the most similar training image, and a linear classifier on the mean frame of a video
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import argparse
import pathlib
import time

import keras
import numpy as np
from PIL import Image, ImageDraw

from deephar import config, distribution, files, geometry, layouts, models, training, viz
from deephar.data.batches import cached
from deephar.data.readers import mpii, mpii_files, pennaction
from deephar.data.samples import clips, crops, frames, video_clips
from deephar.data.synthetic import write_mpii, write_penn
from deephar.data.synthetic.writing import Settings
from deephar.evaluation import action, baselines, figures, pose2d, report
from deephar.models import outputs, surgery
from deephar.training import ClipSampling, Recipe, Stage
from deephar.weights import catalogue

ACTIONS = ("squat", "wave", "kick", "jumping_jacks", "sit_down", "stand_up")
WEIGHTS = "photo-lite-2d"
NETWORK = {**catalogue.SHIPPED[WEIGHTS].about.overrides, "input_shape": (96, 96, 3)}  # smaller pictures save time
SIZE, LAYOUT = NETWORK["input_shape"][:2], catalogue.SHIPPED[WEIGHTS].about.layout
FRAMES, STEP = 8, 3  # a clip is 8 frames with a stride of 3, so it spans 22 of a video's 24 frames
AUGMENTATION = config.AugmentConfig(
    config.Interval(-10, 10), config.Interval(0.9, 1.1), config.Interval(-0.03, 0.03), config.Interval(-0.03, 0.03),
    "window", flip=True,
)  # fmt: skip
POSE = Recipe(
    preset="lite-2d",
    network={**NETWORK, "export_heatmaps": True},
    layout=LAYOUT,
    mixture={"people": 1},
    augmentation=AUGMENTATION,
    batch_size=32,
    stages=(Stage("poses", 1, rate=2e-3, optimizer="adam", schedule="cosine"),),
    norm_momentum=0.9,
)
ACTION = Recipe(
    preset="lite-merge",
    network={**NETWORK, "frames": FRAMES, "num_actions": len(ACTIONS), "num_action_blocks": 2},
    layout=LAYOUT,
    mixture={"videos": 1},
    augmentation=AUGMENTATION,
    batch_size=6,
    stages=(Stage("frozen pose", 1, True, rate=2e-3, optimizer="adamw", schedule="cosine"),),
    clips=ClipSampling((2, STEP), boxes=clips.extent_boxes),
    norm_momentum=0.9,
)
FINE_TUNING = ACTION.replaced(stages=(Stage("fine-tuning", 1, rate=2e-4, optimizer="adamw", schedule="cosine"),))


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default="runs/quickstart", type=pathlib.Path)
    parser.add_argument("--people", type=int, default=2500, help="for pose training")
    parser.add_argument("--videos", type=int, default=300, help="of which two fifths are the test set")
    parser.add_argument("--pose-steps", type=int, default=560, help="batches of 32 people")
    parser.add_argument("--action-steps", type=int, default=300, help="batches of 6 clips")
    parser.add_argument("--fine-tuning-steps", type=int, default=0, help="the same, for the whole clip network")
    parser.add_argument("--from-scratch", action="store_true", help="do not start from the shipped weights")
    parser.add_argument("--processes", type=int, default=2, help="worker processes that draw people")
    parser.add_argument("--copies", type=int, default=2, help="network replicas trained in parallel without a GPU")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if min(args.pose_steps, args.action_steps) < 1:
        parser.error("--pose-steps and --action-steps must be at least 1")
    return args


def make_data(args):
    """Readers of training people, test people, training videos and test videos."""
    people = Settings("mpii", (128, 128), "wild", ACTIONS, seed=args.seed)
    exam = Settings("mpii", (128, 128), "wild", ACTIONS, seed=args.seed + 1000)
    videos = Settings("penn", (96, 96), "wild", ACTIONS, seed=args.seed, length=(24, 24), test_share=0.4)
    write_mpii.write(people, args.out / "people", args.people, args.processes)
    write_mpii.write(exam, args.out / "exam", max(args.people // 10, 4), args.processes)
    write_penn.write(videos, args.out / "videos", args.videos, args.processes)
    stills = [
        mpii.Mpii(mpii_files.read_release(args.out / name / "release.mat"), args.out / name / "images")
        for name in ("people", "exam")
    ]
    labels, pictures = args.out / "videos" / "labels", args.out / "videos" / "frames"
    return *stills, *(
        pennaction.PennAction(labels, pictures, split, ACTIONS, hidden=True) for split in ("train", "test")
    )


def train_pose(args, people):
    model = models.build(POSE.preset, None if args.from_scratch else WEIGHTS, **POSE.network)
    sources = {"people": cached.Cached(people, SIZE)}
    training.follow(POSE.replaced(steps=args.pose_steps), model, sources, args.out / "pose", seed=args.seed)
    files.save_weights(model, args.out / "pose.weights.h5")
    return model


def pose_exam(args, model, people, exam):
    """PCKh@0.5 of the network and of the nearest neighbour, in percent; saves a figure."""
    cuts = crops.Crops(exam, SIZE, LAYOUT)
    predictions = pose2d.predict(model, cuts)
    report.save_pictures(cuts, predictions, args.out / "poses.png")
    known = [crops.make_crop(people, index, SIZE) for index in range(len(people))]
    pictures = [np.stack([c.image[3::6, 3::6] for c in part]) for part in (known, [cuts[i] for i in range(len(cuts))])]
    poses = layouts.rearrange(np.stack([crop.pose_crop for crop in known]), "mpii16", LAYOUT)
    nearest = baselines.nearest_pose(pictures[0], poses, pictures[1])
    back = np.stack([np.linalg.inv(cuts[index].px_to_crop) for index in range(len(cuts))])
    alike = pose2d.Predictions(
        geometry.transform_points(back, nearest)[None], predictions.visibility[-1:], predictions.true_px,
        predictions.inside, predictions.head_px,
    )  # fmt: skip
    return [pose2d.pckh_scores(p, LAYOUT)["pckh@0.5"] for p in (predictions, alike)]


def train_action(args, pose_model, videos):
    """The clip network after every stage: action with the pose part frozen, then all of it at a tenth of the rate."""
    model = models.build(ACTION.preset, **ACTION.network)
    surgery.copy_pose(pose_model, model)
    for recipe, steps in ((ACTION, args.action_steps), (FINE_TUNING, args.fine_tuning_steps)):
        if not steps:
            return
        surgery.freeze_pose(model, recipe.stages[0].frozen)
        name = recipe.stages[0].name
        training.follow(recipe.replaced(steps=steps), model, {"videos": videos}, args.out / name, seed=args.seed)
        files.save_weights(model, args.out / "action.weights.h5")
        yield name, model


def judged(videos, protocol, flip):
    return video_clips.VideoClips(
        videos, FRAMES, SIZE, protocol, (STEP,), flip=flip, layout=LAYOUT, boxes=clips.extent_boxes
    )


def action_exam(model, videos):
    """Scores with one clip per video, and averaged with its mirror image."""
    return {
        protocol: action.action_scores(action.predict(model, judged(videos, protocol, flip), batch_size=16), ACTIONS)
        for protocol, flip in (("single", False), ("multi", True))
    }


def outputs_of(scores):
    return ", ".join(f"{name} {value:.1f} %" for name, value in scores["outputs"].items())


def mean_frames(videos):
    """The mean frame of every video at 32 pixels, one per row, and the classes."""
    cuts = [
        clips.make_clip(videos, index, np.arange(0, 24, STEP), (32, 32), boxes=clips.extent_boxes)
        for index in range(len(videos))
    ]
    return np.stack([cut.images.mean(axis=0).ravel() for cut in cuts]), np.array([cut.action for cut in cuts])


def film(args, model, videos):
    """One test video per action with the predicted skeleton and action."""
    shown = [next(i for i in range(len(videos)) if videos.video(i).action == number) for number in range(len(ACTIONS))]
    numbers, tiles = np.arange(0, 24, STEP)[:FRAMES], []
    for index in shown:
        clip = clips.make_clip(videos, index, numbers, SIZE, boxes=clips.extent_boxes)
        found = model.predict_on_batch(clip.images[None])
        *_, scores = outputs.actions(model, found).values()
        name, (poses, _) = ACTIONS[int(scores[0].argmax())], outputs.poses(model, found)
        poses = geometry.transform_points(np.linalg.inv(clip.px_to_crop), poses[-1, 0])
        tiles.append(
            [picture(videos.video(index), number, pose, name) for number, pose in zip(numbers, poses, strict=True)]
        )
    first, *rest = [viz.contact_sheet(column, 3) for column in zip(*tiles, strict=True)]
    with files.whole_file(args.out / "film.webp") as temporary:
        first.save(temporary, save_all=True, append_images=rest, duration=180, loop=0, quality=70)


def picture(video, number, pose, name, side=192):
    image = frames.to_rgb(video.frame(int(number))).resize((side, side), Image.Resampling.BILINEAR)
    image = viz.draw_pose(
        image, geometry.transform_points(geometry.scaling(*(side / np.array(video.size_px))), pose), LAYOUT
    )
    ImageDraw.Draw(image).text((4, 2), name, fill="white", stroke_width=1, stroke_fill="black")
    return image


def main():
    args, start = options(), time.monotonic()
    args.out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(args.seed)

    def said(text):
        print(f"[{(time.monotonic() - start) / 60:4.1f} min] {text}", flush=True)

    people, exam, videos, videos_exam = make_data(args)
    said(f"made {len(people)} training and {len(exam)} test people, {len(videos)} and {len(videos_exam)} videos")
    mirrored = args.copies > 1 and keras.backend.backend() == "tensorflow"
    with distribution.scope("mirrored" if mirrored else "none", args.copies):
        pose_model = train_pose(args, people)
        pckh, alike = pose_exam(args, pose_model, people, exam)
        said(f"poses: PCKh@0.5 {pckh:.1f} %; the pose of the most similar training image {alike:.1f} %")
        for stage, model in train_action(args, pose_model, videos):
            scores = action_exam(model, videos_exam)
            said(f"actions after {stage}, single clip: {outputs_of(scores['single'])}")
        film(args, model, videos_exam)
    print(report.action_table(scores["single"]))
    result = {
        "pckh@0.5": pckh, "nearest_neighbour_pckh@0.5": alike,
        "linear_classifier_accuracy": 100 * baselines.linear_accuracy(*mean_frames(videos), *mean_frames(videos_exam)),
        "accuracy_single_clip": scores["single"]["accuracy"], "accuracy_single_clip_flip": scores["multi"]["accuracy"],
        "minutes": (time.monotonic() - start) / 60,
    }  # fmt: skip
    figures.save_action_report(scores["single"], args.out)
    report.save_json(result, args.out / "report.json")
    said("done")
    for name, value in result.items():
        print(f"  {name:<32}{value:6.1f}")


if __name__ == "__main__":
    main()
