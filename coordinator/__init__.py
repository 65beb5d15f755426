"""The lifecycle manager: runs charms, with all shared truth in etcd.

Two kinds of code.  Pure packages only compute: `domain` (nouns and rules), `commands` (what a person asks
for), `reconcile` (what the state itself asks for), `engine` (the mind of one unit).  Shells only do: `store`
(etcd), `worker`, `controller`, `api`, `cli`.  Imports point inwards; tests/test_layers.py has the table.
Start reading at worker/agent.py: that loop is the system.
"""

__version__ = "0.1.0"

#: What charms are told as JUJU_VERSION.  Libraries switch features on it: at least 3.6.4 turns all of them on,
#: and a 4.x would promise that the leader-settings commands are gone.
ANNOUNCED_VERSION = "3.6.28"
