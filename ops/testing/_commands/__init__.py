"""Hook commands of a pretended controller, as functions on a `World`.

Role: the rules of relation data, secrets, storage, networks, ports, statuses, actions, once for all of
`ops.testing`, one module for each subject.  Texts of refusals are those by which charms and `ops` tell failures
apart.
Not here: what a command line looks like (`_call`), and what test code may do beyond a charm (Harness, Context).
"""

from __future__ import annotations

from . import action, config, network, other, relation, secret, state, status, storage
from ._call import COMMANDS, Refused, answer

__all__ = ["COMMANDS", "Refused", "answer"]

assert all((action, config, network, other, relation, secret, state, status, storage)), "imported to register"
