"""Addresses of this unit, by endpoint, extra binding or relation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from ._errors import ModelError
from ._relation import Relation

if TYPE_CHECKING:
    import ipaddress
    from typing import TypedDict

    from ._tools import _ModelBackend

    _Address = ipaddress.IPv4Address | ipaddress.IPv6Address | str
    _Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network

    class _AddressDict(TypedDict, total=False):
        address: str
        value: str
        cidr: str
        hostname: str

    _BindAddressDict = TypedDict(
        "_BindAddressDict",
        {"interface-name": str, "mac-address": str, "addresses": list[_AddressDict]},
        total=False,
    )
    _NetworkDict = TypedDict(
        "_NetworkDict",
        {
            "bind-addresses": list[_BindAddressDict],
            "ingress-addresses": list[str],
            "egress-subnets": list[str],
        },
        total=False,
    )


def _parse_address(text: str) -> _Address:
    """Return *text* as an address, or as it is: names are possible too."""
    import ipaddress

    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return text


class NetworkInterface:
    """One address of an interface.  An interface with several is there several times."""

    name: str
    """Name of the interface; may be empty."""

    address: _Address | None
    """Its address; text if it is a name, None if there is none."""

    subnet: _Subnet | None
    """Network that the address is in: that of the address alone if no other is known."""

    def __init__(self, name: str, address_info: _AddressDict):
        import ipaddress

        self.name = name
        # Older controllers say "address" instead of "value".
        text = address_info.get("value") or address_info.get("address") or ""
        self.address = _parse_address(text) if text else None
        cidr = address_info.get("cidr")
        if cidr:
            self.subnet = ipaddress.ip_network(cidr)
        elif self.address is not None and not isinstance(self.address, str):
            self.subnet = ipaddress.ip_network(self.address)
        else:
            self.subnet = None


class Network:
    """Addresses of this unit for one binding."""

    interfaces: list[NetworkInterface]
    """Where the unit may listen, the main address first."""

    ingress_addresses: list[_Address]
    """Where others reach it, the main address first."""

    egress_subnets: list[_Subnet]
    """Where its traffic comes from, as others see it."""

    def __init__(self, network_info: _NetworkDict):
        import ipaddress

        self.interfaces = [
            NetworkInterface(interface.get("interface-name", ""), address)
            for interface in network_info.get("bind-addresses") or ()
            for address in interface.get("addresses") or ()
        ]
        self.ingress_addresses = [_parse_address(text) for text in network_info.get("ingress-addresses") or ()]
        self.egress_subnets = [ipaddress.ip_network(text) for text in network_info.get("egress-subnets") or ()]

    @property
    def bind_address(self) -> _Address | None:
        """The main address to listen on, or None."""
        return self.interfaces[0].address if self.interfaces else None

    @property
    def ingress_address(self) -> _Address | None:
        """The main address to be reached at, or None."""
        return self.ingress_addresses[0] if self.ingress_addresses else None


class Binding:
    """A name that addresses can be asked for."""

    name: str
    """Name of the endpoint or extra binding."""

    def __init__(self, name: str, relation_id: int | None, backend: _ModelBackend):
        self.name = name
        self._relation_id = relation_id
        self._backend = backend
        self._network: Network | None = None

    @property
    def network(self) -> Network:
        """Addresses for this binding.

        Raises:
            ModelError: the controller has none.
        """
        if self._network is None:
            info: Any = self._backend.network_get(self.name, self._relation_id)
            self._network = Network(info)
        return self._network


class BindingMapping(Mapping[str, Binding]):
    """Bindings by name or relation.  Only `get` works: nobody can list them all."""

    def __init__(self, backend: _ModelBackend):
        self._backend = backend
        self._bindings: dict[str | Relation, Binding] = {}

    def get(self, binding_key: str | Relation) -> Binding:  # type: ignore[override]
        """Return the binding of an endpoint, an extra binding or a relation.

        Raises:
            ModelError: *binding_key* is something else.
        """
        if isinstance(binding_key, Relation):
            name, relation_id = binding_key.name, binding_key.id
        elif isinstance(binding_key, str):
            name, relation_id = binding_key, None
        else:
            raise ModelError(f"binding key must be str or relation instance, not {type(binding_key).__name__}")
        if binding_key not in self._bindings:
            self._bindings[binding_key] = Binding(name, relation_id, self._backend)
        return self._bindings[binding_key]

    def __getitem__(self, item: Any) -> NoReturn:
        raise NotImplementedError("bindings cannot be listed; use get()")

    def __iter__(self) -> NoReturn:
        raise NotImplementedError("bindings cannot be listed; use get()")

    def __len__(self) -> NoReturn:
        raise NotImplementedError("bindings cannot be listed; use get()")
