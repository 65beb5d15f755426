"""Settings: where a value comes from, and what is refused before a process does anything with it."""

from __future__ import annotations

import pytest

from coordinator.api.server import ApiServer
from coordinator.cli.main import run
from coordinator.domain.network import check_address
from coordinator.errors import BadRequest, Refused
from coordinator.settings import ControllerSettings, WorkerSettings, from_environment, parse_listen


def test_what_is_given_beats_the_environment_and_an_empty_text_is_as_if_nothing_was_given():
    environ = {"COORDINATOR_CONTROLLER_NAME": "home", "COORDINATOR_LISTEN": ""}
    assert from_environment(ControllerSettings, environ, controller_name="").controller_name == "home"
    assert from_environment(ControllerSettings, environ, controller_name="other").controller_name == "other"
    assert from_environment(ControllerSettings, environ).listen == ControllerSettings().listen


@pytest.mark.parametrize(
    ("kind", "name", "value", "least"),
    [
        (WorkerSettings, "session_ttl_s", 1, 2),
        (WorkerSettings, "stop_timeout_s", -1, 0),
        (ControllerSettings, "leader_ttl_s", 0, 1),
        (ControllerSettings, "force_wait_s", -5, 0),
    ],
)
def test_a_number_that_would_do_harm_is_refused_wherever_it_comes_from(kind, name, value, least):
    variable = f"COORDINATOR_{name.upper()}"
    for given, environ in (({name: value}, {}), ({}, {variable: str(value)})):
        with pytest.raises(BadRequest) as refused:
            from_environment(kind, environ, **given)
        assert str(refused.value) == f"{variable} is {value}: it must be {least} or more"
    assert getattr(from_environment(kind, {variable: str(least)}), name) == least


@pytest.mark.parametrize("text", ["", "foo", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000"])
def test_an_address_to_listen_on_has_a_host_and_a_port(text):
    with pytest.raises(BadRequest, match="it is not HOST:PORT"):
        parse_listen(text)
    assert parse_listen("127.0.0.1:0") == ("127.0.0.1", 0)
    assert parse_listen("[::1]:17070") == ("[::1]", 17070)


@pytest.mark.parametrize("text", ["foo bar", "10.0.0.5/8", "http://host", "host:80", "-x"])
def test_a_machine_is_reached_at_an_address_or_a_name(text):
    with pytest.raises(BadRequest, match="it is no address of IP and no name"):
        check_address(text)
    for good in ("", "10.0.0.5", "fd00::2", "db-1.example.com"):
        assert check_address(good) == good


def test_a_certificate_that_cannot_be_read_is_refused_at_the_start(tmp_path):
    settings = ControllerSettings(listen="127.0.0.1:0", tls_cert=str(tmp_path / "c"), tls_key=str(tmp_path / "k"))
    with pytest.raises(Refused, match=r"cannot serve TLS with .*: No such file or directory"):
        ApiServer(settings, services=None)  # type: ignore[arg-type]


def test_a_place_that_cannot_be_used_is_named_without_a_traceback(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert run(["up", "--data-dir", str(tmp_path / "file" / "x")]) == 1
    error = capsys.readouterr().err.splitlines()
    assert error[0].startswith(f"ERROR cannot use {tmp_path}/file/x")
    assert error[0].endswith(": Not a directory")
    assert error[1] == "  to fix: check the path, its rights and the disk"
