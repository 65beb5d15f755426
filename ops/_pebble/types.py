"""What Pebble answers, as values.

Each `from_dict` reads the server's JSON.  A text that is not one of an enum's values is kept as text, so
that a newer server does not break an older client.
"""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .._times import parse_duration, parse_time

_E = TypeVar("_E", bound=enum.Enum)


def known_or_text(kind: type[_E], text: Any) -> _E | Any:
    """Return the member of *kind* for *text*, or *text* itself if there is none."""
    try:
        return kind(text)
    except ValueError:
        return text


def _time_or_none(text: str | None) -> datetime.datetime | None:
    return parse_time(text) if text else None


class _Shown:
    """Shows its attributes as they are given to its constructor."""

    def __repr__(self):
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({fields})"


class WarningState(enum.Enum):
    """Which warnings."""

    ALL = "all"
    PENDING = "pending"


class ChangeState(enum.Enum):
    """Which changes."""

    ALL = "all"
    IN_PROGRESS = "in-progress"
    READY = "ready"


class SystemInfo(_Shown):
    """About the server."""

    def __init__(self, version: str):
        self.version = version

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> SystemInfo:
        """Read the server's JSON."""
        return cls(version=d["version"])


class Warning(_Shown):
    """A warning of the server."""

    def __init__(
        self,
        message: str,
        first_added: datetime.datetime,
        last_added: datetime.datetime,
        last_shown: datetime.datetime | None,
        expire_after: str,
        repeat_after: str,
    ):
        self.message = message
        self.first_added = first_added
        self.last_added = last_added
        self.last_shown = last_shown
        self.expire_after = expire_after
        self.repeat_after = repeat_after

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Warning:
        """Read the server's JSON."""
        return cls(
            message=d["message"],
            first_added=parse_time(d["first-added"]),
            last_added=parse_time(d["last-added"]),
            last_shown=_time_or_none(d.get("last-shown")),
            expire_after=d["expire-after"],
            repeat_after=d["repeat-after"],
        )


class TaskProgress(_Shown):
    """How far a task is."""

    def __init__(self, label: str, done: int, total: int):
        self.label = label
        self.done = done
        self.total = total

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> TaskProgress:
        """Read the server's JSON."""
        return cls(label=d["label"], done=d["done"], total=d["total"])


class TaskID(str):
    """Identifier of a task."""

    def __repr__(self):
        return f"TaskID({str(self)!r})"


class Task(_Shown):
    """One step of a change."""

    def __init__(
        self,
        id: TaskID,
        kind: str,
        summary: str,
        status: str,
        log: list[str],
        progress: TaskProgress,
        spawn_time: datetime.datetime,
        ready_time: datetime.datetime | None,
        data: dict[str, Any] | None = None,
    ):
        self.id = id
        self.kind = kind
        self.summary = summary
        self.status = status
        self.log = log
        self.progress = progress
        self.spawn_time = spawn_time
        self.ready_time = ready_time
        self.data = data or {}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Task:
        """Read the server's JSON."""
        return cls(
            id=TaskID(d["id"]),
            kind=d["kind"],
            summary=d["summary"],
            status=d["status"],
            log=d.get("log") or [],
            progress=TaskProgress.from_dict(d["progress"]),
            spawn_time=parse_time(d["spawn-time"]),
            ready_time=_time_or_none(d.get("ready-time")),
            data=d.get("data"),
        )


class ChangeID(str):
    """Identifier of a change."""

    def __repr__(self):
        return f"ChangeID({str(self)!r})"


