#!/usr/bin/env python3
"""Grants what is asked for: a database with an account, or an account with permissions."""

from dpcharmlibs.interfaces import RequirerCommonModel, ResourceProviderEventHandler, ResourceProviderModel

import ops


class Database(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        self.given = ResourceProviderEventHandler(self, "database", RequirerCommonModel)
        framework.observe(self.given.on.resource_requested, self._requested)
        framework.observe(self.given.on.resource_entity_requested, self._entity_requested)
        framework.observe(self.on.start, self._started)
        framework.observe(self.on.rotate_action, self._rotate)

    def _started(self, _):
        self.unit.status = ops.ActiveStatus()

    def _requested(self, event):
        self._respond(
            event,
            resource=event.request.resource,
            username=f"user-of-{event.request.resource}",
            password="first password",
            endpoints="10.0.0.1:5432",
            version="16",
        )

    def _entity_requested(self, event):
        permissions = event.request.entity_permissions
        self._respond(
            event,
            resource=event.request.resource,
            entity_name=f"{event.request.entity_type}-{len(permissions)}".lower(),
            entity_password="of the entity",
        )

    def _respond(self, event, **given):
        response = ResourceProviderModel(salt=event.request.salt, request_id=event.request.request_id, **given)
        self.given.set_response(event.relation.id, response)

    def _rotate(self, event):
        (relation,) = self.model.relations["database"]
        for response in self.given.responses(relation, ResourceProviderModel):
            if response.username:
                response.password = event.params["password"]
                self.given.set_response(relation.id, response)


if __name__ == "__main__":
    ops.main(Database)
