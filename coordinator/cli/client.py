"""One method per request: the controller's API over `http.client`.

Role: addresses, token and TLS; what an answer of error says is raised as the error it was.  A request goes to the
next address when the first cannot be reached.  Once something that changes state was sent and no answer came, it
is not sent again: the caller is told that the outcome is unknown.
Not here: what the answers mean.  Their shapes are documented at the routes (api/routes/).
"""

from __future__ import annotations

import http.client
import io
import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from coordinator.errors import BadRequest, CoordinatorError, Refused, Unavailable, UnknownOutcome

if TYPE_CHECKING:
    from coordinator.wire import (
        AddModel,
        AddSecret,
        AddSpace,
        AddStorage,
        AddUnits,
        AddUser,
        AttachResource,
        AttachStorage,
        Bind,
        CancelTasks,
        CreateStoragePool,
        Deploy,
        Expose,
        GoBack,
        ImportFilesystem,
        Integrate,
        MoveToSpace,
        Refresh,
        Remove,
        RemoveRelation,
        RenameSpace,
        Resolve,
        RunTasks,
        SetConfig,
        SetConstraints,
        SetSettings,
        ShareModels,
        ShareSecret,
        Trust,
        UpdateSecret,
        UpdateStoragePool,
        UpdateUser,
    )

Tree = dict[str, Any]

API = "/v1"  # wire.API; what only looks needs nothing else of that module, and shall start quickly

CONNECT_S = 5.0
ANSWER_S = 90.0  # a large charm is unpacked and stored before the answer comes
IDLE_S_MAX = 3.0  # servers hang up on idle connections, and a request must not meet that moment
MOMENT_S = 1.0
BLOCK_BYTES = 64 * 1024


class Unreachable(Unavailable):
    """No controller was reached, rather than one that has trouble itself."""


