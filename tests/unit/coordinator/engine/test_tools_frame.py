"""What all hook commands share: flags, exit codes, formats, help, and what they need from the caller."""

from __future__ import annotations

import json

import pytest
import yaml
from build import command, memory, world
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.engine import tools
from coordinator.engine.effects import Effects
from coordinator.engine.tools import COMMANDS, Answer, Call, HookContext, LogLine, answer, needs
from coordinator.engine.tools._flags import Args, Command, Flag, HelpWanted, Reply, parse
from coordinator.engine.tools._output import render
from coordinator.errors import BadRequest, Unavailable

CONTEXT = HookContext(world=world(), memory=memory())
TRIAL = Command(
    name="trial",
    summary="A command for this test.",
    run=lambda context, args: Reply(value=args.words),
    words="[WORD ...]",
    words_max=2,
    flags=(
        Flag(name="relation", short="r", help="a value", takes="ID"),
        Flag(name="all", short="a", help="a switch"),
        Flag(name="quiet", short="q", help="another"),
    ),
    formats=("smart", "yaml", "json"),
)


def parsed(*argv: str) -> Args:
    return parse(TRIAL, Call(name="trial", argv=argv))


# --- flags -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "given", "words"),
    [
        ([], {}, ()),
        (["a", "--all", "b"], {"all": True}, ("a", "b")),
        (["--relation", "7", "-"], {"relation": "7"}, ("-",)),
        (["--relation=7=8"], {"relation": "7=8"}, ()),
        (["--relation="], {"relation": ""}, ()),
        (["-r7"], {"relation": "7"}, ()),
        (["-relation"], {"relation": "elation"}, ()),
        (["-r", "-7"], {"relation": "-7"}, ()),
        (["-aq", "x"], {"all": True, "quiet": True}, ("x",)),
        (["-ar7"], {"all": True, "relation": "7"}, ()),
        (["--all=false"], {"all": False}, ()),
        (["-a=F"], {"all": False}, ()),
        (["-r", "1", "-r", "2"], {"relation": "2"}, ()),
        (["--", "--all", "-r"], {}, ("--all", "-r")),
        (["--format=json", "x", "-o", "out"], {"format": "json", "output": "out"}, ("x",)),
    ],
)
def test_options_and_words_can_be_mixed(argv, given, words):
    args = parsed(*argv)
    assert (args.given, args.words) == (given, words)


@pytest.mark.parametrize("value", ["1", "t", "T", "true", "TRUE", "True"])
def test_a_switch_can_be_said_yes_to(value):
    assert parsed(f"--all={value}").flag("all")


@pytest.mark.parametrize("value", ["0", "f", "F", "false", "FALSE", "False"])
def test_a_switch_can_be_said_no_to(value):
    assert not parsed(f"--all={value}").flag("all")


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--nope"], "option provided but not defined: --nope"),
        (["-x"], "option provided but not defined: -x"),
        (["--relation"], "option needs an argument: --relation"),
        (["-r"], "option needs an argument: -r"),
        (["--all=maybe"], 'invalid value "maybe" for option --all: neither true nor false'),
        (["--format", "xml"], 'invalid value "xml" for option --format: unknown format "xml"'),
        (["a", "b", "c", "d e"], 'unrecognized args: ["c" "d e"]'),
        (["\udcff"], 'argument "\N{REPLACEMENT CHARACTER}" is not UTF-8'),
    ],
)
def test_a_wrong_command_line_is_refused(argv, text):
    with pytest.raises(BadRequest) as refusal:
        parsed(*argv)
    assert refusal.value.what == text


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["a", "b", "c", "--help"], ["--all", "-h", "--nope"]])
def test_help_beats_what_comes_after_it(argv):
    with pytest.raises(HelpWanted):
        parsed(*argv)


WORDS = st.sampled_from(
    ["-", "--", "-r", "7", "--app", "--file", "--format=json", "a=1", "db", "web/0", "=", "80"]
)


@settings(deadline=None, max_examples=400)
@given(name=st.sampled_from(sorted(COMMANDS)), argv=st.lists(WORDS | st.text(max_size=6), max_size=6))
def test_any_command_line_is_parsed_or_refused(name, argv):
    said = answer(CONTEXT, Call(name=name, argv=tuple(argv)))
    assert said.exit_code in (0, 1, 2)
    assert said.exit_code == 0 or said.stderr.startswith(b"ERROR ")
    assert b"internal error" not in said.stderr


@settings(deadline=None)  # the machine may be busy; the suite has its own limit
@given(document=st.binary(max_size=40))
def test_any_document_is_read_or_refused(document):
    for argv in (("--file", "-"), ("--file", "f")):
        call = Call(name="state-set", argv=argv, stdin=document, files={"f": document})
        said = answer(CONTEXT, call)
        assert said.exit_code in (0, 1)
        assert b"internal error" not in said.stderr


