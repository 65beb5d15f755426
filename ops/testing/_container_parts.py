"""Workload containers in a state: layers, services, files, checks, notices, and commands that run in them.

Not here: what the pretended Pebble does with them (_pebble.py).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import _yaml
from .._pebble import plan as _plan
from .._pebble import types as _types
from ._part import Counter, Part, check_name, list_of_texts

if TYPE_CHECKING:
    import pathlib

    from .. import pebble
    from ._context import Context

CHECK_THRESHOLD = 3
"""How many failures in a row make a check down that does not say so itself."""

_next_change_id = Counter(1)
_next_notice_id = Counter(1)


@dataclass(frozen=True, repr=False)
class Mount(Part):
    """A file or directory of this machine that the container sees; what the charm writes there goes into it."""

    location: str | pathlib.PurePosixPath = field(kw_only=True)
    """Where the container sees it."""

    source: str | pathlib.Path = field(kw_only=True)
    """Where it is on this machine."""


@dataclass(frozen=True, repr=False, init=False)
class Exec(Part):
    """What a command does that the charm executes in the container.

    Raises:
        StateValidationError: the command is a single text.
    """

    command_prefix: Sequence[str]
    """How the command begins: of all that fit, the one with the longest prefix is taken."""

    return_code: int
    """Status that it ends with."""

    stdout: str
    """What it writes to its standard output."""

    stderr: str
    """What it writes to its standard error."""

    _change_id: int

    def __init__(
        self,
        command_prefix: Sequence[str],
        *,
        return_code: int = 0,
        stdout: str = "",
        stderr: str = "",
        _change_id: int | None = None,
    ):
        self.__dict__.update(
            command_prefix=tuple(list_of_texts("Exec.command_prefix", command_prefix)),
            return_code=return_code,
            stdout=stdout,
            stderr=stderr,
            _change_id=_next_change_id() if _change_id is None else _change_id,
        )


@dataclass(frozen=True, repr=False, init=False)
class Notice(Part):
    """Something that was noticed in the container."""

    key: str
    """What tells it apart from others of its type, such as ``example.com/backup-done``."""

    id: str
    """Identifier, unlike that of any other notice in this process unless given."""

    user_id: int | None
    """Who may see it; None for everybody."""

    type: pebble.NoticeType | str
    """What it is about."""

    first_occurred: datetime.datetime
    """When it happened first; now unless given."""

    last_occurred: datetime.datetime
    """When it happened last; now unless given."""

    last_repeated: datetime.datetime
    """When it was last told; now unless given."""

    occurrences: int
    """How often it happened."""

    last_data: Mapping[str, str]
    """What was said with it the last time."""

    repeat_after: datetime.timedelta | None
    """How long after it was told it may be told again; None for at once."""

    expire_after: datetime.timedelta | None
    """How long after it last happened it is forgotten; None for never."""

    def __init__(
        self,
        key: str,
        *,
        id: str | None = None,
        user_id: int | None = None,
        type: pebble.NoticeType | str = _types.NoticeType.CUSTOM,
        first_occurred: datetime.datetime | None = None,
        last_occurred: datetime.datetime | None = None,
        last_repeated: datetime.datetime | None = None,
        occurrences: int = 1,
        last_data: Mapping[str, str] = {},
        repeat_after: datetime.timedelta | None = None,
        expire_after: datetime.timedelta | None = None,
    ):
        now = datetime.datetime.now(tz=datetime.timezone.utc)
        times = {"first_occurred": first_occurred, "last_occurred": last_occurred, "last_repeated": last_repeated}
        self.__dict__.update(
            {name: time or now for name, time in times.items()},
            _unsaid={name: now for name, time in times.items() if time is None},
            key=key,
            id=str(_next_notice_id()) if id is None else id,
            user_id=user_id,
            type=type,
            occurrences=occurrences,
            last_data=dict(last_data),
            repeat_after=repeat_after,
            expire_after=expire_after,
        )

    def _to_ops(self) -> _types.Notice:
        return _types.Notice(**{name: getattr(self, name) for name in _types.Notice.__dataclass_fields__})


@dataclass(frozen=True, repr=False, init=False)
class CheckInfo(Part):
    """What a check of the container found.

    Raises:
        ValueError: there is no such level.
    """

    name: str
    """Name of the check in the container's plan."""

    level: pebble.CheckLevel | None
    """What the check says about the container; has to be as in the plan."""

    startup: pebble.CheckStartup
    """Whether it is started with the container; has to be as in the plan."""

    status: pebble.CheckStatus
    """What it found."""

    successes: int | None
    """How often it succeeded since it last failed or started; None for a Pebble that does not count."""

    failures: int
    """How often it failed since it last succeeded."""

    threshold: int
    """How many failures in a row make it down; has to be as in the plan."""

    change_id: pebble.ChangeID | None
    """The change that performs it; a new one unless given, and empty for an inactive check."""

    def __init__(
        self,
        name: str,
        *,
        level: pebble.CheckLevel | str | None = None,
        startup: pebble.CheckStartup = _types.CheckStartup.ENABLED,
        status: pebble.CheckStatus = _types.CheckStatus.UP,
        successes: int | None = 0,
        failures: int = 0,
        threshold: int = CHECK_THRESHOLD,
        change_id: pebble.ChangeID | None = None,
    ):
        if change_id is None:
            change_id = _types.ChangeID("" if status is _types.CheckStatus.INACTIVE else _next_change_id())
        self.__dict__.update(
            name=name,
            level=None if level is None else _types.CheckLevel(level),
            startup=startup,
            status=status,
            successes=successes,
            failures=failures,
            threshold=threshold,
            change_id=change_id,
        )

    def __hash__(self) -> int:
        return hash(self.name)

    def _to_ops(self) -> _types.CheckInfo:
        return _types.CheckInfo(**self.__dict__)


