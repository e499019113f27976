"""Ablation: action from poses, from appearance and from both; from given and from estimated poses; with the pose part
frozen, then fine-tuned; staged or joint; one clip or several. The paper's tables 3 and 5 at small scale.

Data     none; it makes videos in Penn Action's format, three tenths of them for testing, and people in the wild in
         MPII's format, all in the same eight actions
Command  python exp/ablation/action.py;  --seeds 0 1 and, in parallel, --seeds 2: two commands share the work
Result   runs/ablation/action/: table.txt, action.png, blocks.png and classes.png (the paper's figures 8 and 9, mean of
         all seeds), a folder and a JSON file for every arm and seed
Arms     pose: the pose network alone, PCK@0.2 of the torso on frames of the test videos; estimated: the clip network
         with that pose network frozen; fine-tuned: the same, then all at a tenth of the learning rate; given: annotated
         poses, own features; joint: all from random weights, on as many frames as all stages together, with every
         block's pose supervised and weighted 100 times an action's loss
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import dataclasses
import json

import keras
import numpy as np

from deephar import layouts, models, training
from deephar.data.batches import cached
from deephar.data.readers import mpii, mpii_files, pennaction
from deephar.data.samples import clips, crops, video_clips
from deephar.data.synthetic import write_mpii, write_penn
from deephar.data.synthetic.writing import Settings
from deephar.evaluation import ablation, action, figures, pose2d, report
from deephar.models import surgery
from deephar.training import ClipSampling, Recipe, Stage

ACTIONS = ("squat", "wave", "kick", "jumping_jacks", "sit_down", "stand_up", "drink", "phone_call")
ARMS = ("pose", "given", "estimated", "fine-tuned", "joint")
SCORES = {
    "pck": "PCK@0.2", "p": "pose", "v": "appearance", "m": "aggregated",
    "p_multi": "pose, MC", "v_multi": "appearance, MC", "m_multi": "aggregated, MC",
}  # fmt: skip
PAPER = {
    "paper, Penn, annotated": {"m_multi": 98.6},
    "paper, Penn, estimated": {"m_multi": 97.4},
    "paper, Penn, joint": {"m_multi": 97.3},
    "paper, NTU, Kinect poses": {"p": 63.3, "v": 76.4, "m": 78.2},
    "paper, NTU, estimated": {"p": 64.5, "v": 80.1, "m": 81.1},
    "paper, NTU, fine-tuned": {"p": 71.7, "v": 83.2, "m": 84.4, "p_multi": 74.3, "v_multi": 84.6, "m_multi": 85.5},
}
LAYOUT, STEP = layouts.get("pa16j"), 3
SHORT = {"optimizer": "adamw", "schedule": "cosine"}
POSE = Recipe(
    preset="lite-2d",
    network={"export_heatmaps": True, "num_blocks": 2},
    layout=LAYOUT,
    mixture={"people": 75, "frames": 25},
    augmentation="synthetic",
    batch_size=32,
    stages=(Stage("poses", 1, rate=2e-3, optimizer="adam", schedule="cosine"),),
    norm_momentum=0.9,
)
ESTIMATED = Recipe(
    preset="lite-merge",
    network={"num_blocks": 2, "num_actions": len(ACTIONS), "appearance_width": 96},
    layout=LAYOUT,
    mixture={"videos": 8},
    augmentation="synthetic",
    batch_size=8,
    stages=(Stage("frozen pose", 1, True, rate=2e-3, **SHORT),),
    clips=ClipSampling((2, STEP), boxes=clips.extent_boxes),
    norm_momentum=0.9,
)
RECIPES = {
    "estimated": ESTIMATED,
    "fine-tuned": ESTIMATED.replaced(stages=(Stage("fine-tuning", 1, rate=2e-4, **SHORT),)),
    "given": ESTIMATED.replaced(
        poses="given",
        export_poses="none",
        stages=(Stage("given poses", 1, rate=2e-3, **SHORT),),
        clips=dataclasses.replace(ESTIMATED.clips, given=True),
    ),
    "joint": ESTIMATED.replaced(
        export_poses="all",
        mixture={"videos": 4, "people": 4},
        stages=(Stage("all", 1, rate=2e-3, pose_weight=100.0, **SHORT),),
    ),
}


def options():
    parser = ablation.parser(__doc__, "action")
    parser.add_argument("--videos", type=int, default=480)
    parser.add_argument("--people", type=int, default=4000)
    parser.add_argument("--pose-steps", type=int, default=1600, help="batches of people")
    parser.add_argument("--action-steps", type=int, default=400, help="batches of 8 clips")
    parser.add_argument("--fine-tuning-steps", type=int, default=120, help="batches of 8 clips")
    parser.add_argument("--frames", type=int, default=8, help="per clip")
    return parser.parse_args()


class Arms:
    """The data, and how every arm is trained and scored."""

    def __init__(self, args):
        self.args, self.size = args, (args.size, args.size)
        people, videos = (Settings(name, (96, 96), actions=ACTIONS, length=(24, 48)) for name in ("mpii", "penn"))
        write_mpii.write(people, args.out / "people", args.people, args.processes)
        write_penn.write(videos, args.out / "videos", args.videos, args.processes)
        release = mpii_files.read_release(args.out / "people" / "release.mat")
        self.people = cached.Cached(mpii.Mpii(release, args.out / "people" / "images"), self.size)
        labels, frames = args.out / "videos" / "labels", args.out / "videos" / "frames"
        self.videos, self.exam = (
            pennaction.PennAction(labels, frames, split, ACTIONS, hidden=True) for split in ("train", "test")
        )

    def train(self, arm, seed, folder):
        """Scores of an arm, see `deephar.evaluation.ablation.run`."""
        keras.utils.set_random_seed(seed)
        if arm == "pose":
            return self.train_pose(seed, folder)
        recipe = self.recipe(arm)
        model = models.build(recipe.preset, **recipe.network)
        if arm == "estimated":
            pose = self.pose_model()
            pose.load_weights(folder.parent / f"pose-{seed}" / "last.weights.h5")
            surgery.copy_pose(pose, model)
        elif arm == "fine-tuned":
            model.load_weights(folder.parent / f"estimated-{seed}" / "last.weights.h5")
        sources = {"videos": self.videos, "people": self.people}
        training.follow(recipe, model, sources, folder, seed=seed, quiet=True)
        return self.judge(model, arm, folder)

    def recipe(self, arm):
        """The recipe for a clip network."""
        args = self.args
        steps = {"fine-tuned": args.fine_tuning_steps, "joint": self.joint_steps()}.get(arm, args.action_steps)
        recipe = RECIPES[arm].replaced(**self.network(), frames=args.frames, steps=steps)
        own = self.videos.layout
        return recipe.replaced(layout=own, num_joints=len(own)) if arm == "given" else recipe

    def joint_steps(self):
        """Steps, of 4 clips and 4 sequences of stills, with as many frames in total as the other stages together."""
        stills = self.args.pose_steps * self.args.batch_size // (8 * self.args.frames)
        return stills + self.args.action_steps + self.args.fine_tuning_steps

    def network(self):
        return {"input_shape": (*self.size, 3), "width": self.args.width}

    def pose_model(self):
        return models.build(POSE.preset, **{**POSE.network, **self.network()})

    def train_pose(self, seed, folder):
        model, args = self.pose_model(), self.args
        recipe = POSE.replaced(**self.network(), batch_size=args.batch_size, steps=args.pose_steps)
        sources = {"people": self.people, "frames": clips.VideoFrames(self.videos, 3)}
        training.follow(recipe, model, sources, folder, seed=seed, quiet=True)
        exam = crops.Crops(clips.VideoFrames(self.exam, 8), self.size, LAYOUT)
        return {"pck": pose2d.pck_scores(pose2d.predict(model, exam), LAYOUT)["total"]}

    def judge(self, model, arm, folder):
        scores = {}
        for protocol, ending in (("single", ""), ("multi", "_multi")):
            videos = video_clips.VideoClips(
                self.exam, self.args.frames, self.size, protocol, (STEP,), given=arm == "given",
                layout=self.exam.layout if arm == "given" else LAYOUT, boxes=clips.extent_boxes,
            )  # fmt: skip
            found = action.action_scores(action.predict(model, videos, batch_size=16), ACTIONS)
            if protocol == "single":
                report.save_json(found, folder / "eval.json")
            last = {name[0]: value for name, value in found["outputs"].items()}
            scores |= {f"{letter}{ending}": value for letter, value in last.items()}
        return scores


def mean_of(runs):
    """The mean over nested dicts of numbers."""
    if isinstance(runs[0], dict):
        return {key: mean_of([run[key] for run in runs]) for key in runs[0]}
    return float(np.mean(runs))


def save_figures(folder):
    """Accuracy by block and by class of the fine-tuned networks, single clip, mean over all seeds."""
    runs = [json.loads(path.read_bytes()) for path in sorted(folder.glob("fine-tuned-*/eval.json"))]
    scores = mean_of([{key: run[key] for key in ("outputs", "per_class", "per_class_of")} for run in runs])
    figures.save_blocks(scores, folder / "blocks.png")
    figures.save_classes(scores, folder / "classes.png")


def main():
    args = options()
    ablation.run(Arms(args).train, ARMS, args)
    ablation.save_report(ARMS, SCORES, args.out, "action", "%", PAPER)
    save_figures(args.out)


if __name__ == "__main__":
    main()
