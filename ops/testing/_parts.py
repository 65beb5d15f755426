"""The small parts of a state: addresses, the model, ports, storages, resources, secrets, statuses and others.

All are frozen.  Constructors check what is wrong whatever the charm is (`StateValidationError`) and copy what
could be changed from outside.
Not here: relations (_relation_parts.py), containers (_container_parts.py), and whether a part fits the charm
(_consistency.py).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Union, cast

from .. import _entities, _model
from ._part import Counter, Part, check_name, list_of_texts
from ._statuses import status_from_name as status_from_name
from .errors import StateValidationError

if TYPE_CHECKING:
    import datetime
    import pathlib

    from .._secret import SecretRotate
    from ._context import Context

AnyJson = Union[str, bool, dict[str, "AnyJson"], int, float, list["AnyJson"]]  # noqa: UP007
"""What JSON can say, but for null."""

RawSecretRevisionContents = Mapping[str, str]
"""What a revision of a secret holds: values by key."""

UnitID = int
"""Number of a unit: 0 in ``web/0``."""

_RawPortProtocolLiteral = Literal["tcp", "udp", "icmp"]

DEFAULT_ADDRESS = "192.0.2.0"
"""Address of everything for which a test gives none; from a range that is reserved for documentation."""

_next_storage_index = Counter(0)


@dataclass(frozen=True)
class JujuLogLine:
    """One line that the charm logged."""

    level: str
    """Level, such as ``INFO``."""

    message: str
    """Text of the line."""


# --- Networks ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """One address of a network interface."""

    value: str
    """The address, such as ``10.0.0.1``."""

    hostname: str = field(default="", kw_only=True)
    """Name for the address."""

    cidr: str = field(default="", kw_only=True)
    """The network that the address is in, such as ``10.0.0.0/24``."""

    @property
    def address(self) -> str:
        """Another name of `value`."""
        return self.value

    @address.setter
    def address(self, value: str) -> None:
        object.__setattr__(self, "value", value)


@dataclass(frozen=True)
class BindAddress:
    """The addresses of one network interface."""

    addresses: Sequence[Address]
    """Addresses of the interface, the most important one first."""

    interface_name: str = field(default="", kw_only=True)
    """Name of the interface, such as ``eth0``."""

    mac_address: str | None = field(default=None, kw_only=True)
    """Hardware address; None if unknown."""

    def __post_init__(self) -> None:
        self.__dict__["addresses"] = list(self.addresses)


@dataclass(frozen=True, repr=False, init=False)
class Network(Part):
    """The addresses of a binding.  Without one in the state, a binding has only `DEFAULT_ADDRESS`."""

    binding_name: str
    """Name of an endpoint or of an extra binding."""

    bind_addresses: Sequence[BindAddress]
    """Where the charm's workload shall listen."""

    ingress_addresses: Sequence[str]
    """Where others reach the workload."""

    egress_subnets: Sequence[str]
    """Where the workload's own connections come from."""

    def __init__(
        self,
        binding_name: str,
        bind_addresses: Iterable[BindAddress] = (BindAddress([Address(DEFAULT_ADDRESS)]),),
        *,
        ingress_addresses: Iterable[str] = (DEFAULT_ADDRESS,),
        egress_subnets: Iterable[str] = (f"{DEFAULT_ADDRESS}/24",),
    ):
        self.__dict__.update(
            binding_name=binding_name,
            bind_addresses=list(bind_addresses),
            ingress_addresses=list_of_texts("ingress_addresses", ingress_addresses),
            egress_subnets=list_of_texts("egress_subnets", egress_subnets),
        )

    def __hash__(self) -> int:
        return hash(self.binding_name)


# --- The model -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, init=False)
class CloudCredential(Part):
    """How the charm may act on the cloud."""

    auth_type: str = field(kw_only=True)
    """Kind of the credential."""

    attributes: Mapping[str, str] = field(kw_only=True)
    """What the credential consists of."""

    redacted: Sequence[str] = field(kw_only=True)
    """Names of attributes that are kept from the charm."""

    def __init__(self, *, auth_type: str, attributes: Mapping[str, str] = {}, redacted: Iterable[str] = ()):
        self.__dict__.update(
            auth_type=auth_type,
            attributes=dict(attributes),
            redacted=list_of_texts("redacted", redacted),
        )

    def _to_ops(self) -> _model.CloudCredential:
        return _model.CloudCredential(self.auth_type, dict(self.attributes), list(self.redacted))


