"""The release of the public API that this package is compatible with."""

from __future__ import annotations

#: Three numbers, so that libraries which compare it number by number keep working.
version: str = "3.9.0"
