"""Make this host a machine of the cluster, and stay the same machine over restarts.

Role: identity in the data directory, the machine's entity in the store, and the leased key that says which
process serves it.
"""

from __future__ import annotations

import fcntl
import json
import socket
import time
from pathlib import Path

from coordinator import __version__
from coordinator.clock import Clock
from coordinator.domain import refs
from coordinator.domain.change import Change, Unchanged
from coordinator.domain.life import Life
from coordinator.domain.model import Machine, Worker
from coordinator.domain.network import reachable
from coordinator.domain.view import View
from coordinator.errors import Refused
from coordinator.store.port import Store
from coordinator.store.repository import Author, Repository
from coordinator.worker.addresses import interfaces
from coordinator.worker.hardware import Hardware, measure

IDENTITY = "machine.json"
STARTED_AT = 19  # field of /proc/PID/stat, counted from the one after the name: ticks since the kernel's boot
LOCK_WAIT_S, LOCK_PAUSE_S = 5.0, 0.05


class DataDirectory:
    """The directory of one worker, held by one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o755)
        self._lock = (path / "worker.lock").open("w")
        # A worker that was killed leaves its minder, which holds the lock until it has ended the hooks.
        deadline_s = time.monotonic() + LOCK_WAIT_S
        while not self._try_lock():
            if time.monotonic() > deadline_s:
                self._lock.close()
                raise Refused(
                    f"cannot use {path}",
                    why="another worker runs with this data directory",
                    fix="stop it, or choose another directory with --data-dir",
                )
            time.sleep(LOCK_PAUSE_S)

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def fileno(self) -> int:
        """The descriptor that holds the lock; whoever inherits it holds it too."""
        return self._lock.fileno()

    @property
    def machine(self) -> str | None:
        """The id of the machine that this directory belongs to; None before the first registration."""
        try:
            return json.loads((self.path / IDENTITY).read_text())["id"]
        except FileNotFoundError:
            return None

    def remember(self, machine: str) -> None:
        fresh = self.path / f"{IDENTITY}.new"
        fresh.write_text(json.dumps({"id": machine}) + "\n")
        fresh.replace(self.path / IDENTITY)

    def close(self) -> None:
        self._lock.close()


def register(
    repository: Repository,
    directory: DataDirectory,
    clock: Clock,
    *,
    address: str,
    dedicated: str | None,
    tags: tuple[str, ...] = (),
) -> str:
    """Return the id of this machine, entered in the store; what it has and its addresses are brought up to date.

    *dedicated*: `model/application` whose next unit it shall run, or None.  *tags*: see domain/constraints.py.

    Raises:
        Refused: it was removed from the cluster, or is registered for something else.
    """
    known = directory.machine
    hardware = measure(directory.path)

    def plan(view: View) -> Change | None:
        machine = known or str(view.find(refs.machine_sequence()) or 0)
        ref = refs.machine(machine)
        before: Machine | None = view.find(ref) if known else None
        if known and (before is None or before.life is not Life.ALIVE):
            raise Refused(
                f"machine {known} was removed from the cluster",
                why=f"{directory.path} still holds its identity",
                fix=f"start over as a new machine: move {directory.path} away",
            )
        entity = _machine(machine, before, address, dedicated, hardware, tags, clock.timestamp())
        if entity == before:
            return None
        puts: dict = {ref: entity}
        if before is None:
            puts[refs.machine_sequence()] = int(machine) + 1
        return Change(did=f"register machine {machine}", puts=puts)

    wanted = [refs.machine_sequence(), *([refs.machine(known)] if known else [])]
    change, _ = repository.transact(lambda: repository.read(*wanted), plan, Author(name="worker"))
    if known:
        return known
    assert change is not None, "a new machine is always written"
    machine = next(ref.path[0] for ref in change.puts if ref.kind is refs.Kind.MACHINE)
    # A crash before this line leaves a machine nobody serves; `remove-machine` ends it.
    directory.remember(machine)
    return machine


def _machine(
    machine: str,
    before: Machine | None,
    address: str,
    dedicated: str | None,
    hardware: Hardware,
    tags: tuple[str, ...],
    now: str,
) -> Machine:
    if before is not None and dedicated is not None and before.dedicated != dedicated:
        raise Refused(
            f"machine {machine} is not registered for {dedicated}",
            why=f"it is registered for {before.dedicated or 'any unit'}",
            fix="use another data directory for another machine",
        )
    first = address or find_address()
    outside = reachable(interfaces())
    others = [each.value for interface in outside for each in interface.addresses]
    return Machine(
        id=machine,
        hostname=socket.gethostname(),
        addresses=tuple(dict.fromkeys([first, *others])),
        interfaces=outside,
        arch=hardware.arch,
        cores=hardware.cores,
        memory_mb=hardware.memory_mb,
        root_disk_mb=hardware.root_disk_mb,
        tags=tags,
        created=before.created if before else now,
        dedicated=before.dedicated if before else dedicated,
        enlisted=before.enlisted if before else False,
    )


def end_former(repository: Repository, store: Store, machine: str) -> None:
    """Give up, for it, what a former process of this machine still holds.

    We hold the lock of its data directory, so it is dead, and its minder with it, and so are its hooks: nobody
    needs to wait for its lease to end.
    """
    former = repository.read(refs.worker(machine)).find_stored(refs.worker(machine))
    if former is not None and former.lease:
        store.revoke(former.lease)


def serve(
    repository: Repository, clock: Clock, machine: str, *, lease: int, session: str, url: str, secret: str
) -> int:
    """Enter this process as the one that serves *machine*; return the revision at which it does.

    Raises:
        Refused: the machine was removed.
        Contended: another process is entered.
    """
    ref = refs.worker(machine)
    worker = Worker(session=session, url=url, secret=secret, version=__version__, since=clock.timestamp())

    def plan(view: View) -> Change | None:
        if not view.exists(refs.machine(machine)):
            raise Refused(
                f"machine {machine} was removed from the cluster",
                why="somebody ran `remove-machine`",
                fix="to come back as a new machine, start the worker with another data directory",
            )
        return Change(
            did=f"serve machine {machine}",
            puts={ref: worker},
            leased=frozenset({ref}),
            conditions=(Unchanged(ref, 0),),
        )

    author = Author(name=f"worker {machine}", lease=lease)
    _, revision = repository.transact(lambda: repository.read(refs.machine(machine)), plan, author)
    return revision


def present_boot(proc: Path = Path("/proc")) -> str:
    """Return what names the present boot of this machine; empty where nothing does.

    A container that is started again is such a boot, too: the kernel is the same, and everything that charms had
    running is gone.  So it is the kernel's boot, and when the first process of this machine started.
    """
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    try:
        after_name = (proc / "1/stat").read_text().rpartition(")")[2].split()
        return f"{boot} {after_name[STARTED_AT]}"
    except (OSError, IndexError):  # hidden from us
        return boot


def find_address() -> str:
    """Return the address from which this host would reach others; loopback when it has no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # documentation range: nothing is sent, a route is looked up
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"
