"""Index: what the controller says about this run.  The code is in _context.py."""

from __future__ import annotations

from ._context import JujuContext
from ._index import publish
from .jujuversion import JujuVersion as JujuVersion

publish(__name__, JujuContext)
