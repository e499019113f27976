"""The pages under docs/: they are built without a warning, their examples run, and their commands exist."""

import ast
import pathlib
import re
import subprocess
import sys

import pytest
from helpers import eagerly

from deephar import models

ROOT = pathlib.Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))


def test_the_table_of_presets_is_whole():
    rows = re.findall(r"^\| (`.*?) \|", (ROOT / "docs/start.md").read_text(), re.MULTILINE)
    assert {name.strip("`") for row in rows for name in row.split(", ")} == set(models.NAMES)


def test_the_pages_are_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    reference = (tmp_path / "site" / "api" / "layers" / "index.html").read_text(encoding="utf-8")
    assert 'id="deephar.layers.SoftArgmax2D"' in reference and 'id="deephar.losses.PoseLoss"' in reference


def blocks():
    for page in PAGES:
        for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)):
            yield pytest.param(code, id=f"{page.relative_to(ROOT / 'docs')}-{number}")


@pytest.mark.parametrize("code", list(blocks()))
@eagerly()
def test_examples_run(code, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs", "exec"), {})
    assert capsys.readouterr().out


def commands():
    """Every command line of a script in the pages."""
    for page in PAGES:
        lines = re.findall(r"^ {4}python (\S+\.py)(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        yield from ((page.name, script, re.findall(r"--[\w-]+", options)) for script, options in lines)


def test_every_command_and_its_options_exist():
    shared = (ROOT / "deephar" / "training" / "options.py").read_text(encoding="utf-8")
    found = list(commands())
    assert len(found) > 8
    for page, script, options in found:
        text = (ROOT / script).read_text(encoding="utf-8")
        for option in options:
            known = f'"{option}"' in text or ("options.parser(" in text and f'"{option}"' in shared)
            assert known, f"{page}: {script} has no {option}"


def test_every_module_with_public_names_is_in_the_reference():
    """But for what others build upon: readers' parts, families' parts, commands, writers of synthetic files."""
    listed = set()
    for page in (ROOT / "docs" / "api").glob("*.md"):
        listed |= set(re.findall(r"^::: (deephar\.[\w.]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    for name in listed:
        assert (ROOT / (name.replace(".", "/") + ".py")).is_file(), name
    for folder in ("training", "evaluation", "inference", "runtimes", "export", "viz", "data/batches"):
        for path in (ROOT / "deephar" / folder).glob("[a-z]*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            assert name in listed or name in {
                "deephar.data.batches.pool",
                "deephar.data.batches.worker",
                "deephar.evaluation.ablation",
            }, name


def documented(node):
    """Names of the arguments in a docstring."""
    text = ast.get_docstring(node) or ""
    part = re.search(r"^Args:\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
    heads = re.findall(r"^    ([*\w][*\w, ]*):(?: |$)", part[1], re.MULTILINE) if part else []
    return [name.strip(" *") for head in heads for name in head.split(",")]


def parameters(node):
    """Names of the parameters of a function, or of a class' `__init__`; None where others come in."""
    if isinstance(node, ast.ClassDef):
        own = [item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"]
        fields = {item.target.id for item in node.body if isinstance(item, ast.AnnAssign)}
        return parameters(own[0]) if own else fields or None
    if node.args.kwarg:
        return None  # passed on
    return {
        one.arg for one in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg] if one
    }


def test_every_argument_that_is_described_exists():
    for path in (ROOT / "deephar").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (known := parameters(node)):
                unknown = [name for name in documented(node) if name not in known]
                assert not unknown, f"{path.name}: {node.name} has no {unknown}"
