"""The client: one method for each thing that Pebble can do."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from .errors import APIError, ChangeError, ConnectionError, Error, TimeoutError
from .identities import Identity
from .plan import Layer, Plan
from .types import (
    Change,
    ChangeID,
    ChangeState,
    CheckInfo,
    CheckLevel,
    FileInfo,
    Notice,
    NoticesUsers,
    NoticeType,
    ServiceInfo,
    SystemInfo,
    Warning,
    WarningState,
)

if TYPE_CHECKING:
    import datetime
    import urllib.request

    from .exec import ExecProcess
    from .http import Transport
    from .identities import IdentityDict
    from .plan import LayerDict
    from .websocket import WebSocket

_IOSource = str | bytes | TextIO | BinaryIO

# The server gives up waiting this much before the socket does, so that it answers at all.
_WAIT_MARGIN_S = 1.0

_HTTP_NOT_FOUND, _HTTP_GATEWAY_TIMEOUT = 404, 504


class Client:
    """Talks to the Pebble that listens on a socket.

    Every method may raise `ConnectionError` if it cannot be reached, `APIError` if it refuses, and
    `ProtocolError` if its answer cannot be read.

    Args:
        socket_path: where it listens.
        opener: opens HTTP requests; None for one that uses *socket_path*.
        base_url: what comes before the path of a request.
        timeout: seconds that it may be silent.
    """

    def __init__(
        self,
        socket_path: str,
        opener: urllib.request.OpenerDirector | None = None,
        base_url: str = "http://localhost",
        timeout: float = 5.0,
    ):
        if not isinstance(socket_path, str):
            raise TypeError(f"`socket_path` should be a string, not: {type(socket_path)}")
        self.socket_path = socket_path
        self.base_url = base_url
        self.timeout = timeout
        self._opener = opener
        self._transport: Transport | None = None

    @property
    def opener(self) -> urllib.request.OpenerDirector:
        """Opens HTTP requests.  HTTP is loaded when it is needed: most hooks get a client and never use it."""
        return self._http.opener

    @opener.setter
    def opener(self, opener: urllib.request.OpenerDirector) -> None:
        self._http.opener = opener

    @property
    def _http(self) -> Transport:
        if self._transport is None:
            from .http import Transport

            self._transport = Transport(self.socket_path, self._opener, self.base_url, self.timeout)
        return self._transport

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return self._http.request(method, path, query, body)

    # --- the server ---

    def get_system_info(self) -> SystemInfo:
        """Return facts about the server."""
        return SystemInfo.from_dict(self._request("GET", "/v1/system-info")["result"])

    def get_warnings(self, select: WarningState = WarningState.PENDING) -> list[Warning]:
        """Return warnings."""
        answer = self._request("GET", "/v1/warnings", {"select": select.value})
        return [Warning.from_dict(each) for each in answer["result"] or ()]

    def ack_warnings(self, timestamp: datetime.datetime) -> int:
        """Mark warnings up to a moment as seen; return how many."""
        body = {"action": "okay", "timestamp": timestamp.isoformat()}
        return self._request("POST", "/v1/warnings", body=body)["result"]

    # --- changes ---

    def get_changes(
        self, select: ChangeState = ChangeState.IN_PROGRESS, service: str | None = None
    ) -> list[Change]:
        """Return changes, of one service or all."""
        query = {"select": select.value}
        if service is not None:
            query["for"] = service
        answer = self._request("GET", "/v1/changes", query)
        return [Change.from_dict(each) for each in answer["result"] or ()]

    def get_change(self, change_id: ChangeID) -> Change:
        """Return one change."""
        return Change.from_dict(self._request("GET", f"/v1/changes/{change_id}")["result"])

    def abort_change(self, change_id: ChangeID) -> Change:
        """Try to stop a change, and return it."""
        answer = self._request("POST", f"/v1/changes/{change_id}", body={"action": "abort"})
        return Change.from_dict(answer["result"])

    def wait_change(self, change_id: ChangeID, timeout: float | None = 30.0, delay: float = 0.1) -> Change:
        """Wait until a change has ended, whether well or not, and return it.

        Args:
            change_id: the change.
            timeout: seconds to wait at most; None for no end.
            delay: seconds between two questions, to a server that cannot wait itself.

        Raises:
            TimeoutError: it has not ended in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        slice_s = max(self.timeout - _WAIT_MARGIN_S, _WAIT_MARGIN_S)
        while deadline is None or time.monotonic() < deadline:
            left = slice_s if deadline is None else min(deadline - time.monotonic(), slice_s)
            try:
                query = {"timeout": f"{max(left, 0.001):.3f}s"}
                answer = self._request("GET", f"/v1/changes/{change_id}/wait", query)
            except APIError as error:
                if error.code == _HTTP_NOT_FOUND:
                    return self._poll_change(change_id, timeout, deadline, delay)
                if error.code != _HTTP_GATEWAY_TIMEOUT:
                    raise
            else:
                return Change.from_dict(answer["result"])
        raise TimeoutError(f"timed out waiting for change {change_id} ({timeout} seconds)")

    def _poll_change(
        self, change_id: ChangeID, timeout: float | None, deadline: float | None, delay: float
    ) -> Change:
        while deadline is None or time.monotonic() < deadline:
            change = self.get_change(change_id)
            if change.ready:
                return change
            time.sleep(delay)
        raise TimeoutError(f"timed out waiting for change {change_id} ({timeout} seconds)")

    # --- services ---

    def autostart_services(self, timeout: float = 30.0, delay: float = 0.1) -> ChangeID:
        """Start all services with startup enabled.

        Args:
            timeout: seconds to wait for it; 0 returns at once.
            delay: see `wait_change`.

        Raises:
            ChangeError: one did not start.
            TimeoutError: it took too long.
        """
        return self._services_action("autostart", [], timeout, delay)

    def replan_services(self, timeout: float = 30.0, delay: float = 0.1) -> ChangeID:
        """Start what is enabled, and restart what runs with settings that changed.

        The arguments and errors are those of `autostart_services`.
        """
        return self._services_action("replan", [], timeout, delay)

    def start_services(self, services: Iterable[str], timeout: float = 30.0, delay: float = 0.1) -> ChangeID:
        """Start services.

        The arguments and errors are those of `autostart_services`; besides, `TypeError` if *services* is one
        text or has other things than texts.
        """
        return self._services_action("start", services, timeout, delay)

    def stop_services(self, services: Iterable[str], timeout: float = 30.0, delay: float = 0.1) -> ChangeID:
        """Stop services.  See `start_services`."""
        return self._services_action("stop", services, timeout, delay)

    def restart_services(self, services: Iterable[str], timeout: float = 30.0, delay: float = 0.1) -> ChangeID:
        """Restart services, starting those that do not run.  See `start_services`."""
        return self._services_action("restart", services, timeout, delay)

    def _services_action(
        self, action: str, services: Iterable[str], timeout: float | None, delay: float
    ) -> ChangeID:
        body = {"action": action, "services": _names(services, "services")}
        change_id = ChangeID(self._request("POST", "/v1/services", body=body)["change"])
        if timeout:
            change = self.wait_change(change_id, timeout=timeout, delay=delay)
            if change.err:
                raise ChangeError(change.err, change)
        return change_id

    def get_services(self, names: Iterable[str] | None = None) -> list[ServiceInfo]:
        """Return the state of services, or of all if *names* is None."""
        query = None if names is None else {"names": ",".join(names)}
        answer = self._request("GET", "/v1/services", query)
        return [ServiceInfo.from_dict(each) for each in answer["result"] or ()]

    def send_signal(self, sig: int | str, services: Iterable[str]):
        """Send a signal, by name or number, to services.

        Raises:
            TypeError: *services* is one text, or has other things than texts.
            APIError: a service does not run, or the signal does not exist.
        """
        if isinstance(sig, int):
            import signal

            sig = signal.Signals(sig).name
        self._request("POST", "/v1/signals", body={"signal": sig, "services": _names(services, "services")})

    # --- configuration ---

    def add_layer(self, label: str, layer: str | LayerDict | Layer, *, combine: bool = False):
        """Add a layer; services are not started by it.

        Args:
            label: name of the layer.
            layer: the layer, also as YAML or mapping.
            combine: whether to merge it into a layer with this label, by each entry's ``override``.

        Raises:
            TypeError: *label* is no text, or *layer* none of these.
            APIError: there is such a layer, and *combine* is not set.
        """
        if not isinstance(label, str):
            raise TypeError(f"label must be a str, not {type(label).__name__}")
        if isinstance(layer, str):
            text = layer
        elif isinstance(layer, (dict, Layer)):
            text = Layer(layer).to_yaml() if isinstance(layer, dict) else layer.to_yaml()
        else:
            raise TypeError(f"layer must be str, dict, or pebble.Layer, not {type(layer).__name__}")
        body = {"action": "add", "combine": combine, "label": label, "format": "yaml", "layer": text}
        self._request("POST", "/v1/layers", body=body)

    def get_plan(self) -> Plan:
        """Return what all layers together say."""
        return Plan(self._request("GET", "/v1/plan", {"format": "yaml"})["result"])

    # --- files ---

    def pull(self, path: str | pathlib.PurePath, *, encoding: str | None = "utf-8") -> BinaryIO | TextIO:
        """Return the content of a file, which is fetched completely before this returns.

        Args:
            path: absolute path.
            encoding: how to read text; None for bytes.  Ends of lines are left as they are.

        Raises:
            PathError: the file cannot be read.
        """
        from .files import pull

        return pull(self._http, str(path), encoding)

    def push(
        self,
        path: str | pathlib.PurePath,
        source: _IOSource,
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
            path: absolute path.
            source: the content, or where to read it.
            encoding: how to write text.
            make_dirs: whether to create missing directories above.
            permissions: mode, like ``0o644``; None for the server's default.
            user_id: owner by number.
            user: owner by name; with *user_id* both have to fit.
            group_id: group by number.
            group: group by name; with *group_id* both have to fit.

        Raises:
            PathError: the file cannot be written.
        """
        from .files import push

        ownership = _ownership(permissions, user_id, user, group_id, group)
        push(self._http, str(path), source, encoding, {"make-dirs": True, **ownership} if make_dirs else ownership)

    def list_files(
        self, path: str | pathlib.PurePath, *, pattern: str | None = None, itself: bool = False
    ) -> list[FileInfo]:
        """Return what is in a directory.

        Args:
            path: absolute path.
            pattern: only names that fit, like ``*.txt``.
            itself: whether to return the directory and not its content.

        Raises:
            APIError: there is nothing at this path.
        """
        query = {"action": "list", "path": str(path)}
        if pattern:
            query["pattern"] = pattern
        if itself:
            query["itself"] = "true"
        answer = self._request("GET", "/v1/files", query)
        return [FileInfo.from_dict(each) for each in answer["result"] or ()]

    def make_dir(
        self,
        path: str | pathlib.PurePath,
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
            path: absolute path.
            make_parents: whether to create missing ones above; then it is no error if it exists.
            permissions: mode, like ``0o755``; None for the server's default.
            user_id: owner by number.
            user: owner by name.
            group_id: group by number.
            group: group by name.

        Raises:
            PathError: it cannot be created.
        """
        from .files import raise_path_error

        directory: dict[str, Any] = {"path": str(path)}
        if make_parents:
            directory["make-parents"] = True
        directory.update(_ownership(permissions, user_id, user, group_id, group))
        answer = self._request("POST", "/v1/files", body={"action": "make-dirs", "dirs": [directory]})
        raise_path_error(answer, str(path))

    def remove_path(self, path: str | pathlib.PurePath, *, recursive: bool = False):
        """Remove a file or directory.

        Args:
            path: absolute path.
            recursive: whether to remove a directory with its content; then it is no error if nothing is
                there.

        Raises:
            PathError: it cannot be removed.
        """
        from .files import raise_path_error

        removed: dict[str, Any] = {"path": str(path)}
        if recursive:
            removed["recursive"] = True
        answer = self._request("POST", "/v1/files", body={"action": "remove", "paths": [removed]})
        raise_path_error(answer, str(path))

    # --- programs ---

    def exec(
        self,
        command: list[str],
        *,
        service_context: str | None = None,
        environment: dict[str, str] | None = None,
        working_dir: str | pathlib.PurePath | None = None,
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
    ) -> ExecProcess[Any]:
        """Start a program.

        Args:
            command: program and arguments.
            service_context: service of which to take environment, directory, user and group.
            environment: further variables.
            working_dir: where to start it.
            timeout: seconds that it may run; None for any time.
            user_id: user by number.
            user: user by name.
            group_id: group by number.
            group: group by name.
            stdin: what it shall read; None to write to the process's `stdin`.
            stdout: where its output goes; None to read from the process's `stdout`.
            stderr: where its errors go; None to read from the process's `stderr`.
            encoding: how to read and write text; None for bytes.
            combine_stderr: whether errors go where the output goes.

        Raises:
            TypeError: *command* is no list of texts.
            ValueError: *command* is empty, or *stdin*, *encoding*, *stderr* and *combine_stderr* do not fit.
            APIError: the program was not found.
            ChangeError: it could not be started.
        """
        from .exec import check_arguments, start_process

        check_arguments(command, stdin, stderr, encoding, combine_stderr)
        body: dict[str, Any] = {
            "command": command,
            "service-context": service_context,
            "environment": environment or {},
            "working-dir": None if working_dir is None else str(working_dir),
            "timeout": None if timeout is None else f"{timeout:.3f}s",
            "user-id": user_id,
            "user": user,
            "group-id": group_id,
            "group": group,
            "split-stderr": not combine_stderr,
        }
        answer = self._request("POST", "/v1/exec", body=body)
        change_id, task_id = ChangeID(answer["change"]), answer["result"]["task-id"]
        names = ["control", "stdio"] if combine_stderr else ["control", "stdio", "stderr"]
        sockets = self._exec_sockets(change_id, task_id, names)
        return start_process(
            self,
            sockets,
            change_id,
            command,
            timeout,
            encoding,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )

    def _exec_sockets(self, change_id: ChangeID, task_id: str, names: list[str]) -> dict[str, WebSocket]:
        sockets: dict[str, WebSocket] = {}
        try:
            for name in names:
                sockets[name] = self._connect_websocket(task_id, name)
        except Error as error:
            for ws in sockets.values():
                ws.shutdown()
            # Why there is no such stream is known to the change, if it has ended.
            change = self.wait_change(change_id)
            if change.err:
                raise ChangeError(change.err, change) from error
            raise ConnectionError(f"unexpected error connecting to websockets: {error}") from error
        return sockets

    def _connect_websocket(self, task_id: str, websocket_id: str) -> WebSocket:
        from .websocket import WebSocket

        path = f"/v1/tasks/{task_id}/websocket/{websocket_id}"
        return WebSocket.connect(self.socket_path, path, self.timeout)

    # --- checks ---

    def get_checks(self, level: CheckLevel | None = None, names: Iterable[str] | None = None) -> list[CheckInfo]:
        """Return the state of checks: of one level or any, of these names or all."""
        query: dict[str, Any] = {}
        if level is not None:
            query["level"] = level.value
        if names:
            query["names"] = list(names)
        answer = self._request("GET", "/v1/checks", query)
        return [CheckInfo.from_dict(each) for each in answer["result"] or ()]

    def start_checks(self, checks: Iterable[str]) -> list[str]:
        """Start checks; return the names of those that were not active."""
        return self._checks_action("start", checks)

    def stop_checks(self, checks: Iterable[str]) -> list[str]:
        """Stop checks; return the names of those that were active."""
        return self._checks_action("stop", checks)

    def _checks_action(self, action: str, checks: Iterable[str]) -> list[str]:
        body = {"action": action, "checks": _names(checks, "checks")}
        return self._request("POST", "/v1/checks", body=body)["result"]["changed"] or []

    # --- notices ---

    def notify(
        self,
        type: NoticeType,
        key: str,
        *,
        data: dict[str, str] | None = None,
        repeat_after: datetime.timedelta | None = None,
    ) -> str:
        """Note that something happened; return the notice's identifier.

        Args:
            type: what sort of notice; only custom ones are possible.
            key: what tells it apart from others, like ``example.com/path``.
            data: what to say with it.
            repeat_after: how long after it was told it may be told again; None for at once.
        """
        body: dict[str, Any] = {"action": "add", "type": type.value, "key": key}
        if data is not None:
            body["data"] = data
        if repeat_after is not None:
            body["repeat-after"] = f"{repeat_after.total_seconds():.3f}s"
        return self._request("POST", "/v1/notices", body=body)["result"]["id"]

    def get_notice(self, id: str) -> Notice:
        """Return one notice.

        Raises:
            APIError: there is none with this identifier (its code is 404).
        """
        return Notice.from_dict(self._request("GET", f"/v1/notices/{id}")["result"])

    def get_notices(
        self,
        *,
        users: NoticesUsers | None = None,
        user_id: int | None = None,
        types: Iterable[NoticeType | str] | None = None,
        keys: Iterable[str] | None = None,
    ) -> list[Notice]:
        """Return notices by the time they were last told.

        Args:
            users: whose notices; None for our own and those for everybody.
            user_id: those of this user and those for everybody.
            types: only of these types; None for all.
            keys: only with these keys; None for all.
        """
        query: dict[str, Any] = {}
        if users is not None:
            query["users"] = users.value
        if user_id is not None:
            query["user-id"] = str(user_id)
        if types is not None:
            query["types"] = [each.value if isinstance(each, NoticeType) else each for each in types]
        if keys is not None:
            query["keys"] = list(keys)
        answer = self._request("GET", "/v1/notices", query)
        return [Notice.from_dict(each) for each in answer["result"] or ()]

    # --- identities ---

    def get_identities(self) -> dict[str, Identity]:
        """Return who may use the server, by name."""
        answer = self._request("GET", "/v1/identities")
        return {name: Identity.from_dict(each) for name, each in (answer["result"] or {}).items()}

    def replace_identities(self, identities: Mapping[str, IdentityDict | Identity | None]) -> None:
        """Add or replace identities by name; None removes one, whether it exists or not."""
        wanted = {
            name: each.to_dict() if isinstance(each, Identity) else each for name, each in identities.items()
        }
        self._request("POST", "/v1/identities", body={"action": "replace", "identities": wanted})

    def remove_identities(self, identities: Iterable[str]) -> None:
        """Remove identities by name.

        Raises:
            APIError: one does not exist.
        """
        body = {"action": "remove", "identities": dict.fromkeys(identities)}
        self._request("POST", "/v1/identities", body=body)


def _names(names: Iterable[str], what: str) -> list[str]:
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise TypeError(f"{what} must be of type Iterable[str], not {type(names).__name__}")
    result = list(names)
    for name in result:
        if not isinstance(name, str):
            raise TypeError(f"names of {what} must be str, not {type(name).__name__}")
    return result


def _ownership(
    permissions: int | None,
    user_id: int | None,
    user: str | None,
    group_id: int | None,
    group: str | None,
) -> dict[str, Any]:
    """Return what the server takes about mode and owner, without what is not given."""
    fields = {
        "permissions": None if permissions is None else f"{permissions:03o}",
        "user-id": user_id,
        "user": user,
        "group-id": group_id,
        "group": group,
    }
    return {name: value for name, value in fields.items() if value is not None}
