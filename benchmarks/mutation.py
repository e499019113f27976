"""Mutation testing: a seeded sample of mutants of some modules, each run against its tests.

Command  python benchmarks/mutation.py [--mutants 300] [--seed 0] [--modules geometry camera] [--json FILE]
Method   The tests of TESTS run once, unchanged, under a trace that records which lines of the modules each of them
         reaches and how long it takes. Then every mutant (see mutants.py) is written into a copy of the project, and a
         fork of a process that has imported Keras runs the tests that reach its lines, fastest first, until one fails.
         Nothing is written outside a temporary folder.
Result   killed: a test failed, or they took five times as long; survived: none did; explained: none did, and
         survivors.json gives the reason: it changes no behaviour, or none that is guaranteed
"""

import argparse
import collections
import contextlib
import importlib
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time

import mutants
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
REASONS = pathlib.Path(__file__).with_name("survivors.json")
TESTS = {
    "losses": ["losses", "loss_labels", "loss_weights", "loss_inputs"],
    "metrics": ["metrics", "evaluation"],
    "metrics3d": ["metrics3d"],
    "geometry": ["geometry", "crops", "human36m"],
    "camera": ["camera"],
    "data/batches/queues": ["queues", "crops"],
    "data/samples/targets": ["crops", "mixture", "loss_weights", "clips"],
    "data/batches/mixture": ["mixture", "crops"],
    "data/batches/clip_mixture": ["mixture", "clips"],
    "data/samples/clips": ["mixture", "clips", "video_walks", "video_frames"],
    "training/compiling": ["training", "loss_weights", "files_and_training", "outputs"],
    "training/callbacks": ["training", "score", "files_and_training"],
    "training/schedules": ["training", "files_and_training"],
    "training/stages": ["trainer", "files_and_training"],
}
"""Module of `deephar` to the test files that cover it."""


class Trace:
    """pytest plugin: the lines of the modules that each test reaches, and its seconds."""

    def __init__(self, paths):
        self.paths, self.tests = set(paths), {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        lines = set()

        def trace(frame, event, _):
            if frame.f_code.co_filename not in self.paths:
                return None
            lines.add((frame.f_code.co_filename, frame.f_lineno))
            return trace

        start = _cpu_seconds()
        sys.settrace(trace)
        threading.settrace(trace)
        yield
        sys.settrace(None)
        threading.settrace(None)
        self.tests[item.nodeid] = {"lines": sorted(lines), "seconds": _cpu_seconds() - start}


def _cpu_seconds():
    """CPU time of this process and the ones it started."""
    return sum(os.times()[:4])


class FirstFailure:
    """pytest plugin: the test that failed first."""

    name = ""

    def pytest_runtest_logreport(self, report):
        if report.failed and not self.name:
            self.name = report.nodeid


def forked(function, cpu_seconds=None):
    """Run a function in a fork and return its result, via JSON; if it returns nothing, a string with the exit status.

    Args:
        function: without arguments.
        cpu_seconds: limit of CPU time; wall time is limited to twenty times that.
    """
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setsid()
            null = os.open(os.devnull, os.O_WRONLY)
            for stream in (1, 2):
                os.dup2(null, stream)
            if cpu_seconds:
                resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_seconds), int(cpu_seconds)))
            with open(write, "w", encoding="utf-8") as out:
                json.dump(function(), out)
        finally:
            os._exit(0)
    os.close(write)
    clock = threading.Timer(20 * cpu_seconds if cpu_seconds else 3600, os.killpg, (child, signal.SIGKILL))
    clock.start()
    with open(read, encoding="utf-8") as answer:
        text = answer.read()
    clock.cancel()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return json.loads(text) if text else f"ended with status {status}"


def runner(tests, *plugins):
    """Runs tests in this process, quietly, until one fails."""
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"]
    return pytest.main([*options, *tests], plugins=plugins)


