"""Hooks as forks: each like a process of its own, whatever the hook before it did."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from build import entered, leading, memory, relation, relation_hook, stored, unit

from coordinator.domain.unit_state import HookKind
from coordinator.engine.hookenv import hook_environment
from coordinator.engine.tools import LogLine
from coordinator.engine.tools.context import HookContext
from coordinator.errors import Unavailable
from coordinator.worker import warm, warm_parent
from coordinator.worker.charmenv import python_directory
from coordinator.worker.dispatch import Ended, Minder
from coordinator.worker.toolfiles import install_tools
from coordinator.worker.toolserver import ToolContext, ToolServer
from coordinator.worker.warm_parent import Wanted

WAIT_S = 20.0

CHARM = """#!/usr/bin/env python3
import os, sys
import ops
{imports}

class Charm(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on.db_relation_changed, self._changed)

    def _changed(self, event):
        {body}

ops.main(Charm)
"""


class Hooks:
    """One charm and the worker's things around it; `run` is one hook."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.charm = folder / "charm"
        (self.charm / "src").mkdir(parents=True)
        (self.charm / "dispatch").write_text("#!/bin/sh\nPYTHONPATH=lib exec python3 ./src/charm.py\n")
        (self.charm / "metadata.yaml").write_text("name: web\nrequires: {db: {interface: sql}}\n")
        self.python = python_directory(self.charm, folder / "environments", lambda level, text: None)
        self.server = ToolServer()
        self.minder = Minder()
        self.parents = warm.WarmParents(folder / "warm", self.minder)
        install_tools(folder / "tools", sys.executable)
        self.lines: list[tuple[str, str]] = []
        self.logged: list[LogLine] = []
        self.effects = HookContext(world=leading(), memory=memory()).effects
        self.sha256 = "a" * 64

    def close(self) -> None:
        self.parents.close()
        self.minder.close()
        self.server.close()

    def write(self, body: str = "pass", imports: str = "") -> None:
        text = CHARM.format(imports=imports, body=body.replace("\n", "\n        "))
        (self.charm / "src" / "charm.py").write_text(text)

    def context(self) -> HookContext:
        bags = {"db/0": stored({"host": "h0"}), "web/0": stored({})}
        related = relation(in_scope=True, units={unit("db/0"): 5}, bags=bags)
        seen = leading(relations={7: related}, state={})
        hook = relation_hook(HookKind.RELATION_CHANGED, "db/0")
        return HookContext(world=seen, memory=memory(relations={7: entered(db_0=5)}), hook=hook)

    def wanted(self, opened: ToolContext) -> Wanted:
        environment = hook_environment(
            opened.context.world,
            opened.context.hook,
            charm_dir=str(self.charm),
            tools_dir=str(self.folder / "tools"),
            agent_path=f"{self.python}:{os.environ['PATH']}",
            socket=self.server.address,
            context_id=opened.id,
        )
        return Wanted(
            sha256=self.sha256,
            charm_dir=self.charm,
            recipe=warm.usual_recipe(self.charm, self.charm / "dispatch"),
            environment=environment,
            own_library=False,
            archive=lambda sha256: Path(),
        )

    def start(self) -> tuple[warm.Run, ToolContext]:
        opened = self.server.open(self.context(), on_logs=self.logged.extend)
        wanted = self.wanted(opened)
        run = warm.Run(
            self.parents.parent_for(wanted),
            wanted,
            opened,
            emit=lambda *line: self.lines.append(line),
        )
        return run, opened

    def run(self) -> Ended:
        """Run the charm for one hook; what it printed is in `lines`, what it did in `effects`."""
        self.lines.clear()
        run, opened = self.start()
        ended = run.wait()
        self.effects = opened.close()
        return ended

    def in_background(self, run: warm.Run) -> Callable[[], Ended]:
        found: Future[Ended] = Future()
        threading.Thread(target=lambda: found.set_result(run.wait()), daemon=True).start()
        return lambda: found.result(WAIT_S)

    @property
    def parent(self) -> int:
        (place,) = self.parents._places.values()
        assert place.parent is not None
        return place.parent._process.pid

    def said(self, stream: str = "stdout") -> list[str]:
        return [line for name, line in self.lines if name == stream]


def wait_for(condition: Callable[[], Any]) -> Any:
    deadline_s = time.monotonic() + WAIT_S
    while not (found := condition()):
        assert time.monotonic() < deadline_s
        os.sched_yield()
    return found


