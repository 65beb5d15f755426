"""A pretend Pebble on a Unix socket: answers by table, and a websocket for each stream of a program."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import socketserver
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

STARTED = "2026-01-02T03:04:05Z"


def change(id: str = "1", err: str | None = None, exit_code: int | None = None, **more: Any) -> dict[str, Any]:
    """Return a change that has ended, as Pebble tells it."""
    task = {
        "id": "t1",
        "kind": "exec",
        "summary": "s",
        "status": "Done",
        "progress": {"label": "", "done": 1, "total": 1},
        "spawn-time": STARTED,
        **({} if exit_code is None else {"data": {"exit-code": exit_code}}),
    }
    return {
        "id": id,
        "kind": "exec",
        "summary": "s",
        "status": "Error" if err else "Done",
        "ready": True,
        "tasks": [task],
        "spawn-time": STARTED,
        **({"err": err} if err else {}),
        **more,
    }


class Pebble:
    """Answers requests with ``answers["GET /v1/plan"]``, and remembers them in `requests`.

    An answer is the result, a tuple of HTTP status and result, or a function of query and body that returns
    one of these.  ``streams`` has a function for each websocket's name: it gets the connection.
    """

    def __init__(self, socket_path: str) -> None:
        self.socket_path = socket_path
        self.answers: dict[str, Any] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.streams: dict[str, Callable[[Stream], None]] = {}


class Stream:
    """The server's side of a websocket."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self._reader, self._writer = reader, writer

    def send(self, data: str | bytes) -> None:
        kind, body = (1, data.encode()) if isinstance(data, str) else (2, data)
        size = len(body)
        head = struct.pack("!BB", 0x80 | kind, size) if size < 126 else struct.pack("!BBQ", 0x80 | kind, 127, size)
        self._writer.write(head + body)
        self._writer.flush()

    def end(self) -> None:
        self.send('{"command": "end"}')

    def ping(self) -> None:
        self._writer.write(b"\x89\x00")
        self._writer.flush()

    def receive(self) -> str | bytes | None:
        """Return the next message, or None if there are no more."""
        head = self._reader.read(2)
        if len(head) < 2:
            return None
        kind, size = head[0] & 15, head[1] & 127
        if size == 126:
            (size,) = struct.unpack("!H", self._reader.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._reader.read(8))
        mask = self._reader.read(4)
        data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(self._reader.read(size)))
        if kind == 10:  # a pong is no message
            return self.receive()
        return data.decode() if kind == 1 else data

    def receive_all(self) -> bytes:
        """Return everything up to the message that ends the input."""
        received = b""
        while isinstance(message := self.receive(), bytes):
            received += message
        return received


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pebble: Pebble

    def log_message(self, format: str, *args: Any) -> None:
        """Be silent."""

    def address_string(self) -> str:
        return "unix"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade") == "websocket":
            self._serve_stream()
        else:
            self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _body(self) -> Any:
        if self.headers.get("Transfer-Encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return json.loads(body) if body else None

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        body = self._body()
        self.pebble.requests.append((f"{self.command} {path}", query, body))
        answer = self.pebble.answers.get(f"{self.command} {path}", (404, {"message": f"nothing at {path}"}))
        if callable(answer):
            answer = answer(query, body)
        if isinstance(answer, bytes):
            self._send(200, 'multipart/form-data; boundary="BOUNDARY"', answer)
            return
        code, result = answer if isinstance(answer, tuple) else (200, answer)
        envelope = result if isinstance(result, dict) and "change" in result else {"result": result}
        self._send(code, "application/json", json.dumps(envelope).encode())

    def _send(self, code: int, content_type: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _serve_stream(self) -> None:
        name = self.path.rpartition("/")[2]
        serve = self.pebble.streams.get(name)
        if serve is None:
            self._send(404, "application/json", b'{"result": {"message": "no such stream"}}')
            return
        magic = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode()
        head = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        self.wfile.write(head.encode())
        self.wfile.flush()
        with contextlib.suppress(OSError):
            serve(Stream(self.rfile, self.wfile))
        self.close_connection = True


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def pretend_pebble() -> Iterator[Pebble]:
    """Run a pretend Pebble while the block runs."""
    # Not below pytest's directory: a socket's path must be shorter than those often are.
    with tempfile.TemporaryDirectory(prefix="pebble-") as directory:
        pebble = Pebble(os.path.join(directory, "socket"))
        handler = type("Handler", (_Handler,), {"pebble": pebble})
        with _Server(str(pathlib.Path(pebble.socket_path)), handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield pebble
            finally:
                server.shutdown()
                thread.join()
