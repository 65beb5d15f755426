"""The door: tokens, roles, limits, and TLS, against a real controller."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from ports import own_port
from system import System, running, wait_for

from coordinator.api.auth import hash_token, new_token
from coordinator.clock import RealClock
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.user import EVERYWHERE, User
from coordinator.store.repository import Author, Repository


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with running(workers=0, start=False) as system:
        system.controller.start()
        wait_for(lambda: system.token_file.exists() and _answers(system), "the controller")
        system.add_model()
        yield system


def _answers(system: System) -> bool:
    try:
        return ask(system, "GET", "/health", token=None)[0] == 200
    except OSError:
        return False


def ask(system: System, method: str, path: str, *, token: str | None, body: bytes = b"") -> tuple[int, dict]:
    """Return status and body of one request, sent with *token*."""
    connection = http.client.HTTPConnection("127.0.0.1", system.port, timeout=20)
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    connection.request(method, path, body=body or None, headers={**headers, "Content-Type": "application/json"})
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def make_user(system: System, name: str, **roles: str) -> str:
    """Make a user with *roles* ("everywhere" stands for all models); return their token."""
    token = new_token(name)
    wanted = {EVERYWHERE if model == "everywhere" else model: role for model, role in roles.items()}
    user = User(name=name, token_hash=hash_token(token), created="", roles=wanted)
    repository = Repository(system.store, RealClock())
    change = Change(did="make user", puts={refs.user(name): user})
    repository.transact(lambda: repository.read(refs.user(name)), lambda view: change, Author(name="test"))
    return token


def test_the_token_of_the_first_admin_is_in_a_file_that_only_its_owner_can_read(system):
    assert system.token_file.stat().st_mode & 0o777 == 0o600
    status, told = ask(system, "GET", "/v1/whoami", token=system.token_file.read_text().strip())
    assert (status, told["user"]) == (200, "admin")


@pytest.mark.parametrize("token", [None, "", "admin", "admin.wrong", "nobody.secret", "../admin.x"])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/version", "/v1/machines", "/v1/models/m/status"])
def test_nothing_works_without_a_valid_token(system, token, path):
    status, told = ask(system, "GET", path, token=token)
    assert status == 403
    assert told["error"]["kind"] == "denied"
    assert told["error"]["fix"]


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("read", {"status"}),
        ("write", {"status", "config"}),
        ("admin", {"status", "config", "destroy"}),
    ],
)
def test_a_role_lets_do_what_it_says_and_only_in_its_model(system, role, allowed):
    token = make_user(system, f"user-{role}", m=role, other="admin")
    requests = {
        "status": ("GET", "/v1/models/m/status"),
        "config": ("PATCH", "/v1/models/m/applications/none/config"),
        "destroy": ("DELETE", "/v1/models/m?no_wait=true"),  # refused for its flags, after the check of the role
    }
    for name, (method, path) in requests.items():
        status, told = ask(system, method, path, token=token, body=b"{}" if method == "PATCH" else b"")
        assert (status != 403) == (name in allowed), (name, told)
    assert ask(system, "POST", "/v1/models", token=token, body=b'{"name": "x"}')[0] == 403
    assert ask(system, "GET", "/v1/models/third/status", token=token)[0] == 403


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("read", {"list", "show"}),
        ("write", {"list", "show", "add", "update", "grant", "revoke", "remove"}),
        ("admin", {"list", "show", "add", "update", "grant", "revoke", "remove", "reveal"}),
    ],
)
def test_what_a_secret_holds_is_for_admins_and_changing_it_for_those_who_may_write(system, role, allowed):
    token = make_user(system, f"{role}-of-secrets", m=role)
    share = b'{"secret": "nothing", "applications": ["web"]}'
    requests = {
        "list": ("GET", "/v1/models/m/secrets", b""),
        "show": ("GET", "/v1/models/m/secrets/nothing", b""),
        "reveal": ("GET", "/v1/models/m/secrets/nothing?reveal=true", b""),
        "add": ("POST", "/v1/models/m/secrets", b'{"name": "a", "content": {}}'),
        "update": ("PATCH", "/v1/models/m/secrets/nothing", b"{}"),
        "grant": ("POST", "/v1/models/m/secret-grants", share),
        "revoke": ("POST", "/v1/models/m/secret-revocations", share),
        "remove": ("DELETE", "/v1/models/m/secrets/nothing", b""),
        "reseal": ("POST", "/v1/secret-key", b""),  # for superusers only
    }
    for name, (method, path, body) in requests.items():
        status, told = ask(system, method, path, token=token, body=body)
        assert (status != 403) == (name in allowed), (name, told)


@pytest.mark.parametrize(
    "wanted",
    [
        {"receivers": ["web/0"], "command": "id"},
        {"receivers": ["web/0"], "action": "juju-exec", "parameters": {"command": "id"}},
        {"machines": ["0"], "command": "id"},
    ],
)
def test_commands_are_for_admins_of_the_model_and_actions_for_who_may_write(system, wanted):
    tokens = {role: make_user(system, f"runs-as-{role}", m=role) for role in ("read", "write", "admin")}

    def status(role: str, request: dict) -> tuple[int, str]:
        body = json.dumps(request).encode()
        code, told = ask(system, "POST", "/v1/models/m/operations", token=tokens[role], body=body)
        return code, told["error"]["kind"]

    action = {"receivers": ["web/0"], "action": "go"}
    assert [status(role, wanted)[0] for role in tokens] == [403, 403, 404]
    assert [status(role, action)[0] for role in tokens] == [403, 404, 404]
    assert status("write", wanted) == (403, "denied")


def test_a_changed_user_is_not_remembered(system):
    token = make_user(system, "leaver", everywhere="read")
    assert ask(system, "GET", "/v1/whoami", token=token)[0] == 200
    make_user(system, "leaver", everywhere="read")
    for wrong in (token, "leaver.x", "nonsense"):
        told = ask(system, "GET", "/v1/whoami", token=wrong)
        assert told[0] == 403
        assert told[1]["error"]["what"] == "the token is not valid"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"not json", "JSON decode error"),
        (b"[]", "body"),
        (b'{"left": 1, "right": "b"}', "body.left"),
        (b"x" * (1024 * 1024 + 1), "the limit is 1048576 bytes"),
    ],
)
def test_a_malformed_request_is_told_what_is_wrong(system, body, why):
    token = system.token_file.read_text().strip()
    status, told = ask(system, "POST", "/v1/models/m/relations", token=token, body=body)
    assert status in (400, 413)
    assert why in told["error"]["why"]


def test_the_api_describes_itself(system):
    status, told = ask(system, "GET", "/openapi.json", token=None)
    assert status == 200
    assert "/v1/models/{name}/relations" in told["paths"]


def test_without_tls_the_api_listens_on_loopback_only(system):
    done = subprocess.run(
        [sys.executable, "-m", "coordinator", "controller", "--etcd", system.endpoints, "--listen", "0.0.0.0:0"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "cannot listen on 0.0.0.0:0 without TLS" in done.stderr
    assert "COORDINATOR_ALLOW_PLAINTEXT_API_BEYOND_LOOPBACK" in done.stderr


def test_the_api_and_the_command_line_speak_tls(system, tmp_path):
    cert, key = make_certificate(tmp_path)
    port = own_port()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "coordinator", "controller", "--etcd", system.endpoints,
             "--listen", f"127.0.0.1:{port}", "--tls-cert", str(cert), "--tls-key", str(key)],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        context = ssl.create_default_context(cafile=str(cert))

        def answers() -> bool:
            connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
            try:
                connection.request("GET", "/health")
                return connection.getresponse().status == 200
            except OSError:
                return False
            finally:
                connection.close()

        wait_for(answers, "the controller to answer over TLS")
        environment = {"COORDINATOR_DATA": str(tmp_path / "client"), "PATH": "/usr/bin:/bin"}

        def cli(*arguments: str) -> subprocess.CompletedProcess:
            return subprocess.run(
                [sys.executable, "-m", "coordinator", *arguments],
                env=environment, capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip

        url = f"https://127.0.0.1:{port}"
        refused = cli("login", url, "--token-file", str(system.token_file))
        assert refused.returncode == 1, "a certificate that nobody vouches for is not trusted"
        assert "certificate" in refused.stderr
        assert cli("login", url, "--token-file", str(system.token_file), "--ca", str(cert)).returncode == 0
        listed = cli("models", "--format", "json")
        assert [model["short-name"] for model in json.loads(listed.stdout)["models"]] == ["m"]
        invitation = cli("add-user", "guest-by-tls").stdout.partition("register ")[2].split()[0]
        environment["COORDINATOR_DATA"] = str(tmp_path / "guest")
        assert cli("register", invitation).returncode == 0, "it says whom to believe"
        assert json.loads(cli("whoami", "--format", "json").stdout)["user"] == "guest-by-tls"
    finally:
        process.terminate()
        process.wait(20)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Return files with a certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_file, key_file
