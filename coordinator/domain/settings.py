"""Settings of a model: what each means, its default, and the check of a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from coordinator.domain.network import parse_subnets
from coordinator.errors import Refused

Value = str | int | float | bool
DEFAULT_SPACE = "default-space"

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT])(?:i?B)?")


def parse_duration_s(text: str) -> float:
    """Return the seconds of a duration like `1h`, `5m`, `1m30s`, `500ms`.

    Raises:
        Refused: *text* is no such duration.
    """
    match = _DURATION.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise Refused(f'"{text}" is not a duration', fix="write it like 30s, 5m or 1h30m")
    hours, minutes, seconds, millis = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + millis / 1000


def parse_bytes(text: str) -> int:
    """Return the bytes of a size like `64M` or `1.5G`, in powers of 1024.

    Raises:
        Refused: *text* is no such size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise Refused(f'"{text}" is not a size', fix="write it like 500K, 64M or 1G")
    return int(float(match[1]) * 1024 ** ("KMGT".index(match[2]) + 1))


def _bool(given: Any) -> bool:
    if isinstance(given, bool):
        return given
    if str(given).lower() in ("true", "false"):
        return str(given).lower() == "true"
    raise Refused(f'expected true or false, got "{given}"', fix="write true or false")


def _update_status(given: Any) -> str:
    if not 1 <= parse_duration_s(str(given)) <= 3600:
        raise Refused(f"update-status-hook-interval {given} is out of range", fix="choose between 1s and 60m")
    return str(given)


def _subnets(given: Any) -> str:
    return ",".join(parse_subnets(str(given)))


def _bytes(given: Any) -> str:
    parse_bytes(str(given))
    return str(given)


def _duration(given: Any) -> str:
    parse_duration_s(str(given))
    return str(given)


@dataclass(frozen=True, slots=True)
class Setting:
    default: Value
    meaning: str
    parse: Callable[[Any], Value] = str


SETTINGS: Mapping[str, Setting] = {
    "update-status-hook-interval": Setting("5m", "how often update-status runs in a quiet unit", _update_status),
    "automatically-retry-hooks": Setting(True, "retry a failed hook by itself, 5 s to 5 min apart", _bool),
    "warm": Setting(True, "fork hooks from a process that has loaded the charm's libraries", _bool),
    "max-action-results-age": Setting("336h", "how long actions and their results are kept", _duration),
    # Every worker and controller has them in memory, and etcd keeps 2 GiB in all unless it is told otherwise.
    "max-action-results-size": Setting("64M", "how much room they take at most; the oldest go first", _bytes),
    "logging-config": Setting("<root>=INFO", "which log lines are kept"),
    "juju-http-proxy": Setting("", "told to charms as JUJU_CHARM_HTTP_PROXY"),
    "juju-https-proxy": Setting("", "told to charms as JUJU_CHARM_HTTPS_PROXY"),
    "juju-ftp-proxy": Setting("", "told to charms as JUJU_CHARM_FTP_PROXY"),
    "juju-no-proxy": Setting("127.0.0.1,localhost,::1", "told to charms as JUJU_CHARM_NO_PROXY"),
    "egress-subnets": Setting("", "where traffic of units comes from, if not from their own address", _subnets),
    DEFAULT_SPACE: Setting("", "space that applications are bound to when they are deployed; empty: alpha"),
    "http-proxy": Setting("", "set in the environment of hooks"),
    "https-proxy": Setting("", "set in the environment of hooks"),
    "ftp-proxy": Setting("", "set in the environment of hooks"),
    "no-proxy": Setting("", "set in the environment of hooks"),
}


def setting(settings: Mapping[str, Value], name: str) -> Value:
    """Return what *settings*, the ones a person set, say of *name*; else its default."""
    return settings.get(name, SETTINGS[name].default)
