#!/usr/bin/env python3
"""Counts its hooks in stored state, defers one event, tells its peers an option, and has actions."""

import ops


class UpstreamCharm(ops.CharmBase):
    stored = ops.StoredState()

    def __init__(self, framework):
        super().__init__(framework)
        self.stored.set_default(hooks=0, deferred=False, reports=0)
        for event in (
            self.on.install,
            self.on.config_changed,
            self.on.start,
            self.on.ring_relation_changed,
            self.on.take_relation_changed,
        ):
            framework.observe(event, self._on_any)
        framework.observe(self.on.report_action, self._on_report)
        framework.observe(self.on.refuse_action, self._on_refuse)
        framework.observe(self.on.collect_unit_status, self._on_collect_status)

    def _on_any(self, event):
        self.stored.hooks += 1
        ring = self.model.get_relation("ring")
        if ring is None:
            event.defer()
            self.stored.deferred = True
            return
        ring.data[self.unit]["color"] = self.config["color"]
        if self.unit.is_leader():
            ring.data[self.app]["leader"] = self.unit.name
        self.unit.set_workload_version(ops.__version__)

    def _on_report(self, event):
        self.stored.reports += 1
        event.log(f"reporting to {event.params['to']}")
        self.model.get_relation("ring").data[self.unit]["reported"] = event.params["to"]
        event.set_results({"count": self.stored.reports, "by": {"unit": self.unit.name, "task": event.id}})

    def _on_refuse(self, event):
        self.stored.reports += 100
        event.fail("not today")

    def _on_collect_status(self, event):
        take = self.model.get_relation("take")
        told = take.data[take.app].get("leader", "nothing") if take and take.app else "nobody"
        event.add_status(ops.ActiveStatus(f"{self.config['color']}, {self.stored.hooks} handled, told {told}"))


if __name__ == "__main__":
    ops.main(UpstreamCharm)