@dataclass(frozen=True, repr=False, init=False)
class CloudSpec(Part):
    """What the charm learns about the cloud that it runs in."""

    type: str
    """Kind of the cloud."""

    name: str
    """Name of the cloud."""

    region: str | None
    """Region in the cloud."""

    endpoint: str | None
    """Where the cloud's API is."""

    identity_endpoint: str | None
    """Where its identity service is."""

    storage_endpoint: str | None
    """Where its storage service is."""

    credential: CloudCredential | None
    """How to act on the cloud; None for no credential."""

    ca_certificates: Sequence[str]
    """Certificates of its authorities."""

    skip_tls_verify: bool
    """Whether its certificate shall not be checked."""

    is_controller_cloud: bool
    """Whether the controller runs in the same cloud."""

    def __init__(
        self,
        type: str,
        *,
        name: str = "localhost",
        region: str | None = None,
        endpoint: str | None = None,
        identity_endpoint: str | None = None,
        storage_endpoint: str | None = None,
        credential: CloudCredential | None = None,
        ca_certificates: Iterable[str] = (),
        skip_tls_verify: bool = False,
        is_controller_cloud: bool = False,
    ):
        self.__dict__.update(
            type=type,
            name=name,
            region=region,
            endpoint=endpoint,
            identity_endpoint=identity_endpoint,
            storage_endpoint=storage_endpoint,
            credential=credential,
            ca_certificates=list_of_texts("ca_certificates", ca_certificates),
            skip_tls_verify=skip_tls_verify,
            is_controller_cloud=is_controller_cloud,
        )

    def _to_ops(self) -> _model.CloudSpec:
        return _model.CloudSpec(
            type=self.type,
            name=self.name,
            region=self.region,
            endpoint=self.endpoint,
            identity_endpoint=self.identity_endpoint,
            storage_endpoint=self.storage_endpoint,
            credential=self.credential._to_ops() if self.credential else None,
            ca_certificates=list(self.ca_certificates),
            skip_tls_verify=self.skip_tls_verify,
            is_controller_cloud=self.is_controller_cloud,
        )


def _random_model_name() -> str:
    return os.urandom(10).hex()


def _random_uuid() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, repr=False)
class Model(Part):
    """The model that the application is in."""

    name: str = field(default_factory=_random_model_name)
    """Name of the model; a random one unless given."""

    uuid: str = field(default_factory=_random_uuid, kw_only=True)
    """Identifier of the model; a random one unless given."""

    type: Literal["kubernetes", "lxd"] = field(default="kubernetes", kw_only=True)
    """Whether applications run in pods or on machines."""

    cloud_spec: CloudSpec | None = field(default=None, kw_only=True)
    """What `ops.Model.get_cloud_spec` says, if the context says that the application is trusted."""


# --- Ports, storages, resources ------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Port(Part):
    """Base of the ports.

    Raises:
        RuntimeError: it is instantiated itself; use `TCPPort`, `UDPPort` or `ICMPPort`.
    """

    port: int | None = None
    """Number of the port; None for ICMP, which has none."""

    protocol: _RawPortProtocolLiteral = field(default="tcp", kw_only=True)
    """Protocol of the port."""

    def __post_init__(self) -> None:
        if type(self) is Port:
            raise RuntimeError("Port is a base class; make a TCPPort, a UDPPort or an ICMPPort")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Port, _entities.Port)):
            return NotImplemented
        return (self.protocol, self.port) == (other.protocol, other.port)

    def __hash__(self) -> int:
        return hash((self.protocol, self.port))

    def _to_ops(self) -> _entities.Port:
        return _entities.Port(self.protocol, self.port)


def _check_port_number(number: int) -> None:
    if not 1 <= number <= 65535:
        raise StateValidationError(f"`port` must be between 1 and 65535, not {number}")


