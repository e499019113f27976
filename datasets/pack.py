"""Cut the people of NTU RGB+D or Penn Action out of their videos once, and pack them in a few large files.

Data     as exp/ntu/train_ntu_ar_pe_merge.py and exp/pennaction/train_penn_ar_pe_merge.py read it
Command  python datasets/pack.py ntu --skeletons nturgb+d_skeletons --videos nturgb+d_rgb --out runs/ntu --processes 8
         python datasets/pack.py penn --labels labels --frames frames --out runs/penn
Result   FOLDER/clips-00000.tar and so on, frames.npy, index.npz: for --packed of the training scripts, which then open
         tens of thousands of clips at once. Scores are measured on the originals (eval_*.py)
Resume   the same command resumes where it stopped: whole files stay
"""

import argparse
import pathlib

from deephar.data.readers import ntu, pennaction
from deephar.data.readers.clip_packing import About, Packing, pack_clips


def open_ntu(args):
    """The clips of all splits, and who is in them."""
    given = {"frames": args.frames, "videos": args.videos, "classes": args.classes, "missing": args.missing}
    reader = ntu.Ntu(args.skeletons, **given)
    return reader, About(subjects=[ntu.parse_name(name).subject for name in reader.names])


def open_penn(args):
    """The videos of all splits, and the split of each."""
    actions = pennaction.ACTIONS if args.classes == "official" else pennaction.found_actions(args.labels)
    reader = pennaction.PennAction(args.labels, args.frames, actions=actions)
    return reader, About(splits=[min(reader.parts[name] - {"train"}) for name in reader.names])


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    datasets = parser.add_subparsers(required=True, metavar="ntu|penn")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--out", required=True, type=pathlib.Path)
    common.add_argument("--side", type=int, default=256, help="of a person's window in pixels, at most (default: 256)")
    common.add_argument("--quality", type=int, default=85, help="of the JPEG files (default: 85)")
    common.add_argument("--clips", type=int, default=200, help="in a file (default: 200)")
    common.add_argument("--processes", type=int, default=1, help="that pack at a time")
    clips = datasets.add_parser("ntu", parents=[common], help="NTU RGB+D")
    clips.add_argument("--skeletons", required=True, type=pathlib.Path, help="folder of the .skeleton files")
    pictures = clips.add_mutually_exclusive_group(required=True)
    pictures.add_argument("--frames", type=pathlib.Path, help="folder of frames, see datasets/prepare_ntu.py")
    pictures.add_argument("--videos", type=pathlib.Path, help="folder of the .avi files")
    clips.add_argument("--missing", type=pathlib.Path, nargs="*", help="official lists of clips to leave out")
    clips.add_argument("--classes", type=int, default=60, choices=[60, 120])
    clips.add_argument("--windows", type=float, default=1.5, help="packed around a person; 2.3 for train_ntu_pose.py")
    clips.set_defaults(open=open_ntu)
    videos = datasets.add_parser("penn", parents=[common], help="Penn Action")
    videos.add_argument("--labels", required=True, type=pathlib.Path, help="folder or zip of the labels")
    videos.add_argument("--frames", required=True, type=pathlib.Path, help="folder of the frames")
    videos.add_argument("--classes", choices=["official", "found"], default="official", help="found: as in the labels")
    videos.add_argument("--windows", type=float, default=2.2, help="packed around a person; enlarged, turned, shifted")
    videos.set_defaults(open=open_penn)
    args = parser.parse_args()
    try:
        return args, Packing(args.windows, args.side, args.quality, args.clips), *args.open(args)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def main():
    args, packing, reader, about = options()
    try:
        left_out = pack_clips(reader, args.out, packing, about, args.processes, progress=True)
    except (ValueError, OSError) as error:
        raise SystemExit(str(error)) from None
    size = sum(path.stat().st_size for path in args.out.iterdir()) / 2**30
    print(f"{args.out}: {len(reader) - len(left_out)} clips, {size:.1f} GB; could not be packed: {len(left_out)}")
    for reason in list(left_out.values())[:5]:
        print(reason)


if __name__ == "__main__":
    main()
