"""The environment of a run: what the controller would tell the charm's process about its event.

Role: from an event and a state to variables, under which the run then takes place.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._context import Context
    from ._events import _Event
    from ._relation_parts import RelationBase
    from ._state import State

logger = logging.getLogger(__name__)


def variables(ctx: Context, event: _Event, state: State, charm_dir: str) -> dict[str, str]:
    """Return the variables of a run for *event*."""
    found = {
        "JUJU_VERSION": ctx.juju_version,
        "JUJU_UNIT_NAME": ctx._unit_name,
        "JUJU_MODEL_NAME": state.model.name,
        "JUJU_MODEL_UUID": state.model.uuid,
        "JUJU_CHARM_DIR": charm_dir,
    }
    for variable, value in (
        ("JUJU_MACHINE_ID", ctx.machine_id),
        ("JUJU_AVAILABILITY_ZONE", ctx.availability_zone),
        ("JUJU_PRINCIPAL_UNIT", ctx.principal_unit),
    ):
        if value:
            found[variable] = value
    return {**found, **_about(event, ctx._unit_name)}


def _about(event: _Event, unit_name: str) -> dict[str, str]:
    """Return the variables that tell what the event is about."""
    if event.action is not None:
        name = event.action.name
        return {
            "JUJU_DISPATCH_PATH": f"actions/{name}",
            "JUJU_HOOK_NAME": "",
            "JUJU_ACTION_NAME": name,
            "JUJU_ACTION_UUID": event.action.id,
            "JUJU_ACTION_TAG": f"action-{event.action.id}",
        }
    found = {"JUJU_DISPATCH_PATH": f"hooks/{event.hook}", "JUJU_HOOK_NAME": event.hook}
    if event.relation is not None:
        found |= _about_relation(event, event.relation, unit_name)
    if event.container is not None:
        found["JUJU_WORKLOAD_NAME"] = event.container.name
    if event.notice is not None:
        found["JUJU_NOTICE_ID"] = event.notice.id or ""
        found["JUJU_NOTICE_TYPE"] = str(getattr(event.notice.type, "value", event.notice.type))
        found["JUJU_NOTICE_KEY"] = event.notice.key
    if event.check_info is not None:
        found["JUJU_PEBBLE_CHECK_NAME"] = event.check_info.name
    if event.storage is not None:
        found["JUJU_STORAGE_ID"] = f"{event.storage.name}/{event.storage.index}"
    if event.secret is not None:
        found["JUJU_SECRET_ID"] = event.secret.id
        found["JUJU_SECRET_LABEL"] = event.secret.label or ""
        if event.secret_revision is not None:
            found["JUJU_SECRET_REVISION"] = str(event.secret_revision)
    return found


def _about_relation(event: _Event, relation: RelationBase, own_unit: str) -> dict[str, str]:
    app = relation._remote_app(own_unit.partition("/")[0])
    found = {
        "JUJU_RELATION": relation.endpoint,
        "JUJU_RELATION_ID": f"{relation.endpoint}:{relation.id}",
        "JUJU_REMOTE_APP": app,
    }
    unit = _remote_unit(event, relation)
    if unit is None:
        return found
    found["JUJU_REMOTE_UNIT"] = f"{app}/{unit}"
    if event.suffix == "_relation_departed":
        # 0 counts as not given: charms' tests have come to rely on it.
        theirs = f"{app}/{event.relation_departed_unit_id or unit}"
        found["JUJU_DEPARTING_UNIT"] = own_unit if event.relation_is_left else theirs
    return found


def _remote_unit(event: _Event, relation: RelationBase) -> int | None:
    """Return the number of the unit on the other side that the event is about, if any."""
    if event.relation_of_app or event.suffix in ("_relation_created", "_relation_broken"):
        return None
    if event.relation_remote_unit_id is not None:
        return event.relation_remote_unit_id
    numbers = list(relation._remote_units)
    if len(numbers) > 1:
        # Tests look for the first words.
        logger.warning(
            "remote unit ID unset, and multiple remote unit IDs are present: %s is about unit %s; "
            "pass remote_unit to choose",
            event.name,
            numbers[0],
        )
    return numbers[0] if numbers else None


@contextlib.contextmanager
def environment(found: Mapping[str, str]) -> Iterator[None]:
    """Put variables into the process's environment while the block runs; then all are again what they were.

    So is the working directory: the charm may have gone into one that is about to be removed.
    """
    before, directory = _as_kept(), _working_directory()
    os.environ.update(found)
    try:
        yield
    finally:
        now = _as_kept()
        for name in now.keys() - before.keys():
            del os.environ[os.fsdecode(name)]
        for name, value in before.items():
            if now.get(name) != value:
                os.environ[os.fsdecode(name)] = os.fsdecode(value)
        if directory is not None:
            os.chdir(directory)


def _as_kept() -> dict[Any, Any]:
    """Return the process's variables as Python keeps them: to decode them all would be a tenth of a run."""
    return dict(getattr(os.environ, "_data", os.environ))


def _working_directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None  # whoever made it has removed it already
