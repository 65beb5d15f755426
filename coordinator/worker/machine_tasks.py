"""The commands that people send to the machine as such: for each model one after another, in the order of asking.

Role: the loop behind the queues of the machine, as agent.py is behind that of a unit.  What proves that they are
ours to run is that this process serves the machine.
Not here: running the program (task.py), what is written (engine/task.py).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from coordinator.domain import refs
from coordinator.domain.change import Change, Condition
from coordinator.domain.refs import Kind
from coordinator.domain.task import Task, TaskStatus
from coordinator.domain.task_stream import FETCH_S, TaskStream, cut, room
from coordinator.domain.view import Stored
from coordinator.engine.task import TERMINATED, Ran, begin_on_machine, end_on_machine, keep_pieces
from coordinator.errors import LeaseLost, Unavailable, UnknownOutcome
from coordinator.log import get_logger
from coordinator.store.repository import Author
from coordinator.store.txn import Committed
from coordinator.worker.host import Host
from coordinator.worker.task import PerformOnMachine, ended_by, perform_on_machine

TROUBLE_S = 1.0
PIECES_PER_WRITE = 4  # 1 MiB: etcd refuses requests above 1.5 MiB
CATCH_UP_S = 5.0  # how long the mirror may lag behind our own write before we look without it

#: What moves when there may be something to do, or something that runs has lost its point.
OF_MACHINE_TASKS = (Kind.MACHINE_QUEUED, Kind.TASK, Kind.MODEL, Kind.WORKER)

log = get_logger()


class MachineTasks:
    """Serves the queues, with a thread for each model that has something in its queue.

    `start` once there is a *host*; a simulation sets that, and calls `step` itself.
    """

    def __init__(self, *, perform: PerformOnMachine = perform_on_machine) -> None:
        self.host: Host | None = None
        self._perform = perform
        self._begun: dict[str, tuple[int, str]] = {}  # by model: number and session of a task marked, not run yet
        self._running: dict[str, Task] = {}
        self._lock = threading.Lock()
        self._served: dict[str, threading.Thread] = {}
        self._news, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="machine tasks", daemon=True)

    def start(self, host: Host) -> None:
        self.host = host
        self._thread.start()

    def close(self) -> None:
        """End what runs; people are told that it was ended."""
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()
        for model, task in list(self._running.items()):
            self._at().runs.kill((model, task.id))
        for thread in list(self._served.values()):
            thread.join()

    def wake(self) -> None:
        """Say that the queues may have changed; end what was cancelled, or whose model is gone."""
        for model, task in list(self._running.items()):
            self._end_if_pointless(model, task)
        self._news.set()

    def models(self) -> list[str]:
        """Return the models that have something in the queue of this machine, if it is ours to run."""
        host = self._at()
        if not host.authority.is_valid() or host.worker_condition() is None:
            return []
        with host.live.look() as view:
            models = [ref.path[0] for ref in view.refs(Kind.MODEL)]
            return [model for model in sorted(models) if view.refs(Kind.MACHINE_QUEUED, model, host.machine)]

    def step(self, model: str) -> float | None:
        """Do the next thing for *model*; return how long to wait before the next step, None for any time."""
        host, asked = self._at(), self._next(model)
        if asked is None:
            return None
        with host.turn(asked.value):
            stored, worker = self._next(model), host.worker_condition()
            if stored is None or worker is None or not host.authority.is_valid() or self._stopping.is_set():
                return None
            task: Task = stored.value
            if task.id != asked.value.id:
                return 0.0
            if task.status is TaskStatus.PENDING:
                session = host.authority.id
                self._begun[model] = (task.id, session)
                begun = begin_on_machine(model, stored, worker, session=session, now=host.clock.timestamp())
                try:
                    self._write(begun, stored.revision)
                except (Unavailable, UnknownOutcome, LeaseLost):
                    return TROUBLE_S
                return self._run_task(model, task) if self._is_begun(model) else 0.0
            if self._is_begun(model):
                return self._run_task(model, task)
            self._end(model, task, Ran(reason=TERMINATED))
            return 0.0

    def _is_begun(self, model: str) -> bool:
        """Say whether the first task of the queue is marked as running by us, and was not run."""
        stored = self._next(model)
        if stored is None or stored.value.status is not TaskStatus.RUNNING:
            return False
        return (stored.value.id, stored.value.session) == self._begun.get(model)

    def _run_task(self, model: str, task: Task) -> float:
        host = self._at()
        del self._begun[model]  # from here on nobody knows how far it came, if we do not live to tell
        started_s = host.clock.monotonic_s()
        self._running[model] = task
        try:
            ran = self._perform(host, model, task, lambda: self._end_if_pointless(model, task))
        except OSError as trouble:
            ran = ended_by(trouble)
        finally:
            del self._running[model]
        if ran.status is None and not host.authority.is_valid():
            log.warning("task.interrupted", task=task.id, model=model, why=ran.reason)
            return 0.0
        if ran.status is None and self._stopping.is_set():
            ran = Ran(reason=TERMINATED, output=ran.output)
        ended = self._end(model, task, ran)
        log.info(
            "task.ended", task=task.id, model=model, action=task.name, landed=ended is not None, why=ran.reason
        )
        if ended is not None:
            host.metrics.task(ended, host.clock.monotonic_s() - started_s)
        return 0.0

    def _end(self, model: str, task: Task, ran: Ran) -> Task | None:
        """Write the end of *task*; return it as stored, None if it is gone or not ours."""
        kept, now = self._keep(model, task, ran), self._at().clock.timestamp()
        return self._insist(
            model, task, lambda stored, worker: end_on_machine(model, stored, worker, ran, kept=kept, now=now)
        )

    def _keep(self, model: str, task: Task, ran: Ran) -> dict[str, TaskStream]:
        """Store what whoever asked for *task* shall fetch; return how much of each stream there is."""
        host, kept = self._at(), {}
        until_s = host.clock.now_s() + FETCH_S
        for name, printed in ran.kept.items():
            with host.live.look() as view:
                fits = len(printed.data) <= room(view, model)
            pieces = list(cut(printed.data)) if fits else []
            for first in range(0, len(pieces), PIECES_PER_WRITE):
                some = pieces[first : first + PIECES_PER_WRITE]
                self._insist(model, task, partial(keep_pieces, model, stream=name, first=first, pieces=some))
            size, is_whole = sum(map(len, pieces)), fits and printed.is_whole
            kept[name] = TaskStream(size=size, pieces=len(pieces), is_whole=is_whole, until_s=until_s)
        return kept

    def _insist(self, model: str, task: Task, plan: Callable[[Stored, Condition], Change]) -> Task | None:
        """Write what *plan* makes of *task* as stored, and of the proof that it is ours, however often it takes.

        Returns the task as it is then; None if it is gone or not ours.
        """
        host = self._at()
        while not host.authority.is_lost():
            with host.live.look() as view:
                stored = view.peek_stored(refs.task(model, task.id))
            worker = host.worker_condition()
            if stored is None or worker is None:
                return None
            if stored.value.status.is_over:
                return stored.value  # the answer that got lost said so
            change = plan(stored, worker)
            try:
                if self._write(change, stored.revision):
                    return change.puts.get(refs.task(model, task.id), stored.value)
            except (Unavailable, UnknownOutcome):
                host.clock.sleep(TROUBLE_S)
            except LeaseLost:
                return None
        return None

    def _write(self, change: Change, since: int) -> bool:
        host = self._at()
        author = Author(name=f"machine {host.machine}", lease=host.authority.lease)
        outcome = host.repository.write(change, author, since=since)
        host.live.wait_for(outcome.revision, CATCH_UP_S)
        return isinstance(outcome, Committed)

    def _next(self, model: str) -> Stored | None:
        host = self._at()
        with host.live.look() as view:
            places = view.refs(Kind.MACHINE_QUEUED, model, host.machine)
            numbers = sorted(int(place.path[-1]) for place in places)
            found = [view.peek_stored(refs.task(model, number)) for number in numbers[:1]]
        return found[0] if found else None

    def _end_if_pointless(self, model: str, task: Task) -> None:
        host = self._at()
        with host.live.look() as view:
            now: Task | None = view.peek(refs.task(model, task.id))
        if now is None or now.status.is_over:
            host.runs.kill((model, task.id))
        elif now.status is TaskStatus.ABORTING:
            host.runs.cancel((model, task.id))

    def _at(self) -> Host:
        assert self.host is not None, "start first"
        return self.host

    # --- threads ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.wait()
            self._news.clear()
            for model in self.models():
                with self._lock:
                    if model not in self._served and not self._stopping.is_set():
                        thread = threading.Thread(target=self._serve, args=(model,), daemon=True)
                        self._served[model] = thread
                        thread.start()

    def _serve(self, model: str) -> None:
        wait_s: float | None = 0.0
        while wait_s is not None and not self._stopping.wait(wait_s):
            try:
                wait_s = self.step(model)
            except Exception as trouble:  # with one task: it is ended by the next step, and the queue goes on
                log.error("machine_tasks.trouble", model=model, error=repr(trouble), exc_info=True)
                wait_s = TROUBLE_S
        with self._lock:
            del self._served[model]
        self._news.set()  # what came after the last look was left to us
