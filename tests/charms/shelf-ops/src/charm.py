#!/usr/bin/env python3
"""Writes a note into its storage, and reads it when it starts."""

import ops


class Shelf(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        framework.observe(self.on["data"].storage_attached, self._attached)
        framework.observe(self.on["data"].storage_detaching, self._detaching)
        framework.observe(self.on.start, self._start)

    def _attached(self, event: ops.StorageAttachedEvent) -> None:
        (event.storage.location / "note").write_text(event.storage.full_id)

    def _detaching(self, event: ops.StorageDetachingEvent) -> None:
        (event.storage.location / "note").write_text("detached")

    def _start(self, event: ops.StartEvent) -> None:
        notes = [(each.location / "note").read_text() for each in self.model.storages["data"]]
        self.unit.status = ops.ActiveStatus(", ".join(notes))


if __name__ == "__main__":
    ops.main(Shelf)
