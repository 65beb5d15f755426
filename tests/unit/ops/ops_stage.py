"""A pretend controller behind the door of the hook commands, and runs of charms in this process.

`Tools` answers hook commands from a table and remembers them.  `Stage.play` runs a charm class once, as
`ops.main` would, with the environment of one hook.  `Program` runs a charm as a process, with shell scripts as
hook commands.  None of this is ops' own test kit: these tests look at ops from below.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ops
from ops import _backend, _dispatch

REPOSITORY = pathlib.Path(__file__).parents[3]

METADATA = {
    "name": "sample",
    "requires": {"db": {"interface": "sql"}, "cache": {"interface": "redis"}},
    "peers": {"cluster": {"interface": "cluster"}},
    "storage": {"disk": {"type": "filesystem", "multiple": {"range": "0-"}}},
    "containers": {"app": {}},
    "resources": {"blob": {"type": "file", "filename": "blob.bin"}},
}

IDENTITY = {
    "JUJU_UNIT_NAME": "sample/0",
    "JUJU_MODEL_NAME": "here",
    "JUJU_MODEL_UUID": "11111111-2222-4333-8444-555555555555",
    "JUJU_VERSION": "3.6.4",
}

DB_1 = {"JUJU_RELATION": "db", "JUJU_RELATION_ID": "db:1", "JUJU_REMOTE_APP": "sql"}
"""The environment of hooks about relation 1 of endpoint db; the unit is added where there is one."""


class Tools:
    """Hook commands by table: from the command line to what it prints (JSON unless it is text), or a failure.

    ``answers["relation-ids db --format=json"] = ["db:1"]``.  What is not in the table prints nothing; what
    every run asks has an answer to begin with.  State is kept as a controller would.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "is-leader --format=json": False,
            "config-get --format=json": {},
            "action-get --format=json": {},
            "opened-ports --format=json": [],
            "relation-ids db --format=json": [],
            "relation-ids cache --format=json": [],
            "relation-ids cluster --format=json": [],
        }
        self.calls: list[str] = []
        self.inputs: list[Any] = []
        self.log: list[tuple[str, str]] = []
        self.state: dict[str, str] = {}

    def call(self, tool: str, arguments: Sequence[str], stdin: str | None) -> _backend.Reply:
        line = " ".join([tool, *(self._with_content(each) for each in arguments)])
        if tool == "juju-log" and line not in self.answers:
            self.log.append((arguments[1], arguments[3]))
            return _backend.Reply(0, "", "")
        self.calls.append(line)
        if stdin is not None:
            self.inputs.append(json.loads(stdin))
        if tool.startswith("state-") and line not in self.answers:
            return _backend.Reply(0, self._state(tool, list(arguments), stdin), "")
        answer = self.answers.get(line, "")
        if isinstance(answer, _backend.Reply):
            return answer
        return _backend.Reply(0, answer if isinstance(answer, str) else json.dumps(answer), "")

    def has(self, tool: str) -> bool:
        return True

    @staticmethod
    def _with_content(argument: str) -> str:
        """Show what is in a file in place of its path, which is another one each time."""
        key, option, path = argument.partition("#file=")
        return f"{key}={pathlib.Path(path).read_text()}" if option else argument

    def _state(self, tool: str, arguments: list[str], stdin: str | None) -> str:
        if tool == "state-set":
            self.state.update(json.loads(stdin or "{}"))
        elif tool == "state-delete":
            self.state.pop(arguments[0], None)
        elif arguments == ["--format=json"]:
            return json.dumps(self.state or None)
        else:
            return self.state.get(arguments[-1], "")
        return ""

    def of(self, *tools: str) -> list[str]:
        """Return the remembered command lines of *tools*."""
        return [line for line in self.calls if line.partition(" ")[0] in tools]

    def fail(self, line: str, stderr: str, returncode: int = 1) -> None:
        self.answers[line] = _backend.Reply(returncode, "", stderr)

    def relate(self, endpoint: str, number: int, bags: Mapping[str, Mapping[str, str]], app: str = "") -> None:
        """Add a relation with data by unit or application; all units but our own are members of it."""
        self.answers[f"relation-ids {endpoint} --format=json"].append(f"{endpoint}:{number}")
        members = [name for name in bags if "/" in name and name != IDENTITY["JUJU_UNIT_NAME"]]
        reference = f"-r {endpoint}:{number}"
        self.answers[f"relation-list --format=json {reference}"] = members
        self.answers[f"relation-list --format=json --app {reference}"] = json.dumps(app)
        for name, bag in bags.items():
            option = "" if "/" in name else "--app "
            self.answers[f"relation-get --format=json {reference} {option}- {name}"] = dict(bag)


