"""Harness: one charm that a test keeps, and changes around it that emit events at once.

Role: options, leadership, actions and the rest; and how a charm's life begins.
Not here: relations and networks (_harness_relations.py), containers, secrets, storage (_harness_*.py), and what
all of these stand on (_harness_base.py).
"""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic

from .._charm import evaluate_status
from .._errors import ModelError
from ._action import ActionFailed, ActionOutput
from ._harness_base import (
    AppUnitOrName,
    CharmType,
    YAMLStringOrFile,
    _TestingModelBackend,
    check_option,
)
from ._harness_containers import ContainersHarness
from ._harness_relations import RelationsHarness
from ._harness_secrets import SecretsHarness
from ._harness_storage import StorageHarness
from ._pebble_exec import ExecHandler
from ._state_world import cloud_answer
from ._world import ActionRecord

if TYPE_CHECKING:
    from .. import model

__all__ = [
    "AppUnitOrName",
    "ExecHandler",
    "Harness",
    "ReadableBuffer",
    "YAMLStringOrFile",
    "_TestingModelBackend",
]

ReadableBuffer = bytes | str


class Harness(
    RelationsHarness[CharmType],
    ContainersHarness[CharmType],
    SecretsHarness[CharmType],
    StorageHarness[CharmType],
    Generic[CharmType],
):
    """A charm under test, and what surrounds it.

    A test sets up what shall be there, calls `begin`, and then changes things; each change emits the events that
    it would bring about, at once.  Deferred events are emitted again only by ``harness.framework.reemit()``.

    What is not given is looked for in the directory above that of the charm's source.  Without any metadata, the
    charm is called ``test-charm``.

    Args:
        charm_cls: class of the charm.
        meta: content of ``metadata.yaml``, as text or open file.
        actions: content of ``actions.yaml``.
        config: content of ``config.yaml``.
    """

    def __init__(
        self,
        charm_cls: type[CharmType],
        *,
        meta: YAMLStringOrFile | None = None,
        actions: YAMLStringOrFile | None = None,
        config: YAMLStringOrFile | None = None,
    ):
        super().__init__(charm_cls, meta=meta, actions=actions, config=config)
        self._action_count = 0
        warnings.warn(
            "Harness is deprecated; write new tests with ops.testing.Context",
            PendingDeprecationWarning,
            stacklevel=2,
        )

    # --- a life ---

    def begin_with_initial_hooks(self) -> None:
        """Construct the charm, and emit what a new unit meets, in this order:

        storage-attached, install, relation-created, leader-elected or leader-settings-changed, config-changed,
        start, pebble-ready, and for each relation that the test has added changed for its application if that
        has data, then joined and changed for each of its units.

        Storage that was added is attached; peer relations that the test has not added are.

        Raises:
            RuntimeError: the charm has begun already.
        """
        self.begin()
        on = self.charm.on
        for storage in list(self._world.storages):
            if not storage.attached:
                self._attach(storage)
            self._emit_storage("attached", storage)
        on.install.emit()
        self._create_relations()
        if self._world.leader:
            on.leader_elected.emit()
        else:
            on.leader_settings_changed.emit()
        on.config_changed.emit()
        on.start.emit()
        for name in self._meta.containers:
            self.container_pebble_ready(name)
        status = self._world.unit_status
        if (status.status, status.message) == ("maintenance", ""):
            status.status = "unknown"
        self._join_relations()

    def _create_relations(self) -> None:
        # In any order: charms must not rely on one.
        endpoints = list(self._meta.relations)
        random.shuffle(endpoints)
        for endpoint in endpoints:
            relations = [each for each in self._world.relations.values() if each.endpoint == endpoint]
            if endpoint in self._meta.peers and not relations:
                self.add_relation(endpoint, self._world.app_name)
            for relation in relations:
                self._emit_relation_created(endpoint, relation.id, relation.app)

    def _join_relations(self) -> None:
        relations = list(self._world.relations.values())
        random.shuffle(relations)
        for relation in relations:
            if relation.bags.get(relation.app):
                self._emit_relation_changed(relation.id, relation.app)
            for unit in sorted(relation.units):
                self._emit_about_unit("relation_joined", relation, unit)
                self._emit_about_unit("relation_changed", relation, unit)

    def evaluate_status(self) -> None:
        """Emit collect-app-status, if the unit leads, and collect-unit-status, and set what the charm adds.

        Raises:
            RuntimeError: before `begin`.
        """
        charm = self.charm
        charm.app._collected_statuses = []
        charm.unit._collected_statuses = []
        evaluate_status(charm)

    # --- the model ---

    def set_model_name(self, name: str) -> None:
        """Say what the model is called.

        Raises:
            RuntimeError: the charm has begun already.
        """
        self.set_model_info(name=name)

    def set_model_uuid(self, uuid: str) -> None:
        """Say what the model's UUID is.

        Raises:
            RuntimeError: the charm has begun already.
        """
        self.set_model_info(uuid=uuid)

    def set_model_info(self, name: str | None = None, uuid: str | None = None) -> None:
        """Say what the model is called and what its UUID is; None leaves it as it is.

        Raises:
            RuntimeError: the charm has begun already.
        """
        if self._charm is not None:
            raise RuntimeError("cannot set the Model name after begin()")
        if name is not None:
            self._world.model_name = name
            self._backend.model_name = name
        if uuid is not None:
            self._world.model_uuid = self._backend.model_uuid = uuid

    def set_leader(self, is_leader: bool = True) -> None:
        """Say whether the unit leads its application; emits leader-elected if it does, each time."""
        self._world.leader = is_leader
        if is_leader and self._emits:
            self.charm.on.leader_elected.emit()

    def set_planned_units(self, num_units: int) -> None:
        """Say how many units the application will have.  Otherwise, those in peer relations are counted.

        Raises:
            TypeError: *num_units* is negative.
        """
        if num_units < 0:
            raise TypeError("num_units must be 0 or a positive integer.")
        self._world.planned_units = num_units

    def reset_planned_units(self) -> None:
        """Take back what `set_planned_units` said."""
        self._world.planned_units = None

    def set_cloud_spec(self, spec: model.CloudSpec):
        """Say what the model's cloud is.  Until then, charms are refused when they ask."""
        self._world.cloud_spec = cloud_answer(spec)  # type: ignore[arg-type]

    # --- options ---

    def update_config(
        self,
        key_values: Mapping[str, str | int | float | bool] | None = None,
        unset: Iterable[str] = (),
    ) -> None:
        """Change options; emits config-changed, also if nothing is different.

        Args:
            key_values: new values by name; None as a value leaves the option as it is.
            unset: names of options that go back to their default, or vanish.

        Raises:
            ValueError: the charm has no such option.
            RuntimeError: a value is not of the type that is declared.
        """
        self._update_config(key_values, unset)
        if self._emits:
            self.charm.on.config_changed.emit()

    def _update_config(
        self,
        key_values: Mapping[str, str | int | float | bool] | None = None,
        unset: Iterable[str] = (),
    ) -> None:
        config = self._world.config
        for name, value in (key_values or {}).items():
            option = self._meta.config.get(name)
            if option is None:
                raise ValueError(f"unknown config option: {name!r}")
            if value is None:
                continue
            check_option(option, value)
            config[name] = value
        defaults = self._default_config()
        for name in unset:
            config.pop(name, None)
            if name in defaults:
                config[name] = defaults[name]

    # --- actions ---

    def run_action(self, action_name: str, params: dict[str, Any] | None = None) -> ActionOutput:
        """Run an action, also while hooks are disabled, and return what it logged and its results.

        Args:
            action_name: name of the action, as in ``actions.yaml``.
            params: its parameters; defaults are filled in.

        Raises:
            ActionFailed: the charm says that it failed.
            RuntimeError: there is no such action, a required parameter is missing, or the charm has not begun.
            ModelError: a parameter is not declared, and may not be given.
        """
        action = self._meta.actions.get(action_name)
        if action is None:
            raise RuntimeError(f"Charm does not have a {action_name!r} action.")
        given = {
            **{name: schema["default"] for name, schema in _with_default(action.parameters)},
            **(params or {}),
        }
        for name in action.required:
            if name not in (params or {}):
                raise RuntimeError(f"{name!r} parameter is required, but missing.")
        unknown = given.keys() - action.parameters.keys()
        if unknown and not action.additional_properties:
            raise ModelError(f"additional property {sorted(unknown)} is not allowed in action {action_name}")
        on = self.charm.on
        self._action_count += 1
        running = self._world.action = ActionRecord(action_name, copy.deepcopy(given))
        try:
            on[action_name].action.emit(str(self._action_count))
        finally:
            self._world.action = None
        output = ActionOutput(running.logs, running.results or {})
        if running.failure is not None:
            raise ActionFailed(running.failure, output)
        return output

    # --- what the charm has done ---

    def get_workload_version(self) -> str:
        """Return the workload's version that the charm has set; None if it has not."""
        return self._world.workload_version or None  # type: ignore[return-value]

    def get_pod_spec(self) -> tuple[Mapping[Any, Any], Mapping[Any, Any]]:
        """Return pod specification and Kubernetes resources that the charm has set; None if it has not."""
        return self._world.pod_spec  # type: ignore[return-value]

    @property
    def reboot_count(self) -> int:
        """How often the charm has asked for a reboot."""
        return self._world.reboots


def _with_default(parameters: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return [each for each in parameters.items() if isinstance(each[1], Mapping) and "default" in each[1]]
