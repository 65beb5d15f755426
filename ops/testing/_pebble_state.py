"""From a container in a state to its pretended Pebble, and back with what has changed in it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import pebble
from ._container_parts import CheckInfo, Notice
from ._part import changed
from ._pebble import PretendPebble
from ._pebble_exec import Mocks

if TYPE_CHECKING:
    from ._container_parts import Container


class _ContainerPebble(PretendPebble):
    """The Pebble of a container in a state, which remembers how it began."""

    def __init__(self, container: Container, root: Callable[[], Path]):
        mounts = [
            (str(mount.location), functools.partial(Path, mount.source)) for mount in container.mounts.values()
        ]
        super().__init__(container.name, root, Mocks(container.name, container.execs), mounts)
        self.can_connect = container.can_connect
        if container._base_plan:
            self.base_layer = pebble.Layer(container._base_plan)  # type: ignore[arg-type]
        self.layers.update(container.layers)
        self.service_statuses.update(container.service_statuses)
        self.check_infos.update((info.name, info._to_ops()) for info in container.check_infos)
        self.notices.update((notice.id, notice._to_ops()) for notice in container.notices)
        self.before = (dict(self.layers), dict(self.service_statuses), dict(self.check_infos), dict(self.notices))


def pebble_from_container(container: Container, root: Callable[[], Path]) -> PretendPebble:
    """Return a Pebble in the state that *container* describes; *root* makes the directory of its files."""
    return _ContainerPebble(container, root)


def container_from_pebble(container: Container, state: PretendPebble) -> Container:
    """Return *container* with what has changed in its Pebble since `pebble_from_container`, or itself."""
    assert isinstance(state, _ContainerPebble)
    layers, statuses, checks, notices = state.before
    fields: dict[str, Any] = {}
    if state.can_connect != container.can_connect:
        fields["can_connect"] = state.can_connect
    if state.layers != layers:
        fields["layers"] = dict(state.layers)
    if state.service_statuses != statuses:
        fields["service_statuses"] = dict(state.service_statuses)
    if state.check_infos != checks:
        known = {info.name: info for info in container.check_infos}
        fields["check_infos"] = frozenset(
            known[name] if info is checks.get(name) else CheckInfo(**info.__dict__)
            for name, info in state.check_infos.items()
        )
    if state.notices != notices:
        earlier = {notice.id: notice for notice in container.notices}
        fields["notices"] = [
            earlier[id] if notice is notices.get(id) else Notice(**vars(notice))
            for id, notice in state.notices.items()
        ]
    return changed(container, **fields) if fields else container
