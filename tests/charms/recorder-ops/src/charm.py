"""What the recorder in bash does, hook for hook."""

import fcntl
import os
import sys
import time

import ops
from ops import hookcmds

NAME = os.environ["JUJU_DISPATCH_PATH"].rpartition("/")[2]


class Recorder(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        for bound in self.on.events().values():
            if issubclass(bound.event_type, ops.HookEvent):
                framework.observe(bound, self._any)

    def _say(self, what):
        unit, machine = os.environ["JUJU_UNIT_NAME"], os.environ["JUJU_MACHINE_ID"]
        remote = os.environ.get("JUJU_REMOTE_UNIT", "")
        with open(self.config["record"], "a") as record:
            record.write(f"{what} unit={unit} hook={NAME} remote={remote} machine={machine}\n")

    def _any(self, event):
        with open(f"{self.config['record']}.lock-{os.environ['JUJU_MACHINE_ID']}", "a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._say("OVERLAP")
            self._record(event)

    def _record(self, event):
        self._say("start")
        leader = self.unit.is_leader()
        count = int(hookcmds.state_get("count") or 0) + 1
        hookcmds.state_set({"count": str(count)})
        for relation in [each for name in ("ring", "give", "take") for each in self.model.relations[name]]:
            relation.data[self.unit]["color"] = self.config["color"]
            if leader:
                relation.data[self.app]["leader"] = self.unit.name
        if self.config.get("slow") == NAME:
            self._say(f"slow leader={leader}")
            time.sleep(60)
        time.sleep(float(self.config["sleep"]))
        if self.config.get("fail") == NAME:
            sys.stderr.write(f"Traceback: the {NAME} hook fails because it was told to\n")
            self._say("fail")
            sys.exit(1)
        self.unit.status = ops.ActiveStatus(str(count))
        self._say("end")


ops.main(Recorder)
