"""Relations in a Harness: who is on the other side, and what both sides wrote."""

from __future__ import annotations

import contextlib
import ipaddress
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._errors import ModelError, RelationDataTypeError, RelationNotFoundError
from .._network import BindingMapping
from .._relation import RelationDataContent
from ._harness_base import AppUnitOrName, CharmType, HarnessBase, name_of
from ._world import RelationRecord

_IPV4_PREFIX, _IPV6_PREFIX = 24, 64


class RelationsHarness(HarnessBase[CharmType]):
    """Relations and networks."""

    _next_relation_id = 0

    def _relation(self, relation_id: int) -> RelationRecord:
        """Return a relation.

        Raises:
            KeyError: there is none of this number.
        """
        return self._world.relations[relation_id]

    def _refresh(self, relation: RelationRecord) -> None:
        """Have the model look at the relations of an endpoint again."""
        self._model.relations._invalidate(relation.endpoint)

    # --- adding ---

    def add_relation(
        self,
        relation_name: str,
        remote_app: str,
        *,
        app_data: Mapping[str, str] | None = None,
        unit_data: Mapping[str, str] | None = None,
    ) -> int:
        """Add a relation and return its number; emits relation-created.

        With data, the first unit of the other side joins as well: emits relation-joined, and relation-changed for
        data that is not empty.

        Args:
            relation_name: endpoint of the charm.
            remote_app: application on the other side; its own for a peer relation.
            app_data: what that application wrote.
            unit_data: what its unit 0 wrote.

        Raises:
            RelationNotFoundError: the metadata has no such endpoint.
            RelationDataTypeError: data has other values than texts.
        """
        if relation_name not in self._meta.relations:
            raise RelationNotFoundError(f"relation {relation_name!r} is not declared in the metadata")
        relation = self._add_record(relation_name, remote_app)
        self._emit_relation_created(relation_name, relation.id, remote_app)
        if app_data is not None or unit_data is not None:
            unit = f"{remote_app}/0"
            # Of a peer relation, the first unit is the one under test: it does not join itself.
            if unit != self._world.unit_name:
                self.add_relation_unit(relation.id, unit)
            for name, data in ((remote_app, app_data), (unit, unit_data)):
                if data:
                    self.update_relation_data(relation.id, name, data)
        return relation.id

    def _add_record(self, endpoint: str, remote_app: str) -> RelationRecord:
        number = self._next_relation_id
        self._next_relation_id += 1
        relation = RelationRecord(number, endpoint, remote_app, is_peer=endpoint in self._meta.peers)
        relation.bags = {remote_app: {}, self._world.app_name: {}, self._world.unit_name: {}}
        self._world.relations[number] = relation
        self._add_default_networks(endpoint, number)
        self._refresh(relation)
        return relation

    def _emit_relation_created(self, relation_name: str, relation_id: int, remote_app: str) -> None:
        if self._emits:
            relation = self._model.get_relation(relation_name, relation_id)
            self.charm.on[relation_name].relation_created.emit(relation, self._model.get_app(remote_app))

    def add_relation_unit(self, relation_id: int, remote_unit_name: str) -> None:
        """Have a unit of the other side join a relation; emits relation-joined.

        Write its data with `update_relation_data`.

        Raises:
            KeyError: there is no such relation.
        """
        relation = self._relation(relation_id)
        if not remote_unit_name.startswith(relation.app):
            warnings.warn(
                f"remote unit name invalid: the remote application is {relation.app}, not that of "
                f"{remote_unit_name}",
                stacklevel=2,
            )
        relation.bags.setdefault(remote_unit_name, {})
        relation.units.append(remote_unit_name)
        self._show_unit(relation, remote_unit_name)
        if self._emits:
            self._emit_about_unit("relation_joined", relation, remote_unit_name)

    def _show_unit(self, record: RelationRecord, name: str, *, stays: bool = True) -> None:
        """Have the model know a unit that has joined, also in relations that a test holds.

        Of one that does not stay, only the data is known.
        """
        relation, unit = self._model.get_relation(record.endpoint, record.id), self._model.get_unit(name)
        assert relation is not None
        if stays:
            relation.units.add(unit)
        if unit not in relation.data:
            relation.data._data[unit] = RelationDataContent(relation, unit, self._backend)

    def _emit_about_unit(self, event: str, record: RelationRecord, unit_name: str, *more: Any) -> None:
        relation = self._model.get_relation(record.endpoint, record.id)
        unit = self._model.get_unit(unit_name)
        getattr(self.charm.on[record.endpoint], event).emit(relation, unit.app, unit, *more)

    # --- removing ---

    def remove_relation(self, relation_id: int) -> None:
        """Remove a relation; emits relation-departed for each unit of the other side, then relation-broken.

        Raises:
            RelationNotFoundError: there is no such relation.
        """
        if relation_id not in self._world.relations:
            raise RelationNotFoundError(f"there is no relation {relation_id}")
        relation = self._relation(relation_id)
        for unit in list(relation.units):
            self.remove_relation_unit(relation_id, unit)
        with self._breaking(relation):
            if self._emits:
                found = self._model.get_relation(relation.endpoint, relation_id)
                self.charm.on[relation.endpoint].relation_broken.emit(found, self._model.get_app(relation.app))
        del self._world.relations[relation_id]
        self._world.networks.pop((relation.endpoint, relation_id), None)
        for secret in self._world.secrets:
            secret.grants.pop(relation_id, None)
        self._refresh(relation)

    @contextlib.contextmanager
    def _breaking(self, relation: RelationRecord) -> Iterator[None]:
        """Have the model treat a relation as one that is broken."""
        self._model.relations._broken_relation_id = relation.id
        self._refresh(relation)
        try:
            yield
        finally:
            self._model.relations._broken_relation_id = None
            self._refresh(relation)

    def remove_relation_unit(self, relation_id: int, remote_unit_name: str) -> None:
        """Have a unit of the other side leave a relation; emits relation-departed.

        The unit is not one of the relation's any more then, but its data can still be read.

        Raises:
            KeyError: there is no such relation, or the unit is not in it.
        """
        relation = self._relation(relation_id)
        if remote_unit_name not in relation.units:
            raise KeyError(f"{remote_unit_name} is not in relation {relation_id}: {relation.units}")
        relation.units.remove(remote_unit_name)
        self._refresh(relation)
        if self._emits:
            self._show_unit(relation, remote_unit_name, stays=False)
            self._emit_about_unit("relation_departed", relation, remote_unit_name, remote_unit_name)
            self._refresh(relation)
        relation.bags.pop(remote_unit_name, None)

    # --- data ---

    def get_relation_data(self, relation_id: int, app_or_unit: AppUnitOrName) -> Mapping[str, str]:
        """Return what an application or unit wrote, not as a copy; None if it is not in the relation.

        The test may read everything, whatever the charm may.

        Raises:
            KeyError: there is no such relation.
        """
        return self._relation(relation_id).bags.get(name_of(app_or_unit))  # type: ignore[return-value]

    def update_relation_data(self, relation_id: int, app_or_unit: str, key_values: Mapping[str, str]) -> None:
        """Change what an application or unit wrote; an empty text deletes.

        Emits relation-changed if something changed that is not of this unit: for the unit, or for the
        application alone.  What our own application wrote is news only in a peer relation, to those who do
        not lead.

        Raises:
            KeyError: there is no such relation, or the application or unit is not in it.
            RelationDataTypeError: a key or value is no text.
        """
        relation = self._relation(relation_id)
        bag = relation.bags[app_or_unit]
        for key, value in key_values.items():
            for what, text in (("key", key), ("value", value)):
                if not isinstance(text, str):
                    raise RelationDataTypeError(f"relation data {what}s must be strings, not {type(text)}")
        # An empty text for what is not there counts as a change: tests rely on it.
        changed = {key: value for key, value in key_values.items() if bag.get(key) != value}
        for key, value in changed.items():
            if value:
                bag[key] = value
            else:
                bag.pop(key, None)
        if changed and self._is_news(relation, app_or_unit):
            self._emit_relation_changed(relation_id, app_or_unit)

    def _is_news(self, relation: RelationRecord, writer: str) -> bool:
        if writer == self._world.unit_name:
            return False
        return writer != self._world.app_name or (relation.is_peer and not self._world.leader)

    def _emit_relation_changed(self, relation_id: int, app_or_unit: str) -> None:
        if not self._emits:
            return
        record = self._relation(relation_id)
        if "/" in app_or_unit:
            self._emit_about_unit("relation_changed", record, app_or_unit)
        else:
            relation = self._model.get_relation(record.endpoint, relation_id)
            self.charm.on[record.endpoint].relation_changed.emit(relation, self._model.get_app(app_or_unit))

    # --- networks ---

    def add_network(
        self,
        address: str,
        *,
        endpoint: str | None = None,
        relation_id: int | None = None,
        cidr: str | None = None,
        interface: str = "eth0",
        ingress_addresses: Iterable[str] | None = None,
        egress_subnets: Iterable[str] | None = None,
    ):
        """Say what a binding's network is, in place of what was said of it before.

        Args:
            address: this unit's address.
            endpoint: endpoint or extra binding; None for all that have no network of their own.
            relation_id: the relation, if it is only about one.
            cidr: subnet; None for a usual one around *address*.
            interface: name of the interface.
            ingress_addresses: addresses at which others reach the unit; None for *address*.
            egress_subnets: subnets that its traffic comes from; None for *cidr*.

        Raises:
            ModelError: the metadata has no such binding, or the endpoint no such relation.
            TypeError: there is a relation, but no endpoint.
            ValueError: *address* is none.
        """
        if endpoint is not None and endpoint not in {*self._meta.relations, *self._meta.extra_bindings}:
            raise ModelError(f"{endpoint} is neither an endpoint nor an extra binding of the metadata")
        if relation_id is not None:
            if endpoint is None:
                raise TypeError("endpoint must be set if relation_id is")
            relation = self._world.relations.get(relation_id)
            if relation is None or relation.endpoint != endpoint:
                raise ModelError(f"endpoint {endpoint} has no relation {relation_id}")
        answer = _network(address, cidr, interface, ingress_addresses, egress_subnets)
        if endpoint is None:
            self._world.default_network = answer
        else:
            self._world.networks[(endpoint, relation_id)] = answer
        self._model._bindings = BindingMapping(self._backend)  # without what was known before

    def _add_default_networks(self, endpoint: str, relation_id: int) -> None:
        """Have a relation and its endpoint know some network, unless the test has said what all have."""
        if self._world.default_network is None:
            self._world.networks.setdefault((endpoint, None), _NETWORK_OF_ENDPOINT)
            self._world.networks[(endpoint, relation_id)] = _NETWORK_OF_RELATION


def _network(
    address: str,
    cidr: str | None = None,
    interface: str = "eth0",
    ingress_addresses: Iterable[str] | None = None,
    egress_subnets: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Return what ``network-get`` prints of a network.  See `RelationsHarness.add_network`."""
    if cidr is None:
        prefix = _IPV4_PREFIX if ipaddress.ip_address(address).version == 4 else _IPV6_PREFIX
        cidr = str(ipaddress.ip_network(f"{address}/{prefix}", strict=False))
    return {
        "bind-addresses": [{"interface-name": interface, "addresses": [{"cidr": cidr, "value": address}]}],
        "egress-subnets": [cidr] if egress_subnets is None else list(egress_subnets),
        "ingress-addresses": [address] if ingress_addresses is None else list(ingress_addresses),
    }


_NETWORK_OF_RELATION = _network("10.0.0.10")
_NETWORK_OF_ENDPOINT = _network("192.0.2.0")
