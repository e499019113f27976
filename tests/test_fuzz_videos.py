"""Damaged video files: each is read as far as it goes, or refused in one ValueError that names it."""

import collections
import contextlib
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from deephar import video

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[1])}
MUTANTS, SEED = 120, 1
SECONDS, MEMORY = 120, 4 << 30
"""That all mutants of one container may take at most, and bytes."""


def mutants(content, count, seed):
    """Files with a few bytes changed, a part cut off, left out, doubled or blanked, or two parts exchanged."""
    generator = np.random.default_rng(seed)

    def part(longest):
        first = int(generator.integers(len(content)))
        return first, min(len(content), first + int(generator.integers(1, longest)))

    for number in range(count):
        changed, (first, last) = bytearray(content), part(64)
        match number % 6:
            case 0 | 1:  # anywhere, and in the header
                within = len(content) if number % 6 else 1024
                for _ in range(int(generator.integers(1, 12))):
                    changed[generator.integers(within)] = generator.integers(256)
            case 2:
                del changed[first:]
            case 3:
                del changed[first:last]
            case 4:
                changed[first:first] = changed[first:last]
            case 5:
                changed[first:last] = generator.choice([0, 255]).astype(np.uint8).tobytes() * (last - first)
        yield bytes(changed)


def read(path):
    """What becomes of a file: "read", "refused", or the fault that escaped."""
    try:
        with video.open_video(path) as opened:
            for index in range(len(opened)):
                opened.frame(index).load()
    except ValueError as error:
        return "refused" if path.name in str(error) else f"unnamed: {error!r}"
    except Exception as error:
        return f"escaped: {error!r}"
    return "read"


def main(path):
    """Read mutants of a file; prints what became of how many of them."""
    with contextlib.suppress(ImportError):  # of Unix
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    content, found = path.read_bytes(), collections.Counter()
    changed = path.with_name(f"mutant{path.suffix}")
    for mutant in mutants(content, MUTANTS, SEED):
        changed.write_bytes(mutant)
        found[read(changed)] += 1
        changed.unlink()
    print(json.dumps(found))


@pytest.mark.parametrize("suffix", video.SUFFIXES)
def test_damaged_videos_are_read_or_refused(suffix, tmp_path, capsys):
    """In a process of its own, which neither dies nor hangs nor takes much memory."""
    pytest.importorskip("av")
    noise = np.random.default_rng(0).integers(0, 255, (6, 16, 24, 3), np.uint8)
    video.write_video(tmp_path / f"clip{suffix}", noise, 25)
    command = [sys.executable, __file__, tmp_path / f"clip{suffix}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    with capsys.disabled():
        print(f"\n{suffix}: {MUTANTS} mutants, {found}", end="")
    assert set(found) == {"read", "refused"} and min(found.values()) >= MUTANTS // 10
    assert sum(found.values()) == MUTANTS


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
