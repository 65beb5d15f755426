"""Passes the value of an option on over a relation, and back."""

import ops


class PassOn(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        framework.observe(self.on.config_changed, self._send)
        framework.observe(self.on["take"].relation_changed, self._echo)

    def _send(self, _: ops.ConfigChangedEvent) -> None:
        for relation in self.model.relations["give"]:
            relation.data[self.unit]["value"] = str(self.config["value"])

    def _echo(self, event: ops.RelationChangedEvent) -> None:
        if event.unit:
            event.relation.data[self.unit]["echo"] = event.relation.data[event.unit].get("value", "")


if __name__ == "__main__":
    ops.main(PassOn)
