"""Index: the model as one unit sees it.

- `Model` itself, configuration, resources and storage are in _model.py;
- `Unit`, `Application` and `Port` are in _entities.py;
- `Relation` and its data are in _relation.py, `Secret` in _secret.py, `Binding` and `Network` in _network.py;
- `Container` is in _container.py, copying directories in _transfer.py;
- statuses are in _status.py, errors in _errors.py;
- what the model needs of the hook commands is in _tools.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import hookcmds as hookcmds
from ._container import (
    CheckInfoMapping,
    Container,
    ContainerMapping,
    LazyCheckInfo,
    LazyNotice,
    ServiceInfoMapping,
)
from ._entities import (
    Application,
    Port,
    Unit,
    UnitOrApplicationType,
)
from ._entities import _ModelCache as _ModelCache
from ._errors import (
    InvalidStatusError,
    ModelError,
    MultiPushPullError,
    RelationDataAccessError,
    RelationDataError,
    RelationDataTypeError,
    RelationNotFoundError,
    SecretNotFoundError,
    TooManyRelatedAppsError,
)
from ._index import publish
from ._lazy import (
    LazyMapping,
)
from ._model import (
    CloudCredential,
    CloudSpec,
    ConfigData,
    K8sSpec,
    Model,
    Pod,
    Resources,
    Storage,
    StorageMapping,
)
from ._network import (
    Binding,
    BindingMapping,
    Network,
    NetworkInterface,
)
from ._relation import (
    Relation,
    RelationData,
    RelationDataContent,
    RelationMapping,
    RemoteModel,
)
from ._secret import (
    Secret,
    SecretInfo,
    SecretRotate,
)
from ._status import (
    ActiveStatus,
    BlockedStatus,
    ErrorStatus,
    MaintenanceStatus,
    StatusBase,
    UnknownStatus,
    WaitingStatus,
)
from ._tools import _ModelBackend as _ModelBackend
from .jujucontext import JujuContext as JujuContext
from .jujuversion import JujuVersion
from .log import MAX_LOG_LINE_LEN

if TYPE_CHECKING:
    from . import pebble as pebble

OpenedPort = Port
"""The same class; code from before ports could be set calls it by this name."""

__all__ = [
    "MAX_LOG_LINE_LEN",
    "ActiveStatus",
    "Application",
    "Binding",
    "BindingMapping",
    "BlockedStatus",
    "CheckInfoMapping",
    "CloudCredential",
    "CloudSpec",
    "ConfigData",
    "Container",
    "ContainerMapping",
    "ErrorStatus",
    "InvalidStatusError",
    "JujuVersion",
    "K8sSpec",
    "LazyCheckInfo",
    "LazyMapping",
    "LazyNotice",
    "MaintenanceStatus",
    "Model",
    "ModelError",
    "MultiPushPullError",
    "Network",
    "NetworkInterface",
    "OpenedPort",
    "Pod",
    "Port",
    "Relation",
    "RelationData",
    "RelationDataAccessError",
    "RelationDataContent",
    "RelationDataError",
    "RelationDataTypeError",
    "RelationMapping",
    "RelationNotFoundError",
    "RemoteModel",
    "Resources",
    "Secret",
    "SecretInfo",
    "SecretNotFoundError",
    "SecretRotate",
    "ServiceInfoMapping",
    "StatusBase",
    "Storage",
    "StorageMapping",
    "TooManyRelatedAppsError",
    "Unit",
    "UnitOrApplicationType",
    "UnknownStatus",
    "WaitingStatus",
]

publish(
    __name__,
    ActiveStatus,
    Application,
    Binding,
    BindingMapping,
    BlockedStatus,
    CheckInfoMapping,
    CloudCredential,
    CloudSpec,
    ConfigData,
    Container,
    ContainerMapping,
    ErrorStatus,
    InvalidStatusError,
    LazyCheckInfo,
    LazyMapping,
    LazyNotice,
    MaintenanceStatus,
    Model,
    ModelError,
    MultiPushPullError,
    Network,
    NetworkInterface,
    Pod,
    Port,
    Relation,
    RelationData,
    RelationDataAccessError,
    RelationDataContent,
    RelationDataError,
    RelationDataTypeError,
    RelationMapping,
    RelationNotFoundError,
    RemoteModel,
    Resources,
    Secret,
    SecretInfo,
    SecretNotFoundError,
    SecretRotate,
    ServiceInfoMapping,
    StatusBase,
    Storage,
    StorageMapping,
    TooManyRelatedAppsError,
    Unit,
    UnknownStatus,
    WaitingStatus,
    _ModelBackend,
    _ModelCache,
)


def __getattr__(name: str) -> Any:
    # Most runs have no container; the client is loaded when it is needed.
    if name == "pebble":
        from . import pebble

        return pebble
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
