"""Every knob as a documented field: unit, default, and the variable that sets it.

Role: read once, at the start of a process, from its environment; handed in as a frozen value from there on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from coordinator.errors import BadRequest

PREFIX = "COORDINATOR_"
SESSION_TTL_S_MIN = 2

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """Where etcd is, and how to talk to it."""

    etcd: str = "127.0.0.1:2379"
    """Endpoints of etcd, `host:port`, separated by commas.  Set with COORDINATOR_ETCD."""

    etcd_ca: str = ""
    """File with the certificate authority of etcd; with it the connection uses TLS.  COORDINATOR_ETCD_CA."""

    etcd_cert: str = ""
    """File with our client certificate for etcd.  COORDINATOR_ETCD_CERT."""

    etcd_key: str = ""
    """File with the key of that certificate.  COORDINATOR_ETCD_KEY."""

    accept_data_loss: bool = False
    """Work with an etcd of a version that may lose writes in a crash (3.5.0 to 3.5.2): for throw-away data only.
    COORDINATOR_ACCEPT_DATA_LOSS."""

    secret_key_file: str = ""
    """File with the keys that the content of secrets is encrypted with: 32 bytes in base64, one key a line; the
    first encrypts, all decrypt.  The same for every controller and worker.  COORDINATOR_SECRET_KEY_FILE."""

    secret_key: str = field(default="", repr=False)
    """The same keys, separated by commas; they come before those of the file.  COORDINATOR_SECRET_KEY."""


@dataclass(frozen=True, kw_only=True)
class WorkerSettings(StoreSettings):
    """One worker: the process that serves a machine."""

    data_dir: str = "/var/lib/coordinator"
    """Where a worker keeps its identity, charms, logs, and the directories of its units.  COORDINATOR_DATA_DIR."""

    session_ttl_s: int = field(default=10, metadata={"min": SESSION_TTL_S_MIN})
    """How long a silent worker keeps its units and its leaders, in seconds; at least 2.

    Shorter means faster take-over and more false alarms: below 5 a slow disk or a busy core is enough.
    COORDINATOR_SESSION_TTL_S.
    """

    address: str = ""
    """Address of this machine that others reach it at; empty: found out by itself.  COORDINATOR_ADDRESS."""

    tags: str = ""
    """What sets this machine apart, words separated by commas, for `--constraints tags=…`.  COORDINATOR_TAGS."""

    worker_listen: str = "127.0.0.1:0"
    """Where the worker serves logs, metrics and health; port 0: any free one.  COORDINATOR_WORKER_LISTEN."""

    reboot_command: str = ""
    """What reboots this machine when a charm asks for it, like `systemctl reboot`; empty: charms may not.
    COORDINATOR_REBOOT_COMMAND."""

    firewall: str = "record"
    """What becomes of open ports: `record` notes in `firewall.json` of the data directory who may reach them,
    `nftables` sees to it with the kernel's packet filter (needs root and `nft`).  COORDINATOR_FIREWALL."""

    announce_version: bool = True
    """Whether a program that tells the version is put into `/var/lib/juju/tools`, if that can be written and has
    none: charms with `charmhelpers` look there.  COORDINATOR_ANNOUNCE_VERSION."""

    stop_timeout_s: int = field(default=30, metadata={"min": 0})
    """How long a stopping worker waits for running hooks before it ends them, in seconds.
    COORDINATOR_STOP_TIMEOUT_S."""

    blobs: str = ""
    """Directory (or fsspec URL) of charm archives and resources above 4 MiB; empty: only smaller ones are taken.
    COORDINATOR_BLOBS."""


@dataclass(frozen=True, kw_only=True)
class ControllerSettings(StoreSettings):
    """One controller: API and reconcilers."""

    listen: str = "127.0.0.1:17070"
    """Where the API listens, `host:port`.  Without TLS only loopback is allowed.  COORDINATOR_LISTEN."""

    allow_plaintext_api_beyond_loopback: bool = False
    """Serve the API without TLS on any address: tokens and relation data can then be read on the network.

    Only for a private network, such as the one of the compose file.
    COORDINATOR_ALLOW_PLAINTEXT_API_BEYOND_LOOPBACK.
    """

    tls_cert: str = ""
    """File with the certificate of the API; with it the API uses TLS.  COORDINATOR_TLS_CERT."""

    tls_key: str = ""
    """File with the key of that certificate.  COORDINATOR_TLS_KEY."""

    admin_token_file: str = ""
    """File that holds the token of the user `admin`; made with a new token when it is missing.  Empty: no such
    user is made.  COORDINATOR_ADMIN_TOKEN_FILE."""

    controller_name: str = "coordinator"
    """What the controller is called in `status`.  COORDINATOR_CONTROLLER_NAME."""

    leader_ttl_s: int = field(default=10, metadata={"min": 1})
    """How long a silent controller stays the leading one, in seconds; at least 1.  COORDINATOR_LEADER_TTL_S."""

    blobs: str = ""
    """As for workers; all processes must name the same place.  COORDINATOR_BLOBS."""

    force_wait_s: int = field(default=60, metadata={"min": 0})
    """How long `--force` waits for the proper way before it removes what is left, in seconds.
    COORDINATOR_FORCE_WAIT_S."""


def from_environment(kind: type[T], environ: Mapping[str, str] | None = None, **given: Any) -> T:
    """Return the settings of *kind*: *given* ones, else from the environment, else defaults.

    None and an empty text are as if nothing was given.

    Raises:
        BadRequest: a variable's text is not of the field's type, or a number is less than the field allows.
    """
    environ = os.environ if environ is None else environ
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for each in fields(kind):  # type: ignore[arg-type]
        variable = PREFIX + each.name.upper()
        if given.get(each.name) not in (None, ""):
            values[each.name] = given[each.name]
        elif environ.get(variable):
            values[each.name] = _parse(variable, environ[variable], hints[each.name])
        least = each.metadata.get("min")
        if least is not None and values.get(each.name, least) < least:
            raise BadRequest(f"{variable} is {values[each.name]}", why=f"it must be {least} or more")
    return kind(**values)


def _parse(variable: str, text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() in ("1", "true", "yes", "0", "false", "no"):
            return text.lower() in ("1", "true", "yes")
        raise BadRequest(f"{variable} is {text!r}", why="it must be true or false")
    try:
        return kind(text)
    except ValueError as cause:
        raise BadRequest(f"{variable} is {text!r}", why=f"it must be of type {kind.__name__}") from cause


def parse_listen(text: str) -> tuple[str, int]:
    """Return host and port of `host:port`; an empty host is every address, port 0 any free port.

    Raises:
        BadRequest: it is something else.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise BadRequest(
            f'cannot listen on "{text}"', why="it is not HOST:PORT", fix="write it like 127.0.0.1:17070"
        )
    return host, int(port)


def user_data_dir() -> Path:
    """Return where the CLI keeps its state; the names of the variables are those that people's scripts set."""
    if path := os.environ.get("COORDINATOR_DATA") or os.environ.get("JUJU_DATA"):
        return Path(path)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "coordinator"
