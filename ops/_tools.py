"""What the model needs of the hook commands, with errors that charms can tell apart.

Role: one method for each need, named like the command.  A failing command becomes a `ModelError` or one of
its kinds, with a note that says what was being done.  Keeps the answer of ``is-leader`` for 30 seconds.
Not here: command lines (hookcmds/), processes (_backend.py), caches and rules of entities (the modules
above this one).

Charms and their tests reach this class as ``model._backend`` and ``ops.model._ModelBackend``; its method
names are part of what they rely on.
"""

from __future__ import annotations

import datetime
import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from . import _context, hookcmds
from ._context import JujuContext
from ._errors import ModelError, RelationNotFoundError, SecretNotFoundError
from ._results import flatten_results
from ._security import security_line
from ._status import SETTABLE_STATUS_NAMES, InvalidStatusError
from .hookcmds._secret import secret_info_get_raw
from .hookcmds._unit import (
    credential_get_raw,
    goal_state_raw,
    network_get_raw,
    opened_ports_raw,
    status_get_raw,
    storage_get_raw,
)
from .hookcmds._utils import run

if TYPE_CHECKING:
    from . import pebble

_T = TypeVar("_T")

_RELATION_TOOLS = {
    "relation-ids",
    "relation-list",
    "relation-get",
    "relation-set",
    "relation-model-get",
    "network-get",
}
_RELATION_GONE = r"relation (\S+ )?not found"
_DENIALS = ("access denied", "permission denied", "not the leader", "cannot write relation settings")

_METRIC_NAME = r"[a-zA-Z](?:[a-zA-Z0-9_-]*[a-zA-Z0-9])?"


