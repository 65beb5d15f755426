"""What all parts of a Harness stand on: the charm, the world around it, and whether changes emit events.

Role: also the model's way through the door as tests of a Harness know it (`_TestingModelBackend`), which differs
from a real one where the spec of Harness does.
Not here: what a test may change; each subject has a module of its own (_harness_*.py).
"""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TextIO, TypeVar, cast

from .. import _backend, _context
from .._charm import CharmBase
from .._entities import Application, Unit
from .._errors import ModelError, SecretNotFoundError
from .._framework import Framework
from .._model import Model
from ._backend import MemoryBackend, MemoryDoor
from ._charm_class import fresh
from ._charm_spec import CharmSpec
from ._commands import Refused
from ._commands.relation import readable_bag, write_bag
from ._pebble import PretendPebble, _TestingPebbleClient
from ._pebble_exec import Handlers
from ._storage import MemoryStorage
from ._watch import ExplainingFramework
from ._world import StatusRecord, World

if TYPE_CHECKING:
    from .. import pebble
    from .._context import JujuContext
    from .._meta import ConfigMeta
    from .._object import EventBase

CharmType = TypeVar("CharmType", bound=CharmBase)

YAMLStringOrFile = str | TextIO
AppUnitOrName = str | Application | Unit

_NO_DIRECTORY = Path("no-disk-path")

_OPTION_TYPES = {"boolean": bool, "int": int, "float": float, "string": str, "secret": str}


def check_option(option: ConfigMeta, value: Any) -> None:
    """Check that *value* is of the type that is declared for an option, exactly.

    Raises:
        RuntimeError: it is of another one.
    """
    if type(value) is not _OPTION_TYPES[option.type]:
        raise RuntimeError(
            f"Config option {option.name} is supposed to be of type {option.type}, not `{type(value).__name__}`."
        )


def name_of(entity: Any) -> str:
    """Return the name of an application, unit or container that is given as object or name."""
    return entity if isinstance(entity, str) else entity.name


