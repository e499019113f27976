"""A camera in real time, played by a drawn video over UDP: frames kept and dropped, how late they are, memory.

Data     none; it draws two people who cross, again and again
Command  python benchmarks/live.py [--weights photo-lite-2d] [--minutes 10]
Result   for every tenth of the time: results a second, share of the frames that were dropped, latency (from a frame's
         arrival to its result, beyond that of the quickest; median and 95th percentile), and the process's memory
"""

import argparse
import fractions
import multiprocessing
import pathlib
import statistics
import tempfile
import time

import av

from deephar.data.synthetic.crossings import CrossingVideos
from deephar.inference import PosePredictor
from deephar.video import write_video

FPS, URL = 15, "udp://127.0.0.1:23456"


def play(path, seconds, started):
    """Send a video over and over, in real time."""
    with av.open(URL, "w", format="mpegts") as out:
        stream = out.add_stream("mpeg2video", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 384, 288, "yuv420p"
        begin, number = time.monotonic(), 0
        while time.monotonic() - begin < seconds:
            with av.open(str(path)) as video:
                for frame in video.decode(video=0):
                    frame.pts, frame.time_base = number, fractions.Fraction(1, FPS)
                    out.mux(stream.encode(frame))
                    number += 1
                    started.set()
                    time.sleep(max(0.0, begin + number / FPS - time.monotonic()))


def memory_mib():
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", default="photo-lite-2d")
    parser.add_argument("--minutes", type=float, default=10)
    args = parser.parse_args()
    predictor, seconds = PosePredictor.from_weights(args.weights), 60 * args.minutes
    videos = CrossingVideos(1, size=(384, 288), fps=FPS)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "camera.mp4"
        write_video(path, videos.images(0), FPS)
        list(predictor.stream(path))  # the first frames take long
        spawning = multiprocessing.get_context("spawn")
        started = spawning.Event()
        camera = spawning.Process(target=play, args=(path, seconds + 30, started), daemon=True)
        camera.start()
        started.wait()
        report(predictor, seconds)
        camera.kill()


def report(predictor, seconds):
    """Print a line for every tenth of some seconds."""
    late, indices, end, begin = [], [], None, None
    for result in predictor.stream(URL):
        now = time.monotonic()
        begin = now - result.seconds if begin is None else min(begin, now - result.seconds)
        end = end or now + seconds / 10
        late.append(now - begin - result.seconds)
        indices.append(result.index)
        if now < end:
            continue
        dropped = 1 - len(indices) / (indices[-1] - indices[0] + 1)
        tail = statistics.quantiles(late, n=20)[-1] if len(late) > 1 else late[0]
        print(
            f"{len(late) / (seconds / 10):.1f} results a second, {100 * dropped:.0f} % dropped, late by "
            f"{1000 * statistics.median(late):.0f} ms ({1000 * tail:.0f}), {memory_mib():.0f} MiB",
            flush=True,
        )
        late, indices, end = [], [], end + seconds / 10
        if result.seconds > seconds:
            return


if __name__ == "__main__":
    main()
