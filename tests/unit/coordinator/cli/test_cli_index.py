"""The table of commands is in step with the files, and a start imports only what it needs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import click
import pytest

import coordinator.cli
from coordinator import wire
from coordinator.cli import client
from coordinator.cli.help import list_of_commands, orientation
from coordinator.cli.index import ALIASES, COMMANDS, module_of
from coordinator.cli.main import run
from coordinator.cli.not_here import NOT_HERE
from coordinator.cli.usage import load

FILES = {path.stem for path in Path(coordinator.cli.__file__).parent.glob("cmd_*.py")}

#: What takes long to import, and what only some commands need.
HEAVY = ("fastapi", "uvicorn", "grpc", "rich", "structlog", "yaml", "etcd3", "tenacity", "coordinator.store")


def test_every_command_has_a_file_and_every_file_is_listed():
    assert {module_of(name).rpartition(".")[2] for name in COMMANDS} == FILES


def test_an_alias_is_another_name_of_a_command():
    assert set(ALIASES.values()) <= set(COMMANDS)
    assert not set(ALIASES) & set(COMMANDS)


def test_what_is_not_here_says_why_and_what_does_instead(capsys):
    assert not NOT_HERE.keys() & {*COMMANDS, *ALIASES}
    for word, (why, fix) in NOT_HERE.items():
        assert run([word, "--whatever", "more"]) == 1
        assert capsys.readouterr() == ("", f"ERROR {word} is not supported here: {why}\n  to fix: {fix}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_describes_itself_and_takes_the_common_flags(name):
    command = load(name)

    assert isinstance(command, click.Command)
    assert inspect.cleandoc(command.help or "").split("\n")[0].endswith(".")
    flags = {opt for parameter in command.params for opt in parameter.opts}
    assert {"--quiet", "--verbose", "--debug", "--help"} <= flags
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, f"{name} does not say what {parameter.opts[-1]} does"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command(name, capsys):
    assert run([name, "--help"]) == 0

    text = capsys.readouterr().out
    assert text.startswith(f"Usage: coordinator {name} [flags]")
    assert "\n\nSummary:\n" in text
    assert "\n\nGlobal Flags:\n" in text


def test_help_lists_every_command():
    first_words = {line.split()[0] for line in orientation("coordinator").splitlines() if line.startswith("  ")}
    assert first_words == set(COMMANDS)
    assert {line.split()[0] for line in list_of_commands().splitlines()} == {*COMMANDS, *ALIASES}


def test_help_of_an_unknown_topic_is_no_failure(capsys):
    assert run(["help", "stats"]) == 0
    assert "Did you mean:\n\tstatus" in capsys.readouterr().out


def modules_after(*arguments: str) -> set[str]:
    code = f"import sys; from coordinator.cli.main import run; run({list(arguments)!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    return set(done.stdout.splitlines()[-1].split())


def test_status_imports_nothing_that_it_does_not_need():
    loaded = modules_after("status", "--help")

    assert not loaded & set(HEAVY)
    commands = {name for name in loaded if name.startswith("coordinator.cli.cmd_")}
    assert commands == {"coordinator.cli.cmd_status"}
    assert "coordinator.wire" not in loaded


def test_help_imports_no_command_and_not_even_click():
    loaded = modules_after("--help")

    assert "click" not in loaded
    assert not [name for name in loaded if name.startswith("coordinator.cli.cmd_")]


def test_the_client_spells_the_version_of_the_api_as_the_wire_does():
    assert wire.API == client.API
