"""The door to a pretended controller, and the model's way through it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from .. import _backend, hookcmds
from .._errors import ModelError, SecretNotFoundError
from .._tools import _ModelBackend
from . import _commands
from ._commands._call import merge
from ._parts import JujuLogLine

if TYPE_CHECKING:
    from .. import pebble
    from .._context import JujuContext
    from ._world import World

_T = TypeVar("_T")


class MemoryDoor:
    """Carries out hook commands on a `World`."""

    def __init__(self, world: World):
        self.world = world

    def call(self, tool: str, arguments: Sequence[str], stdin: str | None) -> _backend.Reply:
        """See `ops._backend.Door.call`."""
        return _commands.answer(self.world, tool, arguments, stdin)

    def has(self, tool: str) -> bool:
        """See `ops._backend.Door.has`."""
        return tool in _commands.COMMANDS


class MemoryBackend(_ModelBackend):
    """Hook commands for the model of one charm under test.

    Its calls go to *world*, whichever door of the process is open: a test may have several charms at once.
    """

    def __init__(self, world: World, context: JujuContext):
        self.world = world
        self.door = MemoryDoor(world)
        super().__init__(world.unit_name, world.model_name, world.model_uuid, context)
        # The answer is not kept: a test may change who leads at any moment.
        self.model_name = world.model_name  # type: ignore[assignment]

    @property
    def _hook_is_running(self) -> str:  # type: ignore[override]
        return self.world.running

    @_hook_is_running.setter
    def _hook_is_running(self, event_name: str) -> None:
        self.world.running = event_name

    def _call(self, tool: Callable[..., _T], /, *args: Any, **kwargs: Any) -> _T:
        if _backend.is_open(self.door):
            return super()._call(tool, *args, **kwargs)
        with _backend.through(self.door):
            return super()._call(tool, *args, **kwargs)

    def _explained(self, error: hookcmds.Error) -> ModelError:
        explained = super()._explained(error)
        if isinstance(explained, SecretNotFoundError):
            # Says more than a charm is told: it may be the test's mistake.
            explained.args = (error.stderr.strip(),)
        return explained

    def is_leader(self) -> bool:
        """Return whether this unit leads its application; asked anew each time, as a test may change it."""
        self._is_leader = self.world.leader
        return self._is_leader

    def action_set(self, results: Mapping[str, Any]) -> None:
        """Set results of the running action.  They stay as they are: texts on a command line lose types."""
        action = self.world.action
        before = action.results if action is not None else None
        super().action_set(results)
        assert action is not None, "refused above"
        action.results = merge(before or {}, results)

    def secret_info_get(self, *, id: str | None = None, label: str | None = None) -> tuple[str, dict[str, Any]]:
        """Return identifier and facts of a secret.  A moment without time zone comes back as it was given."""
        identifier, info = super().secret_info_get(id=id, label=label)
        secret = self.world.find_secret(identifier)
        if secret is not None and secret.expires is not None:
            info["expiry"] = secret.expires
        return identifier, info

    def juju_log(self, level: str, message: str) -> None:
        """Write a line to the log, without the detour of a command line: there are several in each run."""
        self.world.log.append(JujuLogLine(level, message))

    def get_pebble(self, socket_path: str) -> pebble.Client:
        """Return a client of the pretended Pebble of the container that *socket_path* is in."""
        found = re.search(r"containers/([^/]+)/pebble\.socket$", socket_path)
        return self._pebble_of(found[1] if found else socket_path)

    def _pebble_of(self, container: str) -> pebble.Client:
        """Return a client of the pretended Pebble of a container.

        Raises:
            RuntimeError: there is no such container.
        """
        raise NotImplementedError
