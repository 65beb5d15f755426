"""Moments as people read them.  Pure: the API says RFC 3339 in UTC; *zone* None means that of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone, tzinfo
from typing import Any


def parse(text: str) -> datetime:
    """Return the moment that RFC 3339 *text* says."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def since(text: str, *, utc: bool, zone: tzinfo | None = None) -> str:
    """Return a moment as `status` shows it: `07 Mar 2025 09:15:02+01:00`; with *utc* `2025-03-07 08:15:02Z`."""
    if utc:
        return parse(text).astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
    moment = parse(text).astimezone(zone)
    return moment.strftime("%d %b %Y %H:%M:%S") + _offset(moment)


def clock(text: str, *, utc: bool, zone: tzinfo | None = None) -> str:
    """Return the time of day of a moment with its offset: `09:15:04+01:00`, `08:15:04Z`."""
    moment = parse(text).astimezone(timezone.utc if utc else zone)
    return moment.strftime("%H:%M:%S") + _offset(moment)


def _offset(moment: datetime) -> str:
    text = moment.strftime("%z")
    return "Z" if text in ("", "+0000") else f"{text[:3]}:{text[3:5]}"


def age(text: str | None, now: datetime, *, otherwise: str = "never connected") -> str:
    """Return how long ago a moment was, in words; from a day on its date."""
    if not text:
        return otherwise
    moment = parse(text)
    seconds = int((now - moment).total_seconds())
    if seconds < 2:
        return "just now"
    if seconds < 60:
        return f"{seconds} seconds ago"
    if seconds < 3600:
        minutes = seconds // 60
        return f"{minutes} minute{'s' * (minutes > 1)} ago"
    if seconds < 24 * 3600:
        hours = seconds // 3600
        return f"{hours} hour{'s' * (hours > 1)} ago"
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d")


def with_since(tree: Any, *, utc: bool, zone: tzinfo | None = None) -> Any:
    """Return *tree* with every `since` in it as people read it."""
    if isinstance(tree, Mapping):
        return {
            key: since(value, utc=utc, zone=zone)
            if key == "since" and isinstance(value, str)
            else with_since(value, utc=utc, zone=zone)
            for key, value in tree.items()
        }
    if isinstance(tree, list):
        return [with_since(value, utc=utc, zone=zone) for value in tree]
    return tree
