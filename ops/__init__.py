"""The library that charms are written with.

A charm is a class that observes events::

    import ops

    class MyCharm(ops.CharmBase):
        def __init__(self, framework: ops.Framework):
            super().__init__(framework)
            framework.observe(self.on.config_changed, self._on_config_changed)

        def _on_config_changed(self, event: ops.ConfigChangedEvent):
            self.unit.status = ops.ActiveStatus(f"port {self.config['port']}")

    if __name__ == "__main__":
        ops.main(MyCharm)

Everything that charms use is here; charm, framework, model, pebble and hookcmds list it by subject.
Nothing happens on import, and what few charms need (pebble, the types of hookcmds) is loaded when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# The module first, and only then the attribute: `import ops.main` has to go on finding the module.
from . import charm, framework, hookcmds, jujucontext, jujuversion, log, model, storage, version
from . import main as _main_module
from .charm import (
    ActionEvent,
    ActionMeta,
    CharmBase,
    CharmEvents,
    CharmMeta,
    CollectMetricsEvent,
    CollectStatusEvent,
    ConfigChangedEvent,
    ConfigMeta,
    ContainerBase,
    ContainerMeta,
    ContainerStorageMeta,
    HookEvent,
    InstallEvent,
    JujuAssumes,
    JujuAssumesCondition,
    LeaderElectedEvent,
    LeaderSettingsChangedEvent,
    MetadataLinks,
    PayloadMeta,
    PebbleCheckEvent,
    PebbleCheckFailedEvent,
    PebbleCheckRecoveredEvent,
    PebbleCustomNoticeEvent,
    PebbleNoticeEvent,
    PebbleReadyEvent,
    PostSeriesUpgradeEvent,
    PreSeriesUpgradeEvent,
    RelationBrokenEvent,
    RelationChangedEvent,
    RelationCreatedEvent,
    RelationDepartedEvent,
    RelationEvent,
    RelationJoinedEvent,
    RelationMeta,
    RelationRole,
    RemoveEvent,
    ResourceMeta,
    SecretChangedEvent,
    SecretEvent,
    SecretExpiredEvent,
    SecretRemoveEvent,
    SecretRotateEvent,
    StartEvent,
    StopEvent,
    StorageAttachedEvent,
    StorageDetachingEvent,
    StorageEvent,
    StorageMeta,
    UpdateStatusEvent,
    UpgradeCharmEvent,
    WorkloadEvent,
)
from .framework import (
    BoundEvent,
    BoundStoredState,
    CommitEvent,
    EventBase,
    EventSource,
    Framework,
    FrameworkEvents,
    Handle,
    HandleKind,
    LifecycleEvent,
    NoTypeError,
    Object,
    ObjectEvents,
    PreCommitEvent,
    PrefixedEvents,
    Serializable,
    StoredDict,
    StoredList,
    StoredSet,
    StoredState,
    StoredStateData,
)
from .jujucontext import (
    JujuContext,
)
from .jujuversion import (
    JujuVersion,
)
from .model import (
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
    OpenedPort,
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
)
from .version import version as __version__

if TYPE_CHECKING:
    from types import ModuleType

    from . import pebble
    from .hookcmds import StatusName

    tracing: ModuleType

__all__ = [
    "ActionEvent",
    "ActionMeta",
    "ActiveStatus",
    "Application",
    "Binding",
    "BindingMapping",
    "BlockedStatus",
    "BoundEvent",
    "BoundStoredState",
    "CharmBase",
    "CharmEvents",
    "CharmMeta",
    "CheckInfoMapping",
    "CloudCredential",
    "CloudSpec",
    "CollectMetricsEvent",
    "CollectStatusEvent",
    "CommitEvent",
    "ConfigChangedEvent",
    "ConfigData",
    "ConfigMeta",
    "Container",
    "ContainerBase",
    "ContainerMapping",
    "ContainerMeta",
    "ContainerStorageMeta",
    "ErrorStatus",
    "EventBase",
    "EventSource",
    "Framework",
    "FrameworkEvents",
    "Handle",
    "HandleKind",
    "HookEvent",
    "InstallEvent",
    "InvalidStatusError",
    "JujuAssumes",
    "JujuAssumesCondition",
    "JujuContext",
    "JujuVersion",
    "LazyCheckInfo",
    "LazyMapping",
    "LazyNotice",
    "LeaderElectedEvent",
    "LeaderSettingsChangedEvent",
    "LifecycleEvent",
    "MaintenanceStatus",
    "MetadataLinks",
    "Model",
    "ModelError",
    "MultiPushPullError",
    "Network",
    "NetworkInterface",
    "NoTypeError",
    "Object",
    "ObjectEvents",
    "OpenedPort",
    "PayloadMeta",
    "PebbleCheckEvent",
    "PebbleCheckFailedEvent",
    "PebbleCheckRecoveredEvent",
    "PebbleCustomNoticeEvent",
    "PebbleNoticeEvent",
    "PebbleReadyEvent",
    "Pod",
    "Port",
    "PostSeriesUpgradeEvent",
    "PreCommitEvent",
    "PreSeriesUpgradeEvent",
    "PrefixedEvents",
    "Relation",
    "RelationBrokenEvent",
    "RelationChangedEvent",
    "RelationCreatedEvent",
    "RelationData",
    "RelationDataAccessError",
    "RelationDataContent",
    "RelationDataError",
    "RelationDataTypeError",
    "RelationDepartedEvent",
    "RelationEvent",
    "RelationJoinedEvent",
    "RelationMapping",
    "RelationMeta",
    "RelationNotFoundError",
    "RelationRole",
    "RemoteModel",
    "RemoveEvent",
    "ResourceMeta",
    "Resources",
    "Secret",
    "SecretChangedEvent",
    "SecretEvent",
    "SecretExpiredEvent",
    "SecretInfo",
    "SecretNotFoundError",
    "SecretRemoveEvent",
    "SecretRotate",
    "SecretRotateEvent",
    "Serializable",
    "ServiceInfoMapping",
    "StartEvent",
    "StatusBase",
    "StatusName",
    "StopEvent",
    "Storage",
    "StorageAttachedEvent",
    "StorageDetachingEvent",
    "StorageEvent",
    "StorageMapping",
    "StorageMeta",
    "StoredDict",
    "StoredList",
    "StoredSet",
    "StoredState",
    "StoredStateData",
    "TooManyRelatedAppsError",
    "Unit",
    "UnknownStatus",
    "UpdateStatusEvent",
    "UpgradeCharmEvent",
    "WaitingStatus",
    "WorkloadEvent",
    "__version__",
    "charm",
    "framework",
    "hookcmds",
    "jujucontext",
    "jujuversion",
    "log",
    "main",
    "model",
    "pebble",
    "storage",
    "tracing",
    "version",
]


class _Main:
    """Runs a charm when called, and has the same under the name `main`: both are in use."""

    def __call__(self, charm_class: type[CharmBase], use_juju_for_storage: bool | None = None):
        return _main_module.main(charm_class, use_juju_for_storage=use_juju_for_storage)

    def main(self, charm_class: type[CharmBase], use_juju_for_storage: bool | None = None):
        """Run a charm: the older way to write it."""
        return _main_module.main(charm_class, use_juju_for_storage=use_juju_for_storage)


main = _Main()


def __getattr__(name: str) -> Any:
    import importlib

    if name == "pebble":
        value = importlib.import_module("ops.pebble")
    elif name == "StatusName":
        value = hookcmds.StatusName
    elif name == "tracing":
        value = importlib.import_module("ops._tracing")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
