"""The socket between hook commands and engine/tools: one call in, one answer out.

Role: one server per worker, with a context for each hook that runs.  Calls of one context happen one after the
other and their effects add up; a context that is closed answers nobody any more.
Not here: what the commands mean (engine/tools/), the other end of the socket and the protocol (toolclient.py),
the commands in the search path (toolfiles.py).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from coordinator.engine.effects import Effects
from coordinator.engine.tools import STDIN, Answer, Call, HookContext, LogLine, answer, needs
from coordinator.errors import CoordinatorError, NotFound, Refused
from coordinator.worker.toolclient import LENGTH_BYTES, pack, unpack

# Limits of one call.  A charm that meets one gets an error it can read, not a hang.
INPUT_BYTES_MAX = 4 * 1024 * 1024  # a full relation bag, with every letter escaped
FRAME_BYTES_MAX = 8 * 1024 * 1024  # an input and all the arguments that the system lets a process have
CLIENT_S_MAX = 30.0  # to send a call, and again to take its answer; reading inputs is outside of it
CLIENTS_MAX = 64  # at once; more wait to be accepted
SCRIPTS_MAX = 16  # of those; a script may wait for a hook, and hooks need clients to go on
ADDRESS_BYTES_MAX = 107  # of the path of a Unix socket on Linux

Fields = list[bytes]


def no_resource(name: str, filename: str, sha256: str) -> Path:
    raise NotFound(f'resource "{name}" not found', why="there are no files here")


RunScript = Callable[[Sequence[str], str], tuple[int, bytes, bytes]]


def _no_scripts(argv: Sequence[str], model: str) -> tuple[int, bytes, bytes]:
    return 1, b"", b"ERROR scripts are not taken here\n"


class ToolContext:
    """One hook's context while it is open; made by ToolServer.open."""

    def __init__(
        self,
        server: ToolServer,
        context: HookContext,
        on_logs: Callable[[Sequence[LogLine]], None],
        on_effects: Callable[[Effects], None],
        resource: Callable[[str, str, str], Path],
    ) -> None:
        hook = context.hook.name if context.hook is not None else "exec"
        self.id = f"{context.world.unit}-{hook}-{secrets.token_hex(16)}"
        self._server, self._context = server, context
        self._on_logs, self._on_effects, self._resource = on_logs, on_effects, resource
        # Re-entrant: a callback may close the context of the very call it is told of (a reboot at once).
        self._lock = threading.RLock()
        self._open = True
        self.before_command: Callable[[], None] = lambda: None
        """Called before a command that comes over the socket is carried out."""

    @property
    def context(self) -> HookContext:
        """What the hook sees at this moment."""
        return self._context

    @property
    def effects(self) -> Effects:
        """What the hook has asked for so far."""
        return self._context.effects

    def call(self, call: Call) -> Answer | None:
        """Carry out one call, after any other that is under way; None when the context is closed."""
        with self._lock:
            if not self._open:
                return None
            before = self._context
            result = answer(before, call)
            if result.resource is not None:
                return self._with_path(result, *result.resource)
            self._context = before.with_effects(result.effects)
            try:
                if result.logs:
                    self._on_logs(result.logs)
                if result.effects is not before.effects:
                    self._on_effects(result.effects)
            except Exception as error:  # the charm is told; the server goes on for the other hooks
                self._context = before
                text = f"ERROR cannot carry out {call.name}: {error!r}\n"
                return Answer(exit_code=1, stderr=text.encode("utf-8", "replace"), effects=before.effects)
            return result

    def _with_path(self, result: Answer, name: str, filename: str, sha256: str) -> Answer:
        """Return the answer with the path of a resource, which is there then; charms expect no line end."""
        try:
            return replace(result, stdout=str(self._resource(name, filename, sha256)).encode())
        except (CoordinatorError, OSError) as error:  # not there, or no place for it
            text = f"ERROR could not download resource: {error}\n"
            return replace(result, exit_code=1, stderr=text.encode("utf-8", "replace"))

    def close(self) -> Effects:
        """End the context, after a call that is under way, and return its effects.  May be called twice."""
        with self._lock:
            self._open = False
        self._server.forget(self)
        return self._context.effects

    def __enter__(self) -> ToolContext:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ToolServer:
    """Answers hook commands on a Unix socket that only this user can reach.

    *path* is where the socket shall be; without one it is made in a new private directory, which goes with
    `close`.  A socket left there by a dead worker is replaced.

    Raises:
        Refused: the path is too long for a socket.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._own_directory: Path | None = None
        if path is None:
            self._own_directory = Path(tempfile.mkdtemp(prefix="coordinator-"))
            path = self._own_directory / "tools.socket"
        self._path = path
        self._contexts: dict[str, ToolContext] = {}
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(CLIENTS_MAX)
        self._closed = threading.Event()
        self._scripts_free = threading.BoundedSemaphore(SCRIPTS_MAX)
        self.run_script: RunScript = _no_scripts
        """Called for `juju-exec` with its arguments, and the model of its caller if that says one; waits for the
        end; gives exit code, stdout, stderr."""
        self._listener = self._listen()
        self._acceptor = threading.Thread(target=self._accept, name="tool-server", daemon=True)
        self._acceptor.start()

    @property
    def address(self) -> str:
        """What hooks get as JUJU_AGENT_SOCKET_ADDRESS."""
        return str(self._path)

    def open(
        self,
        context: HookContext,
        *,
        on_logs: Callable[[Sequence[LogLine]], None] = lambda lines: None,
        on_effects: Callable[[Effects], None] = lambda effects: None,
        resource: Callable[[str, str, str], Path] = no_resource,
    ) -> ToolContext:
        """Start to answer the commands of one hook.

        *on_logs* gets log lines at once, *on_effects* all effects so far after each call that changed them; both
        are called in the order of the calls, from threads of the server, while the charm waits.  When one of
        them raises, the command fails and its effects are dropped.  *resource* returns the path of a resource:
        name, file name, hash.
        """
        opened = ToolContext(self, context, on_logs, on_effects, resource)
        with self._lock:
            self._contexts[opened.id] = opened
        return opened

    def forget(self, context: ToolContext) -> None:
        with self._lock:
            self._contexts.pop(context.id, None)

    def close(self) -> None:
        """End every context, cut off every client, and remove the socket.  May be called twice."""
        self._closed.set()
        with contextlib.suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes up the acceptor, which close() alone does not
        for context in list(self._contexts.values()):
            context.close()
        self._cut_off()
        self._join(self._acceptor)
        for thread in self._cut_off():  # nobody new comes in any more
            self._join(thread)
        self._listener.close()
        self._path.unlink(missing_ok=True)
        if self._own_directory is not None:
            shutil.rmtree(self._own_directory, ignore_errors=True)

    def _cut_off(self) -> list[threading.Thread]:
        """Cut off the clients of this moment, and return the threads that serve them."""
        with self._lock:
            clients = dict(self._clients)
        for client in clients:
            with contextlib.suppress(OSError):  # gone by itself
                client.shutdown(socket.SHUT_RDWR)
        return list(clients.values())

    @staticmethod
    def _join(thread: threading.Thread) -> None:
        if thread is not threading.current_thread():  # a callback may be what closes us
            thread.join()

    def __enter__(self) -> ToolServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the socket --------------------------------------------------------------------------------------

    def _listen(self) -> socket.socket:
        size = len(os.fsencode(self._path))
        if size > ADDRESS_BYTES_MAX:
            raise Refused(
                f"cannot answer hook commands at {self._path}",
                why=f"the path of a socket has at most {ADDRESS_BYTES_MAX} bytes, this one has {size}",
                fix="choose a data directory with a shorter path",
            )
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(self.address)
            self._path.chmod(0o600)
            listener.listen(CLIENTS_MAX)
        except BaseException:
            listener.close()
            raise
        return listener

    def _accept(self) -> None:
        while not self._closed.is_set():
            self._free.acquire()
            try:
                client, _ = self._listener.accept()
            except OSError:
                self._free.release()
                # Closed, and the loop ends; or out of file descriptors, and there may be some soon.
                self._closed.wait(0.1)
                continue
            thread = threading.Thread(target=self._serve, args=(client,), name="tool-call", daemon=True)
            with self._lock:
                self._clients[client] = thread
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client:
                reply = self._reply(client)
                client.settimeout(CLIENT_S_MAX)
                client.sendall(pack(reply))
        except OSError:
            pass  # the client is gone, or too slow; there is nobody to tell
        finally:
            with self._lock:
                del self._clients[client]
            self._free.release()

    def _reply(self, client: socket.socket) -> Fields:
        """Return the answer to the one request of *client*, whatever it is.

        Raises:
            OSError: the request did not arrive whole, or not in time.
        """
        until_s = time.monotonic() + CLIENT_S_MAX
        size = int.from_bytes(_receive(client, LENGTH_BYTES, until_s), "big")
        if size > FRAME_BYTES_MAX:
            return _error(f"the call has {size} bytes, the limit is {FRAME_BYTES_MAX}")
        try:
            fields = unpack(_receive(client, size, until_s))
            if fields[:1] == [b"exec"]:
                return self._script(fields)
            context_id, call, given = _parse(fields)
        except ValueError as cause:
            return _error(f"the call cannot be understood: {cause}")
        with self._lock:
            context = self._contexts.get(context_id)
        if context is None:
            return _error(f'wrong context ID; got "{context_id}"')
        missing = [name for name in needs(call.name, call.argv) if name not in given]
        if missing:
            return [b"needs", str(INPUT_BYTES_MAX).encode(), *map(_bytes, missing)]
        if any(len(content) > INPUT_BYTES_MAX for content in given.values()):
            return _error(f"an input has more than {INPUT_BYTES_MAX} bytes, the limit")
        context.before_command()
        result = context.call(call)
        if result is None:  # closed while this call waited for its turn
            return _error(f'wrong context ID; got "{context_id}"')
        fields = [b"answer", str(result.exit_code).encode(), result.stdout, result.stderr]
        return fields if result.out_file is None else [*fields, _bytes(result.out_file)]

    def _script(self, fields: Fields) -> Fields:
        if len(fields) < 2:
            raise ValueError("it does not say its model")
        if not self._scripts_free.acquire(blocking=False):
            return _error(f"{SCRIPTS_MAX} scripts wait already, the limit; try again later")
        try:
            code, stdout, stderr = self.run_script([_text(field) for field in fields[2:]], _text(fields[1]))
        finally:
            self._scripts_free.release()
        return [b"answer", str(code).encode(), stdout, stderr]


def _receive(client: socket.socket, count: int, until_s: float) -> bytes:
    """Return exactly *count* bytes.

    Raises:
        OSError: they did not come until *until_s* (monotonic), or the client went away.
    """
    content = bytearray()
    while len(content) < count:
        client.settimeout(max(until_s - time.monotonic(), 0.001))
        part = client.recv(min(count - len(content), 1 << 20))
        if not part:
            raise ConnectionError("the client went away in the middle of a call")
        content += part
    return bytes(content)


def _parse(fields: Fields) -> tuple[str, Call, dict[str, bytes]]:
    """Return the context id, the call, and the inputs that came with it, by name.

    Raises:
        ValueError: it is not a request.
    """
    if len(fields) < 4 or fields[0] != b"call":
        raise ValueError("it is not a call")
    context_id, name = fields[1].decode("utf-8", "replace"), _text(fields[2])
    count = int(fields[3])
    argv, inputs = fields[4 : 4 + count], fields[4 + count :]
    if count != len(argv) or len(inputs) % 2:
        raise ValueError("its arguments do not fit their count")
    given = {_text(key): content for key, content in zip(inputs[::2], inputs[1::2], strict=True)}
    files = {key: content for key, content in given.items() if key != STDIN}
    call = Call(name=name, argv=tuple(map(_text, argv)), stdin=given.get(STDIN), files=files)
    return context_id, call, given


def _text(field: bytes) -> str:
    """Return a field as text from which its bytes can be made again, whatever the locale of the worker."""
    return field.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _error(text: str) -> Fields:
    return [b"answer", b"1", b"", f"ERROR {text}\n".encode("utf-8", "replace")]