class _TestingModelBackend(MemoryBackend):
    """Hook commands for the model of a charm in a `Harness`."""

    def __init__(self, world: World, context: JujuContext, directory: Directory):
        super().__init__(world, context)
        self._directory = directory
        self._pebble_clients: dict[str, _TestingPebbleClient] = {}

    def _check_app_data(self, doing: str, is_app: bool) -> None:
        """Nothing: a Harness has no controller that could be too old."""

    # What these return is not a copy, so that all changes of the test are seen at once.

    def relation_get(
        self, relation_id: int, member_name: str, is_app: bool, endpoint: str | None = None
    ) -> dict[str, str]:
        """Return all data of a unit or application in a relation."""
        relation = self.world.relations.get(relation_id)
        if relation is not None:
            if member_name not in relation.bags:
                raise KeyError(f"{member_name} is not in relation {relation_id}")
            with contextlib.suppress(Refused):  # which is then told in the usual way
                return readable_bag(self.world, relation, member_name)
        return super().relation_get(relation_id, member_name, is_app, endpoint)

    def relation_set(
        self, relation_id: int, data: Mapping[str, str], is_app: bool, endpoint: str | None = None
    ) -> None:
        """Change data of this unit or its application in a relation; an empty text deletes."""
        relation = self.world.relations.get(relation_id)
        if relation is not None:
            with contextlib.suppress(Refused):
                return write_bag(self.world, relation, data, is_app=is_app)
        super().relation_set(relation_id, data, is_app, endpoint)

    def config_get(self) -> dict[str, bool | int | float | str]:
        """Return all options that have a value."""
        return self.world.config

    def status_get(self, *, is_app: bool = False) -> dict[str, Any]:
        """Return ``status`` and ``message`` of this unit or its application, and no more."""
        found = super().status_get(is_app=is_app)
        return {"status": found["status"], "message": found["message"]}

    def action_fail(self, message: str = "") -> None:
        """Mark the running action as failed, with exactly this message."""
        super().action_fail(message)
        assert self.world.action is not None, "refused above"
        self.world.action.failure = message

    # Tests expect other errors than charms do about what only the owner of a secret may.

    def secret_info_get(self, *, id: str | None = None, label: str | None = None) -> tuple[str, dict[str, Any]]:
        """Return identifier and facts of a secret; its revision is the one that this unit tracks."""
        with _for_owners():
            found, facts = super().secret_info_get(id=id, label=label)
        secret = self.world.find_secret(id, label)
        assert secret is not None
        return found, {**facts, "revision": secret.tracked}

    def secret_grant(self, id: str, relation_id: int, *, unit: str | None = None) -> None:
        """Let the other side of a relation read a secret."""
        with _for_owners():
            super().secret_grant(id, relation_id, unit=unit)

    def secret_set(self, id: str, **changes: Any) -> None:
        """Change a secret."""
        with _for_owners():
            super().secret_set(id, **changes)

    def secret_revoke(self, id: str, relation_id: int, *, unit: str | None = None) -> None:
        """Take the right to read a secret back."""
        with _for_owners():
            super().secret_revoke(id, relation_id, unit=unit)

    def secret_remove(self, id: str, *, revision: int | None = None) -> None:
        """Remove a revision of a secret, or all of it."""
        with _for_owners():
            super().secret_remove(id, revision=revision)

    # --- containers ---

    def get_pebble(self, socket_path: str) -> pebble.Client:
        """Return the client of the pretended Pebble at *socket_path*; for the same path it is the same."""
        client = self._pebble_clients.get(socket_path)
        if client is None:
            client = self._pebble_clients[socket_path] = cast("Any", super().get_pebble(socket_path))
        return cast("pebble.Client", client)

    def _pebble_of(self, container: str) -> pebble.Client:
        """Return a client of the pretended Pebble of a container."""
        return cast("pebble.Client", _TestingPebbleClient(self._container(container)))

    def _container(self, name: str) -> PretendPebble:
        """Return the pretended Pebble of a container; a new one if there is none yet."""
        found = self.world.containers.get(name)
        if found is None:

            def root() -> Path:
                return self._directory.make("containers", name.strip("/").replace("/", "-"))

            found = self.world.containers[name] = PretendPebble(name, root, Handlers())
        return found


class NotOwnerError(SecretNotFoundError, RuntimeError):
    """The unit under test does not own the secret, or would have to lead its application."""


@contextlib.contextmanager
def _for_owners() -> Iterator[None]:
    """Turn what is refused in the block into an error that says so."""
    try:
        yield
    except ModelError as error:
        raise NotOwnerError(f"only the owner of a secret may do this, and it has to exist: {error}") from error


class Directory:
    """A temporary directory that is made when it is first needed."""

    def __init__(self) -> None:
        self._made: tempfile.TemporaryDirectory[str] | None = None

    def make(self, *names: str) -> Path:
        """Return a directory below it, which exists from then on."""
        if self._made is None:
            self._made = tempfile.TemporaryDirectory(prefix="harness-")
        path = Path(self._made.name, *names)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def remove(self) -> None:
        """Remove everything in it, and itself."""
        if self._made is not None:
            self._made.cleanup()
            self._made = None


class HarnessFramework(ExplainingFramework):
    """A framework with which everything that handlers do goes to the pretended controller of this Harness."""

    door: MemoryDoor

    def _run_handler(self, event: EventBase, observer_path: str, method_name: str, *, again: bool) -> None:
        with _backend.through(self.door):
            super()._run_handler(event, observer_path, method_name, again=again)


