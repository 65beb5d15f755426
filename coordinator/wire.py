"""Requests and answers between CLI and API, as frozen types.

Role: both sides import these and nothing else of each other.  The API checks them at the door (and publishes
them as OpenAPI); the CLI turns them into JSON with `to_json`.
Answers are plain JSON trees whose shapes are documented at the routes (api/routes/).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from coordinator import errors

API = "/v1"


@dataclass(frozen=True, kw_only=True)
class AddUser:
    name: str
    display_name: str = ""


@dataclass(frozen=True, kw_only=True)
class UpdateUser:
    disabled: bool


@dataclass(frozen=True, kw_only=True)
class ShareModels:
    """`models` empty: `access` to the controller."""

    user: str
    access: str
    models: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class AddModel:
    name: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SetSettings:
    settings: dict[str, Any] = field(default_factory=dict)
    reset: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class SetConstraints:
    constraints: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Deploy:
    """`charm` is the SHA-256 of an uploaded archive; `name` None: that of the charm.

    `resources`: name to the SHA-256 of uploaded content.
    """

    charm: str
    name: str | None = None
    units: int | None = None
    to: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    constraints: dict[str, str] = field(default_factory=dict)
    bindings: dict[str, str] = field(default_factory=dict)
    resources: dict[str, str] = field(default_factory=dict)
    trust: bool = False
    storage: dict[str, str] = field(default_factory=dict)
    attach_storage: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Refresh:
    """`batch` None: all units at once."""

    charm: str
    config: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, str] = field(default_factory=dict)
    batch: int | None = None
    force_units: bool = False
    storage: dict[str, str] = field(default_factory=dict)
    bindings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class GoBack:
    force_units: bool = False


@dataclass(frozen=True, kw_only=True)
class AttachResource:
    """`sha256` names uploaded content."""

    sha256: str


@dataclass(frozen=True, kw_only=True)
class SetConfig:
    """Values as typed by a person, or typed already (from a file)."""

    config: dict[str, Any] = field(default_factory=dict)
    reset: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class AddUnits:
    count: int = 1
    to: list[str] = field(default_factory=list)
    attach_storage: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Remove:
    """How: `force` waits for hooks only so long (the controller's force_wait_s), `no_wait` not at all."""

    names: list[str] = field(default_factory=list)
    force: bool = False
    no_wait: bool = False
    destroy_storage: bool = False


@dataclass(frozen=True, kw_only=True)
class Resolve:
    """`all`: every unit whose hook failed."""

    names: list[str] = field(default_factory=list)
    all: bool = False
    retry: bool = True


@dataclass(frozen=True, kw_only=True)
class Integrate:
    left: str
    right: str


@dataclass(frozen=True, kw_only=True)
class RemoveRelation:
    """Named by its two ends, or by its number."""

    left: str | None = None
    right: str | None = None
    relation_id: int | None = None
    force: bool = False
    no_wait: bool = False


@dataclass(frozen=True, kw_only=True)
class Expose:
    endpoints: list[str] = field(default_factory=list)
    cidrs: list[str] = field(default_factory=list)
    spaces: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class RunTasks:
    """`receivers` are units, or APP/leader.  `command` is run instead of an action, on `machines` too.

    Of a command on one machine: `has_input`: what it reads is handed in afterwards; `keeps_output`: all that it
    prints, up to a limit, can be fetched for some minutes.
    """

    receivers: list[str] = field(default_factory=list)
    machines: list[str] = field(default_factory=list)
    action: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    command: str | None = None
    parallel: bool | None = None
    execution_group: str | None = None
    timeout_s: float | None = None
    has_input: bool = False
    keeps_output: bool = False


@dataclass(frozen=True, kw_only=True)
class CancelTasks:
    tasks: list[int]


@dataclass(frozen=True, kw_only=True)
class Trust:
    trust: bool = True


@dataclass(frozen=True, kw_only=True)
class AddSecret:
    """`content`: values in base64."""

    name: str
    content: dict[str, str] = field(default_factory=dict, repr=False)
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class UpdateSecret:
    """`content`: values in base64; empty, or None elsewhere: as it was."""

    content: dict[str, str] = field(default_factory=dict, repr=False)
    name: str | None = None
    description: str | None = None
    auto_prune: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ShareSecret:
    """Who may read, or may not any more; the secret by id, URI or name."""

    secret: str
    applications: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class AddStorage:
    """`directive`: pool, count and size, as many of them as matter; empty: one as usual."""

    unit: str
    name: str
    directive: str = ""


@dataclass(frozen=True, kw_only=True)
class AttachStorage:
    unit: str
    ids: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ImportFilesystem:
    """`id`: MACHINE:PATH of a directory, which becomes storage called `name`."""

    pool: str
    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class CreateStoragePool:
    name: str
    provider: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class UpdateStoragePool:
    """`attributes`: those that change; empty ones are taken back."""

    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AddSpace:
    name: str
    cidrs: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class RenameSpace:
    name: str


@dataclass(frozen=True, kw_only=True)
class MoveToSpace:
    """`force`: whether or not units have addresses then in what they are bound to."""

    cidrs: list[str] = field(default_factory=list)
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class Bind:
    """`bindings`: endpoint to space, "" for all that are not named.  `force`: whether or not units have addresses
    there."""

    bindings: dict[str, str] = field(default_factory=dict)
    force: bool = False


def to_json(request: Any) -> dict[str, Any]:
    """Return the JSON tree of a request."""
    return asdict(request)


#: What each kind of error is called on the wire, and its HTTP status.  The first that fits counts.
ERRORS: tuple[tuple[str, type[errors.CoordinatorError], int], ...] = (
    ("charm-invalid", errors.CharmInvalid, 422),
    ("denied", errors.Denied, 403),
    ("not-found", errors.NotFound, 404),
    ("bad-request", errors.BadRequest, 400),
    ("refused", errors.Refused, 409),
    ("contended", errors.Contended, 503),
    ("unknown-outcome", errors.UnknownOutcome, 504),
    ("unavailable", errors.Unavailable, 503),
    ("corrupt", errors.Corrupt, 500),
    ("error", errors.CoordinatorError, 500),
)


def error_to_json(error: errors.CoordinatorError) -> tuple[int, dict[str, Any]]:
    """Return the HTTP status and the body that say *error*."""
    kind, _, status = next(row for row in ERRORS if isinstance(error, row[1]))
    return status, {"error": {"kind": kind, "what": error.what, "why": error.why, "fix": error.fix}}


def error_from_json(body: Any, status: int) -> errors.CoordinatorError:
    """Return the error that an answer with *status* says; one of ours whatever the body is."""
    told = body.get("error") if isinstance(body, dict) else None
    if not isinstance(told, dict):
        return errors.Unavailable(f"the controller answered with status {status}", why=str(body)[:200])
    kind = next((kind for name, kind, _ in ERRORS if name == told.get("kind")), errors.CoordinatorError)
    return kind(str(told.get("what", "")), why=str(told.get("why", "")), fix=str(told.get("fix", "")))
