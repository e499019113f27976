"""The command itself: what it lists, and its exit statuses; what each command does is tested with what it is for."""

import importlib
import subprocess
import sys

import pytest

import deephar
from deephar import cli


def test_commands_are_listed(capsys):
    assert cli.main(["--help"]) == 0 and "predict,export,convert,pretrained,doctor,runs" in capsys.readouterr().out
    assert cli.main([]) == 2 and cli.main(["dance"]) == 2
    capsys.readouterr()
    assert cli.main(["--version"]) == 0 and capsys.readouterr().out == f"deephar {deephar.__version__}\n"


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_explains_itself_by_its_own_name(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    module = importlib.import_module(f"deephar.cli.{command}")
    assert stop.value.code == 0 and said.startswith(f"usage: deephar {command} ")
    assert " ".join(module.main.__doc__.split())[:60] in said


def test_convert_can_be_quiet(monkeypatch, capsys):
    monkeypatch.setattr("deephar.models.registry.build", lambda name: name)
    monkeypatch.setattr("deephar.weights.legacy_file.load_legacy_weights", lambda model, path: f"{path} for {model}")
    monkeypatch.setattr("deephar.files.save_weights", lambda model, path: None)
    for more, said in (([], "a.h5 for mpii-2d\nwrote b.weights.h5\n"), (["--quiet"], "")):
        assert cli.main(["convert", "a.h5", "--model", "mpii-2d", "--out", "b.weights.h5", *more]) == 0
        assert capsys.readouterr().out == said


def test_weights_that_come_with_deephar_need_no_download(capsys):
    assert cli.main(["pretrained", "lsp-lite-2d"]) == 0
    assert capsys.readouterr().out.strip().endswith("lsp-lite-2d.weights.h5")


def test_a_reader_that_has_enough_is_no_fault():
    command = [sys.executable, "-m", "deephar.cli", "pretrained"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        program.stdout.close()
        assert program.stderr.read() == b"" and program.wait() == 1


def test_an_interruption_is_said_without_a_traceback(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("deephar.cli.pretrained.main", interrupted)
    assert cli.main(["pretrained"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