class _ModelBackend:
    """Hook commands for the model of one run."""

    LEASE_RENEWAL_PERIOD = datetime.timedelta(seconds=30)
    """How long the answer of ``is-leader`` holds: the controller promises that much."""

    def __init__(
        self,
        unit_name: str | None = None,
        model_name: str | None = None,
        model_uuid: str | None = None,
        juju_context: JujuContext | None = None,
    ):
        self._juju_context = juju_context if juju_context is not None else _context.read_context()
        self.unit_name = unit_name or self._juju_context.unit_name
        self.app_name = self.unit_name.partition("/")[0]
        self.model_name = model_name or self._juju_context.model_name
        self.model_uuid = model_uuid or self._juju_context.model_uuid
        self.peer_endpoints: frozenset[str] = frozenset()
        """Endpoints between units of this application; set once the metadata is known."""
        # Name of the event that is being handled; empty outside of handlers.  Access rules look at it.
        self._hook_is_running = ""
        self._event_is_deferred = False
        self._is_leader: bool | None = None
        self._leader_check_time: float | None = None

    # --- errors ---

    def _call(self, tool: Callable[..., _T], /, *args: Any, **kwargs: Any) -> _T:
        """Call a function of hookcmds.

        Raises:
            RelationNotFoundError: the relation is gone.
            SecretNotFoundError: the secret is gone, or not visible.
            ModelError: the command failed for another reason.
        """
        try:
            return tool(*args, **kwargs)
        except hookcmds.Error as error:
            raise self._explained(error) from error

    def _explained(self, error: hookcmds.Error) -> ModelError:
        tool, text = error.cmd[0], error.stderr.lower()
        if self._is_relation_gone(error):
            explained: ModelError = RelationNotFoundError()
        elif tool.startswith("secret-") and "not found" in text:
            explained = SecretNotFoundError()
        else:
            explained = ModelError(error.stderr)
        if not isinstance(explained, RelationNotFoundError) and any(denial in text for denial in _DENIALS):
            self._log_denial(tool)
        if sys.version_info >= (3, 11):
            explained.add_note(self._note(error))
        return explained

    def _is_relation_gone(self, error: hookcmds.Error) -> bool:
        tool, *arguments = error.cmd
        if tool not in _RELATION_TOOLS:
            return False
        if re.search(_RELATION_GONE, error.stderr, re.IGNORECASE):
            return True
        # Controllers say this of relations that went away behind the unit's back, but also of what a unit
        # may not touch unless it leads its application.
        return "permission denied" in error.stderr.lower() and not self._needs_leadership(tool, arguments)

    def _needs_leadership(self, tool: str, arguments: list[str]) -> bool:
        if "--app" not in arguments or self._is_leader:
            return False
        if tool == "relation-set":
            return True
        endpoint = next((each.partition(":")[0] for each in arguments if ":" in each), "")
        return tool == "relation-get" and arguments[-1] == self.app_name and endpoint not in self.peer_endpoints

    def _log_denial(self, tool: str) -> None:
        role = {None: "unit", True: "leader", False: "non-leader"}[self._is_leader]
        self._log_security_event(
            "CRITICAL",
            "authz_fail",
            tool,
            f"{tool} was denied to {self.unit_name}, known as {role}.",
        )

    def _log_security_event(self, level: str, event: str, detail: str, description: str) -> None:
        """Tell those who watch over security.  See `_security.security_line` for the arguments."""
        line = security_line(
            level=level,
            event=event,
            detail=detail,
            description=description,
            app_id=f"{self.model_uuid}-{self.unit_name}",
        )
        self.juju_log("TRACE", line)

    def _note(self, error: hookcmds.Error) -> str:
        context = self._juju_context
        occasion = context.hook_name or context.dispatch_path.rpartition("/")[2] or "an unknown hook"
        note = f"while running {' '.join(error.cmd)!r} in {occasion}"
        running = self._hook_is_running
        if running == "__init__":
            return f"{note}, constructing the charm"
        if running and running.removesuffix("_action").replace("_", "-") != occasion:
            kind = "deferred event" if self._event_is_deferred else "event"
            return f"{note}, handling the {kind} {running}"
        return f"{note}, handling it again after it was deferred" if self._event_is_deferred else note

    # --- relations ---

    def relation_ids(self, relation_name: str) -> list[int]:
        """Return the numbers of all relations of an endpoint."""
        references = self._call(hookcmds.relation_ids, relation_name)
        return [int(each.rpartition(":")[2]) for each in references]

    def relation_list(self, relation_id: int, endpoint: str | None = None) -> list[str]:
        """Return the names of the units on the other side."""
        return self._call(hookcmds.relation_list, relation_id, endpoint=endpoint)

    def relation_remote_app_name(self, relation_id: int, endpoint: str | None = None) -> str | None:
        """Return the name of the application on the other side, or None if the relation is gone."""
        context = self._juju_context
        if context.relation_id == relation_id and context.remote_app_name:
            return context.remote_app_name
        try:
            return self._call(hookcmds.relation_list, relation_id, endpoint=endpoint, app=True)
        except RelationNotFoundError:
            return None

    def relation_get(
        self, relation_id: int, member_name: str, is_app: bool, endpoint: str | None = None
    ) -> dict[str, str]:
        """Return all data of a unit or application in a relation."""
        self._check_app_data("reading", is_app)
        answer = self._call(hookcmds.relation_get, relation_id, endpoint=endpoint, unit=member_name, app=is_app)
        return answer or {}

    def relation_set(
        self, relation_id: int, data: Mapping[str, str], is_app: bool, endpoint: str | None = None
    ) -> None:
        """Change data of this unit or its application in a relation; an empty text deletes."""
        self._check_app_data("writing", is_app)
        self._call(hookcmds.relation_set, data, relation_id, endpoint=endpoint, app=is_app)

    def _check_app_data(self, doing: str, is_app: bool) -> None:
        if is_app and not self._juju_context.version.has_app_data():
            raise RuntimeError(f"{doing} application data needs Juju 2.7, not {self._juju_context.version}")

    def relation_model_get(self, relation_id: int, endpoint: str | None = None) -> dict[str, Any]:
        """Return the UUID of the model on the other side, under the key ``uuid``."""
        return {"uuid": self._call(hookcmds.relation_model_get, relation_id, endpoint=endpoint).uuid}

    # --- configuration, leadership, status ---

    def config_get(self) -> dict[str, bool | int | float | str]:
        """Return all options that have a value."""
        return self._call(hookcmds.config_get) or {}

    def is_leader(self) -> bool:
        """Return whether this unit leads its application; an answer holds for 30 seconds."""
        now = time.monotonic()
        age = None if self._leader_check_time is None else now - self._leader_check_time
        if self._is_leader is None or age is None or age > self.LEASE_RENEWAL_PERIOD.total_seconds():
            self._is_leader = self._call(hookcmds.is_leader)
            # The age counts from before the question: the promise began when it was answered, or later.
            self._leader_check_time = now
        return self._is_leader

    def status_get(self, *, is_app: bool = False) -> dict[str, Any]:
        """Return ``status`` and ``message`` of this unit or its application."""
        return self._call(status_get_raw, is_app)

    def status_set(self, status: str, message: str = "", *, is_app: bool = False) -> None:
        """Set the status of this unit or its application.

        Raises:
            TypeError: *is_app* is no bool, or *message* no text.
            InvalidStatusError: a charm cannot set this status.
        """
        if not isinstance(is_app, bool):
            raise TypeError("is_app parameter must be boolean")
        if not isinstance(message, str):
            raise TypeError(f"the message of a status must be text, not {type(message).__name__}")
        if status not in SETTABLE_STATUS_NAMES:
            raise InvalidStatusError(f"cannot set status {status!r}")
        self._call(hookcmds.status_set, status, message, app=is_app)

    def application_version_set(self, version: str) -> None:
        """Tell people which version of the workload this unit runs."""
        self._call(hookcmds.app_version_set, version)

    def planned_units(self) -> int:
        """Return how many units of this application there will be: all that are not going away."""
        units = (self._call(goal_state_raw) or {}).get("units") or {}
        return sum(1 for unit in units.values() if unit["status"] != "dying")

    # --- resources, storage, networks, ports ---

    def resource_get(self, resource_name: str) -> str:
        """Return the file of a resource."""
        return str(self._call(hookcmds.resource_get, resource_name))

    def storage_list(self, name: str) -> list[int]:
        """Return the numbers of the storage instances of one name."""
        return [int(each.rpartition("/")[2]) for each in self._call(hookcmds.storage_list, name)]

    def storage_get(self, storage_name_id: str, attribute: str) -> str:
        """Return the ``location`` or ``kind`` of a storage instance, given as ``name/index``."""
        if not re.fullmatch(r".*/\d+", storage_name_id):
            raise ModelError(f"storage instances are name/index, not {storage_name_id!r}")
        return self._call(storage_get_raw, storage_name_id)[attribute]

    def storage_add(self, name: str, count: int = 1) -> None:
        """Ask for *count* more storage instances.

        Raises:
            TypeError: *count* is no number.
        """
        if not isinstance(count, int) or isinstance(count, bool):
            raise TypeError(f"the number of storage instances must be int, not {type(count).__name__}")
        self._call(hookcmds.storage_add, {name: count})

    def network_get(self, binding_name: str, relation_id: int | None = None) -> dict[str, Any]:
        """Return this unit's addresses for a binding, as the controller prints them.

        If the relation is gone, the addresses of the binding itself are the best answer.
        """
        try:
            return self._call(network_get_raw, binding_name, relation_id)
        except RelationNotFoundError:
            if relation_id is None:
                raise
            return self._call(network_get_raw, binding_name, None)

    def open_port(self, protocol: str, port: int | None = None) -> None:
        """Open a port."""
        self._call(hookcmds.open_port, protocol, port)

    def close_port(self, protocol: str, port: int | None = None) -> None:
        """Close a port."""
        self._call(hookcmds.close_port, protocol, port)

    def opened_ports(self) -> list[str]:
        """Return the ports that this unit has open, each like ``80/tcp``, ``80-90/udp`` or ``icmp``."""
        return self._call(opened_ports_raw)

    def reboot(self, now: bool = False) -> None:
        """Ask for a reboot; with *now* this process ends, and the hook runs again afterwards."""
        self._call(hookcmds.juju_reboot, now=now)
        if now:
            sys.exit()

    # --- actions and log ---

    def action_get(self) -> dict[str, Any]:
        """Return the parameters of the running action."""
        return self._call(hookcmds.action_get) or {}

    def action_set(self, results: Mapping[str, Any]) -> None:
        """Set results of the running action, flattened.

        Raises:
            ValueError: a key is not possible, or two are the same when flattened.
        """
        self._call(hookcmds.action_set, flatten_results(results))

    def action_log(self, message: str) -> None:
        """Show a progress message to whoever runs the action."""
        self._call(hookcmds.action_log, message)

    def action_fail(self, message: str = "") -> None:
        """Mark the running action as failed."""
        self._call(hookcmds.action_fail, message)

    def juju_log(self, level: str, message: str) -> None:
        """Write a line to the controller's log."""
        self._call(hookcmds.juju_log, message, level=level)

    # --- secrets ---

    def secret_get(
        self, *, id: str | None = None, label: str | None = None, refresh: bool = False, peek: bool = False
    ) -> dict[str, str]:
        """Return the content of a secret."""
        return self._call(hookcmds.secret_get, id=id, label=label, refresh=refresh, peek=peek)

    def secret_info_get(self, *, id: str | None = None, label: str | None = None) -> tuple[str, dict[str, Any]]:
        """Return identifier and facts of a secret that this unit may manage."""
        return self._call(secret_info_get_raw, id=id, label=label)

    def secret_set(
        self,
        id: str,
        *,
        content: dict[str, str] | None = None,
        label: str | None = None,
        description: str | None = None,
        expire: datetime.datetime | None = None,
        rotate: str | None = None,
    ) -> None:
        """Change a secret."""
        self._call(
            hookcmds.secret_set,
            id,
            content=content,
            label=label,
            description=description,
            expire=expire,
            rotate=rotate,
        )

    def secret_add(
        self,
        content: dict[str, str],
        *,
        label: str | None = None,
        description: str | None = None,
        expire: datetime.datetime | None = None,
        rotate: str | None = None,
        owner: str | None = None,
    ) -> str:
        """Create a secret and return its identifier."""
        return self._call(
            hookcmds.secret_add,
            content,
            label=label,
            description=description,
            expire=expire,
            rotate=rotate,
            owner=owner or "application",
        )

    def secret_grant(self, id: str, relation_id: int, *, unit: str | None = None) -> None:
        """Let the other side of a relation read a secret."""
        self._call(hookcmds.secret_grant, id, relation_id, unit=unit)

    def secret_revoke(self, id: str, relation_id: int, *, unit: str | None = None) -> None:
        """Take that right back."""
        self._call(hookcmds.secret_revoke, id, relation_id=relation_id, unit=unit)

    def secret_remove(self, id: str, *, revision: int | None = None) -> None:
        """Remove a revision of a secret, or all of it."""
        self._call(hookcmds.secret_remove, id, revision=revision)

    # --- clouds, containers, and commands of older controllers ---

    def credential_get(self) -> dict[str, Any]:
        """Return the model's cloud with the credential, as the controller prints it."""
        return self._call(credential_get_raw)

    def get_pebble(self, socket_path: str) -> pebble.Client:
        """Return a client of the Pebble that listens on *socket_path*."""
        from . import pebble

        return pebble.Client(socket_path=socket_path)

    def pod_spec_set(self, spec: Mapping[str, Any], k8s_resources: Mapping[str, Any] | None = None) -> None:
        """Set the pod specification, in the way of old controllers."""
        import os
        import tempfile

        with tempfile.TemporaryDirectory(prefix="pod-spec-") as directory:
            arguments: list[str] = []
            for option, name, value in (
                ("--file", "spec.yaml", spec),
                ("--k8s-resources", "k8s-resources.yaml", k8s_resources),
            ):
                if not value and option != "--file":
                    continue
                path = os.path.join(directory, name)
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(value, file)  # JSON is YAML
                arguments += [option, path]
            self._call(run, "pod-spec-set", *arguments)

    def add_metrics(self, metrics: Mapping[str, int | float], labels: Mapping[str, str] | None = None) -> None:
        """Record metrics, in the way of old controllers.

        Raises:
            ModelError: a name or value is not of the form that the controller takes.
        """
        arguments: list[str] = []
        if labels:
            arguments += ["--labels", ",".join(_label(key, value) for key, value in labels.items())]
        arguments += [_metric(key, value) for key, value in metrics.items()]
        self._call(run, "add-metric", *arguments)


def _check_metric_names(names: Iterable[str]) -> None:
    for name in names:
        if not re.fullmatch(_METRIC_NAME, name):
            raise ModelError(
                f"{name!r} cannot name a metric or label: it has to begin with a letter, end with a letter "
                "or digit, and have only these, '-' and '_' between"
            )


def _label(key: str, value: str) -> str:
    _check_metric_names([key])
    if not value or "," in value or "=" in value:
        raise ModelError(f"label {key!r} needs a value without commas and equals signs, not {value!r}")
    return f"{key}={value}"


def _metric(key: str, value: int | float) -> str:
    _check_metric_names([key])
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ModelError(f"metric {key!r} needs a finite number that is not negative, not {value!r}")
    return f"{key}={value}"
