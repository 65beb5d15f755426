"""What all agents of one worker share: the machine, the store, and the places and limits of this process.

Role: one value handed to every agent, so that nothing is found through a global.
"""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from coordinator.clock import Clock
from coordinator.domain import refs
from coordinator.domain.change import Condition, Held
from coordinator.domain.charm import CharmMeta
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.secret import Content, SealedRevision
from coordinator.domain.task import Task
from coordinator.engine.world import World
from coordinator.errors import NotFound
from coordinator.log import get_logger
from coordinator.store.archives import Archives
from coordinator.store.live import LiveTree
from coordinator.store.repository import Repository
from coordinator.worker.charmdir import UnitDirectory
from coordinator.worker.claim import Authority
from coordinator.worker.dispatch import Minder, Runs
from coordinator.worker.logs import Logs
from coordinator.worker.metrics import Metrics
from coordinator.worker.storage import StorageKeeper
from coordinator.worker.toolserver import ToolServer
from coordinator.worker.warm import WarmParents

REBOOT_S_MAX = 60.0  # for the command to return

log = get_logger()


class FairLock:
    """A lock that is given out in the order in which it was asked for: no unit waits for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: deque[threading.Event] = deque()
        self._held = False

    def __enter__(self) -> None:
        with self._lock:
            if not self._held and not self._queue:
                self._held = True
                return
            turn = threading.Event()
            self._queue.append(turn)
        turn.wait()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._held = False


@dataclass(frozen=True, kw_only=True)
class Host:
    """`boot` names the present boot of the machine, empty when that is not known; `reboot_command` starts another,
    empty when charms may not.  `machine` is the id of the machine served.  `tools` answers hook commands;
    `tools_dir` holds them."""

    machine: str
    data_dir: Path
    tools_dir: Path
    agent_path: str
    clock: Clock
    repository: Repository
    live: LiveTree
    authority: Authority
    archives: Archives
    minder: Minder
    runs: Runs
    tools: ToolServer
    warm: WarmParents
    logs: Logs
    metrics: Metrics
    storage: StorageKeeper
    units: Callable[[], list[tuple[str, UnitName]]]
    boot: str = ""
    reboot_command: str = ""
    machine_lock: FairLock = field(default_factory=FairLock)
    _group_locks: dict[str, FairLock] = field(default_factory=dict)
    _charms: dict[str, CharmMeta] = field(default_factory=dict)
    _directories: dict[tuple[str, str, UnitName], UnitDirectory] = field(default_factory=dict)

    def turn(self, task: Task) -> AbstractContextManager[object]:
        """Return what to hold while *task* runs: what else of this machine waits for it, and it for that."""
        if task.parallel:
            return nullcontext()
        if not task.execution_group:
            return self.machine_lock
        return self._group_locks.setdefault(task.execution_group, FairLock())

    def tasks(self) -> list[Task]:
        """Return what is asked of this machine and its units, and is not over."""
        with self.live.look() as view:
            queues = [view.refs(Kind.QUEUED, model, unit.app, str(unit.number)) for model, unit in self.units()]
            queues += [view.refs(Kind.MACHINE_QUEUED, ref.path[0], self.machine) for ref in view.refs(Kind.MODEL)]
            places = [place for queue in queues for place in queue]
            found = [view.peek(refs.task(place.path[0], int(place.path[-1]))) for place in places]
        return [task for task in found if task is not None]

    def charm_meta(self, sha256: str) -> CharmMeta:
        """Return what the charm *sha256* says of itself; read once, it never changes.

        Raises:
            NotFound: nobody uploaded it.
        """
        if sha256 not in self._charms:
            ref = refs.charm(sha256)
            charm = self.repository.read(ref).find(ref)
            if charm is None:
                raise NotFound(f'charm "{sha256[:12]}" not found', why="its archive was never uploaded")
            self._charms[sha256] = charm.meta
        return self._charms[sha256]

    def api_addresses(self) -> list[str]:
        """Return `host:port` of every controller that is there."""
        with self.live.look() as view:
            return [entry.url.partition("://")[2] for _, entry in view.list(Kind.CONTROLLER)]

    @property
    def open_secret(self) -> Callable[[Ref, SealedRevision], Content] | None:
        """What decrypts a revision of a secret; None when this worker has no key."""
        keyring = self.repository.keyring
        return keyring.open if keyring.current else None

    def fetch_charm(self, sha256: str) -> Path:
        """Return a file with the charm's archive, checked."""
        return self.archives.fetch(sha256, self.data_dir / "charms")

    @property
    def may_reboot(self) -> bool:
        """Whether charms may ask for a reboot: not where nobody could tell afterwards that it has come."""
        return bool(self.reboot_command and self.boot)

    def reboot(self) -> bool:
        """Let the machine reboot; say whether that is on its way."""
        words = shlex.split(self.reboot_command)
        try:
            subprocess.run(words, capture_output=True, text=True, check=True, timeout=REBOOT_S_MAX)
        except (OSError, subprocess.SubprocessError) as trouble:
            why = getattr(trouble, "stderr", None) or str(trouble)
            log.error("reboot.failed", command=self.reboot_command, why=str(why).strip()[-500:])
            return False
        return True

    def resource(self, world: World, name: str, filename: str, sha256: str) -> Path:
        """Return the file with a resource for the unit of *world*.

        Raises:
            CoordinatorError: it cannot be fetched.
        """
        directory = self.directory(world.model, world.model_uuid, world.unit)
        return directory.resource(name, filename, sha256, self.archives.fetch_resource)

    def directory(self, model: str, model_uuid: str, unit: UnitName) -> UnitDirectory:
        """Return where the unit lives; the same object for each hook, so that it knows what it has done."""
        place = (model, model_uuid, unit)
        if place not in self._directories:
            self._directories[place] = UnitDirectory(self.data_dir, model, model_uuid, unit)
        return self._directories[place]

    def remove_directory(self, model: str, model_uuid: str, unit: UnitName) -> None:
        """Delete everything of a unit that is gone."""
        self.directory(model, model_uuid, unit).remove()
        self._directories.pop((model, model_uuid, unit), None)

    def worker_condition(self) -> Condition | None:
        """Return the proof that this process serves the machine; None while it does not."""
        with self.live.look() as view:
            stored = view.peek_stored(refs.worker(self.machine))
        if stored is None or stored.lease != self.authority.lease:
            return None
        return Held(refs.worker(self.machine), stored.token)


@contextmanager
def closing_in_order(*closers: Callable[[], object]) -> Iterator[None]:
    """Call every one of *closers* on the way out, in order, even when one of them fails."""
    try:
        yield
    finally:
        failures = []
        for close in closers:
            try:
                close()
            except Exception as failure:
                failures.append(failure)
        if failures:
            raise failures[0]
