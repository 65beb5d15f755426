"""What hook commands answer, as values.

Each `from_dict` reads the command's JSON.  A list or text that the command leaves out is empty.
"""

from __future__ import annotations

import datetime
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from .._index import publish
from .._times import parse_time

SecretRotate = Literal["never", "hourly", "daily", "weekly", "monthly", "quarterly", "yearly"]
SettableStatusName = Literal["active", "blocked", "maintenance", "waiting"]
StatusName = Literal["unknown", "error", "active", "blocked", "maintenance", "waiting"]


@dataclass(frozen=True, kw_only=True)
class Address:
    """One address of an interface."""

    hostname: str
    """Name of the host; may be empty."""

    value: str
    """The address."""

    cidr: str
    """Network that the address is in; may be empty."""

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Address:
        # Older controllers say "address" instead of "value".
        value = d.get("value") or d.get("address", "")
        return cls(hostname=d.get("hostname", ""), value=value, cidr=d.get("cidr", ""))


@dataclass(frozen=True, kw_only=True)
class BindAddress:
    """One interface with its addresses."""

    mac_address: str
    """Hardware address; may be empty."""

    interface_name: str
    """Name of the interface; may be empty."""

    addresses: list[Address] = field(default_factory=list)
    """Its addresses, the main one first."""

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> BindAddress:
        return cls(
            mac_address=d.get("mac-address", ""),
            interface_name=d.get("interface-name", ""),
            addresses=[Address.from_dict(each) for each in d.get("addresses") or ()],
        )


@dataclass(frozen=True, kw_only=True)
class Network:
    """Addresses of this unit for a binding."""

    bind_addresses: Sequence[BindAddress]
    """Where the unit may listen."""

    egress_subnets: Sequence[str]
    """Where its traffic comes from, as others see it."""

    ingress_addresses: Sequence[str]
    """Where others reach it."""

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Network:
        return cls(
            bind_addresses=[BindAddress.from_dict(each) for each in d.get("bind-addresses") or ()],
            egress_subnets=list(d.get("egress-subnets") or ()),
            ingress_addresses=list(d.get("ingress-addresses") or ()),
        )


@dataclass(frozen=True, kw_only=True)
class UnitStatus:
    """Status of a unit."""

    status: str = ""
    """Name of the status."""

    message: str = ""
    """Message for people."""

    status_data: dict[str, Any]
    """Further facts."""

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> UnitStatus:
        return cls(
            status=d.get("status", ""), message=d.get("message", ""), status_data=d.get("status-data") or {}
        )


@dataclass(frozen=True, kw_only=True)
class AppStatus:
    """Status of the application, and of its units."""

    status: str = ""
    """Name of the status."""

    message: str = ""
    """Message for people."""

    status_data: dict[str, Any]
    """Further facts."""

    units: dict[str, UnitStatus]
    """Status of each unit by name."""

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> AppStatus:
        units = d.get("units") or {}
        return cls(
            status=d.get("status", ""),
            message=d.get("message", ""),
            status_data=d.get("status-data") or {},
            units={name: UnitStatus.from_dict(each) for name, each in units.items()},
        )


@dataclass(frozen=True, kw_only=True)
class CloudCredential:
    """How to authenticate with a cloud."""

    auth_type: str
    """Kind of authentication."""

    attributes: dict[str, str] = field(default_factory=dict)
    """Values of the credential, some of them secret."""

    redacted: list[str] = field(default_factory=list)
    """Attributes that were left out."""

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> CloudCredential:
        return cls(auth_type=d["auth-type"], attributes=d.get("attrs") or {}, redacted=d.get("redacted") or [])


