"""Who may import whom, and what an import may do."""

import ast
import difflib
import itertools
import os
import pathlib
import subprocess
import sys

import pytest

import deephar

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "deephar"
NUMPY_ONLY = {
    "layouts",
    "sides",
    "geometry",
    "camera",
    "metrics",
    "metrics3d",
    "metrics_overlap",
    "metrics_people",
    "metrics_tracks",
    "config",
    "checks",
    "models.outputs",
    "typed",
}
TENSORFLOW_ALLOWED = {
    "distribution",
    "data.batches.tf_data",
    "runtimes.compiled",
    "runtimes.fusion",
    "detection.graph_function",
}


def imports(path):
    """Names of all modules that a file imports, at any depth of its code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        yield name, list(imports(path))


@pytest.mark.parametrize(
    ("name", "imported"), list(modules()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_imports_go_one_way(name, imported):
    def uses(*packages):
        return [i for i in imported for package in packages if (i + ".").startswith(package + ".")]

    if name in NUMPY_ONLY:
        assert not uses("keras", "deephar.ops", "deephar.layers", "deephar.models", "deephar.data")
    if name not in TENSORFLOW_ALLOWED:
        assert not uses("tensorflow")
    if name.startswith("models."):  # `models` itself only gathers
        assert not uses("deephar.data", "deephar.evaluation", "deephar.training", "deephar.weights")
    if name.startswith("data"):
        assert not uses("deephar.models", "deephar.evaluation", "deephar.training")
    if name.startswith("evaluation"):
        others = [name for name in uses("deephar.models") if not name.startswith("deephar.models.outputs")]
        assert not others and not uses("deephar.data", "deephar.training", "keras")
    assert not uses("exp", "benchmarks", "tests")


def imported_modules():
    """Modules of the package that each module imports, at any depth of its code."""
    every = dict(modules())
    known = {f"deephar.{name}".removesuffix(".__init__") for name in every}

    def module(name):
        return name if name in known else name.rpartition(".")[0] if name.rpartition(".")[0] in known else None

    return {f"deephar.{name}": {module(i) for i in every[name]} - {None, f"deephar.{name}"} for name in every}


def test_there_is_no_import_cycle():
    """Imports inside functions count."""
    left = imported_modules()
    while leaves := [name for name, uses in left.items() if not uses & set(left)]:
        left = {name: uses for name, uses in left.items() if name not in leaves}
    assert not left


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
    )


def test_importing_deephar_prints_nothing_and_imports_no_backend():
    heavy = ["keras", "tensorflow", "jax", "torch", "scipy", "PIL", "h5py"]
    done = run(f"import sys, deephar; print([m for m in {heavy} if m in sys.modules])")
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_evaluation_of_a_foreign_network_needs_no_keras():
    done = run("import sys; from deephar.evaluation import action, pose2d; print('keras' in sys.modules)")
    assert (done.stdout.strip(), done.stderr) == ("False", "")


def test_public_names_load_lazily():
    for name in (*deephar.__all__, *deephar._MODULES):
        assert getattr(deephar, name) is not None
    assert dir(deephar) == deephar.__all__
    assert deephar.build is deephar.models.build
    for old, new in deephar._MOVED.items():
        with pytest.warns(DeprecationWarning, match=f"deephar.{old} is now deephar.{new}"):
            assert getattr(deephar, old).__name__ == f"deephar.{new}"
    for old, new in deephar.data._MOVED.items():
        with pytest.warns(DeprecationWarning, match=f"deephar.data.{old} is now deephar.data.{new}.{old}"):
            assert getattr(deephar.data, old).__name__ == f"deephar.data.{new}.{old}"
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'; it has .*models"):
        deephar.nothing  # noqa: B018


def is_text_in_the_locales_encoding(call):
    """Whether a call reads or writes text and does not name an encoding."""
    if any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in ("read_text", "write_text")
    return getattr(call.func, "id", None) == "open" and 'b"' not in ast.unparse(call).replace("'", '"')


def test_text_is_utf_8_in_any_locale():
    """Text names its encoding. JSON is read as bytes, whose byte order mark tells."""
    folders = [ROOT / name for name in ("deephar", "exp", "datasets", "benchmarks")]
    for path in [ROOT / "setup.py", *(path for folder in folders for path in folder.rglob("*.py"))]:
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        assert not [node.lineno for node in calls if is_text_in_the_locales_encoding(node)], path


def test_no_file_and_no_function_is_too_long():
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "exp").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno <= 90, f"{path}: {node.name}"


def test_no_two_scripts_share_much():
    """No more than 12 lines in a row, blank ones apart."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "exp").rglob("*.py"))}
    lines = {path: [line.strip() for line in text.splitlines() if line.strip()] for path, text in texts.items()}
    for (first, a), (second, b) in itertools.combinations(lines.items(), 2):
        longest = difflib.SequenceMatcher(None, a, b, autojunk=False).find_longest_match()
        assert longest.size <= 12, (first.name, second.name, a[longest.a : longest.a + longest.size])
