"""Two related applications on two machines, and one round of events between them.

Role: a change of an option of `<name>-a` makes its hook write its bag, which makes the hook of `<name>-b` write
its own, which runs one more hook of `<name>-a`, which does nothing.  Three hooks, two of them on the path.
What happened when is taken from a watch of the model in this process.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue

from system import System

from coordinator.clock import RealClock
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind
from coordinator.store import keys
from coordinator.store.etcd import EtcdStore
from coordinator.store.repository import Author, Repository
from coordinator.store.txn import Item
from tests.bench import scrape

EVENT_S_MAX = 30.0
HOOKS_PER_ROUND = 3


class Observer:
    """Watches the model `m` and notes when each change arrived.  Use with `with`."""

    def __init__(self, endpoints: str) -> None:
        self.store = EtcdStore(endpoints.split(","))
        self._seen: SimpleQueue[tuple[float, str, Item | None]] = SimpleQueue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="observer", daemon=True)

    def __enter__(self) -> Observer:
        start, end = keys.below(refs.model("m"))
        self._watch = self.store.watch(start, end, revision=self.store.read(start).revision)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self.store.close()

    def _follow(self) -> None:
        while not self._stopping.is_set():
            batch = self._watch.next(0.2)
            now_s = time.perf_counter()
            for key, item in batch.changes if batch is not None else ():
                self._seen.put((now_s, key, item))

    def wait_for(self, key: str, value: bytes) -> tuple[float, int]:
        """Return when *key* arrived with *value* in it, and its revision; what came before is passed over."""
        deadline_s = time.perf_counter() + EVENT_S_MAX
        while True:
            try:
                seen_s, seen_key, item = self._seen.get(timeout=max(0.0, deadline_s - time.perf_counter()))
            except Empty:
                raise TimeoutError(f"{key} did not become {value!r} within {EVENT_S_MAX} s") from None
            if seen_key == key and item is not None and value in item.value:
                return seen_s, item.revision


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds from the start of the write to its own watch event, and to those of the two bags."""

    config_s: float
    sent_s: float
    echoed_s: float


@dataclass(frozen=True, slots=True)
class HookSeconds:
    """The three hooks of a round, from the start of the process to its end, commands included."""

    send_s: float
    echo_s: float
    nothing_s: float


class Pair:
    """*name*-a and *name*-b, of one charm."""

    _numbers = count(1)

    def __init__(
        self, system: System, observer: Observer, name: str, charm: Path, machines: tuple[str, str]
    ) -> None:
        self.name, self.machines = name, machines
        self._observer = observer
        self.a, self.b = f"{name}-a", f"{name}-b"
        for app, machine in zip((self.a, self.b), machines, strict=True):
            system.deploy(charm, app, to=(machine,))
        system.integrate(f"{self.a}:give", f"{self.b}:take")
        self.store = EtcdStore(system.endpoints.split(","))
        self._repository = Repository(self.store, RealClock())

    def prepare(self, system: System) -> None:
        """Note what a round waits for, and where the workers are; after everything has settled."""
        self._urls = scrape.worker_urls(system)
        relation = next(
            relation.id for _, relation in system.view().list(Kind.RELATION, "m") if relation.side_of(self.a)
        )
        self._bag_a = keys.key_of(refs.Ref(Kind.UNIT_BAG, ("m", str(relation), self.a, "0")))
        self._bag_b = keys.key_of(refs.Ref(Kind.UNIT_BAG, ("m", str(relation), self.b, "0")))
        self._config = refs.config("m", self.a)
        self._last = keys.key_of(refs.relation_memory("m", UnitName(self.a, 0), relation))

    def round(self) -> Round:
        """Change the option, and return when every hook that this causes has settled."""
        value = f"v{next(self._numbers)}."
        view = self._repository.read(self._config)
        change = Change(
            did=f"config {self.a} value={value}",
            puts={self._config: {**(view.find(self._config) or {}), "value": value}},
        )
        started_s = time.perf_counter()
        self._repository.commit(view, change, Author(name="user bench"))
        config_s, _ = self._observer.wait_for(keys.key_of(self._config), value.encode())
        sent_s, _ = self._observer.wait_for(self._bag_a, value.encode())
        echoed_s, revision = self._observer.wait_for(self._bag_b, value.encode())
        # The last hook notes in its memory of the relation which version of the bag it has handled.
        self._observer.wait_for(self._last, f":{revision}".encode())
        return Round(config_s - started_s, sent_s - started_s, echoed_s - started_s)

    def hooks(self) -> scrape.Hooks:
        """Return what the workers have counted so far."""
        return scrape.hooks(self._urls)

    def hooks_after(self, before: scrape.Hooks, *, rounds: int) -> scrape.Hooks:
        """Return what the workers have counted once *rounds* since *before* are all counted."""
        return scrape.wait_for_hooks(self._urls, before.total + rounds * HOOKS_PER_ROUND)

    def spent_s(self, before: scrape.Hooks, after: scrape.Hooks) -> HookSeconds:
        """Return the seconds of the hooks of one round, as the workers count them."""
        a, b = self.machines
        spent = Counter(after.seconds)
        spent.subtract(before.seconds)
        return HookSeconds(spent[a, "config-changed"], spent[b, "relation-changed"], spent[a, "relation-changed"])

    def close(self) -> None:
        self.store.close()
