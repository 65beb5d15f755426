"""Lines for people who watch over security, in the words of OWASP's logging vocabulary."""

from __future__ import annotations

import datetime
import json
import os


def user_id() -> str:
    """Return the number of the user that this process runs as, or ``-`` where users have no numbers."""
    return str(os.getuid()) if hasattr(os, "getuid") else "-"


def security_line(*, level: str, event: str, detail: str, description: str, app_id: str) -> str:
    """Return one event as JSON on one line.

    Args:
        level: ``WARN`` or ``CRITICAL``.
        event: word of the vocabulary, like ``authz_fail``.
        detail: what it was about, without secrets; tools filter by it, so its form is that of other releases.
        description: the same for people.
        app_id: whose event it is: model UUID and unit.
    """
    return json.dumps(
        {
            "datetime": datetime.datetime.now(datetime.timezone.utc).isoformat(),
            "level": level,
            "type": "security",
            "appid": app_id,
            "event": f"{event}:{detail}",
            "description": description,
        }
    )
