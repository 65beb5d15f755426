"""Another name for `ops.testing`: charms' tests also write ``import scenario`` or ``from scenario import …``.

Nothing is defined here.  The submodules that tests import from are names for where things are.
"""

from __future__ import annotations

import sys
import types

from ops import testing
from ops.testing import *  # noqa: F403
from ops.testing import _context, _events, _relation_parts, _sequences, errors


def _submodule(name: str, **names: object) -> types.ModuleType:
    module = types.ModuleType(f"{__name__}.{name}", f"Another name for parts of `{testing.__name__}`.")
    public = {each: getattr(testing, each) for each in testing.__all__}
    module.__dict__.update(public, **names)
    sys.modules[module.__name__] = module
    return module


sys.modules[f"{__name__}.errors"] = errors
context = _submodule("context", CharmEvents=testing.CharmEvents, _Event=_events._Event, Context=_context.Context)
state = _submodule("state", DEFAULT_JUJU_DATABAG=_relation_parts.DEFAULT_JUJU_DATABAG, _Event=_events._Event)
sequences = _submodule("sequences", check_builtin_sequences=_sequences.check_builtin_sequences)
