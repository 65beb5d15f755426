"""Whatever people ask for is done or refused while something is broken, and comes true when that is over.

One system of one controller, worker and etcd member, and one of several, each for all its faults: a fault comes in
the middle of one request of every kind.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from networks import POSSIBLE, Network
from seeds import seeds
from system import CHARMS, SHORT_TTL_S, WAIT_S, ApiError, System, pack, running, wait_for

from coordinator.cli.client import Client
from coordinator.domain import refs
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.errors import CoordinatorError, NotFound, Refused, Unavailable, UnknownOutcome
from coordinator.store import keys
from coordinator.store.embedded import EmbeddedEtcd
from coordinator.wire import (
    AddSecret,
    AddSpace,
    AddStorage,
    AttachResource,
    AttachStorage,
    CreateStoragePool,
    Deploy,
    Expose,
    ImportFilesystem,
    Integrate,
    Refresh,
    Remove,
    RemoveRelation,
    RunTasks,
    SetConfig,
    SetSettings,
    ShareSecret,
    UpdateSecret,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

UNIT = "handy/0"
APART_S = 0.03  # so that a request is under way for a while when the next one comes
HELD = "b25l"  # "one"
TASKS = (
    "action",
    "exec",
    "exec-by-the-leader",
    "exec-on-a-machine",
)  # what a fault may end for good: nobody knows how far it came
OVER = ("completed", "failed", "error", "cancelled", "aborted")


class Round(NamedTuple):
    """One fault.  `notes`, `found` and `was_open`: how much storage there was before, of either kind, and whether
    it was exposed.  `spare`: storage and a unit that may go.

    No round needs an earlier one.
    """

    system: System
    number: int
    notes: int
    found: int
    was_open: bool
    spare: tuple[str, str]


class Row(NamedTuple):
    """One thing to ask for in a round, and whether it has come true."""

    ask: Callable[[Client, Round], Any]
    holds: Callable[[Round], Any]
    #: What it may be told besides what the fault excuses.
    excuses: tuple[type[CoordinatorError], ...] = ()
    #: What it names is gone when it has come true.
    removes: bool = False


def version(place: Path, number: int) -> bytes:
    """Return the archive of another version of the charm."""
    charm = place / f"version-{number}"
    if not charm.exists():
        shutil.copytree(CHARMS / "handy", charm)
    (charm / "version").write_text(f"{number}\n")
    return pack(charm)


def run(client: Client, receiver: str = UNIT, **what: Any) -> None:
    client.run_tasks("m", RunTasks(receivers=[receiver], **what))


def refresh(client: Client, now: Round) -> None:
    sha256 = client.upload_charm(version(now.system.home, now.number))["sha256"]
    client.refresh("m", "handy", Refresh(charm=sha256))


def hand_in(client: Client, now: Round) -> None:
    sha256 = client.upload_resource(f"file-{now.number}".encode())["sha256"]
    client.attach_resource("m", "handy", "file", AttachResource(sha256=sha256))


def expose(client: Client, now: Round) -> None:
    (client.unexpose if now.was_open else client.expose)("m", "handy", Expose())


def deploy(client: Client, now: Round) -> None:
    sha256 = client.upload_charm(version(now.system.home, 0))["sha256"]
    client.deploy("m", Deploy(charm=sha256, name=f"new{now.number}", config={"port": 8200 + now.number}))


def import_filesystem(client: Client, system: System, number: int, name: str) -> None:
    directory = system.home / f"{name}-{number}"
    directory.mkdir(exist_ok=True)
    client.import_filesystem("m", ImportFilesystem(pool="rootfs", id=f"0:{directory}", name=name))


def says(now: Round, word: str, app: str = "handy") -> bool:
    """Say whether *word* has reached every unit of *app*, and there are some."""
    units = now.system.status()["applications"][app].get("units", {}).values()
    return bool(units) and all(word in unit["workload-status"].get("message", "").split() for unit in units)


def tasks(system: System, number: int | None = None) -> list[dict[str, Any]]:
    """Return the tasks of the actions of a round; None: of all."""
    return [
        system.client.task("m", int(task))
        for operation in system.client.operations("m", actions=["count"])
        if number in (None, operation["action"]["parameters"]["round"])
        for task in operation["task-ids"]
    ]


def over(system: System) -> bool:
    """Say whether no task waits or runs, whatever became of it."""
    return all(operation["status"] in OVER for operation in system.client.operations("m"))


def bag(system: System, owner: UnitName | str) -> Mapping[str, str]:
    return system.view().peek(refs.bag("m", 0, owner)) or {}


def secret(now: Round, name: str) -> dict[str, Any] | None:
    return next((each for each in now.system.client.secrets("m").values() if each.get("name") == name), None)


def granted(now: Round) -> bool:
    found = secret(now, f"shared-{now.number}")
    return found is not None and [each["target"] for each in found.get("access", ())] == ["application-handy"]


def notes(system: System, name: str = "notes") -> dict[str, str]:
    """Return the status of each storage called *name*, of all units, by its id."""
    found = system.client.storage("m").get("storage", {})
    return {id: each["status"]["current"] for id, each in found.items() if id.startswith(f"{name}/")}


def ends(number: int) -> dict[str, str]:
    """Return both ends of the relation that a round makes; that of the next number it removes."""
    return {"left": "ship:see", "right": f"lamp{number % 2}:site"}


def related(system: System, number: int) -> bool:
    lamps = system.status()["applications"]["ship"].get("relations", {}).get("see", ())
    return ends(number)["right"].partition(":")[0] in [each["related-application"] for each in lamps]


def sees(system: System, lamps: int) -> bool:
    """Say whether the ship says that it sees so many lamps."""
    message = system.units()["ship/0"]["workload-status"].get("message", "")
    return len(message.partition(" sees ")[2].split()) == lamps


def is_open(system: System) -> bool:
    """Say whether the worker has noted for the firewall that anybody may reach port 80."""
    plan = firewall_plan(system)
    assert '"80/tcp"' in plan
    return "0.0.0.0/0" in plan


def firewall_plan(system: System) -> str:
    return (system.home / f"w{system.number_of_worker(UNIT)}" / "firewall.json").read_text()


ROWS: Mapping[str, Row] = {
    "action": Row(
        lambda client, now: run(client, action="count", parameters={"round": now.number}),
        lambda now: "completed" in {each["status"] for each in tasks(now.system, now.number)},
    ),
    "exec": Row(
        lambda client, now: run(client, command=f"relation-set -r ring:0 round={now.number}"),
        lambda now: bag(now.system, UnitName.parse(UNIT)).get("round") == str(now.number),
    ),
    "exec-by-the-leader": Row(
        lambda client, now: run(client, "handy/leader", command=f"relation-set --app -r ring:0 lead={now.number}"),
        lambda now: bag(now.system, "handy").get("lead") == str(now.number),
        excuses=(Refused,),  # nobody leads for a while
    ),
    "add-secret": Row(
        lambda client, now: client.add_secret("m", AddSecret(name=f"added-{now.number}", content={"token": HELD})),
        lambda now: secret(now, f"added-{now.number}"),
    ),
    "grant-secret": Row(
        lambda client, now: client.share_secret(
            "m", ShareSecret(secret=f"shared-{now.number}", applications=["handy"]), granted=True
        ),
        granted,
    ),
    "update-secret": Row(
        lambda client, now: client.update_secret(
            "m", f"shared-{now.number}", UpdateSecret(description=f"seen in round {now.number}")
        ),
        lambda now: (
            (secret(now, f"shared-{now.number}") or {}).get("description") == f"seen in round {now.number}"
        ),
    ),
    "deploy": Row(deploy, lambda now: says(now, "version=0", f"new{now.number}")),
    "remove-application": Row(
        lambda client, now: client.remove_application("m", f"old{now.number}"),
        lambda now: f"old{now.number}" not in now.system.status()["applications"],
        removes=True,
    ),
    "exec-on-a-machine": Row(
        lambda client, now: client.run_tasks(
            "m", RunTasks(machines=["0"], command=f"echo {now.number} >> {now.system.home}/machine-{now.number}")
        ),
        lambda now: (now.system.home / f"machine-{now.number}").exists(),
    ),
    "model-config": Row(
        lambda client, now: client.set_settings("m", SetSettings(settings={"note": f"note-{now.number}"})),
        lambda now: now.system.client.settings("m")["note"]["Value"] == f"note-{now.number}",
    ),
    "add-space": Row(
        lambda client, now: client.add_space("m", AddSpace(name=f"space-{now.number}")),
        lambda now: f"space-{now.number}" in [each["name"] for each in now.system.client.spaces("m")["spaces"]],
    ),
    "create-storage-pool": Row(
        lambda client, now: client.create_storage_pool(
            "m", CreateStoragePool(name=f"pool-{now.number}", provider="rootfs")
        ),
        lambda now: f"pool-{now.number}" in now.system.client.storage_pools("m"),
    ),
    "import-filesystem": Row(
        lambda client, now: import_filesystem(client, now.system, now.number, "found"),
        lambda now: len(notes(now.system, "found")) > now.found,
    ),
    "remove-storage": Row(
        lambda client, now: client.remove_storage("m", "spare", int(now.spare[0].partition("/")[2])),
        lambda now: now.spare[0] not in notes(now.system, "spare"),
        removes=True,
    ),
    "remove-unit": Row(
        lambda client, now: client.remove_units("m", Remove(names=[now.spare[1]])),
        lambda now: now.spare[1] not in now.system.units(),
        removes=True,
    ),
    "integrate": Row(
        lambda client, now: client.integrate("m", Integrate(**ends(now.number))),
        lambda now: related(now.system, now.number) and sees(now.system, 1),
    ),
    "remove-relation": Row(
        lambda client, now: client.remove_relation("m", RemoveRelation(**ends(now.number + 1))),
        lambda now: not related(now.system, now.number + 1) and sees(now.system, 1),
        removes=True,
    ),
    "add-storage": Row(
        lambda client, now: client.add_storage("m", AddStorage(unit=UNIT, name="notes")),
        lambda now: len(found := notes(now.system)) > now.notes and set(found.values()) == {"attached"},
    ),
    "attach-storage": Row(
        lambda client, now: client.attach_storage("m", AttachStorage(unit=UNIT, ids=["notes/0"])),
        lambda now: notes(now.system)["notes/0"] == "attached",
    ),
    "refresh": Row(refresh, lambda now: says(now, f"version={now.number}")),
    "attach-resource": Row(hand_in, lambda now: says(now, f"file=file-{now.number}")),
    "expose": Row(expose, lambda now: is_open(now.system) != now.was_open),
    "config": Row(
        lambda client, now: client.set_config("m", "handy", SetConfig(config={"color": f"color-{now.number}"})),
        lambda now: says(now, f"color=color-{now.number}"),
    ),
}


class Fault(NamedTuple):
    """Something that breaks, and how it is over.

    `excuses`: what a request may be told meanwhile.  `outlasts`: it is over when every request has been answered.
    """

    begin: Callable[[System], Any]
    end: Callable[[System], Any]
    excuses: tuple[type[CoordinatorError], ...] = ()
    outlasts: bool = False


def revoke(system: System) -> None:
    """Let the worker lose its session: claims, terms and all."""
    key = keys.key_of(refs.claim("m", UnitName.parse(UNIT)))
    (claim,) = wait_for(lambda: system.store.read(key).items, "a claim")
    system.store.revoke(claim.lease)


def kill_etcd(system: System) -> None:
    pid = system.etcd[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not system.etcd[0].is_running, "the end of etcd")


def lose_the_claim(system: System) -> None:
    """Wait until the lease of the worker of UNIT has ended, and with it its claim."""
    claim = keys.key_of(refs.claim("m", UnitName.parse(UNIT)))
    wait_for(lambda: not system.store.read(claim).items, "the lease to end")


def wake_up(system: System) -> None:
    lose_the_claim(system)
    system.worker_of(UNIT).thaw()


def cut_off(system: System) -> None:
    system.networks[system.number_of_worker(UNIT)].cut()


def mend(system: System) -> None:
    lose_the_claim(system)
    system.networks[system.number_of_worker(UNIT)].mend()


def kill_worker_of_leader(system: System) -> None:
    """Kill it, until another one leads."""
    leader = wait_for(lambda: system.leader("handy"), "a leader")
    worker = system.worker_of(leader)
    worker.kill()
    wait_for(lambda: system.leader("handy") not in ("", leader), "another leader")


def start_workers(system: System) -> None:
    for worker in system.workers:
        if not worker.is_running():
            worker.start()


def kill_leading_member(system: System) -> None:
    leader = wait_for(lambda: next(filter(leads, system.etcd), None), "a leader of etcd")
    assert leader.pid is not None
    os.kill(leader.pid, signal.SIGKILL)
    wait_for(lambda: not leader.is_running, "the end of the member")
    wait_for(lambda: any(map(leads, system.etcd)), "another leader of etcd")


def leads(member: EmbeddedEtcd) -> bool:
    if not member.is_running:
        return False
    with urllib.request.urlopen(f"http://{member.endpoint}/metrics", timeout=5) as answer:
        return b"\netcd_server_is_leader 1\n" in answer.read()


def cut_off_controller(system: System) -> None:
    """Cut the controller that leads off from etcd, but not from those who ask it, until another one leads."""
    leader = wait_for(lambda: leading_controller(system), "a controller to lead")
    network = system.networks_of_controllers[system.addresses.index(leader)]
    network.cut([member.client_port for member in system.etcd])
    wait_for(lambda: leading_controller(system) not in ("", leader), "another controller to lead")


def leading_controller(system: System) -> str:
    """Return the address of the controller that leads; empty while none does."""
    view = system.view()
    name = view.peek(Ref(Kind.CONTROLLER_LEADER))
    entry = view.peek(Ref(Kind.CONTROLLER, (name,))) if name else None
    return entry.url if entry else ""


def mend_controllers(system: System) -> None:
    for network in system.networks_of_controllers:
        network.mend()


def start_members(system: System) -> None:
    for member in system.etcd:
        if not member.is_running:
            member.start()


FAULTS = {
    "the worker is killed": Fault(
        lambda system: system.workers[0].kill(), lambda system: system.workers[0].start()
    ),
    "the controller is killed": Fault(
        lambda system: system.controller.kill(),
        lambda system: system.controller.start(),
        excuses=(Unavailable, UnknownOutcome),
    ),
    "the worker loses its session": Fault(revoke, lambda system: None),
    "etcd is killed": Fault(
        kill_etcd, lambda system: system.etcd[0].start(), excuses=(Unavailable, UnknownOutcome)
    ),
    "etcd is away for longer than anybody waits": Fault(
        kill_etcd, lambda system: system.etcd[0].start(), excuses=(Unavailable, UnknownOutcome), outlasts=True
    ),
}


FAULTS_OF_SEVERAL = {
    "the worker of the leader is killed": Fault(kill_worker_of_leader, start_workers),
    "the worker is frozen for longer than its lease": Fault(
        lambda system: system.worker_of(UNIT).freeze(), wake_up
    ),
    "the worker is cut off from etcd for longer than its lease": Fault(cut_off, mend),
    "the controller that leads is cut off from etcd for longer than anybody waits": Fault(
        cut_off_controller, mend_controllers, excuses=(UnknownOutcome,), outlasts=True
    ),
    "the leading member of etcd is killed": Fault(
        kill_leading_member, start_members, excuses=(Unavailable, UnknownOutcome)
    ),
    "each member of etcd is restarted, one after the other": Fault(
        lambda system: [(member.stop(), member.start()) for member in system.etcd],
        lambda system: None,
        excuses=(Unavailable, UnknownOutcome),
    ),
}


@pytest.fixture(scope="module")
def one_of_each() -> Iterator[System]:
    with running(ttl_s=SHORT_TTL_S) as system:
        set_up(system, rounds=len(FAULTS))
        yield system


@pytest.fixture(scope="module")
def several() -> Iterator[System]:
    networks = [Network(number) for number in range(4)] if POSSIBLE else []
    with running(workers=2, controllers=2, members=3, ttl_s=SHORT_TTL_S, networks=networks) as system:
        set_up(system, rounds=len(FAULTS_OF_SEVERAL))
        yield system


def set_up(system: System, *, rounds: int) -> None:
    """Deploy a unit for each worker, with what *rounds* rounds of requests need."""
    system.add_model()
    system.deploy(CHARMS / "handy", "handy", units=len(system.workers))
    for number in range(1, rounds + 1):
        system.client.add_secret("m", AddSecret(name=f"shared-{number}", content={"token": HELD}))
        system.deploy(CHARMS / "handy", f"old{number}", port=8100 + number)
    system.deploy(CHARMS / "beacon", "crowd", units=rounds)
    for app in ("ship", "lamp0", "lamp1"):
        system.deploy(CHARMS / "beacon", app)
    system.wait_settled(len(system.workers) + rounds + rounds + 3)
    system.client.add_storage("m", AddStorage(unit=UNIT, name="notes"))
    wait_for(lambda: notes(system) == {"notes/0": "attached"}, "the storage to attach")
    for number in range(1, rounds + 1):
        import_filesystem(system.client, system, number, "spare")
    wait_for(lambda: "80/tcp" in firewall_plan(system), "the open port to be noted")


@pytest.mark.parametrize(("number", "name"), [*enumerate(FAULTS, 1)], ids=FAULTS)
def test_what_is_asked_for_in_a_fault_is_done_or_refused_and_comes_true(one_of_each, number, name):
    go_through(one_of_each, number, FAULTS[name])


@pytest.mark.parametrize(("number", "name"), [*enumerate(FAULTS_OF_SEVERAL, 1)], ids=FAULTS_OF_SEVERAL)
def test_so_it_is_where_others_take_over(several, number, name):
    if "cut off" in name and not POSSIBLE:
        pytest.skip("needs root, iproute2 and nftables for networks of its own")
    go_through(several, number, FAULTS_OF_SEVERAL[name])


def go_through(system: System, number: int, fault: Fault) -> None:
    """Ask for one thing of every kind, let *fault* come in between, and look what became of it all."""
    rng = random.Random(seeds([number])[0])
    system.client.detach_storage("m", "notes", 0)
    wait_for(lambda: notes(system)["notes/0"] == "detached", "the storage to be free")
    if related(system, number):
        system.client.remove_relation("m", RemoveRelation(**ends(number)))
    if not related(system, number + 1):
        system.client.integrate("m", Integrate(**ends(number + 1)))
    wait_for(lambda: not related(system, number) and sees(system, 1), "the ship to see the other lamp only")
    spare = min(notes(system, "spare")), min(name for name in system.units() if name.startswith("crowd/"))
    now = Round(system, number, len(notes(system)), len(notes(system, "found")), is_open(system), spare)
    order = rng.sample(list(ROWS), len(ROWS))
    with ThreadPoolExecutor(len(ROWS)) as pool:
        asked = {what: pool.submit(ask, ROWS[what], now, place) for place, what in enumerate(order)}
        time.sleep(rng.uniform(2, len(ROWS) - 8) * APART_S)  # some are under way, some come later
        fault.begin(system)
        if fault.outlasts:
            wait(asked.values(), WAIT_S)
        fault.end(system)
        told = {what: each.result(WAIT_S) for what, each in asked.items()}
    system.client.close()  # what it was connected to may be gone
    refused = {what: error for what, error in told.items() if error is not None}
    for what, error in refused.items():
        assert isinstance(error, (*fault.excuses, *ROWS[what].excuses)), (what, error)
        assert error.what, what
        assert error.fix, what
    is_seen = fault.outlasts and len(system.controllers) == 1  # else who is not served by one asks the other
    assert refused or not is_seen, "nobody noticed"

    wait_for(lambda: has_recovered(system) and over(system), "the end of what was begun")
    for what, row in ROWS.items():
        if what in refused or (what in TASKS and not row.holds(now)):
            ask_again(row, now)
    for what, row in ROWS.items():
        wait_for(lambda row=row: row.holds(now), f"{what} to come true")
    system.wait_settled(len(system.units()))
    assert not [what for what, row in ROWS.items() if not row.holds(now)]
    completed = [each for each in tasks(system) if each["status"] == "completed"]
    state = system.view().peek(refs.state("m", UnitName.parse(UNIT)))
    assert len(set(notes(system, "found"))) == now.found + 1
    assert state["count"] == str(len(completed)), "what an action did is there if, and only if, it was completed"


def ask(row: Row, now: Round, place: int = 0) -> CoordinatorError | None:
    """Return what the request was told instead of done; by its *place* it comes at any moment of the fault.

    People know all controllers, and do not all begin with the same one.
    """
    time.sleep(place * APART_S)
    addresses, token = now.system.addresses, now.system.token_file.read_text().strip()
    first = place % len(addresses)
    with closing(Client([*addresses[first:], *addresses[:first]], token)) as client:
        try:
            row.ask(client, now)
        except CoordinatorError as error:
            return error
    return None


def ask_again(row: Row, now: Round) -> None:
    """Ask as a person would who was told that it may have been done (perhaps it was), or to try again."""
    errors: list[CoordinatorError] = []

    def is_answered() -> bool:
        error = ask(row, now)
        if error is None or (isinstance(error, Refused) and "already" in str(error)):
            return True
        if row.removes and isinstance(error, NotFound):
            return True
        errors.append(error)
        return not isinstance(error, row.excuses)

    wait_for(is_answered, "an answer that stands")
    assert all(isinstance(error, row.excuses) for error in errors), errors


def has_recovered(system: System) -> bool:
    try:
        return all(unit["juju-status"]["current"] == "idle" for unit in system.units().values())
    except (ApiError, OSError):
        return False
