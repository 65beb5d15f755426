"""Whatever people can ask for over HTTP, and charms with hook commands, is in the life that meets a fault at each
write (test_crashes.py), and in what the schedules draw from (test_schedules.py).

Who adds a request, a parameter of one, or a hook command, adds it there too, or says here why not.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache, wraps
from typing import Any

import pytest
import recorder
import test_schedules
from people import People
from simulation import Simulation
from test_crashes import LIFE

from coordinator import commands
from coordinator.api.routes import SUBJECTS
from coordinator.commands.task import Request
from coordinator.domain.change import Change
from coordinator.engine.tools import COMMANDS

Function = ast.FunctionDef | ast.AsyncFunctionDef

#: Requests that write nothing which their commands plan.
OF_NO_COMMAND = {
    "upload_charm": "written under its hash before anything names it; upload_resource goes the same way",
    "upload_resource": "store/archives.py writes it: People.upload asks that",
}

#: Parameters of commands whose other value is in the life.
OTHERWISE = {
    ("destroy_model", "release_storage"): "a life ends once: schedules draw it",
    ("go_back", "force_units"): "drawn: take_back",
    ("remove_application", "force_at_s"): "schedules draw it; units and machines go by force in the life",
    ("remove_units", "force_at_s"): "schedules draw it; units go by force with their machine in the life",
    ("remove_relation", "force_at_s"): "schedules draw it",
    ("remove_relation", "relation_id"): "another name for the same relation",
}

#: What commands take from the shells around them.
GIVEN = {"now", "now_s", "by", "entropy", "uuid", "owner"}

#: Hook commands that the charm of the simulation does not call.
NOT_CALLED = {"credential-get": "there is no cloud to have credentials of", "action-fail": "see shall_fail"}


def requests() -> Iterator[tuple[str, set[str]]]:
    """Yield each request that may write, with the commands that it and what it calls in its file ask for."""
    known = commands_by_name()
    for subject in SUBJECTS:
        tree = ast.parse(inspect.getsource(subject))
        functions = {each.name: each for each in tree.body if isinstance(each, Function)}
        for route in subject.router.routes:
            if route.methods != {"GET"}:
                yield route.name, set(called_in(functions[route.name], functions)) & set(known)


def called_in(function: Function, functions: dict[str, Function]) -> Iterator[str]:
    """Yield the names of what is called in *function*, and in those of *functions* that it calls."""
    for node in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        if isinstance(node.func, ast.Attribute):
            yield node.func.attr
        elif isinstance(node.func, ast.Name) and node.func.id in functions and node.func.id != function.name:
            yield from called_in(functions[node.func.id], functions)


@cache
def commands_by_name() -> dict[str, tuple[Any, Callable[..., Change | None]]]:
    """Return every function that plans a change for people, with the module it is in."""
    found = {}
    for name in (each.name for each in pkgutil.iter_modules(commands.__path__)):
        module = importlib.import_module(f"{commands.__name__}.{name}")
        for each in vars(module).values():
            is_own = inspect.isfunction(each) and each.__module__ == module.__name__
            if is_own and each.__annotations__["return"].startswith("Change"):
                found[each.__name__] = module, each
    return found


def parameters_of(name: str) -> set[str]:
    _, command = commands_by_name()[name]
    own = set(inspect.signature(command).parameters) - GIVEN
    return own | {each.name for each in fields(Request)} if "request" in own else own


@cache
def life() -> tuple[dict[str, set[str]], set[str]]:
    """Return what led to a change in the life: commands, each with the parameters that were not as usual; and hook
    commands."""
    did: dict[str, set[str]] = defaultdict(set)
    called: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        for name, (module, command) in commands_by_name().items():
            patch.setattr(module, name, noting(command, did))
        answer = recorder.answer
        patch.setattr(recorder, "answer", lambda context, call: called.add(call.name) or answer(context, call))
        snapshot = None
        for chapter in LIFE:
            sim = Simulation(after=snapshot)
            sim.rest()
            chapter(sim)
            sim.rest()
            snapshot = sim.snapshot()
    return did, called


def noting(command: Callable[..., Change | None], did: dict[str, set[str]]) -> Callable[..., Change | None]:
    signature = inspect.signature(command)

    @wraps(command)
    def noted(*given: Any, **named: Any) -> Change | None:
        change = command(*given, **named)
        if change is not None:
            bound = signature.bind(*given, **named).arguments
            did[command.__name__] |= {n for n, each in bound.items() if each != signature.parameters[n].default}
            for request in (each for each in bound.values() if isinstance(each, Request)):
                usual = {each.name: each.default for each in fields(Request)}
                did[command.__name__] |= {n for n in usual if getattr(request, n) not in (usual[n], (), {})}
        return change

    return noted


def test_every_request_that_writes_has_a_command_or_a_reason() -> None:
    without = {name for name, asked in requests() if not asked}
    assert without == set(OF_NO_COMMAND)


def test_every_command_of_the_api_changes_something_in_the_life() -> None:
    did, _ = life()
    asked = {command for _, commands in requests() for command in commands}
    assert asked - set(did) == set()


def test_every_parameter_of_a_command_is_used_in_the_life() -> None:
    did, _ = life()
    asked = {command for _, commands in requests() for command in commands}
    unused = {(name, parameter) for name in asked for parameter in parameters_of(name) - did[name]}
    assert unused == set(OTHERWISE)


def test_every_hook_command_is_called_in_the_life() -> None:
    _, called = life()
    assert set(COMMANDS) - called == set(NOT_CALLED)


class Asked:
    """Stands for a simulation: takes note of what it is asked for."""

    def __init__(self) -> None:
        self.rng, self.names = random.Random(0), set()

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *given, **named: self.names.add(name)


def test_the_schedules_draw_from_everything_that_people_ask_for() -> None:
    asked = Asked()
    events = (*test_schedules.ANY_TIME, *test_schedules.ACTIONS, *test_schedules.events_of(random.Random(0)))
    for event in events:
        event(asked)
    wanted = {name for name, value in vars(People).items() if inspect.isfunction(value) and name[0] != "_"}
    # at the end of each life; of what has failed; asked by others
    assert wanted - asked.names == {"destroy_model", "resolve", "ask", "upload", "remove_machine"}