# The next two always took both arguments by position, and None as a number fails as soon as it is compared.
@dataclass(frozen=True, repr=False, eq=False, init=False)
class TCPPort(Port):
    """An open TCP port.

    Raises:
        StateValidationError: the number is not between 1 and 65535.
    """

    port: int = cast("int", None)
    """Number of the port."""

    protocol: _RawPortProtocolLiteral = "tcp"
    """Protocol of the port, always ``tcp``."""

    def __init__(self, port: int = cast("int", None), protocol: _RawPortProtocolLiteral = "tcp"):
        _check_port_number(port)
        self.__dict__.update(port=port, protocol=protocol)


@dataclass(frozen=True, repr=False, eq=False, init=False)
class UDPPort(Port):
    """An open UDP port.

    Raises:
        StateValidationError: the number is not between 1 and 65535.
    """

    port: int = cast("int", None)
    """Number of the port."""

    protocol: _RawPortProtocolLiteral = "udp"
    """Protocol of the port, always ``udp``."""

    def __init__(self, port: int = cast("int", None), protocol: _RawPortProtocolLiteral = "udp"):
        _check_port_number(port)
        self.__dict__.update(port=port, protocol=protocol)


@dataclass(frozen=True, repr=False, eq=False)
class ICMPPort(Port):
    """Permission for ICMP messages, such as a ping.

    Raises:
        StateValidationError: a port number is given.
    """

    protocol: _RawPortProtocolLiteral = field(default="icmp", kw_only=True)
    """Protocol of the port, always ``icmp``."""

    def __post_init__(self) -> None:
        if self.port is not None:
            raise StateValidationError("`port` cannot be set for `ICMPPort`: ICMP has no ports")


PORT_KINDS: dict[str, type[Port]] = {"tcp": TCPPort, "udp": UDPPort, "icmp": ICMPPort}
"""The class of a port by its protocol."""


def port_from_text(text: str) -> Port:
    """Return the port that is written ``80/tcp`` or ``icmp``."""
    number, _, protocol = text.rpartition("/")
    return PORT_KINDS[protocol](int(number)) if number else PORT_KINDS[protocol]()


@dataclass(frozen=True, repr=False)
class Storage(Part):
    """An attached storage.  Equal to each storage of the same name and index, those of `ops` included.

    Raises:
        StateValidationError: no charm can declare a storage of this name.
    """

    name: str
    """Name of the storage in the charm's metadata."""

    index: int = field(default_factory=_next_storage_index, kw_only=True)
    """Number of the instance, unlike that of any other storage in this process unless given."""

    def __post_init__(self) -> None:
        check_name("storage", self.name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Storage, _model.Storage)):
            return NotImplemented
        return (self.name, self.index) == (other.name, other.index)

    def __hash__(self) -> int:
        return hash((self.name, self.index))

    def get_filesystem(self, ctx: Context[Any]) -> pathlib.Path:
        """Return the directory that the charm sees as this storage in runs of *ctx*."""
        return ctx._storage_root(self.name, self.index)


@dataclass(frozen=True, repr=False)
class Resource(Part):
    """A file that is delivered with the charm."""

    name: str = field(kw_only=True)
    """Name of the resource in the charm's metadata."""

    path: str | pathlib.Path = field(kw_only=True)
    """Where the file is."""


# --- Secrets -------------------------------------------------------------------------------------------------


def _random_secret_id() -> str:
    return f"secret:{os.urandom(10).hex()}"


def _core_of_id(id: str) -> str:
    """Return what ``secret:<this>``, ``secret://<uuid>/<this>`` and ``<this>`` have in common."""
    return id.removeprefix("secret:").rpartition("/")[2]


def _secret_content(field_name: str, content: Mapping[str, str]) -> dict[str, str]:
    """Copy what a secret holds.

    Raises:
        StateValidationError: it is no mapping from text to text, or empty.
    """
    where = f"Secret.{field_name}"
    if not isinstance(content, Mapping):
        raise StateValidationError(f"{where} must be a dict of values by key, not {content!r}")
    if not content:
        raise StateValidationError(f"{where} must not be empty: a secret has at least one key")
    if not all(type(key) is type(value) is str for key, value in content.items()):
        raise StateValidationError(f"{where} must map text to text: {dict(content)!r}")
    return dict(content)