class HarnessBase(Generic[CharmType]):
    """The charm under test, and what surrounds it."""

    def __init__(
        self,
        charm_cls: type[CharmType],
        *,
        meta: YAMLStringOrFile | None = None,
        actions: YAMLStringOrFile | None = None,
        config: YAMLStringOrFile | None = None,
    ):
        if isinstance(config, str) and not config.strip():
            raise TypeError("config is empty; leave it away for what is beside the charm")
        self._charm_cls = charm_cls
        self._charm: CharmType | None = None
        spec = CharmSpec.from_yaml(charm_cls, meta=meta, actions=actions, config=config)
        self._meta = spec.charm_meta
        self._charm_dir = spec.charm_dir or _NO_DIRECTORY
        self._directory = Directory()
        self._world = World(
            unit_name=f"{self._meta.name}/0",
            endpoints=frozenset(self._meta.relations),
            bindings=frozenset({*self._meta.extra_bindings, "juju-info"}),
            model_uuid=str(uuid.uuid4()),
            config=self._default_config(),
            owners_read_latest=False,
            unit_status=StatusRecord("maintenance"),
        )
        context = _context.read_context()
        self._backend = _TestingModelBackend(self._world, context, self._directory)
        self._backend.peer_endpoints = frozenset(self._meta.peers)
        self._model = Model(self._meta, self._backend)
        self._storage = MemoryStorage()
        self._framework = HarnessFramework(
            self._storage,
            self._charm_dir,
            self._meta,
            self._model,
            juju_debug_at=context.debug_at,
            # A test that emits an event again wants to see it handled again.
            skip_duplicate_events=False,
        )
        self._framework.door = self._backend.door
        self._hooks_enabled = True

    def _default_config(self) -> dict[str, Any]:
        """Return the values of options that nobody has set.

        Raises:
            RuntimeError: an option has a type that does not exist, or a default of another type.
        """
        defaults: dict[str, Any] = {}
        for name, option in self._meta.config.items():
            if option.type not in _OPTION_TYPES:
                raise RuntimeError(f"Config option {name} has a type that does not exist: {option.type}")
            if option.default is not None:
                check_option(option, option.default)
                defaults[name] = option.default
        return defaults

    # --- the charm ---

    @property
    def charm(self) -> CharmType:
        """The charm.

        Raises:
            RuntimeError: before `begin`.
        """
        if self._charm is None:
            raise RuntimeError("The charm instance is not available yet. Call Harness.begin() first.")
        return self._charm

    @property
    def model(self) -> Model:
        """The model, as the charm sees it."""
        return self._model

    @property
    def framework(self) -> Framework:
        """The framework of the charm."""
        return self._framework

    def begin(self) -> None:
        """Construct the charm.  From then on, changes emit events.

        Each Harness constructs a subclass of its own of the charm's class.

        Raises:
            RuntimeError: the second time.
        """
        if self._charm is not None:
            raise RuntimeError("cannot call the begin method on the harness more than once")
        # As if it were an event: rules for relation data apply.
        with _backend.through(self._backend.door), self._framework._event_context("__init__"):
            self._charm = fresh(self._charm_cls)(self._framework)

    def cleanup(self) -> None:
        """Remove temporary files, and close the framework.  Call it at the end of each test."""
        self._directory.remove()
        self._framework.close()

    # --- events ---

    @property
    def _emits(self) -> bool:
        """Whether a change emits events now."""
        return self._charm is not None and self._hooks_enabled

    def disable_hooks(self) -> None:
        """Have no events emitted by changes, until `enable_hooks`."""
        self._hooks_enabled = False

    def enable_hooks(self) -> None:
        """Have events emitted by changes again, after `disable_hooks`."""
        self._hooks_enabled = True

    def _event_context(self, event_name: str):
        """Have rules apply in the block as if this event were being handled; none if it is empty."""
        return self._framework._event_context(event_name)

    @contextlib.contextmanager
    def hooks_disabled(self) -> Iterator[None]:
        """Have no events emitted by changes in the block."""
        before, self._hooks_enabled = self._hooks_enabled, False
        try:
            yield
        finally:
            self._hooks_enabled = before