@dataclass(frozen=True, kw_only=True)
class CloudSpec:
    """The cloud that the model is in."""

    type: str
    """Kind of cloud."""

    name: str
    """Name of the cloud."""

    region: str | None = None
    """Region of the cloud."""

    endpoint: str | None = None
    """Address of its interface."""

    identity_endpoint: str | None = None
    """Address of its identity service."""

    storage_endpoint: str | None = None
    """Address of its storage service."""

    credential: CloudCredential | None = None
    """How to authenticate."""

    ca_certificates: list[str] = field(default_factory=list)
    """Certificates to trust."""

    skip_tls_verify: bool = False
    """Whether to trust any certificate."""

    is_controller_cloud: bool = False
    """Whether the controller lives there as well."""

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> CloudSpec:
        credential = d.get("credential")
        return cls(
            type=d["type"],
            name=d["name"],
            region=d.get("region"),
            endpoint=d.get("endpoint"),
            identity_endpoint=d.get("identity-endpoint"),
            storage_endpoint=d.get("storage-endpoint"),
            credential=CloudCredential.from_dict(credential) if credential else None,
            ca_certificates=d.get("cacertificates") or [],
            skip_tls_verify=d.get("skip-tls-verify") or False,
            is_controller_cloud=d.get("is-controller-cloud") or False,
        )


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What the controller wants a unit or relation to be."""

    status: str
    """Status that it has or will have."""

    since: datetime.datetime
    """When that changed."""

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> Goal:
        return cls(status=d["status"], since=parse_time(d["since"]))


@dataclass(frozen=True, kw_only=True)
class GoalState:
    """What the controller wants of this application and those related to it."""

    units: dict[str, Goal]
    """Units of this application by name."""

    relations: dict[str, dict[str, Goal]]
    """By endpoint: applications and units on the other side, by name."""

    @classmethod
    def from_dict(cls, d: Mapping[str, Any]) -> GoalState:
        def goals(raw: Mapping[str, Any] | None) -> dict[str, Goal]:
            return {name: Goal.from_dict(each) for name, each in (raw or {}).items()}

        relations = d.get("relations") or {}
        return cls(units=goals(d.get("units")), relations={name: goals(each) for name, each in relations.items()})


@dataclass(frozen=True)
class Port:
    """An open port, or a range of them."""

    protocol: Literal["tcp", "udp", "icmp"] | None = "tcp"
    """Protocol."""

    port: int | None = None
    """Port, or the first of a range; None for ICMP."""

    to_port: int | None = None
    """Last port of a range; None for a single one."""

    endpoints: list[str] | None = None
    """Endpoints that it is open for, ``*`` for all; None if that was not asked."""

    @classmethod
    def from_text(cls, text: str) -> Port:
        """Read ``icmp``, ``80``, ``80/tcp`` or ``80-90/udp``, with or without ``(endpoint, endpoint)``."""
        ports, _, listed = text.partition("(")
        endpoints = [name.strip() for name in listed.rstrip(") ").split(",")] if listed else None
        first, slash, protocol = ports.strip().partition("/")
        if not slash and first == "icmp":
            return cls(protocol="icmp", endpoints=endpoints)
        low, dash, high = first.partition("-")
        return cls(
            protocol=protocol or "tcp",  # type: ignore[arg-type]  # unknown ones are passed on
            port=int(low),
            to_port=int(high) if dash else None,
            endpoints=endpoints,
        )


@dataclass(frozen=True, kw_only=True)
class RelationModel:
    """The model on the other side of a relation."""

    uuid: str
    """Its UUID."""


@dataclass(frozen=True, kw_only=True)
class SecretInfo:
    """What an owner sees of a secret besides its content."""

    revision: int
    """Newest revision."""

    id: str = ""
    """Identifier of the secret."""

    label: str = ""
    """The owner's label."""

    description: str = ""
    """What it is for."""

    expiry: datetime.datetime | None = None
    """When the newest revision expires; None for never."""

    rotation: SecretRotate | None = None
    """How often it is due to rotate."""

    rotates: datetime.datetime | None = None
    """When it is due next."""

    @classmethod
    def from_dict(cls, id: str, d: Mapping[str, Any]) -> SecretInfo:
        def moment(key: str) -> datetime.datetime | None:
            return parse_time(d[key]) if d.get(key) else None

        return cls(
            id=id,
            revision=d["revision"],
            label=d.get("label", ""),
            description=d.get("description", ""),
            expiry=moment("expiry"),
            rotation=d.get("rotation"),
            rotates=moment("rotates"),
        )


@dataclass(frozen=True, kw_only=True)
class Storage:
    """One storage instance of this unit."""

    kind: str
    """``filesystem`` or ``block``."""

    location: pathlib.Path
    """Where it is mounted, or its device."""


publish(
    "ops.hookcmds",
    Address,
    AppStatus,
    BindAddress,
    CloudCredential,
    CloudSpec,
    Goal,
    GoalState,
    Network,
    Port,
    RelationModel,
    SecretInfo,
    Storage,
    UnitStatus,
)
