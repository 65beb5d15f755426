"""A pretended Pebble: services, checks, notices, files and commands of a container, in memory.

Role: `PretendPebble` is what one container's Pebble knows and does, `_TestingPebbleClient` is what a charm has of
it in place of `ops.pebble.Client`.
Not here: files (_pebble_files.py), who answers commands (_pebble_exec.py), and containers of a state
(_pebble_state.py).
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any, BinaryIO, NoReturn, TextIO

from .. import pebble
from .._pebble.client import _names
from .._pebble.exec import check_arguments
from ._container_parts import CHECK_THRESHOLD, merged_plan
from ._pebble_exec import ExecArgs, ExecResult, Programs, read_stdin, start
from ._pebble_files import PretendFiles, api_error

__all__ = ["ExecArgs", "ExecResult", "PretendPebble", "_TestingPebbleClient"]

_NOTICE_EXPIRES = datetime.timedelta(days=7)
_ROOT_USER = 0
_VERSION = "1.0.0"


def _now() -> datetime.datetime:
    return datetime.datetime.now(tz=datetime.timezone.utc)


class PretendPebble:
    """What one container's Pebble knows and does.

    Infos of checks, notices and layers are replaced, never changed: who holds one sees what it was.

    Args:
        name: the container.
        root: makes the directory that stands for the container's ``/``; called when it is first needed.
        programs: who answers commands.
        mounts: what the container sees from elsewhere, see `PretendFiles`.
    """

    can_connect = False
    """Whether it answers."""

    base_layer: pebble.Layer | None = None
    """What is below all layers."""

    def __init__(
        self,
        name: str,
        root: Callable[[], Path],
        programs: Programs,
        mounts: Iterable[tuple[str, Callable[[], Path]]] = (),
    ):
        self.name = name
        self.programs = programs
        self.files = PretendFiles(root, mounts)
        self.layers: dict[str, pebble.Layer] = {}
        """Layers by label, the lowest first."""
        self.service_statuses: dict[str, pebble.ServiceStatus] = {}
        """What services do; those that are missing are inactive."""
        self.check_infos: dict[str, pebble.CheckInfo] = {}
        """What checks found, by name."""
        self.notices: dict[str, pebble.Notice] = {}
        """What was noticed, by identifier."""
        self.changes: dict[str, pebble.Change] = {}
        """What it did or does, by identifier."""
        self.executed: list[ExecArgs] = []
        """Commands that the charm executed."""

    # --- the plan ---

    def plan(self) -> pebble.Plan:
        """Return what all layers say together.  Changing it changes nothing here."""
        base = [] if self.base_layer is None else [self.base_layer]
        return merged_plan([*base, *self.layers.values()])

    def add_layer(self, label: str, layer: pebble.Layer, combine: bool) -> None:
        """Add a layer on top, or with *combine* put it into the one of this name.

        Checks that are new are started, and those that a new layer has and that were only stopped; what was
        disabled waits for a replan.

        Raises:
            RuntimeError: there is one of this name, and it shall not or cannot be combined.
        """
        known, restarted = self.layers.get(label), [name for name in layer.checks if self._is_enabled(name)]
        if known is not None:
            if not combine:
                raise RuntimeError(f'400 Bad Request: layer "{label}" already exists')
            _need_overrides(label, layer)
            restarted = []
            about = {
                "summary": layer.summary or known.summary,
                "description": layer.description or known.description,
            }
            layer = pebble.Layer({**about, **merged_plan([known, layer]).to_dict()})  # type: ignore[typeddict-item]
        self.layers[label] = layer
        self.start_enabled_checks([*self._update_checks(), *restarted])

    # --- services ---

    def service_infos(self, names: Iterable[str] | None) -> list[pebble.ServiceInfo]:
        """Return the state of services, or of all if *names* is None, sorted by name."""
        services = self.plan().services
        wanted = services if names is None else set(names)
        return [
            pebble.ServiceInfo(
                name,
                startup=(
                    pebble.ServiceStartup.ENABLED
                    if service.startup == "enabled"
                    else pebble.ServiceStartup.DISABLED
                ),
                current=self.service_statuses.get(name, pebble.ServiceStatus.INACTIVE),
            )
            for name, service in services.items()
            if name in wanted
        ]

    def set_services(self, doing: str, names: list[str], status: pebble.ServiceStatus) -> pebble.ChangeID:
        """Give services a new status; all of them or none.

        Raises:
            APIError: there are no names, or one is of no service.
        """
        if not names:
            raise api_error(400, f"must specify services for {doing} action")
        known = self.plan().services
        for name in names:
            if name not in known:
                raise api_error(400, f"cannot {doing} services: service {name} does not exist")
        self.service_statuses.update(dict.fromkeys(names, status))
        return self._note_change(doing, names)

    def start_enabled(self, doing: str) -> pebble.ChangeID:
        """Start all services with startup enabled."""
        names = [name for name, service in self.plan().services.items() if service.startup == "enabled"]
        self.service_statuses.update(dict.fromkeys(names, pebble.ServiceStatus.ACTIVE))
        return self._note_change(doing, names)

    def signal(self, sig: str, services: list[str]) -> None:
        """Check that a signal could be sent.

        Raises:
            APIError: a service does not run, or there is no such signal.
        """
        import signal

        for name in services:
            if self.service_statuses.get(name) is not pebble.ServiceStatus.ACTIVE:
                raise api_error(500, f'cannot send signal to "{name}": service is not running')
            if sig not in signal.Signals.__members__:
                raise api_error(500, f'cannot send signal to "{name}": invalid signal name "{sig}"')

    # --- changes ---

    def change(self, id: str) -> pebble.Change:
        """Return what it did or does.

        Raises:
            APIError: there is nothing of this identifier.
        """
        if id in self.changes:
            return self.changes[id]
        for info in self.check_infos.values():
            if id and info.change_id == id:
                return _change(pebble.ChangeID(id), pebble.ChangeKind.PERFORM_CHECK.value, info.name, "Doing")
        raise api_error(404, f'cannot find change with id "{id}"')

    def _new_change_id(self) -> pebble.ChangeID:
        taken = {*self.changes, *(info.change_id for info in self.check_infos.values())}
        return pebble.ChangeID(next(each for each in map(str, itertools.count(1)) if each not in taken))

    def _note_change(self, kind: str, names: list[str]) -> pebble.ChangeID:
        id = self._new_change_id()
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        summary = (
            f'{kind.capitalize()} service "{names[0]}"{more}' if names else f"{kind.capitalize()} - no services"
        )
        self.changes[id] = _change(id, kind, summary, "Done")
        return id

    # --- checks ---

    def _update_checks(self) -> list[str]:
        """Take over what the plan says about checks, and return the names of those that are new."""
        new: list[str] = []
        for name, check in self.plan().checks.items():
            about = {
                "level": check.level,
                "startup": check.startup,
                "threshold": check.threshold or CHECK_THRESHOLD,
            }
            info = self.check_infos.get(name)
            if info is None:
                new.append(name)
                self.check_infos[name] = pebble.CheckInfo(
                    name, status=pebble.CheckStatus.INACTIVE, successes=0, **about
                )
            elif any(getattr(info, fact) != value for fact, value in about.items()):
                self._set_check(name, **about)
        return new

    def start_enabled_checks(self, names: Iterable[str]) -> None:
        """Start those of these checks that are not meant to wait."""
        for name in names:
            if self.check_infos[name].status is pebble.CheckStatus.INACTIVE and self._is_enabled(name):
                self._start_check(name)

    def _is_enabled(self, name: str) -> bool:
        return name in self.check_infos and self.check_infos[name].startup is not pebble.CheckStartup.DISABLED

    def start_checks(self, names: list[str]) -> list[str]:
        """Start checks; return the names of those that were not active."""
        self._need_checks(names)
        started = [name for name in names if self.check_infos[name].status is pebble.CheckStatus.INACTIVE]
        for name in started:
            self._start_check(name)
        return started

    def stop_checks(self, names: list[str]) -> list[str]:
        """Stop checks; return the names of those that were active."""
        self._need_checks(names)
        stopped = [name for name in names if self.check_infos[name].status is not pebble.CheckStatus.INACTIVE]
        for name in stopped:
            id = self.check_infos[name].change_id
            if id:
                self.changes[id] = _change(id, pebble.ChangeKind.PERFORM_CHECK.value, name, "Abort")
            self._set_check(name, status=pebble.CheckStatus.INACTIVE, change_id=None)
        return stopped

    def _need_checks(self, names: list[str]) -> None:
        for name in names:
            if name not in self.check_infos:
                raise api_error(404, f'cannot find check with name "{name}"')

    def _start_check(self, name: str) -> None:
        self._set_check(
            name, status=pebble.CheckStatus.UP, successes=0, failures=0, change_id=self._new_change_id()
        )

    def _set_check(self, name: str, **facts: Any) -> None:
        self.check_infos[name] = pebble.CheckInfo(**{**self.check_infos[name].__dict__, **facts})

    # --- notices ---

    def notify(
        self,
        type: pebble.NoticeType | str,
        key: str,
        *,
        data: Mapping[str, str] | None = None,
        repeat_after: datetime.timedelta | None = None,
    ) -> tuple[str, bool]:
        """Note that something happened.  Return the notice's identifier, and whether it is told (again)."""
        now = _now()
        kind = _type_text(type)
        known = next(
            (each for each in self.notices.values() if (_type_text(each.type), each.key) == (kind, key)), None
        )
        if known is None or (known.expire_after is not None and now > known.last_occurred + known.expire_after):
            if known is not None:
                del self.notices[known.id]
            id = self._new_notice_id()
            facts = (now, now, now, 1, dict(data or {}), repeat_after, _NOTICE_EXPIRES)
            self.notices[id] = pebble.Notice(id, _ROOT_USER, type, key, *facts)
            return id, True
        told = repeat_after is None or now > known.last_repeated + repeat_after
        self.notices[known.id] = dataclasses.replace(
            known,
            last_occurred=now,
            last_repeated=now if told else known.last_repeated,
            occurrences=known.occurrences + 1,
            last_data=dict(data or {}),
            repeat_after=repeat_after,
        )
        return known.id, told

    def _new_notice_id(self) -> str:
        numbers = [int(id) for id in self.notices if id.isdecimal()]
        return str(max(numbers, default=0) + 1)

    # --- commands ---

    def apply_service_context(self, name: str, args: ExecArgs) -> None:
        """Put what the service *name* says in place of what *args* leaves open.

        Raises:
            APIError: there is no such service.
        """
        service = self.plan().services.get(name)
        if service is None:
            raise api_error(500, f'context service "{name}" not found')
        args.environment = {**service.environment, **args.environment}
        args.working_dir = args.working_dir or service.working_dir or None
        if args.user is None and args.user_id is None:
            args.user, args.user_id = service.user or None, service.user_id
        if args.group is None and args.group_id is None:
            args.group, args.group_id = service.group or None, service.group_id