@settings(deadline=None)  # the machine may be busy; the suite has its own limit
@given(entries=st.dictionaries(st.text(min_size=1, max_size=5), st.text(max_size=8), max_size=4))
def test_what_a_library_writes_as_json_or_yaml_arrives_as_it_was(entries):
    for text in (json.dumps(entries), json.dumps(entries, ensure_ascii=False), yaml.safe_dump(entries)):
        said = answer(CONTEXT, Call(name="state-set", argv=("--file", "-"), stdin=text.encode()))
        assert (said.exit_code, dict(said.effects.state)) == (0, entries)


# --- help ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_goes_to_stdout_and_lists_every_option(name):
    said = command(CONTEXT, f"{name} --help")
    assert (said.exit_code, said.stderr) == (0, b"")
    text = said.stdout.decode()
    assert text.startswith(f"Usage: {name} [options]")
    for flag in COMMANDS[name].all_flags():
        assert f"--{flag.name}" in text
        assert flag.help in text


# --- formats ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "smart", "as_yaml", "as_json"),
    [
        (None, "", "", "null\n"),
        ("", "", "''\n", '""\n'),
        ("text", "text\n", "text\n", '"text"\n'),
        ("yes", "yes\n", "'yes'\n", '"yes"\n'),
        ("1.5", "1.5\n", "'1.5'\n", '"1.5"\n'),
        (["a", "b"], "a\nb\n", "- a\n- b\n", '["a","b"]\n'),
        ([], "", "[]\n", "[]\n"),
        (True, "True\n", "true\n", "true\n"),
        (False, "False\n", "false\n", "false\n"),
        (3, "3\n", "3\n", "3\n"),
        (1.5, "1.5\n", "1.5\n", "1.5\n"),
        ({}, "{}\n", "{}\n", "{}\n"),
        ({"b": "2", "a": 1}, "a: 1\nb: '2'\n", "a: 1\nb: '2'\n", '{"a":1,"b":"2"}\n'),
        ("ключ", "ключ\n", "ключ\n", '"ключ"\n'),
        ("<&>", "<&>\n", "<&>\n", '"\\u003c\\u0026\\u003e"\n'),
        ("a\n...\n", "a\n...\n\n", "'a\n\n  ...\n\n  '\n", '"a\\n...\\n"\n'),
    ],
)
def test_a_value_is_printed(value, smart, as_yaml, as_json):
    assert render(value, "smart").decode() == smart
    assert render(value, "yaml").decode() == as_yaml
    assert render(value, "json").decode() == as_json


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@settings(deadline=None)  # the machine may be busy; the suite has its own limit
@given(value=TEXTS | st.lists(TEXTS, max_size=3) | st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_what_is_printed_can_be_read_back(value):
    assert json.loads(render(value, "json")) == value
    assert yaml.safe_load(render(value, "yaml")) == value
    assert len(render(value, "json").splitlines()) == 1


def test_output_can_go_to_a_file_of_the_caller():
    said = command(CONTEXT, "is-leader --output=sub/out")
    assert (said.stdout, said.out_file) == (b"False\n", "sub/out")


# --- what a call needs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("relation-set --file -", ("-",)),
        ("relation-set --file=some/file a=b", ("some/file",)),
        ("relation-set --file one --file two", ("two",)),
        ("state-set --file -", ("-",)),
        ("relation-set a=b -", ()),
        ("relation-get - db/0", ()),
        ("config-get", ()),
        ("relation-set --file - --nope", ()),
        ("relation-set --file - --help", ()),
        ("unknown --file -", ()),
    ],
)
def test_only_a_call_that_reads_needs_input(line, expected):
    name, *argv = line.split()
    assert needs(name, argv) == expected


# --- when something breaks -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "code", "stderr"),
    [
        (BadRequest("bad", fix="do it well"), 2, b"ERROR bad\n  to fix: do it well\n"),
        (Unavailable("no", why="gone"), 1, b"ERROR no: gone\n"),
        (ZeroDivisionError("oops"), 1, b"ERROR internal error in trial: ZeroDivisionError('oops')\n"),
    ],
)
def test_whatever_goes_wrong_is_an_answer(monkeypatch, raised, code, stderr):
    def run(context: HookContext, args: Args) -> Reply:
        raise raised

    monkeypatch.setattr(tools, "COMMANDS", {"trial": Command(name="trial", summary="", run=run)})
    before = CONTEXT.with_effects(Effects(version="1"))
    said = answer(before, Call(name="trial"))
    internal = isinstance(raised, ZeroDivisionError)
    text = stderr.decode().removeprefix("ERROR ").rstrip()
    logs = (LogLine(level="ERROR", message=text, module="coordinator.engine.tools"),) if internal else ()
    assert said == Answer(exit_code=code, stderr=stderr, effects=Effects(version="1"), logs=logs)


def test_a_log_message_may_be_any_bytes():
    said = answer(CONTEXT, Call(name="juju-log", argv=("caf\udce9",)))
    assert said.logs[0].message == "caf\N{REPLACEMENT CHARACTER}"
