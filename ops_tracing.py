"""Another name for `ops.tracing`: charms also write ``import ops_tracing``.

Nothing is defined here.

Raises:
    ImportError: the `ops` that is loaded is not the one beside this file.  The released `ops` of a charm looks for
        a module of this name as well, and goes on without when it finds none.
"""

from __future__ import annotations

import os
import sys

import ops

_BESIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops", "__init__.py")
if os.path.abspath(ops.__file__) != _BESIDE:
    raise ImportError(f"belongs to the ops at {_BESIDE}, not to the one at {ops.__file__}")

sys.modules[__name__] = ops.tracing
