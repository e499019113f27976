import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.backend
@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, marks=[pytest.mark.slow_on("jax")] if "deephar.build" in code or "Predictor" in code else [])
        for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    ],
)
def test_examples_run(code, capsys):
    exec(compile(code, "README.md", "exec"), {})


def test_ci_runs_the_test_command_of_the_readme():
    command = next(line.strip() for line in README.splitlines() if line.startswith("    pip") and "pytest" in line)
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_path_named_exists():
    for path in re.findall(r"\b(?:docs|exp|datasets|benchmarks|weights)/[\w./-]+\w", README):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("page", ["docs/walk.md", "README.md"])
def test_files_that_pages_name_exist(page):
    named = re.findall(
        r"`((?:deephar|exp|tests|datasets|benchmarks)/[\w/]+\.\w+)", (ROOT / page).read_text(encoding="utf-8")
    )
    assert named and not [name for name in named if not (ROOT / name).exists()]
