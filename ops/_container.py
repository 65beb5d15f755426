"""Workload containers: what runs in them, their files and their programs.

Role: `Container` puts names and rules of charms in front of the client in pebble.py.
Not here: copying whole directories (_transfer.py), the protocol (pebble.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO, overload

from ._errors import ModelError
from ._security import user_id

if TYPE_CHECKING:
    import datetime

    from . import pebble
    from ._tools import _ModelBackend

logger = logging.getLogger(__name__)


class Container:
    """A workload container of this unit.

    Every method but `can_connect` may raise `pebble.ConnectionError`: a container can go away at any moment,
    and `can_connect` says nothing about the next call.
    """

    name: str
    """Name of the container in the metadata."""

    def __init__(self, name: str, backend: _ModelBackend, pebble_client: pebble.Client | None = None):
        self.name = name
        self._backend = backend
        if pebble_client is None:
            pebble_client = backend.get_pebble(f"/charm/containers/{name}/pebble.socket")
        self._pebble: pebble.Client = pebble_client

    def can_connect(self) -> bool:
        """Return whether Pebble answers at this moment."""
        from . import pebble

        try:
            self._pebble.get_system_info()
        except (pebble.ConnectionError, FileNotFoundError) as error:
            logger.debug("Pebble API is not ready; %s", error)
            return False
        except pebble.APIError as error:
            # It listens and cannot answer: that is more than a container that starts.
            logger.warning("Pebble API error: %s", error)
            return False
        return True

    # --- services ---

    def autostart(self) -> None:
        """Start all services with startup enabled, and wait for them.

        Raises:
            pebble.ChangeError: one did not start.
        """
        self._pebble.autostart_services()

    def replan(self) -> None:
        """Start what is enabled, and restart what runs with settings that changed.

        Raises:
            pebble.ChangeError: one did not start or stop.
        """
        self._pebble.replan_services()

    def start(self, *service_names: str):
        """Start services and wait for them.

        Raises:
            TypeError: there are no names.
            pebble.ChangeError: one did not start.
        """
        self._need_names("start", service_names)
        self._pebble.start_services(service_names)

    def restart(self, *service_names: str):
        """Restart services, starting those that do not run, and wait for them.

        Raises:
            TypeError: there are no names.
            pebble.ChangeError: one did not start or stop.
        """
        from . import pebble

        self._need_names("restart", service_names)
        try:
            self._pebble.restart_services(service_names)
        except pebble.APIError as error:
            if error.code != 400:
                raise
            # An old server cannot restart.
            running = tuple(name for name, info in self.get_services(*service_names).items() if info.is_running())
            if running:
                self._pebble.stop_services(running)
            self._pebble.start_services(service_names)

    def stop(self, *service_names: str):
        """Stop services and wait for them.

        Raises:
            TypeError: there are no names.
            pebble.ChangeError: one did not stop.
        """
        self._need_names("stop", service_names)
        self._pebble.stop_services(service_names)

    @staticmethod
    def _need_names(doing: str, names: tuple[str, ...], what: str = "service") -> None:
        if not names:
            raise TypeError(f"{doing} expected at least 1 {what} name, got 0")

    def add_layer(self, label: str, layer: str | pebble.LayerDict | pebble.Layer, *, combine: bool = False):
        """Add a layer of configuration.  Services are not started by it; follow with `replan`.

        Args:
            label: name of the layer.
            layer: the layer, also as YAML or mapping.
            combine: whether to merge it into a layer with this label, by each entry's ``override``.

        Raises:
            pebble.APIError: there is such a layer, and *combine* is not set.
        """
        self._pebble.add_layer(label, layer, combine=combine)

    def get_plan(self) -> pebble.Plan:
        """Return the merged configuration of all layers."""
        return self._pebble.get_plan()

    def get_services(self, *service_names: str) -> Mapping[str, pebble.ServiceInfo]:
        """Return the state of these services, or of all, by name.  What does not exist is missing."""
        return ServiceInfoMapping(self._pebble.get_services(service_names or None))

    def get_service(self, service_name: str) -> pebble.ServiceInfo:
        """Return the state of one service.

        Raises:
            ModelError: there is none of this name.
        """
        services = self.get_services(service_name)
        if not services:
            raise ModelError(f"service {service_name!r} not found")
        return services[service_name]

    def send_signal(self, sig: int | str, *service_names: str):
        """Send a signal, by name or number, to services.

        Raises:
            TypeError: there are no names.
            pebble.APIError: a service does not run.
        """
        self._need_names("send_signal", service_names)
        self._pebble.send_signal(sig, service_names)

    # --- checks and notices ---

    def get_checks(self, *check_names: str, level: pebble.CheckLevel | None = None) -> CheckInfoMapping:
        """Return the state of these checks (or of all), of one level or any, by name."""
        return CheckInfoMapping(self._pebble.get_checks(names=check_names or None, level=level))

    def get_check(self, check_name: str) -> pebble.CheckInfo:
        """Return the state of one check.

        Raises:
            ModelError: there is none of this name.
        """
        checks = self.get_checks(check_name)
        if not checks:
            raise ModelError(f"check {check_name!r} not found")
        return checks[check_name]

    def start_checks(self, *check_names: str) -> list[str]:
        """Start checks; return the names of those that were not active.

        Raises:
            TypeError: there are no names.
        """
        self._need_names("start_checks", check_names, "check")
        return self._pebble.start_checks(check_names)

    def stop_checks(self, *check_names: str) -> list[str]:
        """Stop checks; return the names of those that were active.

        Raises:
            TypeError: there are no names.
        """
        self._need_names("stop_checks", check_names, "check")
        stopped = self._pebble.stop_checks(check_names)
        for name in stopped:
            self._backend._log_security_event(
                "WARN",
                "sys_monitor_disabled",
                f"{user_id()},{name}",
                f"{self._backend.unit_name} stopped the check {name} in container {self.name}.",
            )
        return stopped

    def get_notice(self, id: str) -> pebble.Notice:
        """Return one notice.

        Raises:
            ModelError: there is none with this identifier.
        """
        from . import pebble

        try:
            return self._pebble.get_notice(id)
        except pebble.APIError as error:
            if error.code == 404:
                raise ModelError(f"notice {id!r} not found") from error
            raise

    def get_notices(
        self,
        *,
        users: pebble.NoticesUsers | None = None,
        user_id: int | None = None,
        types: Iterable[pebble.NoticeType | str] | None = None,
        keys: Iterable[str] | None = None,
    ) -> list[pebble.Notice]:
        """Return notices, narrowed down.  See `pebble.Client.get_notices`."""
        return self._pebble.get_notices(users=users, user_id=user_id, types=types, keys=keys)

    # --- files ---

    @overload
    def pull(self, path: str | PurePath, *, encoding: None) -> BinaryIO: ...

    @overload
    def pull(self, path: str | PurePath, *, encoding: str = "utf-8") -> TextIO: ...

    def pull(self, path: str | PurePath, *, encoding: str | None = "utf-8") -> BinaryIO | TextIO:
        """Return the content of a file, which is fetched completely before this returns.

        Args:
            path: absolute path in the container.
            encoding: how to read text; None for bytes.  Ends of lines are left as they are.

        Raises:
            pebble.PathError: the file cannot be read.
        """
        return self._pebble.pull(str(path), encoding=encoding)

    def push(
        self,
        path: str | PurePath,
        source: bytes | str | BinaryIO | TextIO,
        *,
        encoding: str = "utf-8",
        make_dirs: bool = False,
        permissions: int | None = None,
        user_id: int | None = None,
        user: str | None = None,
        group_id: int | None = None,
        group: str | None = None,
    ):
        """Write a file.

        Args:
            path: absolute path in the container.
            source: the content, or where to read it.
            encoding: how to write text.
            make_dirs: whether to create missing directories above.
            permissions: mode, like ``0o644``; None for the server's default.
            user_id: owner by number.
            user: owner by name; with *user_id* both have to fit.
            group_id: group by number.
            group: group by name; with *group_id* both have to fit.

        Raises:
            pebble.PathError: the file cannot be written.
        """
        self._pebble.push(
            str(path),
            source,
            encoding=encoding,
            make_dirs=make_dirs,
            permissions=permissions,
            user_id=user_id,
            user=user,
            group_id=group_id,
            group=group,
        )

    def list_files(
        self, path: str | PurePath, *, pattern: str | None = None, itself: bool = False
    ) -> list[pebble.FileInfo]:
        """Return what is in a directory.

        Args:
            path: absolute path in the container.
            pattern: only names that fit, like ``*.txt``.
            itself: whether to return the directory and not its content.

        Raises:
            pebble.APIError: there is nothing at this path.
        """
        return self._pebble.list_files(str(path), pattern=pattern, itself=itself)

    def push_path(self, source_path: str | Path | Iterable[str | Path], dest_dir: str | PurePath):
        """Copy files and directories into the container.

        A directory lands in *dest_dir* under its own name; with ``/*`` after it, its content does.  Empty
        directories are kept, links are followed, owners and modes are kept.

        Raises:
            MultiPushPullError: some could not be copied; the others were.
        """
        from ._transfer import push_paths

        push_paths(self, source_path, dest_dir)

    def pull_path(self, source_path: str | PurePath | Iterable[str | PurePath], dest_dir: str | Path):
        """Copy files and directories out of the container, by the rules of `push_path`.

        Raises:
            MultiPushPullError: some could not be copied; the others were.
        """
        from ._transfer import pull_paths

        pull_paths(self, source_path, dest_dir)

    def exists(self, path: str | PurePath) -> bool:
        """Return whether there is anything at *path*."""
        return self._look(path) is not None

    def isdir(self, path: str | PurePath) -> bool:
        """Return whether there is a directory at *path*."""
        from . import pebble

        found = self._look(path)
        return found is not None and found.type is pebble.FileType.DIRECTORY

    def _look(self, path: str | PurePath) -> pebble.FileInfo | None:
        from . import pebble

        try:
            found = self._pebble.list_files(str(path), itself=True)
        except pebble.APIError as error:
            if error.code == 404:
                return None
            raise
        return found[0] if found else None

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
    ):
        """Create a directory.

        Args:
            path: absolute path in the container.
            make_parents: whether to create missing ones above; then it is no error if it exists.
            permissions: mode, like ``0o755``; None for the server's default.
            user_id: owner by number.
            user: owner by name.
            group_id: group by number.
            group: group by name.

        Raises:
            pebble.PathError: it cannot be created.
        """
        self._pebble.make_dir(
            str(path),
            make_parents=make_parents,
            permissions=permissions,
            user_id=user_id,
            user=user,
            group_id=group_id,
            group=group,
        )

    def remove_path(self, path: str | PurePath, *, recursive: bool = False):
        """Remove a file or directory.

        Args:
            path: absolute path in the container.
            recursive: whether to remove a directory with its content; then it is no error if nothing is
                there.

        Raises:
            pebble.PathError: it cannot be removed.
        """
        self._pebble.remove_path(str(path), recursive=recursive)

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
        """Start a program in the container.  See `pebble.Client.exec` for the arguments.

        Raises:
            RuntimeError: the controller is too old for *service_context*.
            pebble.APIError: the program was not found, or could not be started.
        """
        version = self._backend._juju_context.version
        if service_context is not None and not version.supports_exec_service_context:
            raise RuntimeError(f"exec with service_context is not supported on Juju version {version}")
        return self._pebble.exec(
            command,
            service_context=service_context,
            environment=environment,
            working_dir=str(working_dir) if working_dir is not None else None,
            timeout=timeout,
            user_id=user_id,
            user=user,
            group_id=group_id,
            group=group,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            encoding=encoding,
            combine_stderr=combine_stderr,
        )

    # Last, as the annotations above mean the module of this name.
    @property
    def pebble(self) -> pebble.Client:
        """The client behind this container, for what is not offered here."""
        return self._pebble


class ContainerMapping(Mapping[str, Container]):
    """Containers by name; each is made when it is asked for."""

    def __init__(self, names: Iterable[str], backend: _ModelBackend):
        self._containers: dict[str, Container | None] = dict.fromkeys(names)
        self._backend = backend

    def __getitem__(self, key: str) -> Container:
        container = self._containers[key]
        if container is None:
            container = self._containers[key] = Container(key, self._backend)
        return container

    def __iter__(self) -> Iterator[str]:
        return iter(self._containers)

    def __len__(self):
        return len(self._containers)

    def __repr__(self):
        return repr(self._containers)


class ServiceInfoMapping(Mapping[str, "pebble.ServiceInfo"]):
    """States of services by name."""

    def __init__(self, services: Iterable[pebble.ServiceInfo]):
        self._services = {service.name: service for service in services}

    def __getitem__(self, key: str) -> pebble.ServiceInfo:
        return self._services[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._services)

    def __len__(self):
        return len(self._services)

    def __repr__(self):
        return repr(self._services)


class CheckInfoMapping(Mapping[str, "pebble.CheckInfo"]):
    """States of checks by name."""

    def __init__(self, checks: Iterable[pebble.CheckInfo]):
        self._checks = {check.name: check for check in checks}

    def __getitem__(self, key: str) -> pebble.CheckInfo:
        return self._checks[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._checks)

    def __len__(self):
        return len(self._checks)

    def __repr__(self):
        return repr(self._checks)


class LazyNotice:
    """A notice of which identifier, type and key are known; all else is fetched once, when asked for.

    Raises:
        ModelError: it is gone.
    """

    id: str
    user_id: int | None
    type: pebble.NoticeType | str
    key: str
    first_occurred: datetime.datetime
    last_occurred: datetime.datetime
    last_repeated: datetime.datetime
    occurrences: int
    last_data: dict[str, str]
    repeat_after: datetime.timedelta | None
    expire_after: datetime.timedelta | None

    def __init__(self, container: Container, id: str, type: str, key: str):
        from . import pebble

        self._container = container
        self.id = id
        try:
            self.type = pebble.NoticeType(type)
        except ValueError:
            self.type = type
        self.key = key
        self._notice: pebble.Notice | None = None

    def __repr__(self):
        kind = self.type if isinstance(self.type, str) else self.type.value
        return f"LazyNotice(id={self.id!r}, type={kind!r}, key={self.key!r})"

    def __getattr__(self, item: str) -> Any:
        # Only for what is not set: so also for names that nobody knows.
        if item.startswith("_"):
            raise AttributeError(item)
        if self._notice is None:
            self._notice = self._container.get_notice(self.id)
        return getattr(self._notice, item)


class LazyCheckInfo:
    """A check of which the name is known; all else is fetched once, when asked for.

    Raises:
        ModelError: it is gone.
    """

    name: str
    level: pebble.CheckLevel | str | None
    startup: pebble.CheckStartup
    status: pebble.CheckStatus | str
    successes: int | None
    failures: int
    threshold: int
    change_id: pebble.ChangeID | None

    def __init__(self, container: Container, name: str):
        self._container = container
        self.name = name
        self._info: pebble.CheckInfo | None = None

    def __repr__(self):
        return f"LazyCheckInfo(name={self.name!r})"

    def __getattr__(self, item: str) -> Any:
        # Only for what is not set: so also for names that nobody knows.
        if item.startswith("_"):
            raise AttributeError(item)
        if self._info is None:
            self._info = self._container.get_check(self.name)
        return getattr(self._info, item)