@pytest.fixture
def hooks(tmp_path: Path) -> Iterator[Hooks]:
    hooks = Hooks(tmp_path)
    hooks.write()
    yield hooks
    hooks.close()


# --- like a process of its own ----------------------------------------------------------------------------


def test_a_fork_has_the_directory_arguments_environment_and_input_of_a_hook(hooks: Hooks) -> None:
    hooks.write(
        "print(os.getcwd(), sys.argv, __file__, os.environ['PYTHONPATH'], os.environ['JUJU_HOOK_NAME'])\n"
        "print(sys.path[:2], sys.stdin.read() == '', os.getpgid(0) == os.getpid())"
    )
    assert hooks.run() == Ended(0)
    charm = hooks.charm
    assert hooks.said() == [
        f"{charm} ['src/charm.py'] {charm}/src/charm.py lib db-relation-changed",
        f"['{charm}/src', '{charm}/lib'] True True",
    ]


def test_what_the_charm_does_is_in_the_effects_without_any_command(hooks: Hooks) -> None:
    hooks.write(
        "event.relation.data[self.unit]['copy'] = event.relation.data[event.unit]['host']\n"
        "self.unit.status = ops.ActiveStatus('done')",
    )
    for path in (hooks.folder / "tools").iterdir():
        path.unlink()
    assert hooks.run() == Ended(0)
    assert hooks.effects.bags == {(7, unit("web/0")): {"copy": "h0"}}
    assert hooks.effects.status is not None
    assert hooks.effects.status.message == "done"


@pytest.mark.parametrize(
    ("body", "ended"),
    [
        ("sys.exit(3)", Ended(3)),
        ("sys.exit()", Ended(0)),
        ("sys.exit('no')", Ended(1)),
        ("raise ValueError('boom')", Ended(1)),
        ("os._exit(7)", Ended(7)),
        ("os.kill(os.getpid(), 9)", Ended(None, 9)),
        ("os.kill(os.getpid(), 15)", Ended(None, 15)),
    ],
)
def test_how_a_fork_ended_is_told(hooks: Hooks, body: str, ended: Ended) -> None:
    hooks.write(body)
    assert hooks.run() == ended


def test_an_error_of_the_charm_is_logged_with_its_traceback(hooks: Hooks) -> None:
    hooks.write("raise ValueError('boom')")
    hooks.run()
    (error,) = [line.message for line in hooks.logged if line.level == "ERROR"]
    assert "Traceback (most recent call last):" in error
    assert f'File "{hooks.charm}/src/charm.py", line' in error
    assert error.endswith("ValueError: boom")


def test_an_error_outside_of_the_library_is_printed(hooks: Hooks) -> None:
    hooks.write(imports="raise ValueError('boom')")
    assert hooks.run() == Ended(1)
    assert hooks.said("stderr")[-1] == "ValueError: boom"


def test_what_was_done_before_the_charm_exits_without_farewell_counts(hooks: Hooks) -> None:
    hooks.write("self.unit.status = ops.ActiveStatus('done')\nos._exit(0)")
    assert hooks.run() == Ended(0)
    assert hooks.effects.status is not None


def test_a_command_that_the_charm_runs_sees_what_the_charm_said_before(hooks: Hooks) -> None:
    hooks.write(
        "import subprocess\n"
        "event.relation.data[self.unit]['a'] = '1'\n"
        "subprocess.run(['relation-get', '-r', 'db:7', 'a', 'web/0'])\n"
        "subprocess.run(['relation-set', '-r', 'db:7', 'b=2'])",
    )
    assert hooks.run() == Ended(0)
    assert hooks.said() == ["1"]
    assert hooks.effects.bags == {(7, unit("web/0")): {"a": "1", "b": "2"}}


def test_a_process_that_the_charm_forks_ends_by_itself_and_uses_commands(hooks: Hooks) -> None:
    hooks.write(
        "import time\n"
        "if not os.fork():\n"
        "    event.relation.data[self.unit]['forked'] = 'yes'\n"
        "    sys.exit(0)\n"
        "os.wait()\n"
        "event.relation.data[self.unit]['mine'] = 'too'\n"
        "sys.stdout.flush()\n"
        "os.kill(os.getpid(), 9)"
    )
    assert hooks.run() == Ended(None, signal.SIGKILL), "what the other one says of its end is not the hook's"
    assert hooks.effects.bags == {(7, unit("web/0")): {"forked": "yes", "mine": "too"}}


