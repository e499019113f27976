"""Extract the frames of Human3.6M's videos that the protocol uses, as images for the reader.

Data     the official release: S1/Videos/Directions 1.54138969.mp4 and so on, and metadata.xml of its code package;
         for the reader also S1/MyPoseFeatures/D3_Positions/Directions 1.cdf and so on
Command  python datasets/prepare_human36m.py --root H36M
Result   S1/Images/Directions 1.54138969/000001.jpg and so on: every 5th frame of the training subjects, every 64th of
         the test subjects, counted from 1; JPEG of quality 90. About 320,000 images
Resume   the same command resumes where it stopped; images are written atomically
Needs    pip install "deephar[h36m,video]"
"""

import argparse
import concurrent.futures
import pathlib

from tqdm import tqdm

from deephar.data.readers import human36m, human36m_files
from deephar.files import whole_file
from deephar.video import open_video

QUALITY = 90


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", required=True, type=pathlib.Path, help="folder with S1, S5 and so on")
    parser.add_argument("--metadata", type=pathlib.Path, help="metadata.xml; ROOT/metadata.xml by default")
    parser.add_argument("--split", nargs="+", default=list(human36m.SPLITS), choices=human36m.SPLITS)
    known = [subject for subjects, _ in human36m.SPLITS.values() for subject in subjects]
    parser.add_argument("--subjects", nargs="+", choices=known, help="only these")
    parser.add_argument("--threads", type=int, default=4, help="videos processed at a time")
    args = parser.parse_args()
    try:
        return args, human36m_files.read_metadata(args.metadata or args.root / "metadata.xml")
    except ValueError as error:
        parser.error(str(error))


def extract(root, subject, name, camera, step):
    """Write the images of one video; returns their number."""
    pattern = human36m.picture_path(subject, name, camera)
    with open_video(root / subject / "Videos" / f"{name}.{camera}.mp4") as video:
        paths = {index: root / pattern.format(index + 1) for index in range(0, len(video), step)}
        missing = {index: path for index, path in paths.items() if not path.is_file()}
        for index, path in missing.items():
            with whole_file(path) as temporary:
                video.frame(index).save(temporary, quality=QUALITY)
    return len(missing)


def main():
    args, metadata = options()
    jobs = []
    for split in args.split:
        subjects, step = human36m.SPLITS[split]
        wanted = [subject for subject in subjects if subject in (args.subjects or subjects)]
        jobs += [(subject, name, camera, step) for subject, _, name, camera in human36m.takes(metadata, wanted)]
    written, failed = 0, []
    with concurrent.futures.ThreadPoolExecutor(args.threads) as pool:
        futures = [pool.submit(extract, args.root, *job) for job in jobs]
        for future in tqdm(concurrent.futures.as_completed(futures), total=len(jobs), desc="videos", unit="video"):
            try:
                written += future.result()
            except ValueError as error:
                failed.append(str(error))
            except (ImportError, OSError) as error:
                pool.shutdown(cancel_futures=True)
                raise SystemExit(f"stopped: {error}") from None
    print(f"wrote {written} pictures of {len(jobs) - len(failed)} videos")
    if failed:
        raise SystemExit("\n".join([f"{len(failed)} videos could not be read:", *sorted(failed)]))


if __name__ == "__main__":
    main()
