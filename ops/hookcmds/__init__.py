"""Thin functions, one per hook command: arguments in, parsed answer out, `Error` when it failed.

Role: the exact command lines, and the types of the answers.
Not here: rules of charms, caches, better errors (the model has those, see ops/_tools.py).

The types of the answers are loaded when one is asked for or returned: most runs need none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._index import publish
from ._action_state import (
    action_fail,
    action_get,
    action_log,
    action_set,
    state_delete,
    state_get,
    state_set,
)
from ._relation import relation_get, relation_ids, relation_list, relation_model_get, relation_set
from ._secret import (
    secret_add,
    secret_get,
    secret_grant,
    secret_ids,
    secret_info_get,
    secret_remove,
    secret_revoke,
    secret_set,
)
from ._unit import (
    app_version_set,
    close_port,
    config_get,
    credential_get,
    goal_state,
    is_leader,
    juju_log,
    juju_reboot,
    network_get,
    open_port,
    opened_ports,
    resource_get,
    status_get,
    status_set,
    storage_add,
    storage_get,
    storage_list,
)
from ._utils import Error

if TYPE_CHECKING:
    from ._types import (
        Address,
        AppStatus,
        BindAddress,
        CloudCredential,
        CloudSpec,
        Goal,
        GoalState,
        Network,
        Port,
        RelationModel,
        SecretInfo,
        SecretRotate,
        SettableStatusName,
        StatusName,
        Storage,
        UnitStatus,
    )

__all__ = [
    "Address",
    "AppStatus",
    "BindAddress",
    "CloudCredential",
    "CloudSpec",
    "Error",
    "Goal",
    "GoalState",
    "Network",
    "Port",
    "RelationModel",
    "SecretInfo",
    "SecretRotate",
    "SettableStatusName",
    "StatusName",
    "Storage",
    "UnitStatus",
    "action_fail",
    "action_get",
    "action_log",
    "action_set",
    "app_version_set",
    "close_port",
    "config_get",
    "credential_get",
    "goal_state",
    "is_leader",
    "juju_log",
    "juju_reboot",
    "network_get",
    "open_port",
    "opened_ports",
    "relation_get",
    "relation_ids",
    "relation_list",
    "relation_model_get",
    "relation_set",
    "resource_get",
    "secret_add",
    "secret_get",
    "secret_grant",
    "secret_ids",
    "secret_info_get",
    "secret_remove",
    "secret_revoke",
    "secret_set",
    "state_delete",
    "state_get",
    "state_set",
    "status_get",
    "status_set",
    "storage_add",
    "storage_get",
    "storage_list",
]


publish(__name__, Error)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import _types

    globals()[name] = value = getattr(_types, name)
    return value
