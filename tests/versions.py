"""Try other versions of Python, and the lowest versions of the dependencies that setup.py declares.

Command  python tests/versions.py [--python python3.12 python3.13] [--lowest] [--tests tests/test_models.py ...]
Time     five to ten minutes each, most of it installing
Result   a line each: what passed; the exit status is 1 if anything failed
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
TESTS = (
    "test_architecture.py", "test_checks.py", "test_convert.py", "test_description.py", "test_exp_scripts.py",
    "test_frames.py", "test_layers.py", "test_layouts.py", "test_losses.py", "test_lsp.py", "test_models.py",
    "test_ops.py", "test_outputs.py", "test_predict.py", "test_presets.py", "test_shipped.py", "test_trainer.py",
    "test_video.py",
)  # fmt: skip
TOOLS = ("pytest", "ruff", "pyright", "mkdocs", "mkdocstrings")
"""Of the tests, of which the newest are taken."""

EXTRAS = "video,h36m,figures,baselines"
"""The other backends are left out: their builds without CUDA are named by version alone."""


def lowest():
    """The lowest versions that setup.py declares, as lines of a file of constraints."""
    text = (ROOT / "setup.py").read_text(encoding="utf-8")
    found = re.findall(r'"([\w-]+)(?:\[\w+\])?>=([\d.]+)"', text)
    return [f"{name}=={version}.*" for name, version in found if not name.startswith(TOOLS)]


def tried(python, constraints, tests):
    """Install into a new environment and run some tests; whether they passed."""
    with tempfile.TemporaryDirectory() as folder:
        environment = pathlib.Path(folder)
        run = [str(environment / "bin" / "python"), "-m"]
        (environment / "constraints.txt").write_text("\n".join(constraints), encoding="utf-8")
        install = ["pip", "install", "-q", "-c", str(environment / "constraints.txt"), f"{ROOT}[{EXTRAS}]", "pytest"]
        test = ["pytest", "-q", "-W", "default", "-p", "no:cacheprovider", *tests]  # they warn of what is old
        steps = ([python, "-m", "venv", folder], [*run, *install], [*run, *test])
        return all(subprocess.run(step, cwd=ROOT).returncode == 0 for step in steps)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", nargs="*", default=[], help="interpreters to try with the newest dependencies")
    parser.add_argument("--lowest", action="store_true", help="try this interpreter with the lowest dependencies")
    parser.add_argument("--tests", nargs="*", default=[f"tests/{name}" for name in TESTS])
    args = parser.parse_args()
    newest = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    runs = [(python, newest, "the tested versions") for python in args.python]
    if args.lowest:
        runs.append((sys.executable, lowest(), "the lowest versions"))
    results = [(python, what, tried(python, constraints, args.tests)) for python, constraints, what in runs]
    for python, what, passed in results:
        print(f"{python} with {what}: {'passed' if passed else 'FAILED'}")
    sys.exit(0 if all(passed for *_, passed in results) else 1)


if __name__ == "__main__":
    main()