class Client:
    """The API of one controller; several *addresses* are tried in order.  Not for several threads at once."""

    def __init__(
        self,
        addresses: Sequence[str],
        token: str = "",
        *,
        ca: str | None = None,
        trace: Callable[[str], None] = lambda text: None,
        waiting: Callable[[str], None] | None = None,
    ) -> None:
        """*trace* is told of every request; *waiting*, from another thread, what takes longer than a moment."""
        assert addresses, "a controller has an address"
        self._addresses = [check_address(address) for address in addresses]
        self._token, self.ca, self._trace, self._waiting = token, ca, trace, waiting
        self._connection: http.client.HTTPConnection | None = None
        self._used_s = 0.0

    @property
    def addresses(self) -> list[str]:
        """Where the controllers are; the one that answered last comes first."""
        return list(self._addresses)

    # --- the controller ----------------------------------------------------------------------------------

    def version(self) -> Tree:
        return self._ask("GET", ["version"])

    def whoami(self) -> Tree:
        return self._ask("GET", ["whoami"])

    def machines(self) -> Tree:
        return self._ask("GET", ["machines"])["machines"]

    def remove_machine(self, machine: str, *, force: bool = False, no_wait: bool = False) -> None:
        self._ask("DELETE", ["machines", machine], query={"force": force, "no_wait": no_wait})

    # --- users -------------------------------------------------------------------------------------------

    def users(self) -> list[Tree]:
        return self._ask("GET", ["users"])["users"]

    def user(self, name: str) -> Tree:
        return self._ask("GET", ["users", name])

    def users_of_model(self, model: str) -> Tree:
        return self._ask("GET", ["models", model, "users"])

    def add_user(self, request: AddUser) -> str:
        """Return the token of the user, who is new."""
        return self._ask("POST", ["users"], request)["token"]

    def remove_user(self, name: str) -> None:
        self._ask("DELETE", ["users", name])

    def update_user(self, name: str, request: UpdateUser) -> None:
        self._ask("PATCH", ["users", name], request)

    def renew_token(self, name: str) -> str:
        """Return another token of the user; that of before is void."""
        return self._ask("POST", ["users", name, "token"])["token"]

    def share_models(self, request: ShareModels, *, granted: bool) -> None:
        self._ask("POST", ["user-grants" if granted else "user-revocations"], request)

    # --- models ------------------------------------------------------------------------------------------

    def models(self) -> list[Tree]:
        return self._ask("GET", ["models"])["models"]

    def model(self, name: str) -> Tree:
        return self._ask("GET", ["models", name])

    def add_model(self, request: AddModel) -> Tree:
        return self._ask("POST", ["models"], request)

    def destroy_model(
        self,
        name: str,
        *,
        force: bool = False,
        no_wait: bool = False,
        destroy_storage: bool = False,
        release_storage: bool = False,
    ) -> None:
        query = {
            "force": force,
            "no_wait": no_wait,
            "destroy_storage": destroy_storage,
            "release_storage": release_storage,
        }
        self._ask("DELETE", ["models", name], query=query)

    def settings(self, model: str) -> Tree:
        return self._ask("GET", ["models", model, "settings"])

    def set_settings(self, model: str, request: SetSettings) -> None:
        self._ask("PATCH", ["models", model, "settings"], request)

    def model_constraints(self, model: str) -> Tree:
        return self._ask("GET", ["models", model, "constraints"])

    def set_model_constraints(self, model: str, request: SetConstraints) -> None:
        self._ask("PUT", ["models", model, "constraints"], request)

    def bundle(self, model: str) -> Tree:
        return self._ask("GET", ["models", model, "bundle"])

    def status(self, model: str, selectors: Sequence[str] = ()) -> Tree:
        return self._ask("GET", ["models", model, "status"], query={"select": list(selectors)})

    def history(self, model: str, limit: int) -> list[Tree]:
        return self._ask("GET", ["models", model, "history"], query={"limit": limit})["history"]

    def status_log(self, model: str, entity: str, type: str, limit: int) -> list[Tree]:
        query = {"entity": entity, "type": type, "limit": limit}
        return self._ask("GET", ["models", model, "status-log"], query=query)["log"]

    def logs(self, model: str, *, since_s: float = 0.0, follow: bool = False) -> Iterator[Tree | None]:
        """Yield log lines, oldest first; with *follow* without end, and None when nothing came for a while."""
        query = {"since": repr(since_s), "follow": follow}
        answer = self._send("GET", _path(["models", model, "logs"], query), None, {})
        try:
            while text := answer.readline():
                yield json.loads(text) if text.strip() else None
        except (OSError, http.client.HTTPException, ValueError) as problem:
            raise Unavailable(
                "the log broke off", why=_why(problem), fix="run `debug-log` again; `status` says what still runs"
            ) from problem
        finally:
            self.close()

    # --- applications ------------------------------------------------------------------------------------

    def upload_charm(self, archive: bytes, progress: Callable[[int], None] = lambda sent: None) -> Tree:
        """Send a packed charm; *progress* is told how many bytes are on their way.  Answers sha256 and name."""
        headers = {"Content-Type": "application/zip", "Content-Length": str(len(archive))}
        return self._answer(self._send("POST", _path(["charms"]), _Upload(archive, progress), headers))

    def upload_resource(self, content: bytes, progress: Callable[[int], None] = lambda sent: None) -> Tree:
        """Send the content of a resource, as `upload_charm` does; answers sha256 and size."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(content))}
        return self._answer(self._send("POST", _path(["resources"]), _Upload(content, progress), headers))

    def attach_resource(self, model: str, app: str, name: str, request: AttachResource) -> None:
        self._ask("PUT", ["models", model, "applications", app, "resources", name], request)

    def resources(self, model: str, app: str) -> list[Tree]:
        return self._ask("GET", ["models", model, "applications", app, "resources"])["resources"]

    def deploy(self, model: str, request: Deploy) -> Tree:
        return self._ask("POST", ["models", model, "applications"], request)

    def refresh(self, model: str, app: str, request: Refresh) -> Tree:
        return self._ask("POST", ["models", model, "applications", app, "refresh"], request)

    def continue_refresh(self, model: str, app: str) -> None:
        self._ask("POST", ["models", model, "applications", app, "refresh", "continue"])

    def take_back(self, model: str, app: str, request: GoBack) -> Tree:
        return self._ask("POST", ["models", model, "applications", app, "refresh", "back"], request)

    def application(self, model: str, app: str) -> Tree:
        return self._ask("GET", ["models", model, "applications", app])

    def remove_application(
        self, model: str, app: str, *, force: bool = False, no_wait: bool = False, destroy_storage: bool = False
    ) -> Tree:
        query = {"force": force, "no_wait": no_wait, "destroy_storage": destroy_storage}
        return self._ask("DELETE", ["models", model, "applications", app], query=query)

    def config(self, model: str, app: str) -> Tree:
        return self._ask("GET", ["models", model, "applications", app, "config"])

    def set_config(self, model: str, app: str, request: SetConfig) -> None:
        self._ask("PATCH", ["models", model, "applications", app, "config"], request)

    def trust(self, model: str, app: str, request: Trust) -> None:
        self._ask("POST", ["models", model, "applications", app, "trust"], request)

    def expose(self, model: str, app: str, request: Expose) -> None:
        self._ask("POST", ["models", model, "applications", app, "expose"], request)

    def unexpose(self, model: str, app: str, request: Expose) -> None:
        self._ask("POST", ["models", model, "applications", app, "unexpose"], request)

    def constraints(self, model: str, app: str) -> Tree:
        return self._ask("GET", ["models", model, "applications", app, "constraints"])

    def set_constraints(self, model: str, app: str, request: SetConstraints) -> None:
        self._ask("PUT", ["models", model, "applications", app, "constraints"], request)

    # --- secrets -----------------------------------------------------------------------------------------

    def add_secret(self, model: str, request: AddSecret) -> str:
        return self._ask("POST", ["models", model, "secrets"], request)["uri"]

    def update_secret(self, model: str, who: str, request: UpdateSecret) -> None:
        self._ask("PATCH", ["models", model, "secrets", who], request)

    def remove_secret(self, model: str, who: str, revision: int | None = None) -> None:
        query = {} if revision is None else {"revision": revision}
        self._ask("DELETE", ["models", model, "secrets", who], query=query)

    def share_secret(self, model: str, request: ShareSecret, *, granted: bool) -> None:
        where = "secret-grants" if granted else "secret-revocations"
        self._ask("POST", ["models", model, where], request)

    def secrets(self, model: str, owner: str = "") -> Tree:
        return self._ask("GET", ["models", model, "secrets"], query={"owner": owner} if owner else None)["secrets"]

    def secret(self, model: str, who: str, *, reveal: bool, revisions: bool, revision: int | None) -> Tree:
        query: dict[str, Any] = {"reveal": reveal, "revisions": revisions}
        if revision is not None:
            query["revision"] = revision
        return self._ask("GET", ["models", model, "secrets", who], query=query)["secrets"]

    def reseal_secrets(self) -> Tree:
        return self._ask("POST", ["secret-key"], query=None)

    # --- units -------------------------------------------------------------------------------------------

    def unit(self, model: str, app: str, number: int) -> Tree:
        return self._ask("GET", ["models", model, "units", app, str(number)])

    def add_units(self, model: str, app: str, request: AddUnits) -> None:
        self._ask("POST", ["models", model, "applications", app, "units"], request)

    def remove_units(self, model: str, request: Remove) -> None:
        self._ask("POST", ["models", model, "units", "remove"], request)

    def resolve(self, model: str, request: Resolve) -> None:
        self._ask("POST", ["models", model, "units", "resolve"], request)

    # --- actions -----------------------------------------------------------------------------------------

    def actions(self, model: str, app: str) -> Tree:
        return self._ask("GET", ["models", model, "applications", app, "actions"])["actions"]

    def run_tasks(self, model: str, request: RunTasks) -> Tree:
        return self._ask("POST", ["models", model, "operations"], request)

    def operations(self, model: str, **query: Any) -> list[Tree]:
        return self._ask("GET", ["models", model, "operations"], query=query)["operations"]

    def operation(self, model: str, number: int) -> Tree:
        return self._ask("GET", ["models", model, "operations", str(number)])

    def task(self, model: str, number: int) -> Tree:
        return self._ask("GET", ["models", model, "tasks", str(number)])

    def cancel_tasks(self, model: str, request: CancelTasks) -> list[Tree]:
        return self._ask("POST", ["models", model, "tasks", "cancel"], request)["tasks"]

    def hand_in(self, model: str, number: int, data: bytes, *, at: int, is_last: bool) -> bool:
        """Send a piece of what the program of a task reads, *at* bytes from the start; say whether it reads on."""
        path = _path(["models", model, "tasks", str(number), "input"], {"at": at, "last": is_last})
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(data))}
        return not self._answer(self._send("POST", path, data, headers))["is-over"]

    def fetch_output(self, model: str, number: int, stream: str) -> bytes:
        """Return what a task printed to `stdout` or `stderr`, when that is kept."""
        response = self._send("GET", _path(["models", model, "tasks", str(number), "output", stream]), None, {})
        try:
            return response.read()
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            raise Unavailable("the output broke off", why=_why(problem), fix="run the command again") from problem

    def drop_output(self, model: str, number: int) -> None:
        self._ask("DELETE", ["models", model, "tasks", str(number), "output"])

    # --- relations ---------------------------------------------------------------------------------------

    def integrate(self, model: str, request: Integrate) -> None:
        self._ask("POST", ["models", model, "relations"], request)

    def remove_relation(self, model: str, request: RemoveRelation) -> None:
        self._ask("POST", ["models", model, "relations", "remove"], request)

    # --- storage -----------------------------------------------------------------------------------------

    def storage(self, model: str) -> Tree:
        return self._ask("GET", ["models", model, "storage"])

    def storage_instance(self, model: str, name: str, number: int) -> Tree:
        return self._ask("GET", ["models", model, "storage", name, str(number)])

    def add_storage(self, model: str, request: AddStorage) -> list[str]:
        return self._ask("POST", ["models", model, "storage"], request)["ids"]

    def attach_storage(self, model: str, request: AttachStorage) -> None:
        self._ask("POST", ["models", model, "storage", "attach"], request)

    def detach_storage(self, model: str, name: str, number: int, *, force: bool = False) -> None:
        path = ["models", model, "storage", name, str(number), "detach"]
        self._ask("POST", path, query={"force": force})

    def remove_storage(
        self, model: str, name: str, number: int, *, force: bool = False, no_destroy: bool = False
    ) -> None:
        query = {"force": force, "no_destroy": no_destroy}
        self._ask("DELETE", ["models", model, "storage", name, str(number)], query=query)

    def import_filesystem(self, model: str, request: ImportFilesystem) -> str:
        return self._ask("POST", ["models", model, "storage", "import"], request)["id"]

    def storage_pools(self, model: str) -> Tree:
        return self._ask("GET", ["models", model, "storage-pools"])

    def create_storage_pool(self, model: str, request: CreateStoragePool) -> None:
        self._ask("POST", ["models", model, "storage-pools"], request)

    def update_storage_pool(self, model: str, name: str, request: UpdateStoragePool) -> None:
        self._ask("PATCH", ["models", model, "storage-pools", name], request)

    def remove_storage_pool(self, model: str, name: str) -> None:
        self._ask("DELETE", ["models", model, "storage-pools", name])

    # --- spaces ------------------------------------------------------------------------------------------

    def spaces(self, model: str) -> Tree:
        return self._ask("GET", ["models", model, "spaces"])

    def space(self, model: str, name: str) -> Tree:
        return self._ask("GET", ["models", model, "spaces", name])

    def subnets(self, model: str, *, space: str | None = None) -> Tree:
        return self._ask("GET", ["models", model, "subnets"], query={"space": space} if space is not None else {})

    def add_space(self, model: str, request: AddSpace) -> None:
        self._ask("POST", ["models", model, "spaces"], request)

    def rename_space(self, model: str, name: str, request: RenameSpace) -> None:
        self._ask("POST", ["models", model, "spaces", name, "rename"], request)

    def move_to_space(self, model: str, name: str, request: MoveToSpace) -> dict[str, str]:
        return self._ask("POST", ["models", model, "spaces", name, "subnets"], request)["moved"]

    def remove_space(self, model: str, name: str, *, force: bool = False) -> None:
        self._ask("DELETE", ["models", model, "spaces", name], query={"force": force})

    def bind(self, model: str, app: str, request: Bind) -> dict[str, list[str]]:
        return self._ask("POST", ["models", model, "applications", app, "bindings"], request)["moved"]

    # --- HTTP --------------------------------------------------------------------------------------------

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(
        self, method: str, names: Sequence[str], request: Any = None, *, query: Mapping[str, Any] | None = None
    ) -> Any:
        body, headers = None, {}
        if request is not None:
            from coordinator.wire import to_json

            body, headers = json.dumps(to_json(request)).encode(), {"Content-Type": "application/json"}
        return self._answer(self._send(method, _path(names, query), body, headers))

    def _answer(self, response: http.client.HTTPResponse) -> Any:
        try:
            return json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as problem:
            self.close()
            raise Unavailable(
                f"cannot read the answer of {self._addresses[0]}",
                why=_why(problem),
                fix="is it a controller?  `coordinator whoami` names the one in use",
            ) from problem

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Return the answer of the first address that has one; it is not an error.

        Raises:
            Unreachable: no address could be reached.
            Unavailable: the controllers have no etcd.
            UnknownOutcome: a change was sent and no answer came.
            Whatever error the answer says.
        """
        problems: list[str] = []
        said: CoordinatorError | None = None
        for _ in self._addresses:
            address = self._addresses[0]
            try:
                response = self._send_to(address, method, path, body, headers)
            except _NotReached as problem:
                problems.append(f"{address}: {problem}")
            else:
                if response.status < 400:
                    return response
                said = self._error(response)
                if not isinstance(said, Unavailable):
                    raise said
            self.close()
            self._addresses.append(self._addresses.pop(0))
            if isinstance(body, _Upload):
                body.seek(0)
        if said is not None:
            raise said
        where = problems[0].partition(": ")[2] if len(problems) == 1 else "; ".join(problems)
        raise Unreachable(
            f"cannot reach the controller at {', '.join(self._addresses)}",
            why=where,
            fix="start one on this machine with `coordinator up`, or use another one: "
            "coordinator login URL --token-file FILE",
        )

    def _send_to(
        self, address: str, method: str, path: str, body: Any, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        started_s = time.monotonic()
        connection = self._connected(address)
        given = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            with self._patience(address):
                connection.request(method, API + path, body, {**given, **headers})
                response = connection.getresponse()
        except (OSError, http.client.HTTPException) as problem:
            self.close()
            if method == "GET":
                raise _NotReached(_why(problem)) from problem
            raise UnknownOutcome(
                "the controller did not answer",
                why=f"{address}: {_why(problem)}",
                fix="it may have been done or not: look with `coordinator history`, then try again if needed",
            ) from problem
        self._used_s = time.monotonic()
        self._trace(f"{method} {address}{API}{path} {response.status} {(self._used_s - started_s) * 1000:.0f} ms")
        return response

    @contextmanager
    def _patience(self, address: str) -> Iterator[None]:
        """Tell the person what we wait for, if it takes longer than a moment."""
        if self._waiting is None:
            yield
            return
        import threading

        timer = threading.Timer(MOMENT_S, self._waiting, [f"Waiting for the answer of {address}"])
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _connected(self, address: str) -> http.client.HTTPConnection:
        """Return the connection of before if it is surely still there, else a new one."""
        idle_s = time.monotonic() - self._used_s
        if self._connection is not None and self._connection.sock is not None and idle_s < IDLE_S_MAX:
            return self._connection
        self.close()
        url = urlsplit(address)
        host = url.hostname or ""
        try:
            if url.scheme == "https":
                context = ssl.create_default_context(cafile=self.ca)
                connection = http.client.HTTPSConnection(host, url.port or 443, timeout=CONNECT_S, context=context)
            else:
                connection = http.client.HTTPConnection(host, url.port or 80, timeout=CONNECT_S)
            connection.blocksize = BLOCK_BYTES
            connection.connect()
        except (OSError, http.client.HTTPException) as problem:
            raise _NotReached(_why(problem)) from problem
        connection.sock.settimeout(ANSWER_S)
        self._connection = connection
        return connection

    def _error(self, response: http.client.HTTPResponse) -> CoordinatorError:
        from coordinator.wire import error_from_json

        text = response.read()
        try:
            body: Any = json.loads(text)
        except ValueError:
            body = text.decode(errors="replace")
        error = error_from_json(body, response.status)
        if isinstance(error, BadRequest):
            # Wrong usage is what we can tell from the command line alone; this took a look at the model.
            return Refused(error.what, why=error.why, fix=error.fix)
        return error


class _NotReached(Exception):
    """Nothing was changed at this address; another one may be tried."""


class _Upload(io.BytesIO):
    """A body that tells how far it was read."""

    def __init__(self, data: bytes, progress: Callable[[int], None]) -> None:
        super().__init__(data)
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        self._progress(self.tell())
        return block


def check_address(text: str) -> str:
    """Return the address of a controller without what a person may leave at its end.

    Raises:
        BadRequest: it is no http or https URL.
    """
    url = urlsplit(text.strip())
    try:
        fits = url.scheme in ("http", "https") and url.hostname and (url.port is None or url.port > 0)
    except ValueError:
        fits = False
    if not fits:
        raise BadRequest(
            f'"{text}" is not the address of a controller', fix="write it like http://127.0.0.1:17070"
        )
    return f"{url.scheme}://{url.netloc}"


def _path(names: Sequence[str], query: Mapping[str, Any] | None = None) -> str:
    path = "".join("/" + quote(name, safe="") for name in names)
    given = {key: str(value).lower() if isinstance(value, bool) else value for key, value in (query or {}).items()}
    text = urlencode({key: value for key, value in given.items() if value not in ("false", [])}, doseq=True)
    return f"{path}?{text}" if text else path


def _why(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({problem.verify_message}); `login --ca FILE` names its authority"
    if isinstance(problem, TimeoutError):
        return "no answer in time"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror.lower()
    return str(problem) or type(problem).__name__