def merged_plan(layers: Iterable[pebble.Layer]) -> pebble.Plan:
    """Return what *layers* add up to, each on top of the one before; names in alphabetic order.

    An entry with ``override: merge`` is merged with what is there, any other takes its place.
    """
    layers = list(layers)
    plan = _plan.Plan()
    plan._services = _merged(layers, "services", _plan.Service)
    plan._checks = _merged(layers, "checks", _plan.Check)
    plan._log_targets = _merged(layers, "log_targets", _plan.LogTarget)
    return plan


def _merged(layers: Sequence[pebble.Layer], section: str, kind: Any) -> dict[str, Any]:
    """Return what *layers* say in one section.  The entries are copies of those in the layers."""
    found: dict[str, Any] = {}
    for layer in layers:
        for name, entry in getattr(layer, section).items():
            if name in found and entry.override == "merge":
                found[name]._merge(kind(name, entry.to_dict()))
            else:
                found[name] = kind(name, entry.to_dict())
    return dict(sorted(found.items()))


@dataclass(frozen=True, repr=False, init=False)
class Container(Part):
    """A workload container, and what Pebble does in it.

    Raises:
        StateValidationError: no charm can declare a container of this name.
    """

    name: str
    """Name of the container in the charm's metadata."""

    can_connect: bool
    """Whether Pebble answers."""

    _base_plan: Mapping[str, Any]

    layers: Mapping[str, pebble.Layer]
    """Layers by label, the lowest first."""

    service_statuses: Mapping[str, pebble.ServiceStatus]
    """What services do; those that are missing are inactive."""

    mounts: Mapping[str, Mount]
    """Files and directories of this machine that the container sees, by any name."""

    execs: frozenset[Exec]
    """What commands do that the charm executes."""

    notices: Sequence[Notice]
    """What was noticed."""

    check_infos: frozenset[CheckInfo]
    """What checks found; all of them have to be in the plan."""

    def __init__(
        self,
        name: str,
        *,
        can_connect: bool = False,
        _base_plan: Mapping[str, Any] = {},
        layers: Mapping[str, pebble.Layer] = {},
        service_statuses: Mapping[str, pebble.ServiceStatus] = {},
        mounts: Mapping[str, Mount] = {},
        execs: Iterable[Exec] = (),
        notices: Iterable[Notice] = (),
        check_infos: Iterable[CheckInfo] = (),
    ):
        check_name("container", name)
        self.__dict__.update(
            name=name,
            can_connect=can_connect,
            _base_plan=dict(_base_plan),
            layers=dict(layers),
            service_statuses=dict(service_statuses),
            mounts=dict(mounts),
            execs=frozenset(execs),
            notices=list(notices),
            check_infos=frozenset(check_infos),
        )

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def plan(self) -> pebble.Plan:
        """What the layers add up to."""
        base = [_plan.Layer(self._base_plan)] if self._base_plan else []  # type: ignore[arg-type]
        return merged_plan([*base, *self.layers.values()])

    @property
    def services(self) -> dict[str, pebble.ServiceInfo]:
        """The services in the plan, and what each does."""
        return {
            name: _types.ServiceInfo(
                name,
                startup=(
                    _types.ServiceStartup.ENABLED
                    if service.startup == "enabled"
                    else _types.ServiceStartup.DISABLED
                ),
                current=self.service_statuses.get(name, _types.ServiceStatus.INACTIVE),
            )
            for name, service in self.plan.services.items()
        }

    def get_filesystem(self, ctx: Context[Any]) -> pathlib.Path:
        """Return the directory that is the container's ``/`` in runs of *ctx*.

        Its content is that of the last run; mounts are links in it.
        """
        return ctx._container_root(self.name)

    def get_check_info(self, name: str) -> CheckInfo:
        """Return what the check called *name* found.

        Raises:
            KeyError: there is no such check in `check_infos`.
        """
        for info in self.check_infos:
            if info.name == name:
                return info
        raise KeyError(f"check-info: {name} not found in the Container")


def layer_from_rockcraft(path: pathlib.Path | str) -> pebble.Layer:
    """Return the layer that a rock brings along: the services and checks of its ``rockcraft.yaml`` at *path*.

    Raises:
        yaml.YAMLError: the file is no YAML, or has more in it than plain values.
    """
    with open(path, encoding="utf-8") as file:
        rock = _yaml.load(file) or {}
    about = rock.get("description", "")
    return _plan.Layer(
        {
            "summary": rock.get("summary", ""),
            "description": f"{about}\n\n(from {path})" if about else f"(from {path})",
            "services": rock.get("services") or {},
            "checks": rock.get("checks") or {},
        }
    )
