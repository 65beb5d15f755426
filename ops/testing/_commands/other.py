"""juju-log, juju-reboot, pod-spec-set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .._parts import JujuLogLine
from .._world import World
from ._call import Call, Refused, command


@command("juju-log", takes=("log-level", "l"))
def juju_log(world: World, call: Call) -> None:
    world.log.append(JujuLogLine(call.options.get("log-level", "INFO"), " ".join(call.words)))


@command("juju-reboot")
def juju_reboot(world: World, call: Call) -> None:
    world.reboots += 1


@command("pod-spec-set", takes=("file", "k8s-resources"))
def pod_spec_set(world: World, call: Call) -> None:
    if not world.leader:
        raise Refused("cannot set a pod spec: this unit is not the leader")
    world.pod_spec = _file(call, "file"), _file(call, "k8s-resources")


def _file(call: Call, option: str) -> Any:
    path = call.options.get(option)
    return None if path is None else json.loads(Path(path).read_text(encoding="utf-8"))
