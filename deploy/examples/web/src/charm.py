"""The charm of a small web site: it needs a store, and shows what it read from it and wrote to it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import ops

STORE = "store"


class WebCharm(ops.CharmBase):
    """The site reads its settings for every page, so a change of the title needs no restart; a port does."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self._settings = self.charm_dir / "site.json"
        self._pid = self.charm_dir / "site.pid"
        for event in (
            self.on.config_changed,
            self.on.start,
            self.on.upgrade_charm,
            self.on.update_status,
            self.on[STORE].relation_changed,
            self.on[STORE].relation_broken,
        ):
            framework.observe(event, self._reconcile)
        framework.observe(self.on.stop, self._stop_site)
        framework.observe(self.on.collect_unit_status, self._collect_status)

    def _reconcile(self, _: ops.EventBase) -> None:
        store = self._store()
        if not store:
            self._stop_site()
            return
        port = int(self.config["base-port"]) + int(self.unit.name.split("/")[1])
        before = json.loads(self._settings.read_text()) if self._settings.exists() else {}
        settings = {"title": self.config["title"], "unit": self.unit.name, "port": port, **store}
        fresh = self._settings.with_suffix(".new")
        fresh.write_text(json.dumps(settings))
        fresh.replace(self._settings)  # the site may read it at this moment, and must not find half of it
        if before.get("port") != port:
            self._stop_site()
        if not self._is_running():
            self._start_site()
        self.unit.set_ports(port)

    def _store(self) -> dict[str, str]:
        """Return address and token of the related store; empty while there is none."""
        relation = self.model.get_relation(STORE)
        data = relation.data[relation.app] if relation and relation.app and relation.active else {}
        return {"store": data["url"], "token": data["token"]} if "url" in data else {}

    def _start_site(self) -> None:
        with (self.charm_dir / "site.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, str(self.charm_dir / "src" / "webserver.py"), str(self._settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._pid.write_text(str(process.pid))

    def _stop_site(self, _: ops.EventBase | None = None) -> None:
        if self._is_running():
            os.kill(int(self._pid.read_text()), signal.SIGTERM)
        self._pid.unlink(missing_ok=True)

    def _is_running(self) -> bool:
        try:
            return str(self._settings).encode() in Path(f"/proc/{self._pid.read_text()}/cmdline").read_bytes()
        except OSError:
            return False

    def _collect_status(self, event: ops.CollectStatusEvent) -> None:
        if self.model.get_relation(STORE) is None:
            event.add_status(ops.WaitingStatus("for a relation with a store"))
        elif not self._store():
            event.add_status(ops.WaitingStatus("for the store to say where it is"))
        elif not self._is_running():
            event.add_status(ops.WaitingStatus("the site is not running"))
        else:
            event.add_status(ops.ActiveStatus(f"serving {self.config['title']!r}"))


if __name__ == "__main__":
    ops.main(WebCharm)
