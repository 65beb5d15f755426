"""What Pebble shall do: layers, and the plan that they add up to.

All classes are made from mappings as they are in YAML.  What is missing becomes empty, and what is empty is
left out when they become mappings again.  That drops a user or group of 0 too, as charms have come to expect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypedDict, cast

from .. import _yaml
from .types import CheckLevel, CheckStartup, known_or_text

ServiceDict = TypedDict(
    "ServiceDict",
    {
        "summary": str,
        "description": str,
        "startup": str,
        "override": str,
        "command": str,
        "after": Sequence[str],
        "before": Sequence[str],
        "requires": Sequence[str],
        "environment": dict[str, str],
        "user": str,
        "user-id": "int | None",
        "group": str,
        "group-id": "int | None",
        "working-dir": str,
        "on-success": str,
        "on-failure": str,
        "on-check-failure": dict[str, Any],
        "backoff-delay": str,
        "backoff-factor": "int | None",
        "backoff-limit": str,
        "kill-delay": "str | None",
    },
    total=False,
)


class HttpDict(TypedDict, total=False):
    """A check that asks for a web page."""

    url: str
    headers: dict[str, str]


class TcpDict(TypedDict, total=False):
    """A check that connects to a port."""

    port: int
    host: str


ExecDict = TypedDict(
    "ExecDict",
    {
        "command": str,
        "service-context": str,
        "environment": dict[str, str],
        "user-id": "int | None",
        "user": str,
        "group-id": "int | None",
        "group": str,
        "working-dir": str,
    },
    total=False,
)


class CheckDict(TypedDict, total=False):
    override: str
    level: CheckLevel | str
    startup: Literal["", "enabled", "disabled"]
    period: str | None
    timeout: str | None
    http: HttpDict | None
    tcp: TcpDict | None
    exec: ExecDict | None
    threshold: int | None


class LogTargetDict(TypedDict, total=False):
    """Where logs are sent."""

    override: Literal["merge", "replace"]
    type: Literal["loki", "opentelemetry"]
    location: str
    services: list[str]
    labels: dict[str, str]


LayerDict = TypedDict(
    "LayerDict",
    {
        "summary": str,
        "description": str,
        "services": dict[str, ServiceDict],
        "checks": dict[str, CheckDict],
        "log-targets": dict[str, LogTargetDict],
    },
    total=False,
)

PlanDict = TypedDict(
    "PlanDict",
    {
        "services": dict[str, ServiceDict],
        "checks": dict[str, CheckDict],
        "log-targets": dict[str, LogTargetDict],
    },
    total=False,
)


class _Entry:
    """Something with a name in a layer."""

    name: str

    __hash__ = None  # type: ignore[assignment]

    def to_dict(self) -> Any:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        if isinstance(other, dict):
            return self.to_dict() == other
        if isinstance(other, type(self)):
            return self.to_dict() == other.to_dict()
        return NotImplemented

    def __repr__(self):
        return f"{type(self).__name__}({self.to_dict()!r})"


def _without_empty(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in fields if value}


class Service(_Entry):
    """A program that Pebble runs."""

    def __init__(self, name: str, raw: ServiceDict | None = None):
        raw = raw or {}
        self.name = name
        self.summary = raw.get("summary", "")
        self.description = raw.get("description", "")
        self.startup = raw.get("startup", "")
        self.override = raw.get("override", "")
        self.command = raw.get("command", "")
        self.after = list(raw.get("after", []))
        self.before = list(raw.get("before", []))
        self.requires = list(raw.get("requires", []))
        self.environment = dict(raw.get("environment", {}))
        self.user = raw.get("user", "")
        self.user_id = raw.get("user-id")
        self.group = raw.get("group", "")
        self.group_id = raw.get("group-id")
        self.working_dir = raw.get("working-dir", "")
        self.on_success = raw.get("on-success", "")
        self.on_failure = raw.get("on-failure", "")
        self.on_check_failure = dict(raw.get("on-check-failure", {}))
        self.backoff_delay = raw.get("backoff-delay", "")
        self.backoff_factor = raw.get("backoff-factor")
        self.backoff_limit = raw.get("backoff-limit", "")
        self.kill_delay = raw.get("kill-delay", "")

    def to_dict(self) -> ServiceDict:
        """Return the service as it is in YAML."""
        names = ServiceDict.__annotations__
        fields = _without_empty((name, getattr(self, name.replace("-", "_"))) for name in names)
        return cast("ServiceDict", fields)

    def _merge(self, other: Service) -> None:
        """Take over what *other* says, by the rules of ``override: merge``."""
        for name, value in other.__dict__.items():
            if name == "name" or not value:
                continue
            if name in ("after", "before", "requires"):
                getattr(self, name).extend(value)
            elif name in ("environment", "on_check_failure"):
                getattr(self, name).update(value)
            else:
                setattr(self, name, value)


class Check(_Entry):
    """Something that Pebble looks at from time to time.

    Raises:
        ValueError: its startup is none that exists.
    """

    def __init__(self, name: str, raw: CheckDict | None = None):
        raw = raw or {}
        self.name = name
        self.override: str = raw.get("override", "")
        self.level: CheckLevel | str = known_or_text(CheckLevel, raw.get("level", ""))
        self.startup = CheckStartup(raw.get("startup", ""))
        self.period: str | None = raw.get("period", "")
        self.timeout: str | None = raw.get("timeout", "")
        self.threshold: int | None = raw.get("threshold")
        self.http = _copied(raw.get("http"), "headers")
        self.tcp = _copied(raw.get("tcp"))
        self.exec = _copied(raw.get("exec"), "environment")

    def to_dict(self) -> CheckDict:
        """Return the check as it is in YAML."""
        level = self.level.value if isinstance(self.level, CheckLevel) else self.level
        fields = _without_empty(
            [
                ("override", self.override),
                ("level", level),
                ("startup", self.startup.value),
                ("period", self.period),
                ("timeout", self.timeout),
                ("threshold", self.threshold),
                ("http", self.http),
                ("tcp", self.tcp),
                ("exec", self.exec),
            ]
        )
        return cast("CheckDict", fields)

    def _merge(self, other: Check) -> None:
        """Take over what *other* says, by the rules of ``override: merge``."""
        for name, value in other.__dict__.items():
            if name == "name" or not value or value in (CheckStartup.UNSET, CheckLevel.UNSET):
                continue
            mine = getattr(self, name)
            if name in ("http", "tcp", "exec") and mine:
                for key, each in value.items():
                    if key in ("headers", "environment") and key in mine:
                        mine[key].update(each)
                    else:
                        mine[key] = each
            else:
                setattr(self, name, value)


def _copied(raw: Any, *inner: str) -> dict[str, Any] | None:
    """Return a copy of a mapping, and of those of its values that may be changed later."""
    if not isinstance(raw, Mapping):
        return raw  # nothing, or something that is not as it should be: the server's concern
    return {key: dict(value) if key in inner else value for key, value in raw.items()}


class LogTarget(_Entry):
    """Where the logs of services are sent."""

    def __init__(self, name: str, raw: LogTargetDict | None = None):
        raw = raw or {}
        self.name = name
        self.override: str = raw.get("override", "")
        self.type = raw.get("type", "")
        self.location = raw.get("location", "")
        self.services: list[str] = list(raw.get("services", []))
        self.labels: dict[str, str] | None = dict(raw.get("labels") or {})

    def to_dict(self) -> LogTargetDict:
        """Return the target as it is in YAML."""
        fields = _without_empty((name, getattr(self, name)) for name in LogTargetDict.__annotations__)
        return cast("LogTargetDict", fields)

    def _merge(self, other: LogTarget) -> None:
        """Take over what *other* says, by the rules of ``override: merge``."""
        for name, value in other.__dict__.items():
            if name == "name" or not value:
                continue
            if name == "services":
                self.services.extend(value)
            elif name == "labels" and self.labels:
                self.labels.update(value)
            else:
                setattr(self, name, value)


def _entries(raw: Mapping[str, Any], section: str, kind: Callable[[str, Any], Any]) -> dict[str, Any]:
    return {name: kind(name, body) for name, body in (raw.get(section) or {}).items()}


def _section(entries: Mapping[str, _Entry]) -> dict[str, Any]:
    return {name: entry.to_dict() for name, entry in entries.items()}


def _parsed(raw: str | Mapping[str, Any] | None) -> Mapping[str, Any]:
    return (_yaml.load(raw) if isinstance(raw, str) else raw) or {}


class Plan:
    """What all layers together say.  *raw* is YAML or a mapping."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, raw: str | PlanDict | None = None):
        parsed = _parsed(raw)  # type: ignore[arg-type]
        self._services: dict[str, Service] = _entries(parsed, "services", Service)
        self._checks: dict[str, Check] = _entries(parsed, "checks", Check)
        self._log_targets: dict[str, LogTarget] = _entries(parsed, "log-targets", LogTarget)

    @property
    def services(self) -> dict[str, Service]:
        """Services by name; changing it does not change Pebble."""
        return self._services

    @property
    def checks(self) -> dict[str, Check]:
        """Checks by name; changing it does not change Pebble."""
        return self._checks

    @property
    def log_targets(self) -> dict[str, LogTarget]:
        """Log targets by name; changing it does not change Pebble."""
        return self._log_targets

    def to_dict(self) -> PlanDict:
        """Return the plan as it is in YAML, without empty sections."""
        fields = _without_empty(
            [
                ("services", _section(self._services)),
                ("checks", _section(self._checks)),
                ("log-targets", _section(self._log_targets)),
            ]
        )
        return cast("PlanDict", fields)

    def to_yaml(self) -> str:
        """Return the plan as YAML, sorted by name."""
        return _yaml.dump(self.to_dict(), sort=True)

    __str__ = to_yaml

    def __repr__(self):
        return f"Plan({self.to_dict()!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, dict):
            return self.to_dict() == Plan(cast("PlanDict", other)).to_dict()
        return self.to_dict() == other.to_dict() if isinstance(other, Plan) else NotImplemented