def reached(copy, modules):
    """Which tests reach which lines: module to {test: (lines, seconds)}."""
    paths = {str(copy / "deephar" / f"{module}.py"): module for module in modules}
    files = {f"tests/test_{name}.py" for module in modules for name in TESTS[module]}

    def run():
        trace = Trace(paths)
        code = runner(sorted(files), trace)
        return None if code else trace.tests

    tests = forked(run)
    if not isinstance(tests, dict):
        raise SystemExit("The tests fail before anything is mutated")
    found = collections.defaultdict(dict)
    for name, test in tests.items():
        for path, line in test["lines"]:
            lines, _ = found[paths[path]].setdefault(name, (set(), test["seconds"]))
            lines.add(line)
    return found


def judge(copy, module, mutant, tests):
    """What killed a mutant: the name of the first test that failed, how the tests ended, or None."""
    hit = {n: seconds for n, (lines, seconds) in tests.items() if mutant.imported or lines & set(mutant.lines)}
    if not hit:
        return None
    path = copy / "deephar" / f"{module}.py"
    shutil.copy2(path, copy / "original")
    path.write_text(mutant.source, encoding="utf-8")

    def run():
        sys.dont_write_bytecode, os.environ["PYTHONDONTWRITEBYTECODE"] = True, "1"
        first = FirstFailure()
        code = runner(sorted(hit, key=hit.get), first)
        return first.name or f"exit code {int(code)}" if code else None

    try:
        return forked(run, 10 + 5 * sum(hit.values()))
    finally:
        shutil.copy2(copy / "original", path)


def sample(modules, count, seed):
    """Modules and numbers of mutants, sampled uniformly from all."""
    sources = {module: (ROOT / "deephar" / f"{module}.py").read_text(encoding="utf-8") for module in modules}
    every = [(module, number) for module in modules for number in range(mutants.count(sources[module]))]
    drawn = random.Random(seed).sample(every, min(count, len(every)))
    return len(every), [(module, mutants.mutant(sources[module], number)) for module, number in sorted(drawn)]


def described(module, mutant):
    """A mutant in one line, the same as long as its statement is."""
    return f"{module} {mutant.where or 'module'} ({mutant.operator}): {mutant.before} -> {mutant.after}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--modules", nargs="+", choices=TESTS, default=list(TESTS))
    parser.add_argument("--json", type=pathlib.Path, help="file for all mutants and their results")
    parser.add_argument("--again", type=pathlib.Path, help="such a file; mutants already killed are not run again")
    args = parser.parse_args()

    reasons = json.loads(REASONS.read_bytes())
    total, drawn = sample(args.modules, args.mutants, args.seed)
    print(f"{len(drawn)} of {total} mutants, seed {args.seed}", flush=True)
    earlier = {row["mutant"]: row for row in json.loads(args.again.read_bytes())} if args.again else {}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        copy = enter_copy(pathlib.Path(folder) / "deephar")
        tests = reached(copy, args.modules)
        for module, mutant in drawn:
            start, text = time.monotonic(), described(module, mutant)
            killer = earlier.get(text, {}).get("killer") or judge(copy, module, mutant, tests[module])
            fate = "killed" if killer else "explained" if text in reasons else "survived"
            rows.append({"module": module, "fate": fate, "mutant": text, "line": mutant.lines[0], "killer": killer})
            print(f"{fate:<10}{time.monotonic() - start:6.1f} s  {text}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    report(rows)


def enter_copy(copy):
    """Copy the project, make it the one that is imported, and import what every test needs."""
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "runs"))
    os.environ.setdefault("DEEPHAR_SHARED", str(ROOT.parent / "shared"))
    os.environ["PYTHONPATH"] = str(copy)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    for name in ("h5py", "keras", "PIL.Image", "scipy.spatial"):
        importlib.import_module(name)
    return copy


def report(rows):
    """Print the counts by module and in total."""
    print(f"{'module':<20}{'mutants':>8}{'killed':>8}{'explained':>10}{'survived':>9}{'killed of the rest':>20}")
    modules = list(dict.fromkeys(row["module"] for row in rows))
    for name, some in [*((m, [r for r in rows if r["module"] == m]) for m in modules), ("all", rows)]:
        counts = collections.Counter(row["fate"] for row in some)
        share = counts["killed"] / max(len(some) - counts["explained"], 1)
        cells = f"{len(some):>8}{counts['killed']:>8}{counts['explained']:>10}{counts['survived']:>9}"
        print(f"{name:<20}{cells}{100 * share:>18.1f} %")


if __name__ == "__main__":
    main()
