"""Run a charm: ``ops.main(MyCharm)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._storage import CHARM_STATE_FILE as CHARM_STATE_FILE

if TYPE_CHECKING:
    from ._charm import CharmBase


def main(charm_class: type[CharmBase], use_juju_for_storage: bool | None = None):
    """Set up the charm, emit the event that the environment names, and save what has to outlast the run.

    Args:
        charm_class: the charm.
        use_juju_for_storage: True keeps state in the controller, which is deprecated; False in a file; None
            lets whoever runs the charm choose, and means a file unless it says otherwise.

    Raises:
        SystemExit: the run was ended early on purpose.
        RuntimeError: the controller cannot keep state, or its version cannot be read.
    """
    from ._dispatch import run_charm

    run_charm(charm_class, use_juju_for_storage)
