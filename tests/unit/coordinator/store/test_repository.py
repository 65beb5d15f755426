"""The one writer: guards from what was looked at, lost races planned anew, and a journal in every transaction."""

from __future__ import annotations

from typing import Any

import pytest
from build import CREATED, MODEL, WEB, unit

from coordinator.clock import ManualClock
from coordinator.domain import refs
from coordinator.domain.change import Change, Held, Present, Unchanged
from coordinator.domain.charm import Charm
from coordinator.domain.model import Model
from coordinator.domain.unit import Application, Claim, Unit
from coordinator.domain.view import Token, View
from coordinator.errors import Contended, NotFound, UnknownOutcome
from coordinator.store.memory import MemoryStore
from coordinator.store.repository import ATTEMPTS_MAX, Author, Repository
from coordinator.store.txn import Committed, Conflict, Exists, Outcome, Owned, Put, Txn, Unmoved

ALICE = Author(name="user alice")
CONFIG = refs.config(MODEL, "web")
SETTINGS = refs.leader_settings(MODEL, "web")
STATE = refs.state(MODEL, unit("web/0"))


class Recording(MemoryStore):
    """Keeps every transaction; `meanwhile` happens before each."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Txn] = []
        self.meanwhile: Any = lambda: None

    def commit(self, txn: Txn) -> Outcome:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        self.sent.append(txn)
        return super().commit(txn)


@pytest.fixture
def store() -> Recording:
    return Recording()


@pytest.fixture
def repository(store: Recording) -> Repository:
    return Repository(store, ManualClock())


def put(repository: Repository, ref: refs.Ref, value: Any, **more: Any) -> Committed | Conflict:
    return repository.write(Change(did="put", puts={ref: value}), Author(name="test", **more), since=0)


def test_every_entity_that_was_looked_at_guards_the_write_and_none_that_was_peeked(
    store: Recording, repository: Repository
) -> None:
    put(repository, CONFIG, {"a": "1"})
    view = repository.read(CONFIG, SETTINGS, STATE)
    view.find(CONFIG)
    view.find(SETTINGS)
    view.peek(STATE)
    repository.commit(view, Change(did="x", puts={STATE: {"b": "2"}}), ALICE)
    assert set(store.sent[-1].guards) == {
        Unmoved("/coordinator/models/demo/applications/web/config", 2),
        Unmoved("/coordinator/models/demo/applications/web/leader-settings", 0),
    }


def test_conditions_become_guards_and_the_stronger_one_on_a_key_counts(
    store: Recording, repository: Repository
) -> None:
    claim = refs.claim(MODEL, unit("web/0"))
    conditions = (
        Present(CONFIG), Unchanged(CONFIG, 5), Present(CONFIG),
        Unchanged(claim, 7), Held(claim, Token(7, 9)), Unchanged(claim, 7), Present(claim),
        Present(SETTINGS),
    )  # fmt: skip
    repository.write(Change(did="x", puts={STATE: {}}, conditions=conditions), ALICE, since=0)
    assert set(store.sent[-1].guards) == {
        Unmoved("/coordinator/models/demo/applications/web/config", 5),
        Owned("/coordinator/models/demo/units/web/0/claim", 7, 9),
        Exists("/coordinator/models/demo/applications/web/leader-settings"),
    }


def test_every_change_of_a_model_says_who_what_when_and_why(repository: Repository) -> None:
    repository.write(Change(did="do it", puts={CONFIG: {}}, why=42), ALICE, since=3)
    entry = repository.read(refs.journal(MODEL)).get(refs.journal(MODEL))
    assert (entry.by, entry.did, entry.why, entry.at) == ("user alice", "do it", 42, "2023-11-14T22:13:20.000Z")


def test_the_journal_is_the_witness_of_a_transaction_and_its_nonce_is_new_each_time(
    store: Recording, repository: Repository
) -> None:
    put(repository, CONFIG, {})
    put(repository, CONFIG, {})
    assert {txn.witness for txn in store.sent} == {"/coordinator/models/demo/journal"}
    journals = [write.value for txn in store.sent for write in txn.writes if write.key == txn.witness]
    assert len(set(journals)) == 2


def test_a_model_takes_its_journal_along(repository: Repository, store: Recording) -> None:
    put(repository, refs.model(MODEL), Model(name=MODEL, uuid="u", owner="alice", created=CREATED))
    put(repository, CONFIG, {})
    repository.write(Change(did="gone", prunes=frozenset({refs.model(MODEL)})), ALICE, since=0)
    assert store.read("/", "0").items == ()


def test_what_is_outside_of_models_has_no_journal(repository: Repository, store: Recording) -> None:
    put(repository, refs.machine_sequence(), 1)
    assert [item.key for item in store.read("/", "0").items] == ["/coordinator/machine-sequence"]


def test_a_prune_takes_what_is_below_and_leaves_the_neighbours(repository: Repository) -> None:
    for name in ("web/1", "web/10"):
        put(repository, refs.unit(MODEL, unit(name)), Unit(name=unit(name), created=CREATED))
        put(repository, refs.state(MODEL, unit(name)), {"a": "b"})
    gone = refs.unit(MODEL, unit("web/1"))
    repository.write(Change(did="gone", prunes=frozenset({gone})), ALICE, since=0)
    view = repository.read_model(MODEL)
    assert [ref.path for ref, _ in view.list(refs.Kind.UNIT, MODEL)] == [(MODEL, "web", "10")]
    assert view.peek(refs.state(MODEL, unit("web/1"))) is None
    assert view.peek(refs.state(MODEL, unit("web/10"))) == {"a": "b"}


def test_only_leased_puts_end_with_the_writers_session(repository: Repository, store: Recording) -> None:
    lease = store.grant(10)
    ref = refs.claim(MODEL, unit("web/0"))
    change = Change(did="claim", puts={ref: Claim(machine="0", session="s"), STATE: {}}, leased=frozenset({ref}))
    repository.write(change, Author(name="unit web/0", lease=lease), since=0)
    store.revoke(lease)
    assert repository.read(ref).find(ref) is None
    assert repository.read(STATE).find(STATE) == {}


# --- lost races ------------------------------------------------------------------------------------------------


def counted(view: View) -> Change:
    number = int((view.find(CONFIG) or {"n": 0})["n"])
    return Change(did="count", puts={CONFIG: {"n": number + 1}})


def test_a_lost_race_is_planned_anew_on_what_is_there_now(store: Recording, repository: Repository) -> None:
    put(repository, CONFIG, {"n": 1})
    store.meanwhile = lambda: put(repository, CONFIG, {"n": 10})
    change, revision = repository.transact(lambda: repository.read(CONFIG), counted, ALICE)
    assert change is not None
    assert change.puts[CONFIG] == {"n": 11}
    assert repository.read(CONFIG).find_stored(CONFIG).revision == revision


def test_a_plan_that_finds_nothing_to_do_writes_nothing(store: Recording, repository: Repository) -> None:
    assert repository.transact(lambda: repository.read(CONFIG), lambda view: None, ALICE) == (None, 1)
    assert store.sent == []


def test_what_a_plan_refuses_is_not_tried_again(store: Recording, repository: Repository) -> None:
    asked = []

    def plan(view: View) -> Change:
        asked.append(view)
        return view.get(CONFIG)

    with pytest.raises(NotFound):
        repository.transact(lambda: repository.read(CONFIG), plan, ALICE)
    assert len(asked) == 1
    assert store.sent == []


def test_somebody_who_always_wins_ends_the_attempts(store: Recording, repository: Repository) -> None:
    plans = []

    def plan(view: View) -> Change:
        plans.append(view)
        store.meanwhile = lambda: put(repository, CONFIG, {"n": len(plans)})
        return counted(view)

    with pytest.raises(Contended, match="cannot write 'count'"):
        repository.transact(lambda: repository.read(CONFIG), plan, ALICE)
    assert len(plans) == ATTEMPTS_MAX


def test_an_unknown_outcome_is_told_and_never_guessed(store: Recording, repository: Repository) -> None:
    def lost() -> None:
        raise UnknownOutcome("no answer")

    store.meanwhile = lost
    with pytest.raises(UnknownOutcome):
        repository.transact(lambda: repository.read(CONFIG), counted, ALICE)
    assert store.sent == []


# --- reading ---------------------------------------------------------------------------------------------------


def test_a_model_is_read_with_its_machines_and_charms_at_one_revision(repository: Repository) -> None:
    put(repository, refs.charm("sha"), Charm(sha256="sha", size=1, chunks=0, meta=WEB))
    app = Application(name="web", charm="sha", charm_name="web", charm_revision=0, created=CREATED)
    put(repository, refs.application(MODEL, "web"), app)
    view = repository.read_model(MODEL)
    assert view.peek(refs.charm("sha")).meta == WEB
    assert view.peek(refs.application(MODEL, "web")) == app
    assert view.looked_at == {}


def test_keys_of_others_are_left_alone(store: Recording, repository: Repository) -> None:
    store.commit(Txn(guards=(), writes=(Put("/coordinator/models/demo/notes/of/alice", b"hello"),)))
    assert repository.read_model(MODEL).refs(refs.Kind.UNIT, MODEL) == []