class Stage:
    """Where charms are played: a charm directory, the pretend controller, and what the charms wrote down."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.tools = Tools()
        self.seen: list[Any] = []

    def write(self, name: str, content: Any) -> None:
        (self.root / name).write_text(content if isinstance(content, str) else json.dumps(content))

    def play(self, charm: type[ops.CharmBase], path: str = "hooks/update-status", **kwargs: Any) -> None:
        """Run *charm* once; *path* is the dispatch path, and upper-case keywords go to the environment."""
        more = {name: kwargs.pop(name) for name in list(kwargs) if name.isupper()}
        with self.environment(path, more):
            _dispatch.run_charm(fresh(charm), **kwargs)

    @contextlib.contextmanager
    def environment(self, path: str, more: Mapping[str, str]) -> Iterator[None]:
        hook = path.partition("hooks/")[2]
        own = {"JUJU_CHARM_DIR": str(self.root), "JUJU_DISPATCH_PATH": path, "JUJU_HOOK_NAME": hook}
        before = dict(os.environ)
        os.environ.update({**IDENTITY, **own, **more})
        try:
            with _backend.through(self.tools), warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def fresh(charm: type[ops.CharmBase]) -> type[ops.CharmBase]:
    """Return a copy of *charm* with events of its own: constructing a charm adds events to the class."""
    events = type("Events", (type(charm.on),), {})()
    return type(charm.__name__, (charm,), {"on": events})


def context(**more: str) -> ops.JujuContext:
    from ops import _context

    return _context.read_context({**IDENTITY, **more})


_SCRIPT = """\
#!/bin/bash
# Remembers how it was called, and prints what the file of that name has.
tool=${0##*/}; line="$tool $*"; line=${line% }; line=${line//$'\\n'/ }; file=${line//\\//%}
printf '%s\\n' "$line" >> "$PRETEND/calls"
case "$line" in *"--file -") cat >> "$PRETEND/input" ;; esac
[ -f "$PRETEND/answers/$file" ] && cat "$PRETEND/answers/$file"
[ -f "$PRETEND/failures/$file" ] && cat "$PRETEND/failures/$file" >&2 && exit 1
exit 0
"""


class Program:
    """A charm as a program of its own, with hook commands in PATH."""

    COMMANDS = (
        *("action-fail", "action-get", "action-log", "action-set", "config-get", "is-leader", "juju-log"),
        *("relation-get", "relation-ids", "relation-list", "relation-set"),
        *("state-delete", "state-get", "state-set", "status-set"),
    )

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.charm_dir = root / "charm"
        self.pretend = root / "pretend"
        for directory in (self.charm_dir, self.pretend / "answers", self.pretend / "failures", root / "bin"):
            directory.mkdir(parents=True)
        for name in self.COMMANDS:
            command = root / "bin" / name
            command.write_text(_SCRIPT)
            command.chmod(0o755)
        (self.charm_dir / "metadata.yaml").write_text(json.dumps(METADATA))
        (self.charm_dir / "actions.yaml").write_text("backup: {}")
        self.answer("is-leader --format=json", True)

    def write_charm(self, source: str) -> None:
        (self.charm_dir / "charm.py").write_text(textwrap.dedent(source))

    def answer(self, line: str, value: Any) -> None:
        (self.pretend / "answers" / line.replace("/", "%")).write_text(json.dumps(value))

    def run(self, path: str, **more: str) -> subprocess.CompletedProcess[str]:
        (self.pretend / "calls").write_text("")
        (self.pretend / "input").write_text("")
        environment = {
            **IDENTITY,
            "PATH": f"{self.root / 'bin'}:/usr/bin:/bin",
            "PYTHONPATH": str(REPOSITORY),
            "PRETEND": str(self.pretend),
            "JUJU_CHARM_DIR": str(self.charm_dir),
            "JUJU_DISPATCH_PATH": path,
            "JUJU_HOOK_NAME": path.partition("hooks/")[2],
            **more,
        }
        return subprocess.run(
            [sys.executable, "-S", "-c", _START, str(self.charm_dir / "charm.py")],
            env=environment,
            cwd=self.charm_dir,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def calls(self) -> list[str]:
        """Command lines of the last run, without the log."""
        return [line for line in self._all_calls() if not line.startswith("juju-log ")]

    @property
    def log(self) -> list[str]:
        return [line for line in self._all_calls() if line.startswith("juju-log ")]

    def _all_calls(self) -> list[str]:
        return (self.pretend / "calls").read_text().splitlines()

    @property
    def input(self) -> Any:
        """What the last command with ``--file -`` was given."""
        return json.loads((self.pretend / "input").read_text())


# Without `site` an interpreter starts in half the time; PyYAML's directory is all that is needed of it.
_START = f"""
import runpy, sys
sys.path.append({os.path.dirname(os.path.dirname(__import__("yaml").__file__))!r})
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
