"""The client's side of a websocket (RFC 6455) over a Unix socket.

Role: as much of the protocol as exec needs: whole messages in both directions, and no extensions.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import socket
import struct
import threading

from .errors import ConnectionError, ProtocolError

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_FINAL, _MASKED = 0x80, 0x80

# RFC 6455, section 1.3: proves that the server has understood what it is asked for.
_MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

_HANDSHAKE_BYTES_MAX = 64 * 1024  # an HTTP answer without body is far smaller
_RECEIVE_BYTES = 64 * 1024


class Closed(Exception):
    """The other side, or this one, has closed the connection."""


class WebSocket:
    """One connection.  Sending and receiving may happen in different threads."""

    def __init__(self, sock: socket.socket):
        self._socket = sock
        self._received = bytearray()
        self._send_lock = threading.Lock()
        self._open = True

    @classmethod
    def connect(cls, socket_path: str, path: str, timeout: float) -> WebSocket:
        """Open a connection to *path* of the server on *socket_path*; it has no timeout afterwards.

        Raises:
            ConnectionError: the server does not answer, or refuses.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout)
            sock.connect(socket_path)
            self = cls(sock)
            self._shake_hands(path)
            sock.settimeout(None)
        except (OSError, Closed) as error:
            sock.close()
            raise ConnectionError(f"cannot open websocket {path}: {error}") from error
        except BaseException:
            sock.close()
            raise
        return self

    def _shake_hands(self, path: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self._socket.sendall(request.encode())
        while b"\r\n\r\n" not in self._received:
            if len(self._received) > _HANDSHAKE_BYTES_MAX:
                raise ProtocolError(f"the answer to opening websocket {path} does not end")
            self._receive_more()
        head, _, rest = bytes(self._received).partition(b"\r\n\r\n")
        self._received = bytearray(rest)
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        expected = base64.b64encode(hashlib.sha1((key + _MAGIC).encode()).digest()).decode()
        if " 101 " not in f"{status} " or headers.get("sec-websocket-accept") != expected:
            raise ConnectionError(f"cannot open websocket {path}: the server answered {status!r}")

    # --- sending ---

    def send(self, text: str) -> None:
        """Send a message of text."""
        self._send_frame(_TEXT, text.encode())

    def send_binary(self, data: bytes) -> None:
        """Send a message of bytes."""
        self._send_frame(_BINARY, data)

    def _send_frame(self, kind: int, data: bytes) -> None:
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", _FINAL | kind, _MASKED | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", _FINAL | kind, _MASKED | 126, size)
        else:
            head = struct.pack("!BBQ", _FINAL | kind, _MASKED | 127, size)
        mask = os.urandom(4)
        try:
            with self._send_lock:
                self._socket.sendall(head + mask + _masked(data, mask))
        except OSError as error:
            raise Closed(str(error)) from error

    # --- receiving ---

    def recv(self) -> str | bytes:
        """Wait for a message and return it: str for text, bytes for others.

        Raises:
            Closed: there will be no more.
        """
        message, message_kind = bytearray(), 0
        while True:
            final, kind, data = self._receive_frame()
            if kind == _PING:
                # Who does not take the answer any more may have sent messages before it left.
                with contextlib.suppress(Closed):
                    self._send_frame(_PONG, data)
            elif kind == _CLOSE:
                raise Closed("the other side has closed the connection")
            elif kind != _PONG:
                message_kind = kind or message_kind
                message += data
                if final:
                    return message.decode() if message_kind == _TEXT else bytes(message)

    def _receive_frame(self) -> tuple[bool, int, bytes]:
        first, second = self._take(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        mask = self._take(4) if second & _MASKED else b""
        data = self._take(size)
        return bool(first & _FINAL), first & 0x0F, _masked(data, mask) if mask else data

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            self._receive_more()
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _receive_more(self) -> None:
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise Closed(str(error)) from error
        if not data:
            raise Closed("the connection has ended")
        self._received += data

    def shutdown(self) -> None:
        """Close the connection; a thread that waits for a message is woken."""
        if not self._open:
            return
        self._open = False
        with contextlib.suppress(OSError):  # the other side was quicker
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _masked(data: bytes, mask: bytes) -> bytes:
    """Return *data* with *mask* laid over it again and again; doing it twice undoes it."""
    size = len(data)
    pattern = mask * (size // 4 + 1)
    both = int.from_bytes(data, "big") ^ int.from_bytes(pattern[:size], "big")
    return both.to_bytes(size, "big")
