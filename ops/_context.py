"""Turn the environment of a run into one frozen value.

Role: the only module that reads environment variables of a run (besides two public functions that have
to: `JujuVersion.from_environ` and the default of `JujuContext.from_environ`, which is here).
Not here: what follows from the values (_dispatch.py).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._value import Value
from .jujuversion import JujuVersion

_IDENTITY = ("JUJU_DISPATCH_PATH", "JUJU_HOOK_NAME", "JUJU_MODEL_NAME", "JUJU_MODEL_UUID", "JUJU_UNIT_NAME")

_NOTICE = ("JUJU_WORKLOAD_NAME", "JUJU_NOTICE_ID", "JUJU_NOTICE_KEY", "JUJU_NOTICE_TYPE")
_CHECK = ("JUJU_WORKLOAD_NAME", "JUJU_PEBBLE_CHECK_NAME")
_RELATION = ("JUJU_RELATION", "JUJU_RELATION_ID", "JUJU_REMOTE_APP")

#: What a hook needs besides its identity, by the end of its name; the first that fits counts.
_REQUIRED_BY_SUFFIX: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("-pebble-custom-notice", _NOTICE),
    ("-pebble-check-failed", _CHECK),
    ("-pebble-check-recovered", _CHECK),
    ("-pebble-ready", ("JUJU_WORKLOAD_NAME",)),
    ("-storage-attached", ("JUJU_STORAGE_ID",)),
    ("-storage-detaching", ("JUJU_STORAGE_ID",)),
    ("-relation-created", _RELATION),
    ("-relation-broken", _RELATION),
    ("-relation-joined", (*_RELATION, "JUJU_REMOTE_UNIT")),
    ("-relation-changed", (*_RELATION, "JUJU_REMOTE_UNIT")),
    ("-relation-departed", (*_RELATION, "JUJU_REMOTE_UNIT", "JUJU_DEPARTING_UNIT")),
)

_REQUIRED_BY_NAME: Mapping[str, tuple[str, ...]] = {
    "secret-changed": ("JUJU_SECRET_ID",),
    "secret-rotate": ("JUJU_SECRET_ID",),
    "secret-remove": ("JUJU_SECRET_ID", "JUJU_SECRET_REVISION"),
    "secret-expired": ("JUJU_SECRET_ID", "JUJU_SECRET_REVISION"),
}


@functools.cache
def _charm_dir_of_package() -> Path:
    """Return the charm's root when the package is at ``<root>/lib/ops/``: three levels up."""
    return Path(f"{__file__}/../../..").resolve()


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class JujuContext(Value):
    """What the controller says about this run.

    None means that the controller did not say it: an empty variable counts as absent for every field
    that may be None.
    """

    dispatch_path: str
    """``hooks/<hook>`` or ``actions/<action>``; the only source of the event's name."""

    hook_name: str
    """Name of the hook with hyphens; empty for an action."""

    model_name: str
    """Name of the model."""

    model_uuid: str
    """UUID of the model."""

    unit_name: str
    """Name of this unit, such as ``web/0``."""

    version: JujuVersion
    """Version of the controller, which decides what features there are."""

    availability_zone: str | None = None
    """Availability zone of the unit's machine."""

    charm_dir: Path = field(default_factory=_charm_dir_of_package)
    """Root of the charm, symbolic links resolved."""

    debug: bool = False
    """Whether to log to stderr as well."""

    debug_at: set[str] = field(default_factory=set)
    """Names of the breakpoints at which to stop."""

    machine_id: str | None = None
    """Identifier of the machine."""

    principal_unit: str | None = None
    """Unit that this subordinate unit belongs to."""

    action_name: str | None = None
    """Name of the action, with hyphens."""

    action_uuid: str | None = None
    """Identifier of the action's task; a number as text nowadays."""

    notice_id: str | None = None
    """Identifier of the Pebble notice."""

    notice_key: str | None = None
    """Key of the Pebble notice."""

    notice_type: str | None = None
    """Type of the Pebble notice."""

    pebble_check_name: str | None = None
    """Name of the Pebble check."""

    relation_departing_unit_name: str | None = None
    """Unit that leaves the relation; may be this one."""

    relation_name: str | None = None
    """Endpoint of the relation that the hook is about."""

    relation_id: int | None = None
    """Number of that relation."""

    remote_app_name: str | None = None
    """Application on the other side."""

    remote_unit_name: str | None = None
    """Unit on the other side; None when the hook concerns the application alone."""

    secret_id: str | None = None
    """Identifier of the secret."""

    secret_label: str | None = None
    """The observer's label of the secret."""

    secret_revision: int | None = None
    """Revision of the secret, for removal and expiry."""

    storage_index: int | None = None
    """Number of the storage instance."""

    storage_name: str | None = None
    """Name of the storage."""

    workload_name: str | None = None
    """Name of the workload container."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> JujuContext:
        """Read *environ*, or the process's environment if that is None.

        Raises:
            ValueError: a variable is missing that every hook has, or that hooks of this name have.
            RuntimeError: ``JUJU_VERSION`` is not a version.
        """
        environ = os.environ if environ is None else environ
        for variable in (*_IDENTITY, *_required_variables(environ)):
            if variable not in environ:
                raise ValueError(f"the environment has no {variable}")
        if not environ.get("JUJU_VERSION"):
            raise ValueError("the environment has no JUJU_VERSION")
        return _read(environ)


def _required_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    hook = environ.get("JUJU_HOOK_NAME", "")
    if hook:
        by_suffix = (names for suffix, names in _REQUIRED_BY_SUFFIX if hook.endswith(suffix))
        return _REQUIRED_BY_NAME.get(hook) or next(by_suffix, ())
    if environ.get("JUJU_DISPATCH_PATH", "").startswith("actions/"):
        return ("JUJU_ACTION_NAME", "JUJU_ACTION_UUID")
    return ()


def read_context(environ: Mapping[str, str] | None = None) -> JujuContext:
    """Read *environ* (None: the process's) without requiring anything.

    Missing identity strings become empty, a missing version 0.0.0: charms are also started by hand and by
    other tools, where less is known.
    """
    return _read(os.environ if environ is None else environ)


#: Fields that are a variable's text; an empty one counts as absent.
_TEXTS: Mapping[str, str] = {
    "availability_zone": "JUJU_AVAILABILITY_ZONE",
    "machine_id": "JUJU_MACHINE_ID",
    "principal_unit": "JUJU_PRINCIPAL_UNIT",
    "action_name": "JUJU_ACTION_NAME",
    "action_uuid": "JUJU_ACTION_UUID",
    "notice_id": "JUJU_NOTICE_ID",
    "notice_key": "JUJU_NOTICE_KEY",
    "notice_type": "JUJU_NOTICE_TYPE",
    "pebble_check_name": "JUJU_PEBBLE_CHECK_NAME",
    "relation_departing_unit_name": "JUJU_DEPARTING_UNIT",
    "relation_name": "JUJU_RELATION",
    "remote_app_name": "JUJU_REMOTE_APP",
    "remote_unit_name": "JUJU_REMOTE_UNIT",
    "secret_id": "JUJU_SECRET_ID",
    "secret_label": "JUJU_SECRET_LABEL",
    "workload_name": "JUJU_WORKLOAD_NAME",
}

#: Fields that are the number at the end of a variable, after a separator if there is one.
_NUMBERS: Mapping[str, tuple[str, str]] = {
    "relation_id": ("JUJU_RELATION_ID", ":"),
    "secret_revision": ("JUJU_SECRET_REVISION", ":"),
    "storage_index": ("JUJU_STORAGE_ID", "/"),
}


def _read(environ: Mapping[str, str]) -> JujuContext:
    values: dict[str, Any] = {
        "dispatch_path": environ.get("JUJU_DISPATCH_PATH", ""),
        "hook_name": environ.get("JUJU_HOOK_NAME", ""),
        "model_name": environ.get("JUJU_MODEL_NAME", ""),
        "model_uuid": environ.get("JUJU_MODEL_UUID", ""),
        "unit_name": environ.get("JUJU_UNIT_NAME", ""),
        "version": JujuVersion(environ.get("JUJU_VERSION") or "0.0.0"),
        "debug": "JUJU_DEBUG" in environ,
        "debug_at": {name.strip() for name in environ.get("JUJU_DEBUG_AT", "").split(",") if name.strip()},
        "storage_name": environ.get("JUJU_STORAGE_ID", "").partition("/")[0] or None,
    }
    for name, variable in _TEXTS.items():
        values[name] = environ.get(variable) or None
    for name, (variable, separator) in _NUMBERS.items():
        value = environ.get(variable)
        values[name] = int(value.rpartition(separator)[2]) if value else None
    charm_dir = environ.get("JUJU_CHARM_DIR")
    if charm_dir:
        values["charm_dir"] = Path(os.path.realpath(charm_dir))
    return JujuContext(**values)


# Variables of this package rather than of the controller.
_RECURSION_GUARD = "OPERATOR_DISPATCH"
_STATE_KEEPER = "COORDINATOR_STATE"


def enter_dispatch() -> bool:
    """Mark this process and its children as inside a run; return False if it was so before."""
    if _RECURSION_GUARD in os.environ:
        return False
    os.environ[_RECURSION_GUARD] = "1"
    return True


def leave_dispatch() -> None:
    """Take the mark away again."""
    os.environ.pop(_RECURSION_GUARD, None)


def state_lands_with_hook() -> bool:
    """Return whether whoever runs this charm commits its state together with the hook's effects."""
    return os.environ.get(_STATE_KEEPER) == "commit"


def version_from_environ() -> JujuVersion:
    """Return the controller's version for code that has no context at hand; missing counts as 0.0.0."""
    return JujuVersion(os.environ.get("JUJU_VERSION") or "0.0.0")
