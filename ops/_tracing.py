"""Tracing of charms: the interface of it, for charms that ask for it.

Charms reach this module as ``ops.tracing`` or ``ops_tracing``.  It checks what a charm declares, and records
nothing: no spans are collected, none are sent, and no relation is asked where to send them.  So a charm that is
written with tracing runs unchanged, with and without OpenTelemetry installed.
"""

from __future__ import annotations

import ops

_TRACING_INTERFACE = "tracing"
_CA_INTERFACE = "certificate_transfer"


class Tracing(ops.Object):
    """Declares where a charm's traces shall go.

    Args:
        charm: the charm.
        tracing_relation_name: endpoint of the charm that offers a collector of traces.
        ca_relation_name: endpoint that gives the certificates to trust; None for the system's.
        ca_data: those certificates themselves, as PEM text; None for the system's.

    Raises:
        ValueError: both *ca_relation_name* and *ca_data* are given; or an endpoint is not in the metadata, is
            not one that the charm requires, or has another interface than ``tracing`` or
            ``certificate_transfer``.
    """

    charm: ops.CharmBase
    tracing_relation_name: str
    ca_relation_name: str | None
    ca_data: str | None

    def __init__(
        self,
        charm: ops.CharmBase,
        tracing_relation_name: str,
        *,
        ca_relation_name: str | None = None,
        ca_data: str | None = None,
    ):
        super().__init__(charm, f"tracing-{tracing_relation_name}")
        if ca_relation_name is not None and ca_data is not None:
            raise ValueError("certificates come from ca_relation_name or from ca_data, not from both")
        _check_endpoint(charm, tracing_relation_name, _TRACING_INTERFACE)
        if ca_relation_name is not None:
            _check_endpoint(charm, ca_relation_name, _CA_INTERFACE)
        self.charm = charm
        self.tracing_relation_name = tracing_relation_name
        self.ca_relation_name = ca_relation_name
        self.ca_data = ca_data


def _check_endpoint(charm: ops.CharmBase, name: str, interface: str) -> None:
    endpoint = charm.meta.relations.get(name)
    if endpoint is None:
        raise ValueError(f"the metadata has no endpoint {name!r}")
    if endpoint.role is not ops.RelationRole.requires:
        raise ValueError(f"endpoint {name!r} has to be one that the charm requires, not {endpoint.role.value}")
    if endpoint.interface_name != interface:
        raise ValueError(
            f"the interface of endpoint {name!r} has to be {interface}, not {endpoint.interface_name}"
        )


def set_destination(url: str | None, ca: str | None) -> None:
    """Check where traces would go; None for nowhere.

    Args:
        url: address that takes OTLP over HTTP.
        ca: certificates to trust, as PEM text; None for the system's.

    Raises:
        ValueError: *url* is neither HTTP nor HTTPS.
    """
    if url and not url.startswith(("http://", "https://")):
        raise ValueError(f"traces can be sent to http and https addresses, not to {url!r}")