def test_threads_atexit_and_buffered_output_are_waited_for(hooks: Hooks) -> None:
    hooks.write(
        "import atexit, threading, time\n"
        "atexit.register(print, 'at exit')\n"
        "threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()\n"
        "sys.stdout.write('no newline: ')",
    )
    assert hooks.run() == Ended(0)
    assert hooks.said() == ["no newline: thread", "at exit"]


def test_a_daemon_outlives_the_hook_and_does_not_hold_it(hooks: Hooks) -> None:
    hooks.write("import subprocess\nprint(subprocess.Popen(['sleep', '60'], start_new_session=True).pid)")
    assert hooks.run() == Ended(0)
    daemon = int(hooks.said()[0])
    os.kill(daemon, 0)
    os.kill(daemon, signal.SIGKILL)


def test_what_the_worker_refuses_afterwards_fails_the_hook(hooks: Hooks) -> None:
    hooks.write("event.relation.data[self.unit]['big'] = 'x' * 3_000_000")
    assert hooks.run() == Ended(1)
    assert "relation-set" in hooks.said("stderr")[-1]
    assert hooks.effects.bags == {}


# --- nothing goes from one hook to the next ---------------------------------------------------------------

HOSTILE = """
import builtins, logging, random, signal, threading
print(json.dumps([
    random.random(), hasattr(ops, 'leak'), ops.Unit.is_leader.__name__,
    signal.getsignal(signal.SIGTERM) is signal.SIG_DFL,
    os.environ.get('LEAK'), threading.active_count(), len(os.listdir('/proc/self/fd')), hasattr(builtins, 'leak'),
    len(logging.getLogger().handlers), os.umask(0o22), sys.getrecursionlimit(), sys.path[-1]]))
ops.leak = builtins.leak = [0] * 1_000_000
ops.Unit.is_leader = lambda self: 1 / 0
signal.signal(signal.SIGTERM, lambda *_: None)
os.environ['LEAK'] = 'yes'
threading.Thread(target=threading.Event().wait, daemon=True).start()
self.files = [open(os.devnull) for _ in range(50)]
logging.getLogger().addHandler(logging.NullHandler())
os.umask(0)
sys.setrecursionlimit(5_000)
sys.path.append('/leak')
os.chdir('/')
"""


def test_a_charm_that_leaks_in_one_hook_does_not_change_the_next(hooks: Hooks) -> None:
    hooks.write(HOSTILE.strip(), imports="import json")
    seen = []
    for _ in range(3):
        assert hooks.run() == Ended(0)
        seen.append(json.loads(hooks.said()[0]))
    assert len({numbers[0] for numbers in seen}) == 3, "each hook has random numbers of its own"
    assert seen[0][1:] == seen[1][1:] == seen[2][1:]
    assert seen[0][1:6] == [False, "is_leader", True, None, 1]


def test_the_charms_own_modules_are_those_that_are_there_now(hooks: Hooks) -> None:
    hooks.write("print(helper.NAME, own.NAME)", imports="import helper, own")
    (hooks.charm / "lib").mkdir()
    for name in ("first", "the second"):
        (hooks.charm / "src" / "helper.py").write_text(f"NAME = {name!r}\n")
        (hooks.charm / "lib" / "own.py").write_text(f"NAME = {name!r}\n")
        assert hooks.run() == Ended(0)
        assert hooks.said() == [f"{name} {name}"]


def test_a_program_that_was_changed_runs_as_it_is_now(hooks: Hooks) -> None:
    for text in ("one", "another"):
        hooks.write(f"print({text!r})")
        assert hooks.run() == Ended(0)
        assert hooks.said() == [text]


def test_modules_that_a_hook_used_are_there_for_the_next_one(hooks: Hooks) -> None:
    hooks.write("print('colorsys' in sys.modules)\nimport colorsys")
    assert [hooks.run() and hooks.said() for _ in range(3)][-1] == ["True"]


# --- parents ----------------------------------------------------------------------------------------------


def test_all_hooks_of_a_charm_have_one_parent_until_the_charm_is_another(hooks: Hooks) -> None:
    hooks.write("print(os.getppid())")
    parents = []
    for sha256 in ("a", "a", "b"):
        hooks.sha256 = sha256
        hooks.run()
        parents.append(hooks.said())
    assert parents[0] == parents[1] != parents[2]


def test_a_parent_that_was_killed_is_replaced(hooks: Hooks) -> None:
    hooks.write("print(os.getppid())")
    hooks.run()
    first = hooks.parent
    os.kill(first, signal.SIGKILL)
    (place,) = hooks.parents._places.values()
    wait_for(lambda: place.parent is not None and place.parent.unfit)
    assert hooks.run() == Ended(0)
    assert hooks.said() == [str(hooks.parent)]
    assert hooks.parent != first


