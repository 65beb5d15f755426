"""A class of one's own for each run: charms add the events of their metadata to the class of `on`."""

from __future__ import annotations

from typing import TypeVar

from .._charm import CharmBase

_CharmT = TypeVar("_CharmT", bound=CharmBase)


def fresh(charm_class: type[_CharmT]) -> type[_CharmT]:
    """Return a new subclass of *charm_class* that looks like it, whose events are its own.

    What a charm adds to it is gone with it, so that the next test meets the class as it was written.
    """
    events = type(charm_class.on)
    own_events = type(events.__name__, (events,), {"__module__": events.__module__})
    own = {"on": own_events(), "__module__": charm_class.__module__, "__doc__": charm_class.__doc__}
    return type(charm_class.__name__, (charm_class,), own)  # type: ignore[return-value]
