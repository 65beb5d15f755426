"""The environment that a hook starts with, built from nothing.

Role: (world, hook, where things are) -> variables.  Nothing of the worker's own environment gets through except
what is named here; charms see the same on every machine.
Not here: starting the process (worker/dispatch.py).
Source of every name: tests/contract/test_juju_facts.py; `ops` refuses to start when one of them is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from coordinator import ANNOUNCED_VERSION
from coordinator.domain.settings import setting
from coordinator.domain.task import Task
from coordinator.domain.unit_state import Hook, HookKind
from coordinator.engine.world import World

#: What programs of the base system are told, so that none of them waits for an answer.
_BASE = {
    "LANG": "C.UTF-8",
    "TERM": "tmux-256color",
    "APT_LISTCHANGES_FRONTEND": "none",
    "DEBIAN_FRONTEND": "noninteractive",
}

#: The only variables of the worker that a hook sees.
_FROM_WORKER = (
    "KUBERNETES_PORT",
    "KUBERNETES_PORT_443_TCP",
    "KUBERNETES_PORT_443_TCP_ADDR",
    "KUBERNETES_PORT_443_TCP_PORT",
    "KUBERNETES_PORT_443_TCP_PROTO",
    "KUBERNETES_SERVICE",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
    "KUBERNETES_SERVICE_PORT_HTTPS",
)

_PROXIES = ("http-proxy", "https-proxy", "ftp-proxy", "no-proxy")


def hook_environment(
    world: World,
    hook: Hook | None,
    *,
    task: Task | None = None,
    charm_dir: str,
    tools_dir: str,
    agent_path: str,
    socket: str,
    context_id: str,
    api_addresses: Sequence[str] = (),
    worker_env: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return every variable that the charm's process gets.

    *hook* is None in actions, of which *task* is the one that runs, and for commands that run outside of any hook.
    *charm_dir* and *tools_dir* are absolute;
    *agent_path* is the search path that comes after the tools; *socket* is the path where hook commands are
    answered, for the context *context_id*; *api_addresses* are `host:port`.  Of *worker_env*, the environment of
    the worker, only the variables that name a Kubernetes cluster are handed on.
    """
    entity = world.entity
    found = {name: value for name in _FROM_WORKER if (value := (worker_env or {}).get(name))}
    environment = {
        **found,
        **_BASE,
        "PATH": f"{tools_dir}:{agent_path}" if agent_path else tools_dir,
        "CHARM_DIR": charm_dir,
        "JUJU_CHARM_DIR": charm_dir,
        "JUJU_CONTEXT_ID": context_id,
        "JUJU_AGENT_SOCKET_NETWORK": "unix",
        "JUJU_AGENT_SOCKET_ADDRESS": socket,
        "JUJU_HOOK_NAME": hook.name if hook is not None else "",
        "JUJU_UNIT_NAME": str(world.unit),
        "JUJU_MODEL_UUID": world.model_uuid,
        "JUJU_MODEL_NAME": world.model,
        "JUJU_API_ADDRESSES": " ".join(api_addresses),
        "JUJU_SLA": "unsupported",
        "JUJU_MACHINE_ID": world.machine,
        # Empty, not absent: charm libraries tell the two apart.
        "JUJU_PRINCIPAL_UNIT": str(entity.principal) if entity.principal is not None else "",
        "JUJU_AVAILABILITY_ZONE": "",
        "JUJU_VERSION": ANNOUNCED_VERSION,
        "CLOUD_API_VERSION": "",
        # Our `ops` keeps stored state and deferred events in the hook's own transaction then.
        "COORDINATOR_STATE": "commit",
        **_proxies(world),
    }
    if hook is not None:
        environment["JUJU_DISPATCH_PATH"] = f"hooks/{hook.name}"
        environment |= relation_variables(hook)
        environment |= _of_secret(hook) | _of_storage(world, hook)
    if task is not None:
        environment |= _of_task(task)
    return environment


def _of_task(task: Task) -> dict[str, str]:
    variables = {
        "JUJU_ACTION_NAME": task.action,
        "JUJU_ACTION_UUID": str(task.id),
        "JUJU_ACTION_TAG": f"action-{task.id}",
    }
    return variables if task.is_exec else {**variables, "JUJU_DISPATCH_PATH": f"actions/{task.action}"}


def _proxies(world: World) -> dict[str, str]:
    variables = {}
    for name in _PROXIES:
        spelled = name.replace("-", "_")
        variables[f"JUJU_CHARM_{spelled.upper()}"] = str(setting(world.settings, f"juju-{name}"))
        if legacy := str(setting(world.settings, name)):
            variables[spelled] = variables[spelled.upper()] = legacy
    return variables


def _of_secret(hook: Hook) -> dict[str, str]:
    if hook.secret is None:
        return {}
    variables = {"JUJU_SECRET_ID": f"secret:{hook.secret}", "JUJU_SECRET_LABEL": hook.label or ""}
    if hook.kind in (HookKind.SECRET_EXPIRED, HookKind.SECRET_REMOVE):
        variables["JUJU_SECRET_REVISION"] = str(hook.revision)
    return variables


def _of_storage(world: World, hook: Hook) -> dict[str, str]:
    stored = world.storage.get(hook.storage) if hook.storage is not None else None
    if stored is None:
        return {}
    return {
        "JUJU_STORAGE_ID": str(stored.value.id),
        "JUJU_STORAGE_LOCATION": world.location_of(stored.value),
        "JUJU_STORAGE_KIND": "filesystem",
    }


def relation_variables(hook: Hook) -> dict[str, str]:
    """Return what a relation hook is about; the remote unit is empty where there is none, never absent."""
    if hook.relation is None:
        return {}
    variables = {
        "JUJU_RELATION": hook.endpoint or "",
        "JUJU_RELATION_ID": f"{hook.endpoint}:{hook.relation}",
        "JUJU_REMOTE_APP": hook.remote_app or "",
        "JUJU_REMOTE_UNIT": str(hook.remote_unit) if hook.remote_unit is not None else "",
    }
    if hook.kind is HookKind.RELATION_DEPARTED:
        variables["JUJU_DEPARTING_UNIT"] = str(hook.departing) if hook.departing is not None else ""
    return variables
