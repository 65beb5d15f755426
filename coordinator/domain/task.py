"""Tasks: actions, and commands that people run in a unit or on a machine; operations, which group them; what
parameters fit.

Role: what is queued by name, where everything else that a unit does is derived.  A task is run once at most: when
its worker dies meanwhile it has failed, because nobody knows how far it came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from coordinator.domain.charm import Action
from coordinator.domain.names import UnitName
from coordinator.errors import BadRequest, Refused

EXEC = "juju-exec"  # the action that every charm has: run commands
# What a task leaves behind is written in one transaction with what it did, and etcd refuses more than 1.5 MiB.
OUTPUT_BYTES_MAX = 128 * 1024  # of stdout and of stderr each
RESULTS_BYTES_MAX = 256 * 1024
LOG_LINES_MAX = 1000
LOG_BYTES_MAX = 128 * 1024
QUEUED_MAX = 1000  # tasks that wait for one unit or machine
TARGETS_MAX = 100  # of one request; each is an entity and a place in a queue

_KEY = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")


class TaskStatus(str, Enum):
    """Where a task stands.  Aborting: somebody cancelled it while it ran, and it has not ended yet."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABORTING = "aborting"
    ABORTED = "aborted"
    ERROR = "error"

    @property
    def is_over(self) -> bool:
        return self not in (TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.ABORTING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One action, or one command, for one unit, or a command for one machine.  Moments are RFC 3339 in UTC.

    `parallel`: it does not wait for other work on the machine; `execution_group`: only for that of its group.
    `results` are what the charm set (nested), with `return-code`, `stdout` and `stderr` of its program.
    `timeout_s`: how long it may run, None for any time.  `session`: that of the worker that began it.
    `has_input`: people hand in what its program reads; `keeps_output`: what it prints is kept to be fetched, when
    it is too much for results.  Both only on machines (task_stream.py).
    """

    id: int
    operation: int
    unit: UnitName | None = None
    machine: str | None = None
    action: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    parallel: bool = False
    execution_group: str = ""
    timeout_s: float | None = None
    has_input: bool = False
    keeps_output: bool = False
    status: TaskStatus = TaskStatus.PENDING
    enqueued: str
    session: str | None = None
    started: str | None = None
    completed: str | None = None
    message: str = ""
    results: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.action

    @property
    def receiver(self) -> UnitName | str:
        """Where it runs: a unit, or a machine by its id."""
        receiver = self.unit or self.machine
        assert receiver is not None, "a task is for a unit or a machine"
        return receiver

    @property
    def is_exec(self) -> bool:
        return self.action == EXEC


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskLog:
    """What a task told of its progress: lines of moment and text, in order."""

    lines: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """Exists below a unit or machine as long as a task of it is not over."""

    task: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """What one request asked for: one task for each receiver.

    `enqueued_at_s`: seconds since the epoch.  `refused`: why nothing was queued for others, by their names.
    """

    id: int
    summary: str
    action: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    enqueued: str
    enqueued_at_s: float
    tasks: tuple[int, ...]
    refused: Mapping[str, str] = field(default_factory=dict)


# --- parameters ------------------------------------------------------------------------------------------


def schema_of(action: Action) -> dict[str, Any]:
    """Return the JSON schema of the parameters of *action*, as a whole."""
    schema: dict[str, Any] = {"type": "object", "properties": dict(action.params)}
    if action.required:
        schema["required"] = list(action.required)
    if action.additional is not None:
        schema["additionalProperties"] = action.additional
    return schema


def checked(action: Action, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return *parameters* with the defaults of the schema filled in.

    Raises:
        Refused: they do not fit, or the charm's schema is none.
    """
    from jsonschema import Draft4Validator, SchemaError  # late: only who checks needs it
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    schema = schema_of(action)
    given = _with_defaults(schema, parameters)
    try:
        Draft4Validator.check_schema(schema)
        # With a registry of its own: a charm cannot make this process fetch anything.
        validator = Draft4Validator(schema, registry=Registry())
        problems = sorted(validator.iter_errors(given), key=lambda each: list(map(str, each.path)))
    except (SchemaError, Unresolvable) as cause:
        why = cause.message if isinstance(cause, SchemaError) else f"it refers to what is not there: {cause}"
        raise Refused(
            f'cannot run action "{action.name}"',
            why=f"the schema of its parameters is none: {why}",
            fix="correct actions.yaml and refresh the charm",
        ) from cause
    if problems:
        raise Refused(
            "validation failed: " + "; ".join(map(_complaint, problems)),
            fix=f"`coordinator show-action APP {action.name}` shows its parameters",
        )
    return given


def _with_defaults(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    filled = dict(given)
    for name, inner in (schema.get("properties") or {}).items():
        if not isinstance(inner, Mapping):
            continue
        if name not in filled and "default" in inner:
            filled[name] = inner["default"]
        elif isinstance(inner.get("properties"), Mapping) and isinstance(filled.get(name, {}), Mapping):
            nested = _with_defaults(inner, filled.get(name, {}))
            filled |= {name: nested} if nested else {}
    return filled


def _complaint(problem: Any) -> str:
    where = ".".join(["(root)", *map(str, problem.path)])
    if problem.validator == "type":
        expected = problem.validator_value
        kind = expected if isinstance(expected, str) else " or ".join(expected)
        shown = f'"{problem.instance}"' if isinstance(problem.instance, str) else repr(problem.instance)
        return f"{where} : must be of type {kind}, given {shown}"
    if problem.validator == "required":
        return f"{where} : {problem.message.replace(chr(39), chr(34))}"
    if problem.validator == "additionalProperties":
        return f"{where} : additional properties are not allowed: {problem.message}"
    return f"{where} : {problem.message}"


# --- results ---------------------------------------------------------------------------------------------

RESERVED = frozenset({"stdout", "stdout-encoding", "stderr", "stderr-encoding"})


def result_path(key: str) -> tuple[str, ...]:
    """Return the parts of a dotted *key* of results.

    Raises:
        BadRequest: a part is no such name, or is kept for the output of the program.
    """
    parts = tuple(key.split("."))
    for part in parts:
        if not _KEY.fullmatch(part):
            raise BadRequest(
                f'key "{part}" must start and end with lowercase alphanumeric, '
                "and contain only lowercase alphanumeric and hyphens"
            )
        if part in RESERVED:
            raise BadRequest(f'cannot set reserved action key "{part}"')
    return parts


def with_result(results: Mapping[str, Any], path: Sequence[str], value: str) -> dict[str, Any]:
    """Return *results* with *value* at *path*; a scalar on the way gives way to a mapping, and the reverse."""
    first, *rest = path
    if not rest:
        return {**results, first: value}
    inner = results.get(first)
    return {**results, first: with_result(inner if isinstance(inner, Mapping) else {}, rest, value)}


def found_at(tree: Mapping[str, Any], path: Sequence[str]) -> Any:
    """Return what is at *path* of nested mappings; None when there is nothing."""
    found: Any = tree
    for part in path:
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found
