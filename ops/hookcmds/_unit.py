"""Hook commands about this unit and its application: status, leadership, configuration, ports and more."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from ._utils import HIDDEN, run, run_json

if TYPE_CHECKING:
    from ._types import (
        AppStatus,
        CloudSpec,
        GoalState,
        Network,
        Port,
        SettableStatusName,
        Storage,
        UnitStatus,
    )


def app_version_set(version: str):
    """Tell people which version of the workload this unit runs."""
    run("application-version-set", "--", version)


@overload
def config_get(key: None = None) -> dict[str, bool | int | float | str]: ...


@overload
def config_get(key: str) -> bool | int | float | str: ...


def config_get(
    key: str | None = None,
) -> dict[str, bool | int | float | str] | bool | int | float | str:
    """Return one option, or all that have a value if *key* is None."""
    return run_json("config-get", "--format=json", *([] if key is None else [key]))


def credential_get() -> CloudSpec:
    """Return the model's cloud with the credential; the application has to be trusted."""
    from ._types import CloudSpec

    return CloudSpec.from_dict(credential_get_raw())


def credential_get_raw() -> dict[str, Any]:
    """Return what `credential_get` reads, as the controller prints it."""
    return run_json("credential-get", "--format=json")


def goal_state() -> GoalState:
    """Return what the controller wants of this application and those related to it."""
    from ._types import GoalState

    return GoalState.from_dict(goal_state_raw())


def goal_state_raw() -> dict[str, Any]:
    """Return what `goal_state` reads, as the controller prints it."""
    return run_json("goal-state", "--format=json")


def is_leader() -> bool:
    """Return whether this unit leads its application, for at least 30 seconds more."""
    return run_json("is-leader", "--format=json")


def juju_log(message: str, *, level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"):
    """Write a line to the controller's log."""
    run("juju-log", "--log-level", level, "--", message, shown=["--log-level", level, "--", HIDDEN])


def juju_reboot(*, now: bool = False):
    """Ask for a reboot after this hook or, with *now*, at once: the hook runs again afterwards."""
    run("juju-reboot", *(["--now"] if now else []))


def network_get(binding_name: str, *, relation_id: int | None = None) -> Network:
    """Return this unit's addresses for an endpoint or extra binding, or for one relation of it."""
    from ._types import Network

    return Network.from_dict(network_get_raw(binding_name, relation_id))


def network_get_raw(binding_name: str, relation_id: int | None) -> dict[str, Any]:
    """Return what `network_get` reads, as the controller prints it."""
    relation = [] if relation_id is None else ["-r", str(relation_id)]
    return run_json("network-get", "--format=json", *relation, binding_name)


def resource_get(name: str) -> pathlib.Path:
    """Return the file of a resource, after fetching it if needed."""
    return pathlib.Path(run("resource-get", name).strip())


def _port(protocol: str | None, port: int | None, to_port: int | None) -> str:
    if port is None:
        if protocol is None:
            raise TypeError("either a port or a protocol is needed")
        return protocol
    text = f"{port}" if to_port is None else f"{port}-{to_port}"
    return text if protocol is None else f"{text}/{protocol}"


def _endpoints(endpoints: str | Iterable[str] | None) -> list[str]:
    if endpoints is None:
        return []
    return ["--endpoints", endpoints if isinstance(endpoints, str) else ",".join(endpoints)]


def open_port(
    protocol: str | None = None,
    port: int | None = None,
    *,
    to_port: int | None = None,
    endpoints: str | Iterable[str] | None = None,
):
    """Open a port, a range up to *to_port*, or a protocol without ports.

    *endpoints* limits that to some endpoints; None means all.

    Raises:
        TypeError: there is neither a port nor a protocol.
    """
    run("open-port", *_endpoints(endpoints), _port(protocol, port, to_port))


def close_port(
    protocol: str | None = None,
    port: int | None = None,
    *,
    to_port: int | None = None,
    endpoints: str | Iterable[str] | None = None,
):
    """Close what `open_port` opened with the same arguments.

    Raises:
        TypeError: there is neither a port nor a protocol.
    """
    run("close-port", *_endpoints(endpoints), _port(protocol, port, to_port))


def opened_ports(*, endpoints: bool = False) -> list[Port]:
    """Return the ports that this unit has open, with *endpoints* also for which endpoints."""
    from ._types import Port

    return [Port.from_text(each) for each in opened_ports_raw(endpoints)]


def opened_ports_raw(endpoints: bool = False) -> list[str]:
    """Return what `opened_ports` reads, as the controller prints it."""
    return run_json("opened-ports", *(["--endpoints"] if endpoints else []), "--format=json") or []


@overload
def status_get(*, app: Literal[False] = False) -> UnitStatus: ...


@overload
def status_get(*, app: Literal[True]) -> AppStatus: ...


def status_get(*, app: bool = False) -> AppStatus | UnitStatus:
    """Return this unit's status or, with *app* and for the leader only, its application's."""
    from ._types import AppStatus, UnitStatus

    answer = status_get_raw(app)
    return AppStatus.from_dict(answer) if app else UnitStatus.from_dict(answer)


def status_get_raw(app: bool) -> dict[str, Any]:
    """Return what `status_get` reads, as the controller prints it."""
    application = f"--application={str(app).lower()}"
    answer = run_json("status-get", "--include-data", "--format=json", application)
    return answer["application-status"] if app else answer


def status_set(status: SettableStatusName, message: str | None = None, *, app: bool = False):
    """Set this unit's status or, with *app* and for the leader only, its application's."""
    text = [] if message is None else ["--", message]
    run("status-set", f"--application={app}", status, *text)


def storage_add(counts: Mapping[str, int]):
    """Ask for more storage instances, a number for each name."""
    run("storage-add", *(f"{name}={count}" for name, count in counts.items()))


def storage_get(id: str | None = None) -> Storage:
    """Return a storage instance; None stands for the one that the hook is about."""
    from ._types import Storage

    answer = storage_get_raw(id)
    return Storage(kind=answer["kind"], location=pathlib.Path(answer["location"]))


def storage_get_raw(id: str | None) -> dict[str, Any]:
    """Return what `storage_get` reads, as the controller prints it."""
    return run_json("storage-get", "--format=json", *([] if id is None else ["-s", id]))


def storage_list(name: str | None = None) -> list[str]:
    """Return the storage instances of one name, or all, each ``name/index``."""
    return run_json("storage-list", "--format=json", *([] if name is None else [name])) or []
