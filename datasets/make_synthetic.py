"""Make people to order, in the files of a dataset, to be read by its reader; or draw a gallery of all actions.

Command  python datasets/make_synthetic.py --format mpii --out runs/synthetic --people 2000
         python datasets/make_synthetic.py --gallery docs
Result   images/, release.mat and valid.h5 (the last tenth of the people), for exp/mpii/train_mpii_singleperson.py;
         or synthetic.jpg, a frame of every action in the wild and in the laboratory, and synthetic.webp, all moving
Resume   the same command goes on where it stopped; the same seed gives the same files
"""

import argparse
import json
import pathlib

import numpy as np
from PIL import Image, ImageDraw
from tqdm import tqdm

from deephar import draw, files, layouts, metrics
from deephar.data import mpii_files
from deephar.data.synthetic import body, motion, scene

ORDER = [body.INDEX[name] for name in layouts.get("mpii16").names]


def one_person(args, index):
    """A photograph of a synthetic person and its label, 1-based as MPII's."""
    generator = np.random.default_rng([args.seed, index])
    action = generator.choice(list(motion.ACTIONS))
    frames = 15
    picked = [generator.integers(frames)]
    clip = scene.draw_clip(generator, action, frames, (args.size, args.size), domain=args.domain, picked=picked)
    joints = clip.joints_uvd[0][ORDER]
    box = np.concatenate([joints[:, :2].min(axis=0), joints[:, :2].max(axis=0)])
    label = {
        "pose": (joints[:, :2] + 0.5).tolist(),
        "visible": clip.visible[0][ORDER].astype(float).tolist(),
        "center": ((box[:2] + box[2:]) / 2 + 0.5).tolist(),
        "scale": float(max(box[2:] - box[:2]) / 200),
    }
    return Image.fromarray(clip.images[0]), label


def make_mpii(args):
    """Write photographs one by one, each label after its photograph, and the annotation files at the end."""
    images, journal = args.out / "images", args.out / "labels.jsonl"
    images.mkdir(parents=True, exist_ok=True)
    head = json.dumps({"seed": args.seed, "size": args.size, "domain": args.domain})
    lines = journal.read_text().splitlines() if journal.is_file() else []
    if lines and lines[0] != head:
        raise SystemExit(f"{args.out} holds people of other settings: {lines[0]}; choose another --out")
    with open(journal, "a") as file:
        if not lines:
            file.write(head + "\n")
        for index in tqdm(range(max(len(lines) - 1, 0), args.people), desc="people", unit="person"):
            image, label = one_person(args, index)
            image.save(images / f"{index:09d}.jpg", quality=90)
            file.write(json.dumps(label) + "\n")
            file.flush()
    labels = [json.loads(line) for line in journal.read_text().splitlines()[1 : args.people + 1]]
    people = as_people(labels)
    mpii_files.write_release(args.out / "release.mat", people)
    mpii_files.write_pose_hg(args.out / "valid.h5", people.where(np.arange(len(people)) >= 0.9 * len(people)))
    print(f"wrote {len(people)} people to {args.out}")


def as_people(labels):
    pose = np.array([label["pose"] for label in labels])
    neck_to_top = np.linalg.norm(pose[:, 8] - pose[:, 9], axis=-1)
    every = np.ones(len(labels), dtype=bool)
    return mpii_files.People(
        image=np.array([f"{index:09d}.jpg" for index in range(len(labels))]),
        person=np.zeros(len(labels), dtype=int),
        center=np.array([label["center"] for label in labels]),
        scale=np.array([label["scale"] for label in labels]),
        pose=pose,
        visible=np.array([label["visible"] for label in labels]),
        head_size=metrics.HEAD_FACTOR * mpii_files.HEAD_BOX_PER_NECK_TO_TOP * neck_to_top,
        train=every,
        single=every,
    )


def make_gallery(args):
    """A contact sheet of every action, and all of them moving."""
    tile, frames = (128, 128), args.frames
    clips = [
        scene.draw_clip(np.random.default_rng([args.seed, number]), action, frames, tile, fps=12, domain=domain)
        for number, action in enumerate(motion.ACTIONS)
        for domain in scene.DOMAINS[::-1]
    ]

    def sheet(frame, columns):
        pictures = []
        for clip in clips:
            picture = Image.fromarray(clip.images[frame])
            ImageDraw.Draw(picture).text((4, 2), clip.action, fill="white", stroke_width=1, stroke_fill="black")
            pictures.append(picture)
        return draw.contact_sheet(pictures, columns, tile)

    with files.whole_file(args.gallery / "synthetic.jpg") as temporary:
        sheet(frames // 2, 10).save(temporary, quality=85)
    first, *others = [sheet(frame, 10) for frame in range(frames)]
    with files.whole_file(args.gallery / "synthetic.webp") as temporary:
        first.save(temporary, save_all=True, append_images=others, duration=83, loop=0, quality=50)
    print(f"wrote {args.gallery / 'synthetic.jpg'} and {args.gallery / 'synthetic.webp'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", default="mpii", choices=["mpii"])
    parser.add_argument("--out", default="runs/synthetic", type=pathlib.Path)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--size", type=int, default=192, help="of a photograph in pixels")
    parser.add_argument("--domain", default="wild", choices=scene.DOMAINS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gallery", type=pathlib.Path, help="draw the gallery into this folder instead")
    parser.add_argument("--frames", type=int, default=24, help="of the gallery's animation")
    args = parser.parse_args()
    make_gallery(args) if args.gallery else make_mpii(args)


if __name__ == "__main__":
    main()
