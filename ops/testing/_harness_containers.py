"""Containers in a Harness: whether they can be reached, their files and commands, and what they notice."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import pebble
from ._harness_base import CharmType, HarnessBase, name_of
from ._pebble import PretendPebble
from ._pebble_exec import ExecHandler, ExecResult, Handlers

if TYPE_CHECKING:
    from .. import model

_FAILED = (pebble.ChangeKind.PERFORM_CHECK.value, pebble.ChangeStatus.ERROR.value)
_RECOVERED = (pebble.ChangeKind.RECOVER_CHECK.value, pebble.ChangeStatus.DONE.value)

#: Which event a change of a check brings about, by the kind and status of the change.
_CHECK_EVENTS = {_FAILED: "pebble_check_failed", _RECOVERED: "pebble_check_recovered"}


class ContainersHarness(HarnessBase[CharmType]):
    """Containers and what is in them."""

    def _pebble(self, container: str | model.Container) -> PretendPebble:
        """Return the pretended Pebble of a container.

        Raises:
            KeyError: the metadata has no such container.
        """
        name = name_of(container)
        if name not in self._meta.containers:
            raise KeyError(name)
        return self._backend._container(name)

    def set_can_connect(self, container: str | model.Container, val: bool):
        """Say whether a container's Pebble answers.  It does not until somebody says so.

        Raises:
            ModelError: the metadata has no such container.
        """
        name = self._model.unit.get_container(name_of(container)).name
        self._backend._container(name).can_connect = val

    def container_pebble_ready(self, container_name: str):
        """Have a container's Pebble answer from now on; emits pebble-ready, also while hooks are disabled.

        Before `begin`, nothing happens.
        """
        if self._charm is None:
            return
        container = self._model.unit.get_container(container_name)
        self.set_can_connect(container, True)
        self._charm.on[container_name].pebble_ready.emit(container)

    def get_container_pebble_plan(self, container_name: str) -> pebble.Plan:
        """Return the plan of a container, whether its Pebble answers or not.

        Raises:
            KeyError: the metadata has no such container.
        """
        return self._pebble(container_name).plan()

    def get_filesystem_root(self, container: str | model.Container) -> Path:
        """Return the directory that is the container's ``/``; a test may read and write in it.

        Owners are those of the test's own process, whatever the charm says.

        Raises:
            KeyError: the metadata has no such container.
        """
        return self._pebble(container).files.root

    def handle_exec(
        self,
        container: str | model.Container,
        command_prefix: Sequence[str],
        *,
        handler: ExecHandler | None = None,
        result: int | str | bytes | ExecResult | None = None,
    ):
        """Say what comes of commands that the charm executes; a command without that is refused.

        Args:
            container: the container.
            command_prefix: how the commands begin.  The longest one that fits counts; an empty one fits all.
            handler: called with the `ExecArgs`, returns an `ExecResult` or None for success without output.
                It may raise `TimeoutError` for a command that the charm gives a timeout.
            result: the status, or the output of a success, or an `ExecResult`.

        Raises:
            TypeError: not exactly one of *handler* and *result* is given.
            KeyError: the metadata has no such container.
        """
        programs = self._pebble(container).programs
        assert isinstance(programs, Handlers)
        programs.register(command_prefix, handler, result)

    def pebble_notify(
        self,
        container_name: str,
        key: str,
        *,
        data: dict[str, str] | None = None,
        repeat_after: datetime.timedelta | None = None,
        type: pebble.NoticeType = pebble.NoticeType.CUSTOM,
    ) -> str:
        """Have something happen in a container, and return the notice's identifier.

        If the notice is new, or may be told again, it emits, also while hooks are disabled: pebble-custom-notice
        for a custom one, pebble-check-failed or -recovered for a change-update of such a change.

        Args:
            container_name: the container.
            key: what tells the notice apart from others of its type; for a change-update the change's
                identifier.
            data: what is said with it; for a change-update of a check ``kind`` and ``check-name``.
            repeat_after: how long after it was told it may be told again; None for at once.
            type: type of the notice.

        Raises:
            ModelError: the metadata has no such container.
        """
        container = self._model.unit.get_container(container_name)
        id, told = self._backend._container(container_name).notify(type, key, data=data, repeat_after=repeat_after)
        if not told or self._charm is None:
            return id
        events = self._charm.on[container_name]
        if type is pebble.NoticeType.CUSTOM:
            events.pebble_custom_notice.emit(container, id, type.value, key)
        elif type is pebble.NoticeType.CHANGE_UPDATE and data:
            change = container.pebble.get_change(pebble.ChangeID(key))
            event = _CHECK_EVENTS.get((data.get("kind", ""), change.status))
            if event is not None:
                getattr(events, event).emit(container, data["check-name"])
        return id
