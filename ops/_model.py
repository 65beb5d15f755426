"""The model as one unit sees it: the place where a charm finds everything else.

Building it runs no hook command; what is read is kept for the rest of the run.
"""

from __future__ import annotations

import logging
import pathlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._entities import Application, Unit, _ModelCache
from ._errors import ModelError
from ._lazy import LazyMapping
from ._network import Binding, BindingMapping
from ._relation import Relation, RelationMapping
from ._secret import Secret, canonical_secret_id
from ._value import Value

if TYPE_CHECKING:
    from ._meta import CharmMeta
    from ._tools import _ModelBackend
    from .jujuversion import JujuVersion

logger = logging.getLogger(__name__)

K8sSpec = Mapping[str, Any]


class Model:
    """What this unit sees of the model."""

    def __init__(
        self,
        meta: CharmMeta,
        backend: _ModelBackend,
        broken_relation_id: int | None = None,
        remote_unit_name: str | None = None,
    ):
        self._cache = _ModelCache(meta, backend)
        self._backend = backend
        self._unit: Unit = self.get_unit(backend.unit_name)
        remote_unit = self._cache.get(Unit, remote_unit_name) if remote_unit_name else None
        self._relations = RelationMapping(
            meta.relations, self._unit, backend, self._cache, broken_relation_id, _remote_unit=remote_unit
        )
        self._config = ConfigData(backend)
        self._resources = Resources(list(meta.resources), backend)
        self._pod = Pod(backend)
        self._storages = StorageMapping(list(meta.storages), backend)
        self._bindings = BindingMapping(backend)

    @property
    def unit(self) -> Unit:
        """The unit that this charm runs in."""
        return self._unit

    @property
    def app(self) -> Application:
        """The application that it is of."""
        return self._unit.app

    @property
    def relations(self) -> RelationMapping:
        """Relations by endpoint."""
        return self._relations

    @property
    def config(self) -> ConfigData:
        """Options by name; those that are unset and have no default are missing."""
        return self._config

    @property
    def resources(self) -> Resources:
        """Files that were delivered with the charm."""
        return self._resources

    @property
    def storages(self) -> StorageMapping:
        """Storages by name."""
        return self._storages

    @property
    def pod(self) -> Pod:
        """The pod, in the way of old controllers."""
        return self._pod

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._backend.model_name

    @property
    def uuid(self) -> str:
        """UUID of the model."""
        return self._backend.model_uuid or ""

    @property
    def juju_version(self) -> JujuVersion:
        """Version of the controller."""
        return self._backend._juju_context.version

    def get_unit(self, unit_name: str) -> Unit:
        """Return a unit by name, whether it exists or not."""
        return self._cache.get(Unit, unit_name)

    def get_app(self, app_name: str) -> Application:
        """Return an application by name, whether it exists or not."""
        return self._cache.get(Application, app_name)

    def get_relation(self, relation_name: str, relation_id: int | None = None) -> Relation | None:
        """Return the only relation of an endpoint, or the one with a number.

        Without number, None means that the endpoint has no relation.  With a number that the endpoint does
        not have, the relation is an inactive one.

        Raises:
            TooManyRelatedAppsError: there are several, and no number was given.
            KeyError: the metadata has no such endpoint.
            ModelError: *relation_id* is no number.
        """
        return self._relations._get_unique(relation_name, relation_id)

    def get_binding(self, binding_key: str | Relation) -> Binding:
        """Return the binding of an endpoint, an extra binding or a relation.

        Raises:
            ModelError: *binding_key* is something else.
        """
        return self._bindings.get(binding_key)

    def get_secret(self, *, id: str | None = None, label: str | None = None) -> Secret:
        """Return a secret by identifier or label.  With both, the label becomes this unit's name for it.

        Raises:
            TypeError: neither is given.
            SecretNotFoundError: it does not exist, or this unit may not read it.
        """
        if not (id or label):
            raise TypeError("must provide an id or label, or both")
        if id is not None:
            id = canonical_secret_id(id, self.uuid)
        content = self._backend.secret_get(id=id, label=label)
        return Secret(self._backend, id=id, label=label, content=content)

    def get_cloud_spec(self) -> CloudSpec:
        """Return the model's cloud with the credential.

        Raises:
            ModelError: the application is not trusted, or the cloud has nothing to say.
        """
        return CloudSpec.from_dict(self._backend.credential_get())


class ConfigData(LazyMapping):
    """Options by name, with values of their declared type; of a secret the identifier as text."""

    def __init__(self, backend: _ModelBackend):
        self._backend = backend

    def _load(self) -> dict[str, bool | int | float | str]:
        return self._backend.config_get()


class Resources:
    """Files and images that were delivered with the charm."""

    def __init__(self, names: Iterable[str], backend: _ModelBackend):
        self._backend = backend
        self._paths: dict[str, pathlib.Path | None] = dict.fromkeys(names)

    def fetch(self, name: str) -> pathlib.Path:
        """Return the file of a resource, after fetching it if needed.

        Raises:
            NameError: the metadata has no such resource.
            ModelError: it cannot be fetched.
        """
        if name not in self._paths:
            raise NameError(f"invalid resource name: '{name}'")
        path = self._paths[name]
        if path is None:
            path = self._paths[name] = pathlib.Path(self._backend.resource_get(name))
        return path


