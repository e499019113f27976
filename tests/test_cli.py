"""The command itself: what it lists, and its exit statuses; what each command does is tested with what it is for."""

import importlib

import pytest

import deephar
from deephar import cli


def test_commands_are_listed(capsys):
    assert cli.main(["--help"]) == 0 and "predict,convert,pretrained" in capsys.readouterr().out
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


def test_an_interruption_is_said_without_a_traceback(monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("deephar.cli.pretrained.main", interrupted)
    assert cli.main(["pretrained"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