def test_a_hook_whose_parent_dies_has_to_run_again(hooks: Hooks) -> None:
    hooks.write("import time\nprint('here', flush=True)\ntime.sleep(60)")
    run, opened = hooks.start()
    ended = hooks.in_background(run)
    os.kill(hooks.parent, signal.SIGKILL)
    run.kill()
    assert ended() == Ended(None, signal.SIGKILL)
    opened.close()


def test_parents_that_have_done_enough_are_replaced(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_parent, "HOOKS_MAX", 2)
    hooks.write("print(os.getppid())")
    parents = [hooks.run() and hooks.said()[0] for _ in range(4)]
    assert parents[0] == parents[1] != parents[2] == parents[3]


def test_a_charm_without_hooks_for_a_while_is_forgotten_and_warm_again_when_there_is_one(hooks: Hooks) -> None:
    hooks.write("print(os.getppid())")
    hooks.run()
    first = hooks.parent
    hooks.parents.drop_unused(60.0)
    assert hooks.run() == Ended(0)
    assert hooks.said() == [str(first)]
    hooks.parents.drop_unused(0.0)
    wait_for(lambda: not Path(f"/proc/{first}").exists() or "Z" in Path(f"/proc/{first}/stat").read_text().split())
    assert hooks.run() == Ended(0)
    assert hooks.said() == [str(hooks.parent)] != [str(first)]


def test_a_charm_whose_modules_start_threads_is_run_the_ordinary_way_after_a_while(
    hooks: Hooks, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "threaded.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    assert hooks.python is not None
    for name in ("python3", "python"):
        program = hooks.python / name
        program.write_text(program.read_text().replace("exec", f"PYTHONPATH={site}:$PYTHONPATH exec"))
    hooks.write("import threaded")
    reasons = []
    for _ in range(12):
        try:
            assert hooks.run() == Ended(0)
        except warm.Cold as why:
            reasons.append(str(why))
    assert reasons, "it was forked although it has threads"
    assert all("thread" in reason or "failed" in reason for reason in reasons), reasons
    assert reasons[-1] == "its warm parents failed 2 times"


def test_no_charm_begins_that_the_minder_does_not_know(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(group: int) -> None:
        raise Unavailable("cannot run a hook", why="the minder process is gone")

    mark = hooks.folder / "ran"
    hooks.write(imports=f"open({str(mark)!r}, 'w')")
    monkeypatch.setattr(hooks.minder, "mind", refuse)
    with pytest.raises(warm.Cold, match="the minder process is gone"):
        hooks.run()
    monkeypatch.undo()
    assert not mark.exists()
    assert hooks.run() == Ended(0)
    assert mark.exists()


def test_children_that_were_ended_while_they_waited_are_replaced(hooks: Hooks) -> None:
    hooks.run()
    (place,) = hooks.parents._places.values()
    assert place.parent is not None
    waiting = wait_for(lambda: [child.pid for child in place.parent._waiting])
    os.killpg(waiting[0], signal.SIGKILL)
    wait_for(lambda: not place.parent._waiting)
    assert hooks.run() == Ended(0)


def test_a_charm_that_cannot_be_compiled_fails_as_it_would_by_itself(hooks: Hooks) -> None:
    (hooks.charm / "src" / "charm.py").write_text("this is no Python\n")
    assert hooks.run() == Ended(1)
    assert hooks.said("stderr")[-1].startswith("SyntaxError: ")


def test_the_reason_for_running_the_ordinary_way_is_said_once(hooks: Hooks) -> None:
    assert hooks.parents.is_news(hooks.sha256, "why")
    assert not hooks.parents.is_news(hooks.sha256, "why")
    assert hooks.parents.is_news("another", "why")


def test_what_dispatch_does_decides_whether_a_charm_can_be_forked(hooks: Hooks) -> None:
    dispatch = hooks.charm / "dispatch"
    dispatch.write_text("#!/bin/bash\necho hello\n")
    with pytest.raises(warm.Cold, match="a program of its own"):
        warm.usual_recipe(hooks.charm, dispatch)
    dispatch.write_text("#!/bin/sh\nexec ./src/charm.py\n")
    (hooks.charm / "src" / "charm.py").write_text("#!/opt/python\n")
    with pytest.raises(warm.Cold, match="not started by the python3"):
        warm.usual_recipe(hooks.charm, dispatch)