class Change(_Shown):
    """Something that the server does for a while, in tasks."""

    def __init__(
        self,
        id: ChangeID,
        kind: str,
        summary: str,
        status: str,
        tasks: list[Task],
        ready: bool,
        err: str | None,
        spawn_time: datetime.datetime,
        ready_time: datetime.datetime | None,
        data: dict[str, Any] | None = None,
    ):
        self.id = id
        self.kind = kind
        self.summary = summary
        self.status = status
        self.tasks = tasks
        self.ready = ready
        self.err = err
        self.spawn_time = spawn_time
        self.ready_time = ready_time
        self.data = data or {}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Change:
        """Read the server's JSON."""
        return cls(
            id=ChangeID(d["id"]),
            kind=d["kind"],
            summary=d["summary"],
            status=d["status"],
            tasks=[Task.from_dict(task) for task in d.get("tasks") or ()],
            ready=d["ready"],
            err=d.get("err"),
            spawn_time=parse_time(d["spawn-time"]),
            ready_time=_time_or_none(d.get("ready-time")),
            data=d.get("data"),
        )


class ServiceStartup(enum.Enum):
    """Whether a service is started with the others."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class ServiceStatus(enum.Enum):
    """What a service does now."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    ERROR = "error"


class ServiceInfo(_Shown):
    """State of a service."""

    def __init__(self, name: str, startup: ServiceStartup | str, current: ServiceStatus | str):
        self.name = name
        self.startup = startup
        self.current = current

    def is_running(self) -> bool:
        """Return whether the service is active."""
        return self.current == ServiceStatus.ACTIVE

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> ServiceInfo:
        """Read the server's JSON."""
        return cls(
            name=d["name"],
            startup=known_or_text(ServiceStartup, d["startup"]),
            current=known_or_text(ServiceStatus, d["current"]),
        )


class CheckLevel(enum.Enum):
    """What a check says about the container."""

    UNSET = ""
    ALIVE = "alive"
    READY = "ready"


class CheckStatus(enum.Enum):
    """What a check found."""

    UP = "up"
    DOWN = "down"
    INACTIVE = "inactive"


class CheckStartup(enum.Enum):
    """Whether a check is started with the container; unset means that it is."""

    UNSET = ""
    ENABLED = "enabled"
    DISABLED = "disabled"


class CheckInfo(_Shown):
    """State of a check."""

    name: str
    """Name of the check."""

    level: CheckLevel | str | None
    """What it says about the container."""

    startup: CheckStartup
    """Whether it is started with the container."""

    status: CheckStatus | str
    """What it found."""

    successes: int | None
    """How often it succeeded since it last failed or started; None on old servers."""

    failures: int
    """How often it failed since it last succeeded."""

    threshold: int
    """How many failures in a row make it down."""

    change_id: ChangeID | None
    """The change that performs it; None if it is inactive."""

    def __init__(
        self,
        name: str,
        level: CheckLevel | str | None,
        status: CheckStatus | str,
        successes: int | None = None,
        failures: int = 0,
        threshold: int = 0,
        change_id: ChangeID | None = None,
        startup: CheckStartup = CheckStartup.ENABLED,
    ):
        self.name = name
        self.level = level
        self.startup = startup
        self.status = status
        self.successes = successes
        self.failures = failures
        self.threshold = threshold
        self.change_id = change_id

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> CheckInfo:
        """Read the server's JSON.

        Raises:
            ValueError: the startup is none that exists.
        """
        change_id = ChangeID(d["change-id"]) if d.get("change-id") else None
        status = known_or_text(CheckStatus, d["status"])
        if "startup" in d and change_id is None:
            # Servers that know about starting checks keep the last finding of one that was stopped.
            status = CheckStatus.INACTIVE
        return cls(
            name=d["name"],
            level=known_or_text(CheckLevel, d.get("level") or ""),
            startup=CheckStartup(d.get("startup", "enabled")),
            status=status,
            successes=d.get("successes"),
            failures=d.get("failures", 0),
            threshold=d["threshold"],
            change_id=change_id,
        )

    @property
    def has_run(self) -> bool:
        """Whether the check has run at all since it was started.

        Raises:
            NotImplementedError: the server is too old to say.
        """
        if self.successes is None:
            raise NotImplementedError("this version of Pebble does not count successes of checks")
        return bool(self.successes or self.failures)