def _need_overrides(label: str, layer: pebble.Layer) -> None:
    for kind, entries in (("service", layer.services), ("check", layer.checks), ("log target", layer.log_targets)):
        for name, entry in entries.items():
            if entry.override not in ("merge", "replace"):
                raise RuntimeError(
                    f'500 Internal Server Error: layer "{label}" must define "override" as merge or replace '
                    f'for {kind} "{name}"'
                )


def _change(id: pebble.ChangeID, kind: str, summary: str, status: str) -> pebble.Change:
    now, ready = _now(), status == "Done"
    return pebble.Change(
        id,
        kind,
        summary,
        status,
        tasks=[],
        ready=ready,
        err=None,
        spawn_time=now,
        ready_time=now if ready else None,
    )


class _TestingPebbleClient:
    """What a charm under test has in place of `ops.pebble.Client`; the methods are described there."""

    def __init__(self, state: PretendPebble):
        self._state = state

    def _check_connection(self, call: str = "") -> None:
        if not self._state.can_connect and call not in self._state.programs.without_connection:
            raise pebble.ConnectionError(
                f"Cannot connect to Pebble; {self._state.programs.advice} (container {self._state.name!r})"
            )

    # --- the server ---

    def get_system_info(self) -> pebble.SystemInfo:
        self._check_connection()
        return pebble.SystemInfo(_VERSION)

    def get_warnings(self, select: pebble.WarningState = pebble.WarningState.PENDING) -> list[pebble.Warning]:
        _not_pretended("get_warnings")

    def ack_warnings(self, timestamp: datetime.datetime) -> int:
        _not_pretended("ack_warnings")

    # --- changes ---

    def get_changes(
        self, select: pebble.ChangeState = pebble.ChangeState.IN_PROGRESS, service: str | None = None
    ) -> list[pebble.Change]:
        _not_pretended("get_changes")

    def get_change(self, change_id: pebble.ChangeID) -> pebble.Change:
        self._check_connection()
        return self._state.change(change_id)

    def abort_change(self, change_id: pebble.ChangeID) -> pebble.Change:
        _not_pretended("abort_change")

    def wait_change(
        self, change_id: pebble.ChangeID, timeout: float | None = 30.0, delay: float = 0.1
    ) -> pebble.Change:
        _not_pretended("wait_change")

    # --- services ---

    def autostart_services(self, timeout: float = 30.0, delay: float = 0.1) -> pebble.ChangeID:
        self._check_connection()
        return self._state.start_enabled("autostart")

    def replan_services(self, timeout: float = 30.0, delay: float = 0.1) -> pebble.ChangeID:
        self._check_connection()
        self._state.start_enabled_checks(self._state.check_infos)
        return self._state.start_enabled(pebble.ChangeKind.REPLAN.value)

    def start_services(
        self, services: Iterable[str], timeout: float = 30.0, delay: float = 0.1
    ) -> pebble.ChangeID:
        return self._set_services(pebble.ChangeKind.START, services, pebble.ServiceStatus.ACTIVE)

    def stop_services(self, services: Iterable[str], timeout: float = 30.0, delay: float = 0.1) -> pebble.ChangeID:
        return self._set_services(pebble.ChangeKind.STOP, services, pebble.ServiceStatus.INACTIVE)

    def restart_services(
        self, services: Iterable[str], timeout: float = 30.0, delay: float = 0.1
    ) -> pebble.ChangeID:
        return self._set_services(pebble.ChangeKind.RESTART, services, pebble.ServiceStatus.ACTIVE)

    def _set_services(
        self, kind: pebble.ChangeKind, services: Iterable[str], status: pebble.ServiceStatus
    ) -> pebble.ChangeID:
        names = _names(services, "services")
        self._check_connection()
        return self._state.set_services(kind.value, names, status)

    def get_services(self, names: Iterable[str] | None = None) -> list[pebble.ServiceInfo]:
        wanted = None if names is None else _names(names, "names")
        self._check_connection()
        return self._state.service_infos(wanted)

    def send_signal(self, sig: int | str, services: Iterable[str]) -> None:
        names = _names(services, "services")
        if not names:
            raise TypeError("send_signal expected at least 1 service name, got 0")
        self._check_connection()
        if isinstance(sig, int):
            import signal

            sig = signal.Signals(sig).name
        self._state.signal(sig, names)

    # --- configuration ---

    def add_layer(
        self, label: str, layer: str | pebble.LayerDict | pebble.Layer, *, combine: bool = False
    ) -> None:
        if not isinstance(label, str):
            raise TypeError(f"label must be a str, not {type(label).__name__}")
        if not isinstance(layer, (str, dict, pebble.Layer)):
            raise TypeError(f"layer must be str, dict, or pebble.Layer, not {type(layer).__name__}")
        # A copy also of a layer: the charm may go on working with its own.
        own = pebble.Layer(layer.to_dict() if isinstance(layer, pebble.Layer) else layer)
        self._check_connection()
        self._state.add_layer(label, own, combine)

    def get_plan(self) -> pebble.Plan:
        self._check_connection("get_plan")
        return self._state.plan()

    # --- files ---

    def pull(self, path: str | PurePath, *, encoding: str | None = "utf-8") -> BinaryIO | TextIO:
        self._check_connection()
        return self._state.files.pull(str(path), encoding)

    def push(
        self,
        path: str | PurePath,
        source: str | bytes | TextIO | BinaryIO,
        *,
        encoding: str = "utf-8",
        make_dirs: bool = False,
        permissions: int | None = None,
        user_id: int | None = None,
        user: str | None = None,
        group_id: int | None = None,
        group: str | None = None,
    ) -> None:
        self._check_connection()
        self._state.files.push(str(path), source, encoding, make_dirs=make_dirs, permissions=permissions)

    def list_files(
        self, path: str | PurePath, *, pattern: str | None = None, itself: bool = False
    ) -> list[pebble.FileInfo]:
        self._check_connection()
        return self._state.files.list(str(path), pattern, itself)

    def make_dir(
        self,
        path: str | PurePath,
        *,
        make_parents: bool = False,
        permissions: int | None = None,
        user_id: int | None = None,
        user: str | None = None,
        group_id: int | None = None,
        group: str | None = None,
    ) -> None:
        self._check_connection()
        self._state.files.make_dir(str(path), make_parents=make_parents, permissions=permissions)

    def remove_path(self, path: str | PurePath, *, recursive: bool = False) -> None:
        self._check_connection()
        self._state.files.remove(str(path), recursive=recursive)

    # --- programs ---

    def exec(
        self,
        command: list[str],
        *,
        service_context: str | None = None,
        environment: dict[str, str] | None = None,
        working_dir: str | PurePath | None = None,
        timeout: float | None = None,
        user_id: int | None = None,
        user: str | None = None,
        group_id: int | None = None,
        group: str | None = None,
        stdin: str | bytes | TextIO | BinaryIO | None = None,
        stdout: TextIO | BinaryIO | None = None,
        stderr: TextIO | BinaryIO | None = None,
        encoding: str | None = "utf-8",
        combine_stderr: bool = False,
    ) -> pebble.ExecProcess[Any]:
        check_arguments(command, stdin, stderr, encoding, combine_stderr)
        self._check_connection("exec")
        state = self._state
        args = ExecArgs(
            command=list(command),
            environment=dict(environment or {}),
            working_dir=None if working_dir is None else str(working_dir),
            timeout=timeout,
            user_id=user_id,
            user=user,
            group_id=group_id,
            group=group,
            stdin=read_stdin(stdin),
            encoding=encoding,
            combine_stderr=combine_stderr,
        )
        if service_context is not None and state.programs.uses_service_context:
            state.apply_service_context(service_context, args)
        process = start(state.programs, args, stdin=stdin, stdout=stdout, stderr=stderr)
        state.executed.append(args)
        return process

    # --- checks ---

    def get_checks(
        self, level: pebble.CheckLevel | None = None, names: Iterable[str] | None = None
    ) -> list[pebble.CheckInfo]:
        wanted = set(names or ())
        return [
            info
            for name, info in sorted(self._state.check_infos.items())
            if (level is None or info.level == level) and (not wanted or name in wanted)
        ]

    def start_checks(self, checks: Iterable[str]) -> list[str]:
        names = _names(checks, "checks")
        self._check_connection()
        return self._state.start_checks(names)

    def stop_checks(self, checks: Iterable[str]) -> list[str]:
        names = _names(checks, "checks")
        self._check_connection()
        return self._state.stop_checks(names)

    # --- notices ---

    def notify(
        self,
        type: pebble.NoticeType,
        key: str,
        *,
        data: dict[str, str] | None = None,
        repeat_after: datetime.timedelta | None = None,
    ) -> str:
        id, _ = self._state.notify(type, key, data=data, repeat_after=repeat_after)
        return id

    def get_notice(self, id: str) -> pebble.Notice:
        if id not in self._state.notices:
            raise api_error(404, f'cannot find notice with ID "{id}"')
        return self._state.notices[id]

    def get_notices(
        self,
        *,
        users: pebble.NoticesUsers | None = None,
        user_id: int | None = None,
        types: Iterable[pebble.NoticeType | str] | None = None,
        keys: Iterable[str] | None = None,
    ) -> list[pebble.Notice]:
        if users is not None and user_id is not None:
            raise api_error(400, 'cannot use both "users" and "user_id"')
        user = None if users is not None else _ROOT_USER if user_id is None else user_id
        types_wanted = {_type_text(each) for each in types or ()}
        keys_wanted = set(keys or ())
        found = [
            notice
            for notice in self._state.notices.values()
            if (user is None or notice.user_id in (None, user))
            and (not types_wanted or _type_text(notice.type) in types_wanted)
            and (not keys_wanted or notice.key in keys_wanted)
        ]
        return sorted(found, key=lambda notice: notice.last_repeated)

    # --- identities ---

    def get_identities(self) -> dict[str, pebble.Identity]:
        _not_pretended("get_identities")

    def replace_identities(self, identities: Mapping[str, pebble.IdentityDict | pebble.Identity | None]) -> None:
        _not_pretended("replace_identities")

    def remove_identities(self, identities: Iterable[str]) -> None:
        _not_pretended("remove_identities")


def _type_text(type: pebble.NoticeType | str) -> str:
    return type.value if isinstance(type, pebble.NoticeType) else type


def _not_pretended(call: str) -> NoReturn:
    raise NotImplementedError(f"the pretended Pebble has no {call}(): patch what calls it")