class Layer:
    """A part of the configuration, merged with those below it.  *raw* is YAML or a mapping."""

    __hash__ = None  # type: ignore[assignment]

    summary: str
    """One line about it."""

    description: str
    """More about it."""

    services: dict[str, Service]
    """Services by name."""

    checks: dict[str, Check]
    """Checks by name."""

    log_targets: dict[str, LogTarget]
    """Log targets by name."""

    def __init__(self, raw: str | LayerDict | None = None):
        parsed = _parsed(raw)  # type: ignore[arg-type]
        self.summary = parsed.get("summary", "")
        self.description = parsed.get("description", "")
        self.services = _entries(parsed, "services", Service)
        self.checks = _entries(parsed, "checks", Check)
        self.log_targets = _entries(parsed, "log-targets", LogTarget)

    def to_yaml(self) -> str:
        """Return the layer as YAML, sorted by name."""
        return _yaml.dump(self.to_dict(), sort=True)

    def to_dict(self) -> LayerDict:
        """Return the layer as it is in YAML, without empty parts."""
        fields = _without_empty(
            [
                ("summary", self.summary),
                ("description", self.description),
                ("services", _section(self.services)),
                ("checks", _section(self.checks)),
                ("log-targets", _section(self.log_targets)),
            ]
        )
        return cast("LayerDict", fields)

    def __repr__(self):
        return f"Layer({self.to_dict()!r})"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, dict):
            return self.to_dict() == other
        return self.to_dict() == other.to_dict() if isinstance(other, Layer) else NotImplemented

    __str__ = to_yaml
