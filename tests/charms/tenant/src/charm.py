#!/usr/bin/env python3
"""Asks for a database and for an account, and says what it was given; of passwords only how long they are."""

from dpcharmlibs.interfaces import (
    EntityPermissionModel,
    RequirerCommonModel,
    ResourceProviderModel,
    ResourceRequirerEventHandler,
)

import ops


class Tenant(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        permission = EntityPermissionModel(resource_name="shop", resource_type="TABLE", privileges=["SELECT"])
        requests = [
            RequirerCommonModel(resource="shop"),
            RequirerCommonModel(resource="orders", entity_type="USER", entity_permissions=[permission]),
        ]
        self.database = ResourceRequirerEventHandler(
            self, "database", requests, response_model=ResourceProviderModel
        )
        framework.observe(self.database.on.resource_created, self._created)
        framework.observe(self.database.on.resource_entity_created, self._entity_created)
        framework.observe(self.database.on.authentication_updated, self._updated)
        framework.observe(self.on.start, self._started)

    def _started(self, _):
        self.unit.status = ops.WaitingStatus("for a database")

    def _created(self, event):
        given = event.response
        size = len(given.password)
        self.unit.status = ops.ActiveStatus(f"{given.resource} at {given.endpoints}, password of {size}")

    def _entity_created(self, event):
        self.unit.set_workload_version(event.response.entity_name)

    def _updated(self, event):
        self.unit.status = ops.ActiveStatus(f"another password of {len(event.response.password)}")


if __name__ == "__main__":
    ops.main(Tenant)
