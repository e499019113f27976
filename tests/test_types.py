"""The public interface is typed; `pyright` itself is part of the lint step."""

import ast
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
REACHED = ("layers", "layer_bases", "clip_layers", "losses", "models", "weights/loading", "inference")
"""What `deephar.__all__` reaches."""


def test_the_public_interface_is_typed():
    command = [sys.executable, "-m", "pyright", "--verifytypes", "deephar", "--ignoreexternal", "--outputjson"]
    path = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path}  # pyright asks the first Python that it finds
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT.parent)
    score = json.loads(done.stdout)["typeCompleteness"]["completenessScore"]
    assert score >= 0.95, score


def test_nothing_that_a_user_types_first_is_any():
    for name in REACHED:
        path = ROOT / "deephar" / name
        for module in path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]:
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
                assert not (isinstance(node, ast.Attribute) and node.attr == "Any"), f"{module}:{node.lineno}"
                assert not (isinstance(node, ast.Name) and node.id == "Any"), f"{module}:{node.lineno}"
