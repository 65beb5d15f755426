"""What charmcraft adds to a ``charmcraft.yaml`` that names one of its extensions.

Role: the facts of each extension, as tables, and the merge.  Charmcraft does the same when it packs the charm; a
test reads the file before that.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

_TEXT, _NUMBER, _FLAG, _SECRET = "string", "int", "boolean", "secret"

_GUNICORN: dict[str, tuple[str, Any]] = {
    "webserver-keepalive": (_NUMBER, None),
    "webserver-threads": (_NUMBER, None),
    "webserver-timeout": (_NUMBER, None),
    "webserver-worker-class": (_TEXT, None),
    "webserver-workers": (_NUMBER, None),
}

_APP: dict[str, tuple[str, Any]] = {
    "app-secret-key": (_TEXT, None),
    "app-secret-key-id": (_SECRET, None),
    "metrics-path": (_TEXT, "/metrics"),
    "metrics-port": (_NUMBER, 8080),
}

_APP_WITH_PORT = {"app-port": (_NUMBER, 8080), **_APP}

_OPTIONS: dict[str, dict[str, tuple[str, Any]]] = {
    "django-framework": {
        "django-allowed-hosts": (_TEXT, None),
        "django-debug": (_FLAG, False),
        "django-secret-key": (_TEXT, None),
        "django-secret-key-id": (_SECRET, None),
        **_GUNICORN,
    },
    "expressjs-framework": _APP_WITH_PORT,
    "fastapi-framework": {
        **_APP,
        "webserver-log-level": (_TEXT, "info"),
        "webserver-port": (_NUMBER, 8080),
        "webserver-workers": (_NUMBER, 1),
    },
    "flask-framework": {
        "flask-application-root": (_TEXT, None),
        "flask-debug": (_FLAG, None),
        "flask-env": (_TEXT, None),
        "flask-permanent-session-lifetime": (_NUMBER, None),
        "flask-preferred-url-scheme": (_TEXT, "HTTPS"),
        "flask-secret-key": (_TEXT, None),
        "flask-secret-key-id": (_SECRET, None),
        "flask-session-cookie-secure": (_FLAG, None),
        **_GUNICORN,
    },
    "go-framework": _APP_WITH_PORT,
    "spring-boot-framework": {**_APP_WITH_PORT, "metrics-path": (_TEXT, "/actuator/prometheus")},
}
"""Options of each extension: type and default (None for no default)."""

_OWN_CONTAINER = {"django-framework": "django-app", "flask-framework": "flask-app"}
"""Name of the workload container, where it is not ``app``."""

_SUPERUSER = {
    "description": "Create an account that may do everything.",
    "params": {"username": {"type": "string"}, "email": {"type": "string"}},
    "required": ["username", "email"],
}

_OWN_ACTIONS = {"django-framework": {"create-superuser": _SUPERUSER}}
"""Actions that an extension has besides the one that all have."""


def _additions(extension: str) -> dict[str, Any]:
    """Return what *extension* puts into ``charmcraft.yaml``."""
    container = _OWN_CONTAINER.get(extension, "app")
    return {
        "assumes": ["k8s-api"],
        "containers": {container: {"resource": f"{container}-image"}},
        "resources": {f"{container}-image": {"type": "oci-image", "description": "Image of the application."}},
        "peers": {"secret-storage": {"interface": "secret-storage"}},
        "provides": {
            "grafana-dashboard": {"interface": "grafana_dashboard"},
            "metrics-endpoint": {"interface": "prometheus_scrape"},
        },
        "requires": {
            "ingress": {"interface": "ingress", "limit": 1},
            "logging": {"interface": "loki_push_api"},
        },
        "actions": {
            "rotate-secret-key": {"description": "Replace the secret key, which ends all sessions."},
            **_OWN_ACTIONS.get(extension, {}),
        },
        "config": {
            "options": {
                name: {"type": kind} if default is None else {"type": kind, "default": default}
                for name, (kind, default) in _OPTIONS[extension].items()
            }
        },
    }


def expanded(charmcraft: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a ``charmcraft.yaml`` with what its extensions add, and without their names.

    An extension that is not known is left out with a warning.

    Raises:
        ValueError: the file says something itself that an extension says.
    """
    content = {key: value for key, value in charmcraft.items() if key != "extensions"}
    for extension in charmcraft.get("extensions") or ():
        if extension not in _OPTIONS:
            warnings.warn(
                f"Unknown charmcraft extension {extension!r}: what it adds to the charm is not there in this test",
                stacklevel=2,
            )
            continue
        content = _merged(content, _additions(extension), extension, "")
    return content


def _merged(mine: Mapping[str, Any], added: Mapping[str, Any], extension: str, where: str) -> dict[str, Any]:
    """Return *mine* and *added* together, where both are what is in the section *where* (empty for the file).

    Raises:
        ValueError: both have something of the same name.
    """
    if where in ("", "config"):
        result = dict(mine)
        for key, value in added.items():
            if isinstance(value, list):
                result[key] = [*value, *(each for each in mine.get(key) or () if each not in value)]
            else:
                result[key] = _merged(mine.get(key) or {}, value, extension, f"{where}.{key}" if where else key)
        return result
    both = sorted(mine.keys() & added.keys())
    if both:
        raise ValueError(
            f"overlapping keys in charmcraft.yaml: {where} has {', '.join(both)}, "
            f"which the extension {extension} adds as well; rename or remove yours"
        )
    return {**mine, **added}
