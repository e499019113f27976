"""Make synthetic people in the file format of a dataset, for its reader; or draw a gallery of all actions.

Command  python datasets/make_synthetic.py --format mpii --out runs/synthetic --count 2000
         python datasets/make_synthetic.py --format penn --out runs/penn --actions squat,wave,kick --processes 2
         python datasets/make_synthetic.py --gallery docs
         python datasets/make_synthetic.py --gallery runs/sheets --format crossings
Result   mpii   images/, release.mat and valid.h5 (the last tenth of the people)
         penn   frames/ and labels/, videos of varying length and speed, with a train and a test split
         ntu    nturgb+d_skeletons/ and nturgb+d_rgb/ (needs deephar[video]), or frames/ with --frames-only:
                performances by 40 subjects, recorded by three cameras
         h36m   S1/ and so on with MyPoseFeatures/D3_Positions/ (needs deephar[h36m]) and Images/, and metadata.xml:
                takes by the training and test subjects, recorded by four cameras
         or synthetic.jpg, a frame of every action in the wild and in the laboratory, and synthetic.webp, animated
         or groups.webp, pictures of several people, or crossings.webp, people who walk past each other, moving, with
         the truth: skeletons of the visible joints, boxes, ids, and the share of each body that is seen
Time     on one core about 10 s for 240 videos of 24 frames of 96 pixels (penn), 0.6 s per clip (ntu), 0.3 s per take
         (h36m), 60 people per second (mpii)
Resume   the same command resumes where it stopped, also with a larger --count; the same seed gives the same files, in
         one run or several, with any number of processes
"""

import argparse
import pathlib

import numpy as np
from PIL import Image, ImageDraw

from deephar import files, viz
from deephar.data.synthetic import body, crossings, groups, motion, scene, write_h36m, write_mpii, write_ntu, write_penn
from deephar.data.synthetic.writing import Settings

FORMATS = {
    "mpii": (write_mpii.write, "people", Settings("mpii", (192, 192))),
    "penn": (write_penn.write, "videos", Settings("penn", (128, 128))),
    "ntu": (write_ntu.write, "performances", Settings(
        "ntu", (320, 180), "laboratory", tuple(write_ntu.ACTIONS), length=(60, 100))),
    "h36m": (write_h36m.write, "takes", Settings(
        "h36m", (250, 250), "laboratory", tuple(write_h36m.ACTIONS.values()), length=(150, 300))),
}  # fmt: skip
"""Writer, unit of its count, and default settings."""

COUNT = {"mpii": 2000, "penn": 240, "ntu": 200, "h36m": 105}


ID_COLOURS = ("yellow", "cyan", "magenta", "lime", "orange")


def make_gallery(folder, seed, frames, size):
    """A contact sheet of every action, and all of them moving."""
    tile, frames = size or (128, 128), frames or 24
    clips = [
        scene.draw_clip(np.random.default_rng([seed, number]), action, frames, tile, fps=12, domain=domain)
        for number, action in enumerate(motion.ACTIONS)
        for domain in scene.DOMAINS[::-1]
    ]

    def sheet(numbers):
        pictures = []
        for clip, number in zip(clips, numbers, strict=True):
            picture = Image.fromarray(clip.images[number])
            ImageDraw.Draw(picture).text((4, 2), clip.action, fill="white", stroke_width=1, stroke_fill="black")
            pictures.append(picture)
        return viz.contact_sheet(pictures, 10, tile)

    with files.whole_file(folder / "synthetic.jpg") as temporary:
        sheet([telling_frame(clip) for clip in clips]).save(temporary, quality=85)
    first, *others = [sheet([frame] * len(clips)) for frame in range(frames)]
    with files.whole_file(folder / "synthetic.webp") as temporary:
        first.save(temporary, save_all=True, append_images=others, duration=83, loop=0, quality=40)
    print(f"wrote {folder / 'synthetic.jpg'} and {folder / 'synthetic.webp'}")


def make_groups_sheet(folder, seed, frames, size):
    """A sheet of pictures of several people, or nobody, with the truth drawn upon them."""
    pictures = groups.Groups(24, size or (256, 256), seed=seed)
    shown = [with_truth(pictures.image(i), pictures.truth(i), pictures.layout) for i in range(len(pictures))]
    save_moving(folder / "groups.webp", [viz.contact_sheet(shown, 6, pictures.size)], 15)


def make_crossings_sheet(folder, seed, frames, size):
    """A moving sheet of people who walk past each other, two and three at a time, with the truth drawn upon them."""
    size, frames = size or (320, 180), frames or 60
    columns = []
    for people in (2, 3):
        videos = crossings.CrossingVideos(6, size, frames, people=people, seed=seed)
        for index in range(len(videos)):
            pairs = zip(videos.images(index), videos.truth(index), strict=True)
            columns.append([with_truth(image, truth, videos.layout) for image, truth in pairs])
    sheets = [viz.contact_sheet([column[frame] for column in columns], 3, size) for frame in range(frames)]
    save_moving(folder / "crossings.webp", sheets, 15)