class Pod:
    """The pod of the application, in the way of old controllers."""

    def __init__(self, backend: _ModelBackend):
        self._backend = backend

    def set_spec(self, spec: K8sSpec, k8s_resources: K8sSpec | None = None):
        """Set what the pod consists of.

        Raises:
            ModelError: this unit is not the leader.
        """
        if not self._backend.is_leader():
            raise ModelError("cannot set a pod spec as this unit is not a leader")
        self._backend.pod_spec_set(spec, k8s_resources)


class StorageMapping(Mapping[str, "list[Storage]"]):
    """Storage instances of this unit, by the storage's name in the metadata."""

    def __init__(self, storage_names: Iterable[str], backend: _ModelBackend):
        self._backend = backend
        self._storage_map: dict[str, list[Storage] | None] = dict.fromkeys(storage_names)

    def __contains__(self, key: object):
        return key in self._storage_map

    def __len__(self):
        return len(self._storage_map)

    def __iter__(self):
        return iter(self._storage_map)

    def __getitem__(self, storage_name: str) -> list[Storage]:
        if storage_name not in self._storage_map:
            known = ", ".join(sorted(self._storage_map)) or "none"
            raise KeyError(f"storage {storage_name!r} not found in the metadata, which has: {known}")
        instances = self._storage_map[storage_name]
        if instances is None:
            instances = self._storage_map[storage_name] = [
                Storage(storage_name, index, self._backend) for index in self._backend.storage_list(storage_name)
            ]
        return instances

    def _find(self, storage_name: str, index: int | None) -> Storage:
        """Return the instance with *index*, or the only one.

        Raises:
            RuntimeError: there is none.
        """
        instances = self[storage_name]
        if len(instances) == 1:
            return instances[0]
        for storage in instances:
            if storage.index == index:
                return storage
        raise RuntimeError(
            f"failed to find storage {storage_name}/{index}: there are {len(instances)} of that name"
        )

    def request(self, storage_name: str, count: int = 1):
        """Ask for more instances; each one comes with a storage-attached event of its own.

        Raises:
            ModelError: the metadata has no such storage.
            TypeError: *count* is no number.
        """
        if storage_name not in self._storage_map:
            known = ", ".join(sorted(self._storage_map)) or "none"
            raise ModelError(f"cannot add storage {storage_name!r}: the metadata has: {known}")
        self._backend.storage_add(storage_name, count)

    def _invalidate(self, storage_name: str) -> None:
        """Have the instances listed again at the next use."""
        self._storage_map[storage_name] = None


class Storage:
    """One storage instance of this unit."""

    name: str
    """Name of the storage in the metadata."""

    def __init__(self, storage_name: str, storage_index: int, backend: _ModelBackend):
        self.name = storage_name
        self._index = storage_index
        self._backend = backend
        self._location: pathlib.Path | None = None

    @property
    def index(self) -> int:
        """Number that tells it apart from others of its name."""
        return self._index

    @property
    def id(self) -> int:
        """The same as `index`; deprecated."""
        logger.warning("model.Storage.id is being replaced - please use model.Storage.index instead")
        return self._index

    @property
    def full_id(self) -> str:
        """``name/index``."""
        return f"{self.name}/{self._index}"

    @property
    def location(self) -> pathlib.Path:
        """Where the storage is mounted, or its device."""
        if self._location is None:
            self._location = pathlib.Path(self._backend.storage_get(self.full_id, "location"))
        return self._location

    @location.setter
    def location(self, location: pathlib.Path) -> None:
        # Events know it already, also when the instance is gone.
        self._location = location


@dataclass(frozen=True, eq=False, repr=False)
class CloudCredential(Value):
    """How to authenticate with a cloud."""

    auth_type: str
    """Kind of authentication."""

    attributes: dict[str, str] = field(default_factory=dict)
    """Values of the credential, some of them secret."""

    redacted: list[str] = field(default_factory=list)
    """Attributes that were left out."""

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> CloudCredential:
        """Read the ``credential`` that the controller prints."""
        return cls(auth_type=d["auth-type"], attributes=d.get("attrs") or {}, redacted=d.get("redacted") or [])


@dataclass(frozen=True, eq=False, repr=False)
class CloudSpec(Value):
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
    def from_dict(cls, d: dict[str, Any]) -> CloudSpec:
        """Read what the controller prints."""
        return cls(
            type=d["type"],
            name=d["name"],
            region=d.get("region"),
            endpoint=d.get("endpoint"),
            identity_endpoint=d.get("identity-endpoint"),
            storage_endpoint=d.get("storage-endpoint"),
            credential=CloudCredential.from_dict(d["credential"]) if d.get("credential") else None,
            ca_certificates=d.get("cacertificates") or [],
            skip_tls_verify=d.get("skip-tls-verify") or False,
            is_controller_cloud=d.get("is-controller-cloud") or False,
        )
