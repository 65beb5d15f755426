"""The client against small servers of our own: addresses, errors, connections, and what is never sent twice."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from coordinator.cli import client as client_module
from coordinator.cli.client import Client, check_address
from coordinator.errors import BadRequest, Denied, NotFound, Refused, Unavailable, UnknownOutcome
from coordinator.wire import AddModel, Integrate


class Server:
    """Answers every request with what `answer` returns, and remembers what it was asked."""

    def __init__(
        self, answer: Callable[[str, str], tuple[int, Any] | None], tls: ssl.SSLContext | None = None
    ) -> None:
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                outer.connections += 1
                super().setup()

            def do_GET(self) -> None:
                outer.asked.append(f"{self.command} {self.path}")
                outer.headers.append(dict(self.headers))
                outer.bodies.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
                told = answer(self.command, self.path)
                if told is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                status, body = told
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_PATCH = do_DELETE = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*given: Any) -> Server:
        servers.append(Server(*given))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address where nobody listens: the port is taken, so that nobody else gets it meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def said(kind: str, **more: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "what": "it did not happen", "why": "because", "fix": "so", **more}}


def test_a_request_carries_the_token_and_names_safely(serve):
    server = serve(lambda method, path: (200, {"applications": {}}))

    Client([server.url], "admin.x").status("demo", ["web/*", "a&b"])

    assert server.asked == ["GET /v1/models/demo/status?select=web%2F%2A&select=a%26b"]
    assert server.headers[0]["Authorization"] == "Bearer admin.x"


def test_a_body_is_json_and_false_flags_are_not_sent(serve):
    server = serve(lambda method, path: (200, {}))
    client = Client([server.url])

    client.add_model(AddModel(name="demo"))
    client.destroy_model("demo", force=True)

    assert json.loads(server.bodies[0]) == {"name": "demo", "settings": {}}
    assert server.asked == ["POST /v1/models", "DELETE /v1/models/demo?force=true"]
    assert "Authorization" not in server.headers[0]


def test_one_connection_serves_all_requests_unless_it_was_idle(serve, monkeypatch):
    server = serve(lambda method, path: (200, {}))
    client = Client([server.url])
    for _ in range(3):
        client.version()
    assert server.connections == 1

    monkeypatch.setattr(client_module, "IDLE_S_MAX", 0)
    client.version()
    assert server.connections == 2


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (404, "not-found", NotFound),
        (409, "refused", Refused),
        (403, "denied", Denied),
        (503, "unavailable", Unavailable),
        (504, "unknown-outcome", UnknownOutcome),
    ],
)
def test_an_error_arrives_as_what_it_was(status, kind, expected, serve):
    server = serve(lambda method, path: (status, said(kind)))

    with pytest.raises(expected) as error:
        Client([server.url]).version()
    assert type(error.value) is expected
    assert (error.value.what, error.value.why, error.value.fix) == ("it did not happen", "because", "so")


def test_what_the_controller_finds_malformed_is_no_wrong_usage(serve):
    server = serve(lambda method, path: (400, said("bad-request")))

    with pytest.raises(Refused) as error:
        Client([server.url]).version()
    assert not isinstance(error.value, BadRequest)


def test_an_answer_that_is_not_ours_is_no_traceback(serve):
    strange = serve(lambda method, path: (502, b"<html>proxy"))
    with pytest.raises(Unavailable, match="status 502"):
        Client([strange.url]).version()

    page = serve(lambda method, path: (200, b"<html>"))
    with pytest.raises(Unavailable, match="cannot read the answer of http://127"):
        Client([page.url]).version()


def test_nobody_there_says_where_why_and_what_to_do(nobody):
    with pytest.raises(Unavailable) as error:
        Client([nobody]).version()

    assert error.value.what == f"cannot reach the controller at {nobody}"
    assert error.value.why == "connection refused"
    assert "coordinator up" in error.value.fix
    assert "coordinator login" in error.value.fix


def test_the_next_address_is_tried_and_kept(nobody, serve):
    server = serve(lambda method, path: (200, {}))
    client = Client([nobody, server.url])

    client.integrate("demo", Integrate(left="a", right="b"))
    client.version()

    assert server.asked == ["POST /v1/models/demo/relations", "GET /v1/version"]
    assert server.connections == 1


def test_a_controller_without_etcd_hands_on_to_the_next(serve):
    cut_off = serve(lambda method, path: (503, said("unavailable")))
    well = serve(lambda method, path: (200, {"sha256": "x"}))

    assert Client([cut_off.url, well.url]).upload_charm(b"zip") == {"sha256": "x"}
    assert cut_off.bodies == well.bodies == [b"zip"]


def test_every_address_that_fails_is_named(nobody, serve):
    broken = serve(lambda method, path: None)

    with pytest.raises(Unavailable) as error:
        Client([nobody, broken.url]).version()
    assert f"{nobody}: connection refused" in error.value.why
    assert f"{broken.url}: " in error.value.why


def test_a_change_without_an_answer_is_not_sent_again(serve):
    broken = serve(lambda method, path: None)
    other = serve(lambda method, path: (200, {}))

    with pytest.raises(UnknownOutcome) as error:
        Client([broken.url, other.url]).integrate("demo", Integrate(left="a", right="b"))
    assert "coordinator history" in error.value.fix
    assert other.asked == []


def test_a_look_without_an_answer_is_taken_elsewhere(serve):
    broken = serve(lambda method, path: None)
    other = serve(lambda method, path: (200, {"version": "3"}))

    assert Client([broken.url, other.url]).version() == {"version": "3"}


def test_uploading_tells_how_far_it_is(serve):
    server = serve(lambda method, path: (200, {"sha256": "x"}))
    seen: list[int] = []
    data = bytes(300_000)

    Client([server.url]).upload_charm(data, seen.append)

    assert server.bodies == [data]
    assert seen == sorted(seen)
    assert seen[-1] == len(data)
    assert len(seen) > 2


def test_log_lines_come_one_by_one_and_empty_ones_are_pauses(serve):
    server = serve(lambda method, path: (200, b'{"at_s": 1}\n\n{"at_s": 2}\n'))
    client = Client([server.url])

    assert list(client.logs("demo", since_s=0.5)) == [{"at_s": 1}, None, {"at_s": 2}]
    assert server.asked == ["GET /v1/models/demo/logs?since=0.5"]
    assert list(client.logs("demo", follow=True)) == [{"at_s": 1}, None, {"at_s": 2}]


def test_a_log_that_breaks_off_in_a_line_says_so(serve):
    server = serve(lambda method, path: (200, b'{"at_s": 1}\n{"at'))

    with pytest.raises(Unavailable, match="the log broke off"):
        list(Client([server.url]).logs("demo"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("http://h:1/", "http://h:1"), (" https://h ", "https://h"), ("http://[::1]:17070", "http://[::1]:17070")],
)
def test_addresses_lose_what_does_not_matter(text, expected):
    assert check_address(text) == expected


@pytest.mark.parametrize("text", ["", "h:17070", "ftp://h", "http://", "http://h:x", "http://h:99999"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(BadRequest, match="is not the address of a controller"):
        check_address(text)


# --- TLS -------------------------------------------------------------------------------------------------


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Return the files of a certificate for 127.0.0.1 that nobody has signed but itself, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "controller")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


def test_a_certificate_is_checked_against_the_authority(serve, tmp_path):
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = serve(lambda method, path: (200, {"version": "3"}), context)

    assert Client([server.url], ca=str(certificate)).version() == {"version": "3"}
    with pytest.raises(Unavailable, match="its certificate is not trusted") as error:
        Client([server.url]).version()
    assert "login --ca FILE" in error.value.why
