"""The format in which files go to and come from Pebble: multipart forms, read and written piece by piece."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TextIO

from .errors import PathError, ProtocolError

if TYPE_CHECKING:
    from .http import Transport

_PIECE_BYTES = 64 * 1024
_HEAD_BYTES_MAX = 64 * 1024


def raise_path_error(answer: Mapping[str, Any], path: str) -> None:
    """Raise what the server says about *path* in its answer to a request about files.

    Raises:
        PathError: the server could not do it.
        ProtocolError: the answer does not mention *path*.
    """
    for result in answer.get("result") or ():
        if result.get("path") == path:
            if result.get("error"):
                raise PathError(result["error"].get("kind", "generic-file-error"), result["error"]["message"])
            return
    raise ProtocolError(f"the answer does not mention {path!r}")


def pull(http: Transport, path: str, encoding: str | None) -> BinaryIO | TextIO:
    """Fetch a file completely and return it open.  See `Client.pull`."""
    import tempfile

    from .http import check_content_type

    query = {"action": "read", "path": path}
    content = tempfile.TemporaryFile()  # noqa: SIM115  (handed to the caller)
    answer = None
    try:
        with http.request_raw("GET", "/v1/files", query, {"Accept": "multipart/form-data"}) as response:
            boundary = check_content_type(response, "multipart/form-data").get("boundary", "")
            for name, pieces in read_form(response, boundary):
                if name == "response":
                    answer = json.loads(b"".join(pieces))
                    continue
                for piece in pieces:
                    content.write(piece)
        if answer is None:
            raise ProtocolError('the answer has no part "response"')
        raise_path_error(answer, path)
    except BaseException:
        content.close()
        raise
    content.seek(0)
    if encoding is None:
        return content  # type: ignore[return-value]
    return io.TextIOWrapper(content, encoding=encoding, newline="")


def push(
    http: Transport,
    path: str,
    source: str | bytes | TextIO | BinaryIO,
    encoding: str,
    options: Mapping[str, Any],
) -> None:
    """Write a file.  *options* are those of the server; see `Client.push`."""
    from .http import read_json

    stream: IO[Any]
    if isinstance(source, str):
        stream = io.StringIO(source)
    elif isinstance(source, bytes):
        stream = io.BytesIO(source)
    else:
        stream = source
    request = {"action": "write", "files": [{"path": path, **options}]}
    content_type, body = write_form(request, path, stream, encoding)
    headers = {"Accept": "application/json", "Content-Type": content_type}
    with http.request_raw("POST", "/v1/files", None, headers, body) as response:
        raise_path_error(read_json(response), path)


def write_form(
    request: Mapping[str, Any], path: str, source: IO[Any], encoding: str
) -> tuple[str, Iterator[bytes]]:
    """Return content type and body of a form that has *request* as JSON and then the file."""
    boundary = os.urandom(16).hex()

    def body() -> Iterator[bytes]:
        yield (
            f"--{boundary}\r\n"
            "Content-Type: application/json\r\n"
            'Content-Disposition: form-data; name="request"\r\n\r\n'
            f"{json.dumps(request)}\r\n"
            f"--{boundary}\r\n"
            "Content-Type: application/octet-stream\r\n"
            f'Content-Disposition: form-data; name="files"; filename="{_quoted(path)}"\r\n\r\n'
        ).encode()
        while piece := source.read(_PIECE_BYTES):
            yield piece.encode(encoding) if isinstance(piece, str) else piece
        yield f"\r\n--{boundary}--\r\n".encode()

    return f'multipart/form-data; boundary="{boundary}"', body()


def _quoted(path: str) -> str:
    return path.replace("\\", "\\\\").replace('"', '\\"')


def read_form(stream: IO[bytes], boundary: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield name and content of each part of a form; each content has to be used up before the next part.

    Raises:
        ProtocolError: *stream* is no such form.
    """
    reader = _Reader(stream, boundary)
    reader.skip_to_first()
    while not reader.at_end():
        yield _part_name(reader.head()), reader.content()


def _part_name(head: bytes) -> str:
    from email.parser import BytesHeaderParser

    name = BytesHeaderParser().parsebytes(head).get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise ProtocolError("a part of the answer has no name")
    return name


class _Reader:
    """Walks through a form without holding more than a piece of it."""

    def __init__(self, stream: IO[bytes], boundary: str):
        self._stream = stream
        self._mark = f"\r\n--{boundary}".encode()
        # The first mark may be at the very beginning, without the end of a line before it.
        self._buffer = b"\r\n"

    def _more(self) -> None:
        piece = self._stream.read(_PIECE_BYTES)
        if not piece:
            raise ProtocolError("the answer ends in the middle of a form")
        self._buffer += piece

    def skip_to_first(self) -> None:
        for _ in self.content():
            pass

    def at_end(self) -> bool:
        """Return whether the mark that was just read is the last one; else step over the end of its line."""
        while len(self._buffer) < 2:
            self._more()
        if self._buffer.startswith(b"--"):
            return True
        if not self._buffer.startswith(b"\r\n"):
            raise ProtocolError("the answer has something else after the boundary of a form")
        self._buffer = self._buffer[2:]
        return False

    def head(self) -> bytes:
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > _HEAD_BYTES_MAX:
                raise ProtocolError("a part of the answer has a head without end")
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    def content(self) -> Iterator[bytes]:
        """Yield everything up to the next mark, and step over the mark."""
        while True:
            position = self._buffer.find(self._mark)
            if position >= 0:
                if position:
                    yield self._buffer[:position]
                self._buffer = self._buffer[position + len(self._mark) :]
                return
            # The end of what is there may be the beginning of a mark.
            safe = len(self._buffer) - len(self._mark) + 1
            if safe > 0:
                yield self._buffer[:safe]
                self._buffer = self._buffer[safe:]
            self._more()