@dataclass(frozen=True, repr=False, init=False)
class Secret(Part):
    """A secret that the unit may read, or owns.

    Raises:
        StateValidationError: a content is empty or not a mapping from text to text.
    """

    tracked_content: Mapping[str, str]
    """What the unit reads until it refreshes."""

    latest_content: Mapping[str, str]
    """What the unit reads when it peeks or refreshes; the same as the tracked content unless given."""

    id: str
    """Identifier, such as ``secret:cmjd41qn5h1c70bs6jqg``; a random one unless given."""

    owner: Literal["unit", "app"] | None
    """Who of the charm under test owns the secret; None if it belongs to somebody else."""

    remote_grants: Mapping[int, frozenset[str]]
    """Names of the units and applications that may read the secret, by the id of the relation."""

    label: str | None
    """Name under which the unit knows the secret; None for no name."""

    description: str | None
    """What the secret is for."""

    expire: datetime.datetime | None
    """When it shall not be used any more; None for never."""

    rotate: SecretRotate | None
    """How often its owner shall renew it; None for never."""

    _tracked_revision: int = field(compare=False)
    _latest_revision: int = field(compare=False)

    def __init__(
        self,
        tracked_content: RawSecretRevisionContents,
        *,
        latest_content: RawSecretRevisionContents | None = None,
        id: str | None = None,
        owner: Literal["unit", "app"] | None = None,
        remote_grants: Mapping[int, Iterable[str]] = {},
        label: str | None = None,
        description: str | None = None,
        expire: datetime.datetime | None = None,
        rotate: SecretRotate | None = None,
        _tracked_revision: int = 1,
        _latest_revision: int = 1,
    ):
        tracked = _secret_content("tracked_content", tracked_content)
        self.__dict__.update(
            tracked_content=tracked,
            latest_content=(
                dict(tracked) if latest_content is None else _secret_content("latest_content", latest_content)
            ),
            id=_random_secret_id() if id is None else id,
            owner=owner,
            remote_grants={
                relation_id: frozenset(list_of_texts(f"remote_grants[{relation_id}]", names))
                for relation_id, names in remote_grants.items()
            },
            label=label,
            description=description,
            expire=expire,
            rotate=rotate,
            _tracked_revision=_tracked_revision,
            _latest_revision=_latest_revision,
        )

    def _is(self, id: str) -> bool:
        """Return whether *id* means this secret, in any of the forms that an id has."""
        return _core_of_id(id) == _core_of_id(self.id)

    def _is_unsaid(self, name: str, value: Any) -> bool:
        return name == "latest_content" and value == self.tracked_content

    def __hash__(self) -> int:
        return hash(self.id)


# --- What the charm keeps ------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, init=False)
class StoredState(Part):
    """What a `ops.StoredState` of the charm, or of one of its libraries, holds."""

    name: str
    """Name of the attribute."""

    owner_path: str | None
    """Path of the object with the attribute: ``MyCharm``, ``MyCharm/ingress``; None for the framework's own."""

    content: Mapping[str, Any]
    """Values by name."""

    _data_type_name: str

    def __init__(
        self,
        name: str = "_stored",
        *,
        owner_path: str | None = None,
        content: Mapping[str, Any] = {},
        _data_type_name: str = "StoredStateData",
    ):
        self.__dict__.update(
            name=name, owner_path=owner_path, content=dict(content), _data_type_name=_data_type_name
        )

    @property
    def _handle_path(self) -> str:
        return f"{self.owner_path or ''}/{self._data_type_name}[{self.name}]"

    def __hash__(self) -> int:
        return hash((self.owner_path, self.name))


@dataclass(frozen=True, repr=False)
class DeferredEvent(Part):
    """An event that a handler deferred, to be emitted again in the next run.

    `ctx.on.<event>(…).deferred(MyCharm._on_event)` makes one.
    """

    handle_path: str
    """Path of the event: ``MyCharm/on/config_changed[1]``."""

    owner: str
    """Path of the object that observes it."""

    observer: str
    """Name of the method that handles it."""

    snapshot_data: dict[Any, Any] = field(default_factory=dict)
    """What the event remembers of itself."""

    _unsaid = {"snapshot_data": {}}

    @property
    def name(self) -> str:
        """Name of the event: ``config_changed``."""
        return self.handle_path.rpartition("/")[2].partition("[")[0]
