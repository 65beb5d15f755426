#!/usr/bin/env python3
"""A charm with actions: results, progress, and the two ways to fail."""

import ops


class Actor(ops.CharmBase):
    _stored = ops.StoredState()

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._stored.set_default(sums=0)
        framework.observe(self.on.start, self._on_start)
        framework.observe(self.on.sum_action, self._on_sum)
        framework.observe(self.on.polite_action, self._on_polite)
        framework.observe(self.on.raise_action, self._on_raise)

    def _on_start(self, _: ops.StartEvent) -> None:
        self.unit.status = ops.ActiveStatus("ready")

    def _on_sum(self, event: ops.ActionEvent) -> None:
        self._stored.sums += 1
        event.log(f"adding {len(event.params['numbers'])} numbers")
        event.set_results({"sum": sum(event.params["numbers"]), "count": {"so-far": self._stored.sums}})

    def _on_polite(self, event: ops.ActionEvent) -> None:
        self._stored.sums += 100
        event.fail("not today")

    def _on_raise(self, event: ops.ActionEvent) -> None:
        self._stored.sums += 10_000
        raise RuntimeError("this action is broken")


if __name__ == "__main__":
    ops.main(Actor)
