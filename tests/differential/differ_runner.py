"""Runs charms with whichever `ops` is on the path, and says what they did.

A program: one case per line of input, one result per line of output, both JSON.  A case is a charm (what it
observes, and what its handlers do, as lines of Python), and the runs of it, one hook each, with what the
controller shows in that hook.  Each run is a fork of this process, in which hook commands are answered without
starting one.  Nothing here knows which library it drives.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import logging
import os
import pathlib
import pickle
import re
import shutil
import sqlite3
import subprocess
import sys
import traceback
from typing import Any

import yaml

import ops


class Controller:
    """What the hook commands show in one run, and what they were asked."""

    def __init__(self, shown: dict[str, Any], state: dict[str, str]) -> None:
        self.shown = shown
        self.state = state
        self.calls: list[list[str]] = []
        self.log: list[list[str]] = []

    def run(self, args: list[str], *, input: Any = None, check: bool = False, **options: Any) -> Any:
        """Stand in for `subprocess.run`."""
        tool = os.path.basename(args[0])
        if tool not in self.shown["tools"]:
            raise FileNotFoundError(tool)
        arguments = [with_content(each) for each in args[1:]]
        if tool == "juju-log":
            self.log.append([arguments[1], readable(arguments[3])])
            status, stdout, stderr = self.fails(tool) or (0, "", "")
        else:
            self.calls.append([tool, *arguments] if input is None else [tool, *arguments, f"< {meant(input)}"])
            status, stdout, stderr = self.fails(tool) or self.answer(tool, arguments, input)
        if check and status:
            raise subprocess.CalledProcessError(status, args, stdout, stderr)
        return subprocess.CompletedProcess(args, status, stdout, stderr)

    def fails(self, tool: str) -> tuple[int, str, str] | None:
        failure = self.shown["failing"].get(tool)
        return None if failure is None else (failure[0], "", failure[1])

    def answer(self, tool: str, arguments: list[str], stdin: str | None) -> tuple[int, str, str]:
        line = " ".join([tool, *arguments])
        for start, reply in self.shown["answers"].items():
            if line.startswith(start):
                return 0, reply if isinstance(reply, str) else json.dumps(reply), ""
        if tool == "relation-get":
            bag = self.shown["bags"].get(arguments[-1])
            if bag is None:
                return 1, "", f'ERROR cannot read settings for unit "{arguments[-1]}"\n'
            return 0, json.dumps(bag), ""
        if tool == "state-set":
            self.state.update(yaml.safe_load(stdin or "{}"))
        elif tool == "state-delete":
            self.state.pop(arguments[0], None)
        elif tool == "state-get":
            return 0, self.state.get(arguments[-1], ""), ""
        return 0, "", ""


def meant(stdin: str) -> Any:
    """Return what a command is given to write: JSON or YAML, with values that may be YAML themselves."""
    return show(unordered({key: meaning(text) for key, text in yaml.safe_load(stdin).items()}))


def unordered(value: Any) -> Any:
    """Sort mappings: one library keeps the order in what the controller stores, the other does not."""
    if isinstance(value, dict):
        return {key: unordered(value[key]) for key in sorted(value, key=repr)}
    return [unordered(each) for each in value] if isinstance(value, list) else value


def meaning(text: str) -> Any:
    """Return the value of a snapshot, or the text if it is none."""
    try:
        return yaml.load(text, yaml.FullLoader)  # which knows tuples
    except yaml.YAMLError:
        return text


def with_content(argument: str) -> str:
    """Show what is in a file in place of its path, which is another one each time."""
    key, option, path = argument.partition("#file=")
    return f"{key}={pathlib.Path(path).read_text(encoding='utf-8')!r}" if option else argument


def readable(message: str) -> str:
    """Leave out of a log line what differs from one run to the next: moments, addresses, places in files."""
    message = re.sub(r'"datetime": ?"[^"]*"', '"datetime": ""', message)
    message = re.sub(r" at 0x[0-9a-f]+", "", message)
    if "Traceback (most recent call last):" in message:
        kinds = re.findall(r"^([A-Za-z_][\w.]*)(?::|$)", message, re.MULTILINE)
        message = f"{message.splitlines()[0]} ... {kinds[-1]}"
    return message


def charm_of(case: dict[str, Any], seen: list[Any]) -> type[ops.CharmBase]:
    """Return the charm of a case; its handlers add to *seen* what each of their lines gave."""

    class CustomEvent(ops.EventBase):
        def __init__(self, handle: ops.Handle, value: Any = None) -> None:
            super().__init__(handle)
            self.value = value

        def snapshot(self) -> dict[str, Any]:
            return {"value": self.value}

        def restore(self, snapshot: dict[str, Any]) -> None:
            self.value = snapshot["value"]

    class Events(ops.CharmEvents):
        custom = ops.EventSource(CustomEvent)

    class Charm(ops.CharmBase):
        on = Events()
        stored = ops.StoredState()

        def __init__(self, framework: ops.Framework) -> None:
            super().__init__(framework)
            play(self, None, case["handlers"].get("__init__", []), seen)
            for event, method in case["observed"]:
                framework.observe(getattr(self.on, event), getattr(self, method))

    for name, lines in case["handlers"].items():

        def handler(self: Charm, event: ops.EventBase, name: str = name, lines: list[str] = lines) -> None:
            seen.append(["handler", name, show(event)])
            play(self, event, lines, seen)

        if name != "__init__":
            handler.__name__ = name
            setattr(Charm, name, handler)
    return Charm


def play(self: Any, event: Any, lines: list[str], seen: list[Any]) -> None:
    """Carry out *lines*; what one of them raises is noted, and let out if it begins with an exclamation mark."""
    names = {"self": self, "event": event, "ops": ops, "log": logging.getLogger("charm"), "sys": sys}
    names |= {"datetime": datetime, "dataclasses": dataclasses}
    for line in lines:
        try:
            code = compile(line.lstrip("!"), "<step>", "eval")
        except SyntaxError:
            code = compile(line.lstrip("!"), "<step>", "exec")
        try:
            seen.append(["line", line, show(eval(code, names))])
        except Exception as error:
            kind = type(error)
            seen.append(["line", line, f"{kind.__module__}.{kind.__qualname__}"])
            if line.startswith("!"):
                raise


def show(value: Any) -> Any:
    """Write a value as text that is the same in every process."""
    if isinstance(value, dict):
        return {"dict": [[show(key), show(each)] for key, each in value.items()]}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [show(each) for each in value]}
    if isinstance(value, (set, frozenset)):
        return {type(value).__name__: sorted(map(repr, value))}
    if isinstance(value, enum.Enum):
        return f"{type(value).__qualname__}.{value.name}"
    kind = type(value)
    if dataclasses.is_dataclass(value):
        return {kind.__qualname__: show({f.name: getattr(value, f.name) for f in dataclasses.fields(value)})}
    if isinstance(value, ops.EventBase):
        return [kind.__qualname__, str(value.handle), show(value.snapshot())]
    if kind.__module__.startswith("ops"):
        return [f"{kind.__module__}.{kind.__qualname__}", readable(str(getattr(value, "name", "")))]
    return readable(repr(value))


def run(case: dict[str, Any], number: int, state: dict[str, str]) -> dict[str, Any]:
    """Carry out one run in a fork, and return what it did."""
    directory = pathlib.Path(case["directory"])
    path = directory.with_name(f"{directory.name}.result")
    child = os.fork()
    if not child:
        try:
            path.write_text(json.dumps(run_here(case, case["runs"][number], state)), encoding="utf-8")
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if os.waitpid(child, 0)[1]:
        raise RuntimeError("a run of a charm ended this test's own process; see above")
    return json.loads(path.read_text(encoding="utf-8"))


def run_here(case: dict[str, Any], shown: dict[str, Any], state: dict[str, str]) -> dict[str, Any]:
    os.chdir(case["directory"])
    os.environ.clear()
    os.environ.update({"JUJU_CHARM_DIR": case["directory"], **shown["environment"]})
    sys.argv = [str(pathlib.Path(case["directory"]) / "charm.py")]
    controller = Controller(shown, state)
    subprocess.run = controller.run  # type: ignore[assignment]
    shutil.which = lambda name, *args, **kwargs: (  # type: ignore[assignment]
        f"/tools/{name}" if name in shown["tools"] and not kwargs else None
    )
    seen: list[Any] = []
    said, sys.stderr = sys.stderr, open(os.devnull, "w")  # noqa: SIM115
    try:
        ops.main(charm_of(case, seen), use_juju_for_storage=case["use_juju_for_storage"])
        status: Any = 0
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException as error:
        kind = type(error)
        seen.append(["raised", f"{kind.__module__}.{kind.__qualname__}"])
        sys.excepthook(kind, error, error.__traceback__)
        status = 1
    sys.stderr = said
    return {
        "status": status,
        "seen": seen,
        "calls": controller.calls,
        "log": controller.log,
        "state": state,
        "known": meant(json.dumps(state)),
    }


def kept(file: pathlib.Path) -> Any:
    """Return snapshots and notices that a run has left."""
    if not file.exists():
        return None
    database = sqlite3.connect(file)
    try:
        if not database.execute("SELECT name FROM sqlite_master").fetchall():
            return {"snapshots": {}, "notices": []}
        snapshots = database.execute("SELECT handle, data FROM snapshot ORDER BY handle").fetchall()
        notices = database.execute(
            "SELECT event_path, observer_path, method_name FROM notice ORDER BY sequence"
        ).fetchall()
    finally:
        database.close()
    return {"snapshots": {name: show(pickle.loads(data)) for name, data in snapshots}, "notices": notices}


def main() -> None:
    for line in sys.stdin:
        case = json.loads(line)
        root = pathlib.Path(case["directory"])
        root.mkdir()
        for name, content in case["files"].items():
            (root / name).write_text(json.dumps(content), encoding="utf-8")
        results = []
        state: dict[str, str] = {}
        for number in range(len(case["runs"])):
            result = run(case, number, state)
            state = result["state"]
            result["kept"] = kept(root / ".unit-state.db")
            results.append(result)
        shutil.rmtree(root)
        print(json.dumps(results), flush=True)


if __name__ == "__main__":
    main()
