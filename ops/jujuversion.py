"""Parse and compare versions of the controller, and say what each of them can do.

Role: one value type.  Feature gates are facts about controllers, not about this package.
"""

from __future__ import annotations

import functools
import os
import re
import warnings

_FORM = (
    r"(?P<major>\d{1,9})\.(?P<minor>\d{1,9})"
    r"(?:\.(?P<patch>\d{1,9})|-(?P<tag>[a-z]+)(?P<tag_number>\d{1,9}))?"
    r"(?:\.(?P<build>\d{1,9}))?"
)


@functools.total_ordering
class JujuVersion:
    """A version such as ``3.6.4``, ``3.6.4.1`` (a build) or ``4.0-beta2`` (a tag).

    A version without a tag is newer than one with; tags compare as text.  Versions compare with
    each other and with text of the same form.  They are not hashable, as `3.6` and `3.6.0` are equal
    texts of one version.

    Raises:
        RuntimeError: *version* has none of these forms; also when compared with anything that is
            neither a version nor the text of one.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, version: str):
        match = re.fullmatch(_FORM, version)
        if match is None:
            raise RuntimeError(f"{version!r} is not a valid Juju version")
        self.major = int(match["major"])
        self.minor = int(match["minor"])
        self.tag = match["tag"] or ""
        self.patch = int(match["tag_number"] or match["patch"] or 0)
        self.build = int(match["build"] or 0)

    def __repr__(self):
        if self.tag:
            text = f"{self.major}.{self.minor}-{self.tag}{self.patch}"
        else:
            text = f"{self.major}.{self.minor}.{self.patch}"
        return f"{text}.{self.build}" if self.build > 0 else text

    def __eq__(self, other: object) -> bool:
        return self._order() == self._parse(other)._order()

    def __lt__(self, other: object) -> bool:
        return self._order() < self._parse(other)._order()

    def _order(self) -> tuple[int, int, bool, str, int, int]:
        return (self.major, self.minor, not self.tag, self.tag, self.patch, self.build)

    @classmethod
    def _parse(cls, other: object) -> JujuVersion:
        if isinstance(other, JujuVersion):
            return other
        if isinstance(other, str):
            return cls(other)
        raise RuntimeError(f"cannot compare a Juju version with {other!r}")

    @classmethod
    def from_environ(cls) -> JujuVersion:
        """Read ``JUJU_VERSION``; deprecated in favour of `Model.juju_version`.  Missing means 0.0.0."""
        warnings.warn(
            "JujuVersion.from_environ() is deprecated, use model.juju_version instead",
            DeprecationWarning,
            stacklevel=2,
        )
        return cls(os.environ.get("JUJU_VERSION") or "0.0.0")

    def has_app_data(self) -> bool:
        """Return whether applications have relation data of their own."""
        return self >= "2.7.0"

    def is_dispatch_aware(self) -> bool:
        """Return whether charms are started through their ``dispatch`` program."""
        return self >= "2.8.0"

    def has_controller_storage(self) -> bool:
        """Return whether the controller can keep a charm's state."""
        return self >= "2.8.0"

    @property
    def has_secrets(self) -> bool:
        """Whether secrets exist."""
        return self >= "3.0.3"

    @property
    def supports_open_port_on_k8s(self) -> bool:
        """Whether ports can be opened on Kubernetes."""
        return self >= "3.0.3"

    @property
    def supports_exec_service_context(self) -> bool:
        """Whether `Container.exec` can take the settings of a service."""
        return self >= "3.1.6" and self != "3.2.0"

    @property
    def supports_pebble_log_forwarding(self) -> bool:
        """Whether Pebble can forward logs."""
        return self >= "3.4.0"

    @property
    def supports_pebble_identities(self) -> bool:
        """Whether Pebble knows identities."""
        return self >= "3.6.4"

    @property
    def supports_pebble_metrics(self) -> bool:
        """Whether Pebble offers metrics."""
        return self >= "3.6.4"
