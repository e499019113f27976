"""Scripts run in this process, as a user would run them, and programs that need a process of their own."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

from deephar import cli

ROOT = pathlib.Path(__file__).parents[1]


def loaded(path):
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, ROOT / path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


def run(path, monkeypatch, capsys, *arguments):
    """Run a script's `main`; what it printed."""
    script = loaded(path)
    monkeypatch.setattr(sys, "argv", [str(path), *map(str, arguments)])
    capsys.readouterr()
    script.main()
    return capsys.readouterr().out


def refused(path, monkeypatch, capsys, *arguments):
    """What a script says when it does not begin."""
    with pytest.raises(SystemExit) as stop:
        run(path, monkeypatch, capsys, *arguments)
    assert stop.value.code == 2
    return capsys.readouterr().err


def predict(capsys, *arguments):
    """Exit status, standard output and standard error of `deephar predict`."""
    try:
        status = cli.main(["predict", *map(str, arguments)])
    except SystemExit as stop:
        status = stop.code
    return status, *capsys.readouterr()


def hiding(*modules):
    """Code after which some modules are not installed, and those not that Keras takes seconds to look for."""
    return f"import sys; sys.modules.update(dict.fromkeys({[*modules, 'sklearn', 'matplotlib']})); "


def printed(code, *arguments, timeout=900):
    """Lines that a program on TensorFlow prints; a process of its own, as the CPU can be split only once."""
    places = [str(ROOT), str(ROOT / "tests")]
    environment = {"PYTHONPATH": os.pathsep.join(places), "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=timeout)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()
