"""HTTP over a Unix socket: one request at a time, JSON in and out."""

from __future__ import annotations

import builtins
import http.client
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import APIError, ConnectionError, ProtocolError, TimeoutError


class _UnixSocketConnection(http.client.HTTPConnection):
    def __init__(self, host: str, socket_path: str, timeout: Any):
        super().__init__(host, timeout=timeout)
        self.socket_path = socket_path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if isinstance(self.timeout, (int, float)):
            self.sock.settimeout(self.timeout)
        self.sock.connect(self.socket_path)


class _UnixSocketHandler(urllib.request.AbstractHTTPHandler):
    def __init__(self, socket_path: str):
        super().__init__()
        self.socket_path = socket_path

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_UnixSocketConnection, request, socket_path=self.socket_path)  # type: ignore[arg-type]

    http_request = urllib.request.AbstractHTTPHandler.do_request_


def unix_socket_opener(socket_path: str) -> urllib.request.OpenerDirector:
    """Return an opener of which all requests go to the server on *socket_path*."""
    opener = urllib.request.OpenerDirector()
    opener.add_handler(_UnixSocketHandler(socket_path))
    opener.add_handler(urllib.request.HTTPDefaultErrorHandler())
    opener.add_handler(urllib.request.HTTPErrorProcessor())
    return opener


class Transport:
    """Sends requests and reads answers.

    Args:
        socket_path: where the server listens.
        opener: opens requests; None for one that uses *socket_path*.
        base_url: what comes before the path of a request.
        timeout: seconds that the server may be silent.
    """

    def __init__(
        self,
        socket_path: str,
        opener: urllib.request.OpenerDirector | None,
        base_url: str,
        timeout: float,
    ):
        self.socket_path = socket_path
        self.opener = unix_socket_opener(socket_path) if opener is None else opener
        self.base_url = base_url
        self.timeout = timeout

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send a request with a JSON body, if any, and return the JSON answer.

        Raises:
            APIError: the server refused.
            ConnectionError: it cannot be reached.
            ProtocolError: its answer is no JSON.
            TimeoutError: it was silent for too long.
        """
        headers = {"Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        with self.request_raw(method, path, query, headers, data) as response:
            try:
                return read_json(response)
            except (OSError, http.client.HTTPException) as error:
                raise self._unreachable(error) from error

    def request_raw(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | Iterable[bytes] | None = None,
    ) -> Any:
        """Send a request and return the open answer.  Raises as `request` does."""
        url = self.base_url + path
        if query:
            url = f"{url}?{urllib.parse.urlencode(query, doseq=True)}"
        request = urllib.request.Request(url, method=method, data=data, headers=dict(headers or {}))  # type: ignore[arg-type]
        try:
            return self.opener.open(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            raise _api_error(error) from None
        except urllib.error.URLError as error:
            raise self._unreachable(error.reason) from error
        except builtins.TimeoutError as error:
            raise TimeoutError(f"Pebble did not answer within {self.timeout} seconds") from error
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, reason: object) -> Exception:
        if isinstance(reason, socket.timeout):
            return TimeoutError(f"Pebble did not answer within {self.timeout} seconds")
        if isinstance(reason, FileNotFoundError):
            return ConnectionError(
                f"could not connect to Pebble: socket not found at {self.socket_path!r} "
                "(container restarted or not yet started?)"
            )
        return ConnectionError(f"could not connect to Pebble: {reason}")


def _api_error(error: urllib.error.HTTPError) -> APIError:
    with error:
        try:
            body = json.loads(error.read())
            message = body["result"]["message"]
        except (OSError, ValueError, KeyError, TypeError):
            body, message = {}, f"{error.code} {error.reason}"
    return APIError(body, error.code, error.reason, message)


def read_json(response: Any) -> dict[str, Any]:
    """Return the JSON that *response* has.

    Raises:
        ProtocolError: it has something else.
    """
    check_content_type(response, "application/json")
    try:
        return json.loads(response.read())
    except ValueError as error:
        raise ProtocolError(f"the answer is no JSON: {error}") from error


def check_content_type(response: Any, expected: str) -> Mapping[str, str]:
    """Check that *response* is of the type *expected*; return the parameters of its content type.

    Raises:
        ProtocolError: it is of another type.
    """
    headers = response.headers
    kind = headers.get_content_type()
    if kind != expected:
        raise ProtocolError(f"expected Content-Type {expected!r}, got {kind!r}")
    return dict(headers.get_params(failobj=[]))
