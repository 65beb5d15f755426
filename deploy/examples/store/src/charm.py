"""The charm of a small key-value store: one server per unit, the leader's is the primary."""

import secrets

from server_process import ServerProcess

import ops

PEERS, CLIENTS = "replicas", "kv"


class StoreCharm(ops.CharmBase):
    """Every event leads to the same question: what should run, and what should others know?"""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._server = ServerProcess(self.charm_dir)
        events = (
            self.on.config_changed,
            self.on.start,
            self.on.upgrade_charm,
            self.on.update_status,
            self.on.leader_elected,
            self.on[PEERS].relation_created,
            self.on[PEERS].relation_joined,
            self.on[PEERS].relation_changed,
            self.on[PEERS].relation_departed,
            self.on[CLIENTS].relation_created,
            self.on[CLIENTS].relation_joined,
        )
        for event in events:
            framework.observe(event, self._reconcile)
        framework.observe(self.on.stop, self._stop)
        framework.observe(self.on.collect_unit_status, self._collect_status)

    def _reconcile(self, _: ops.EventBase) -> None:
        peers = self.model.get_relation(PEERS)
        if peers is None:
            return  # too early: its relation-created comes before start
        peers.data[self.unit]["url"] = self._url()
        if self.unit.is_leader():
            self._lead(peers)
        if "token" not in peers.data[self.app]:
            return  # the leader has not been here yet; its write wakes us
        self._server.run(
            port=self._port(),
            token=peers.data[self.app]["token"],
            primary="" if self.unit.is_leader() else self._primary_url(peers),
            max_value_bytes=int(self.config["max-value-bytes"]),
        )
        self.unit.set_ports(self._port())
        self.unit.set_workload_version("1.0")

    def _lead(self, peers: ops.Relation) -> None:
        """Say who is primary, to the peers and to everybody who relates."""
        shared = peers.data[self.app]
        shared["token"] = shared.get("token") or secrets.token_hex(16)
        shared["primary"] = self.unit.name
        for relation in self.model.relations[CLIENTS]:
            relation.data[self.app].update({"url": self._url(), "token": shared["token"]})

    def _primary_url(self, peers: ops.Relation) -> str:
        name = peers.data[self.app].get("primary", "")
        return next((peers.data[unit].get("url", "") for unit in peers.units if unit.name == name), "")

    def _port(self) -> int:
        return int(self.config["base-port"]) + int(self.unit.name.split("/")[1])

    def _url(self) -> str:
        binding = self.model.get_binding(PEERS)
        address = binding.network.bind_address if binding else None
        return f"http://{address or '127.0.0.1'}:{self._port()}"

    def _stop(self, _: ops.StopEvent) -> None:
        self._server.stop()

    def _collect_status(self, event: ops.CollectStatusEvent) -> None:
        if not self._server.is_running():
            event.add_status(ops.WaitingStatus("the server is not running yet"))
        role = "primary" if self.unit.is_leader() else "replica"
        event.add_status(ops.ActiveStatus(f"{role} on port {self._port()}"))


if __name__ == "__main__":
    ops.main(StoreCharm)