class FileType(enum.Enum):
    """What sort of thing is at a path."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    SOCKET = "socket"
    NAMED_PIPE = "named-pipe"
    DEVICE = "device"
    UNKNOWN = "unknown"


class FileInfo(_Shown):
    """About a file, directory or other thing."""

    path: str
    """Its absolute path."""

    name: str
    """The last part of that."""

    type: FileType | str
    """What it is."""

    size: int | None
    """Bytes of a file; None for other things."""

    permissions: int
    """Mode, like ``0o644``."""

    last_modified: datetime.datetime
    """When it was last changed."""

    user_id: int | None
    """Number of the owner."""

    user: str | None
    """Name of the owner."""

    group_id: int | None
    """Number of the group."""

    group: str | None
    """Name of the group."""

    def __init__(
        self,
        path: str,
        name: str,
        type: FileType | str,
        size: int | None,
        permissions: int,
        last_modified: datetime.datetime,
        user_id: int | None,
        user: str | None,
        group_id: int | None,
        group: str | None,
    ):
        self.path = path
        self.name = name
        self.type = type
        self.size = size
        self.permissions = permissions
        self.last_modified = last_modified
        self.user_id = user_id
        self.user = user
        self.group_id = group_id
        self.group = group

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> FileInfo:
        """Read the server's JSON."""
        return cls(
            path=d["path"],
            name=d["name"],
            type=known_or_text(FileType, d["type"]),
            size=d.get("size"),
            permissions=int(d["permissions"], 8),
            last_modified=parse_time(d["last-modified"]),
            user_id=d.get("user-id"),
            user=d.get("user"),
            group_id=d.get("group-id"),
            group=d.get("group"),
        )


class NoticeType(enum.Enum):
    """What a notice is about."""

    CUSTOM = "custom"
    CHANGE_UPDATE = "change-update"


class NoticesUsers(enum.Enum):
    """Whose notices."""

    ALL = "all"


class ChangeKind(enum.Enum):
    """What a change does."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    REPLAN = "replan"
    EXEC = "exec"
    RECOVER_CHECK = "recover-check"
    PERFORM_CHECK = "perform-check"


class ChangeStatus(enum.Enum):
    """How far a change or task is."""

    HOLD = "Hold"
    DO = "Do"
    DOING = "Doing"
    DONE = "Done"
    ABORT = "Abort"
    UNDO = "Undo"
    UNDOING = "Undoing"
    ERROR = "Error"
    WAIT = "Wait"


@dataclass(frozen=True)
class Notice:
    """Something that was noticed, possibly several times."""

    id: str
    """Identifier on this server."""

    user_id: int | None
    """Who may see it; None for everybody."""

    type: NoticeType | str
    """What it is about."""

    key: str
    """What tells it apart from others of its type."""

    first_occurred: datetime.datetime
    """When it happened first."""

    last_occurred: datetime.datetime
    """When it happened last."""

    last_repeated: datetime.datetime
    """When it was last told."""

    occurrences: int
    """How often it happened."""

    last_data: dict[str, str] = field(default_factory=dict)
    """What was said with it the last time."""

    repeat_after: datetime.timedelta | None = None
    """How long after it was told it may be told again; None for at once."""

    expire_after: datetime.timedelta | None = None
    """How long after it last happened it is forgotten; None for never."""

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> Notice:
        """Read the server's JSON."""
        return cls(
            id=d["id"],
            user_id=d.get("user-id"),
            type=known_or_text(NoticeType, d["type"]),
            key=d["key"],
            first_occurred=parse_time(d["first-occurred"]),
            last_occurred=parse_time(d["last-occurred"]),
            last_repeated=parse_time(d["last-repeated"]),
            occurrences=d["occurrences"],
            last_data=d.get("last-data") or {},
            repeat_after=parse_duration(d["repeat-after"]) if "repeat-after" in d else None,
            expire_after=parse_duration(d["expire-after"]) if "expire-after" in d else None,
        )
