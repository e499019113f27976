"""Ablation: action from poses, from appearance and from both; from given and from estimated poses; with the pose part
frozen, then fine-tuned; stage by stage or all at once; one clip or several. The paper's tables 3 and 5 in small.

Data     none; it makes videos in Penn Action's format, three tenths of them to be tested on, and people in the wild in
         MPII's format, all in the same eight actions
Command  python exp/ablation/action.py;  --seeds 0 1 and, beside it, --seeds 2: two commands share the work
Result   runs/ablation/action/: table.txt, action.png, blocks.png and classes.png (the paper's figures 8 and 9, mean of
         the seeds), a folder and a JSON file for every arm and seed
Arms     pose: the pose network alone, PCK@0.2 of the torso on frames of the test videos; estimated: the clip network
         with that one frozen; fine-tuned: the same, then everything at a tenth of the rate; given: annotated poses,
         features of its own; joint: everything from random weights, on as many frames as all stages together, every
         block's pose supervised and weighed 100 times an action's loss
"""

from deephar import console

console.quiet_tensorflow()  # before Keras imports it

import json

import keras
import numpy as np

from deephar import files, layouts, models, training
from deephar.data.batches import cached, loader, queues
from deephar.data.readers import mpii, mpii_files, pennaction
from deephar.data.samples import clips, crops, video_clips
from deephar.data.synthetic import write_mpii, write_penn
from deephar.data.synthetic.writing import Settings
from deephar.evaluation import ablation, action, figures, pose2d, report
from deephar.models import outputs, surgery

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


def options():
    parser = ablation.parser(__doc__, "action")
    parser.add_argument("--videos", type=int, default=480)
    parser.add_argument("--people", type=int, default=4000)
    parser.add_argument("--pose-steps", type=int, default=1600, help="of a batch of people")
    parser.add_argument("--action-steps", type=int, default=400, help="of 8 clips")
    parser.add_argument("--fine-tuning-steps", type=int, default=120, help="of 8 clips")
    parser.add_argument("--frames", type=int, default=8, help="of a clip")
    return parser.parse_args()


class Arms:
    """The data, and how every arm is trained and judged."""

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
        model = self.clip_model(arm)
        if arm == "estimated":
            pose = self.pose_model()
            pose.load_weights(folder.parent / f"pose-{seed}" / "last.weights.h5")
            surgery.copy_pose(pose, model)
            surgery.freeze_pose(model)
        elif arm == "fine-tuned":
            model.load_weights(folder.parent / f"estimated-{seed}" / "last.weights.h5")
        steps = self.args.fine_tuning_steps if arm == "fine-tuned" else self.args.action_steps
        self.fit(model, arm, seed, self.joint_steps() if arm == "joint" else steps)
        files.save_weights(model, folder / "last.weights.h5")
        return self.judge(model, arm, folder)

    def joint_steps(self):
        """Steps of 4 clips and 4 strings of stills with as many frames as the other stages together."""
        stills = self.args.pose_steps * self.args.batch_size // (8 * self.args.frames)
        return stills + self.args.action_steps + self.args.fine_tuning_steps

    def network(self):
        return {"input_shape": (*self.size, 3), "width": self.args.width, "num_blocks": 2}

    def pose_model(self):
        return models.build("lite-2d", export_heatmaps=True, **self.network())

    def clip_model(self, arm):
        given = {"poses": "given", "export_poses": "none", "num_joints": len(self.videos.layout)}
        own = {"frames": self.args.frames, "num_actions": len(ACTIONS), "appearance_width": 96}
        special = {"given": given, "joint": {"export_poses": "all"}}
        return models.build("lite-merge", **self.network(), **own, **special.get(arm, {}))

    def train_pose(self, seed, folder):
        model, steps = self.pose_model(), self.args.pose_steps
        counts = queues.counts_by_ratio(self.args.batch_size, (75, 25))
        readers = (self.people, clips.VideoFrames(self.videos, 3))
        batches = loader.PoseLoader(
            list(zip(readers, counts, strict=True)), self.size, outputs.kinds(model), layout=LAYOUT,
            augmentation="synthetic", seed=seed, steps=steps,
        )  # fmt: skip
        training.set_momentum(model)
        training.compile_model(model, keras.optimizers.Adam(training.cosine_schedule(2e-3, steps, steps // 20)))
        training.fit(model, batches, verbose=2)
        files.save_weights(model, folder / "last.weights.h5")
        exam = crops.Crops(clips.VideoFrames(self.exam, 8), self.size, LAYOUT)
        return {"pck": pose2d.pck_scores(pose2d.predict(model, exam), LAYOUT)["total"]}

    def fit(self, model, arm, seed, steps):
        stills = [(self.people, 4)] if arm == "joint" else []
        batches = loader.ClipLoader(
            [(self.videos, 8 - sum(count for _, count in stills)), *stills], self.args.frames, self.size,
            outputs.kinds(model), given=arm == "given", actions=ACTIONS,
            layout=self.videos.layout if arm == "given" else LAYOUT, subsampling=(2, STEP), augmentation="synthetic",
            boxes=clips.extent_boxes, seed=seed, steps=steps,
        )  # fmt: skip
        rate = training.cosine_schedule(2e-4 if arm == "fine-tuned" else 2e-3, steps, steps // 20)
        training.set_momentum(model)
        optimizer = keras.optimizers.AdamW(rate, weight_decay=1e-2)
        training.compile_model(model, optimizer, pose_weight=100.0 if arm == "joint" else 1.0)
        training.fit(model, batches, verbose=2)

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
    """The mean of dicts of dicts of numbers."""
    if isinstance(runs[0], dict):
        return {key: mean_of([run[key] for run in runs]) for key in runs[0]}
    return float(np.mean(runs))


def save_figures(folder):
    """Accuracy by block and by class of the fine-tuned networks, single clip, mean of all seeds."""
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
