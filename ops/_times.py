"""Read the times and durations that tools and Pebble print.

Times are RFC 3339, durations are Go's notation.  Both are more liberal than Python's own parsers.
"""

from __future__ import annotations

import datetime
import re

_TIME = r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))"
_DURATION_PART = r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)"

_MICROSECONDS = {
    "ns": 0.001,
    "us": 1,
    "µs": 1,  # U+00B5
    "μs": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
}


def parse_time(text: str) -> datetime.datetime:
    """Return the moment that *text* names, such as ``2026-03-01 09:00:00.123456789Z``.

    Any number of fractional digits is rounded to microseconds; what would round up to the next second
    stays at the last microsecond of this one.

    Raises:
        ValueError: *text* is no RFC 3339 time with an offset.
    """
    match = re.fullmatch(_TIME, text)
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time")
    fraction = min(round(float(f"0.{match[7] or 0}") * 1_000_000), 999_999)
    offset = datetime.timedelta()
    if match[9]:
        offset = datetime.timedelta(hours=int(match[10]), minutes=int(match[11]))
        offset = -offset if match[9] == "-" else offset
    return datetime.datetime(
        *(int(match[number]) for number in range(1, 7)),  # type: ignore[arg-type]
        microsecond=fraction,
        tzinfo=datetime.timezone(offset),
    )


def format_time(moment: datetime.datetime) -> str:
    """Return *moment* as RFC 3339, with ``Z`` when it is in UTC."""
    text = moment.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def parse_duration(text: str) -> datetime.timedelta:
    """Return the length that *text* names, such as ``1h30m`` or ``-1.5s``.

    Raises:
        ValueError: *text* is no duration in Go's notation.
    """
    negative, rest = text.startswith("-"), text.lstrip("+-")
    if rest == "0":
        return datetime.timedelta()
    total, position = 0.0, 0
    for match in re.finditer(_DURATION_PART, rest):
        if match.start() != position:
            break
        total += float(match[1]) * _MICROSECONDS[match[2]]
        position = match.end()
    if not rest or position != len(rest) or len(text) - len(rest) > 1:
        raise ValueError(f"{text!r} is not a duration")
    return datetime.timedelta(microseconds=-total if negative else total)