def with_truth(image, present, layout):
    """A picture with visible joints, boxes, and the id and seen share of everybody."""
    picture = Image.fromarray(image)
    for pose, visible in zip(present.pose_px, present.visible, strict=True):
        picture = viz.draw_pose(picture, np.where(visible[:, None], pose, np.nan), layout, 1)
    pen = ImageDraw.Draw(picture)
    for number, box, share in zip(present.ids, present.boxes, present.share, strict=True):
        pen.rectangle(box.tolist(), outline=ID_COLOURS[number])
        text = f"{number}: {100 * share:.0f} %"
        pen.text((box[0] + 2, box[1] + 1), text, fill=ID_COLOURS[number], stroke_width=1, stroke_fill="black")
    return picture


def save_moving(path, sheets, fps):
    with files.whole_file(path) as temporary:
        sheets[0].save(
            temporary, save_all=True, append_images=sheets[1:], duration=round(1000 / fps), loop=0, quality=60
        )
    print(f"wrote {path}")


SHEETS = {"groups": make_groups_sheet, "crossings": make_crossings_sheet}
"""What is drawn when it is asked for and has no files, but a gallery."""


def telling_frame(clip):
    """Number of the frame whose pose differs most from that with the lowest hands, which is close to rest."""
    joints = clip.joints_mm_world - clip.joints_mm_world[:, [body.INDEX["pelvis"]]] * [1, 1, 0]
    wrists = joints[:, [body.INDEX["r_wrist"], body.INDEX["l_wrist"]], 2].mean(axis=1)
    rest = joints[np.argmin(wrists - joints[:, body.INDEX["pelvis"], 2])]
    return int(np.argmax(np.linalg.norm(joints - rest, axis=-1).sum(axis=1)))


def size_of(text):
    """(width, height) from "128" or "320x180"."""
    width, _, height = text.partition("x")
    return int(width), int(height or width)


def settings_of(args):
    """The format's settings with the command line's overrides."""
    given = {name: getattr(args, name) for name in ("domain", "seed", "test_share", "quality", "frames_only")}
    given |= {name: tuple(getattr(args, name) or ()) or None for name in ("size", "actions", "length", "fps")}
    defaults = FORMATS[args.format][2]
    unknown = sorted(set(given["actions"] or ()) - set(motion.ACTIONS))
    if unknown:
        raise ValueError(f"The actions are {', '.join(motion.ACTIONS)}. Received: {', '.join(unknown)}")
    return Settings(args.format, **{n: getattr(defaults, n) if v is None else v for n, v in given.items()})


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--format", default="mpii", choices=[*FORMATS, *SHEETS], help="groups and crossings with --gallery"
    )
    parser.add_argument("--out", default="runs/synthetic", type=pathlib.Path)
    parser.add_argument(
        "--count", "--people", "--videos", type=int, help="number of people, videos, performances or takes"
    )
    parser.add_argument("--size", type=size_of, help="image size in pixels, e.g. 128 or 320x180")
    parser.add_argument("--domain", choices=scene.DOMAINS)
    parser.add_argument("--actions", type=lambda text: text.split(","), help="comma-separated names")
    parser.add_argument("--length", type=int, nargs=2, metavar=("MIN", "MAX"), help="frames per video")
    parser.add_argument("--fps", type=float, nargs=2, metavar=("MIN", "MAX"), help="frames per second (penn)")
    parser.add_argument("--test-share", type=float, help="fraction of the videos for testing (penn)")
    parser.add_argument("--quality", type=int, help="of JPEG files")
    parser.add_argument("--frames-only", action="store_true", help="images instead of video files (ntu)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--gallery", type=pathlib.Path, help="draw the gallery into this folder instead")
    parser.add_argument("--frames", type=int, help="of the gallery's animation; 24, and 60 of crossings")
    args = parser.parse_args(arguments)
    if args.gallery:
        try:
            SHEETS.get(args.format, make_gallery)(args.gallery, args.seed, args.frames, args.size)
        except ValueError as error:
            raise SystemExit(str(error)) from None
        return
    if args.format in SHEETS:
        raise SystemExit(
            f"The formats of files are {', '.join(FORMATS)}; {args.format} are drawn when they are asked for, see "
            f"deephar.data.synthetic.{args.format}, and shown with --gallery FOLDER. Received: --format {args.format}"
        )
    write, unit, _ = FORMATS[args.format]
    count = COUNT[args.format] if args.count is None else args.count
    try:
        write(settings_of(args), args.out, count, args.processes)
    except (ValueError, ImportError) as error:
        raise SystemExit(str(error)) from None
    print(f"{count} {unit} in {args.out}")


if __name__ == "__main__":
    main()
