"""States: what they take, what is looked up in them, what they are made of for a charm; and how they are shown."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ops
from ops import testing
from ops.pebble import Layer, ServiceStatus
from ops.testing._show import pytest_assertrepr_compare

pytest_plugins = "pytester"

MODEL = testing.Model("m", uuid="u")


def test_nothing_given_is_an_empty_world():
    state = testing.State()
    for field in dataclasses.fields(state):
        value = getattr(state, field.name)
        expected = {"planned_units": 1, "leader": False, "workload_version": ""}.get(field.name)
        if field.name in ("app_status", "unit_status"):
            assert value == testing.UnknownStatus()
        elif field.name == "model":
            assert isinstance(value, testing.Model)
        else:
            assert value == expected or len(value) == 0
    assert state.deferred == []


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset, iter])
def test_any_collection_becomes_a_frozen_set(kind):
    relation, container = testing.Relation("db"), testing.Container("web")
    state = testing.State(relations=kind([relation]), containers=kind([container]))
    assert state.relations == frozenset({relation})
    assert isinstance(state.containers, frozenset)


def test_statuses_and_ports_of_ops_are_taken_over():
    state = testing.State(
        unit_status=ops.ActiveStatus("up"),
        app_status=testing.BlockedStatus("no"),
        opened_ports=[ops.Port("tcp", 80), ops.Port("icmp", None), testing.UDPPort(53)],
    )
    assert type(state.unit_status) is testing.ActiveStatus
    assert type(state.app_status) is testing.BlockedStatus
    assert state.opened_ports == {testing.TCPPort(80), testing.ICMPPort(), testing.UDPPort(53)}
    with pytest.raises(TypeError, match="unit_status"):
        testing.State(unit_status="active")  # type: ignore[arg-type]


def test_a_state_is_frozen_and_can_be_replaced_copied_and_pickled():
    state = testing.State(relations={testing.Relation("db")}, model=MODEL, config={"a": 1})
    with pytest.raises(dataclasses.FrozenInstanceError):
        state.leader = True  # type: ignore[misc]
    assert dataclasses.replace(state, leader=True) == testing.State(
        relations=state.relations, model=MODEL, config={"a": 1}, leader=True
    )
    assert copy.deepcopy(state) == state
    assert pickle.loads(pickle.dumps(state)) == state


def test_parts_are_looked_up():
    db, peers = testing.Relation("db"), testing.PeerRelation("peers")
    secret = testing.Secret({"k": "v"}, label="l")
    stored = testing.StoredState(owner_path="Web")
    state = testing.State(
        relations={db, peers, testing.Relation("db", id=db.id + 1000)},
        containers={testing.Container("web")},
        networks={testing.Network("db")},
        storages={testing.Storage("data", index=2)},
        secrets={secret},
        stored_states={stored, testing.StoredState(owner_path="Web", name="other")},
    )
    assert state.get_container("web").name == "web"
    assert state.get_network("db").binding_name == "db"
    assert state.get_storage("data", index=2).index == 2
    assert state.get_secret(label="l") is secret
    assert state.get_stored_state("_stored", owner_path="Web") is stored
    assert state.get_relation(db.id) is db
    assert state.get_relation(peers) is peers
    assert [each.id for each in state.get_relations("db")] == [db.id, db.id + 1000]
    assert state.get_relations("other") == ()


MISSING = [
    (KeyError, lambda state: state.get_container("web")),
    (KeyError, lambda state: state.get_network("db")),
    (KeyError, lambda state: state.get_secret(id="x")),
    (KeyError, lambda state: state.get_secret(label="x")),
    (ValueError, lambda state: state.get_secret()),
    (KeyError, lambda state: state.get_relation(-1)),
    (KeyError, lambda state: state.get_relation(testing.Relation("db"))),
    (ValueError, lambda state: state.get_stored_state("_stored")),
    (ValueError, lambda state: state.get_storage("data")),
]


@pytest.mark.parametrize(("error", "look_up"), MISSING)
def test_what_is_not_there_is_an_error(error, look_up):
    with pytest.raises(error):
        look_up(testing.State())


def test_a_relation_is_not_mistaken_for_another():
    state = testing.State(relations={testing.Relation("db", id=5)})
    with pytest.raises(ValueError, match=r"get_relation.*type PeerRelation"):
        state.get_relation(testing.PeerRelation("db", id=5))
    with pytest.raises(ValueError, match="endpoint cache"):
        state.get_relation(testing.Relation("cache", id=5))
    assert state.get_relation(testing.Relation("db", "sql", id=5)).interface is None


# --- what the charm declares ---


class Web(ops.CharmBase):
    _stored = ops.StoredState()


class BetterWeb(Web):
    _more = ops.StoredState()


CTX = testing.Context(
    BetterWeb,
    {
        "name": "web",
        "containers": {"web": {}, "side": None},
        "peers": {"peers": {"interface": "friend"}},
        "requires": {"db": {"interface": "sql"}, "host": {"interface": "any", "scope": "container"}},
        "provides": {"site": {"interface": "http"}},
        "storage": {"data": {"type": "filesystem"}},
    },
    config={"options": {"port": {"type": "int", "default": 80}, "name": {"type": "string"}}},
)


def test_from_context_fills_in_what_the_charm_declares():
    state = testing.State.from_context(CTX)
    assert state.config == {"port": 80}
    assert {(type(each).__name__, each.endpoint, each.interface) for each in state.relations} == {
        ("PeerRelation", "peers", "friend"),
        ("Relation", "db", "sql"),
        ("SubordinateRelation", "host", "any"),
        ("Relation", "site", "http"),
    }
    assert {(each.name, each.can_connect) for each in state.containers} == {("web", True), ("side", True)}
    assert {each.name for each in state.storages} == {"data"}
    assert {(each.owner_path, each.name) for each in state.stored_states} == {
        ("BetterWeb", "_stored"),
        ("BetterWeb", "_more"),
    }


def test_from_context_keeps_what_is_given():
    db, more = testing.Relation("db", remote_app_data={"a": "b"}), testing.Relation("other")
    web = testing.Container("web")
    stored = testing.StoredState(owner_path="BetterWeb", content={"n": 1})
    data = testing.Storage("data")
    state = testing.State.from_context(
        CTX,
        config={"port": 81, "name": "x"},
        relations=iter([db, more]),
        containers=[web],
        storages=[data],
        stored_states=[stored],
        leader=True,
    )
    assert state.leader
    assert state.config == {"port": 81, "name": "x"}
    assert state.get_relations("db") == (db,)
    assert state.get_relations("other") == (more,)
    assert len(state.relations) == 5
    assert state.get_container("web") is web
    assert state.storages == {data}
    assert state.get_stored_state("_stored", owner_path="BetterWeb").content == {"n": 1}
    assert len(state.stored_states) == 2


# --- shown ---

DB = testing.Relation("db", id=1, remote_app_data={"host": "10.0.0.7"})
LAYER = {"services": {"web": {"override": "replace", "command": "serve --with --quite=a --few=options"}}}
WEB = testing.Container("web", can_connect=True, layers={"base": Layer(LAYER)})  # type: ignore[arg-type]
BEFORE = testing.State(relations={DB, testing.PeerRelation("peers", id=2)}, containers={WEB}, config={"port": 80})


def test_a_short_state_is_one_line():
    assert repr(testing.State()) == "State()"
    assert repr(testing.State(leader=True, model=MODEL)) == "State(leader=True, model=Model('m', uuid='u'))"


def test_a_long_state_is_laid_out():
    assert repr(BEFORE) == (
        """\
State(
    config={'port': 80},
    relations={
        Relation('db', id=1, remote_app_data={'host': '10.0.0.7'}),
        PeerRelation('peers', id=2),
    },
    containers={
        Container(
            'web',
            can_connect=True,
            layers={
                'base': Layer({
                    'services': {
                        'web': {
                            'override': 'replace',
                            'command': 'serve --with --quite=a --few=options',
                        },
                    },
                }),
            },
        ),
    },
)"""
    )


def test_the_order_of_what_is_shown_is_always_the_same():
    relations = [testing.Relation("db", id=number) for number in (10, 9, 1, 100)]
    ports = [testing.UDPPort(1), testing.TCPPort(443), testing.ICMPPort(), testing.TCPPort(80)]
    state = testing.State(relations=relations, opened_ports=ports)
    assert repr(state) == repr(testing.State(relations=relations[::-1], opened_ports=ports[::-1]))
    assert [line.strip() for line in repr(state).splitlines() if "id=" in line] == [
        f"Relation('db', id={number})," for number in (1, 9, 10, 100)
    ]


def test_what_is_shown_makes_the_same_state():
    names = {**vars(testing), "Layer": Layer}
    state = dataclasses.replace(BEFORE, model=MODEL, unit_status=ops.WaitingStatus("for it"))
    assert eval(repr(state), names) == state


replace = dataclasses.replace

#: What an event did, and the line that says so.
FACTS = {
    "leader: False → True": {"leader": True},
    "config['port']: 80 → 81": {"config": {"port": 81}},
    "config['port']: removed 80": {"config": {}},
    "unit_status: UnknownStatus() → ActiveStatus('up')": {"unit_status": ops.ActiveStatus("up")},
    "workload_version: '' → '1.2'": {"workload_version": "1.2"},
    "opened_ports[80/tcp]: added TCPPort(80)": {"opened_ports": {testing.TCPPort(80)}},
    "relations[peers:2]: removed PeerRelation('peers', id=2)": {"relations": {DB}},
    "relations[db:1].local_app_data['user']: '' → 'web'": {
        "relations": {replace(DB, local_app_data={"user": "web"}), testing.PeerRelation("peers", id=2)}
    },
    "relations[db:1].remote_app_data['host']: '10.0.0.7' → ''": {
        "relations": {replace(DB, remote_app_data={}), testing.PeerRelation("peers", id=2)}
    },
    "relations[db:1].remote_units_data[0]['a']: '' → 'b'": {
        "relations": {
            replace(DB, remote_units_data={0: {**DB.remote_units_data[0], "a": "b"}}),
            testing.PeerRelation("peers", id=2),
        }
    },
    "relations[db:1].remote_units_data[1]: added {}": {
        "relations": {
            replace(DB, remote_units_data={**DB.remote_units_data, 1: {}}),
            testing.PeerRelation("peers", id=2),
        }
    },
    "containers[web].can_connect: True → False": {"containers": {replace(WEB, can_connect=False)}},
    "containers[web].layers['base']: removed Layer(" + repr(LAYER) + ")": {
        "containers": {replace(WEB, layers={})}
    },
    "containers[web].layers['base']['services']['web']['summary']: added 'the web'": {
        "containers": {
            replace(
                WEB,
                layers={"base": Layer({"services": {"web": {"summary": "the web", **LAYER["services"]["web"]}}})},
            )
        }
    },
    "containers[web].service_statuses['web']: added ServiceStatus.ACTIVE": {
        "containers": {replace(WEB, service_statuses={"web": ServiceStatus.ACTIVE})}
    },
    "secrets[pw]: added Secret({'k': 'v'}, id='secret:x', label='pw')": {
        "secrets": {testing.Secret({"k": "v"}, id="secret:x", label="pw")}
    },
    "deferred[start for Web._on]: added DeferredEvent('Web/on/start[1]', 'Web', '_on')": {
        "deferred": [testing.DeferredEvent("Web/on/start[1]", "Web", "_on")]
    },
    "stored_states[Web/_stored]: added StoredState(owner_path='Web', content={'n': 1})": {
        "stored_states": {testing.StoredState(owner_path="Web", content={"n": 1})}
    },
    # What nobody chose does not count.
    "": {"stored_states": {testing.StoredState(content={"event_count": 5})}},
}


@pytest.mark.parametrize(("line", "change"), FACTS.items(), ids=FACTS)
def test_each_fact_that_an_event_changed_is_a_line(line, change):
    assert testing.diff_states(BEFORE, replace(BEFORE, **change)) == line


def test_equal_states_do_not_differ():
    assert testing.diff_states(BEFORE, copy.deepcopy(BEFORE)) == ""
    # Nobody chose these models.
    assert testing.State() != testing.State()
    assert testing.diff_states(testing.State(), testing.State()) == ""
    assert testing.diff_states(testing.State(model=MODEL), testing.State()) != ""


def test_every_difference_is_told_in_the_order_of_the_fields():
    after = replace(BEFORE, leader=True, config={"port": 81}, workload_version="2", relations=())
    found = testing.diff_states(BEFORE, after).splitlines()
    assert [line.partition(":")[0].partition("[")[0] for line in found] == [
        "config",
        "relations",
        "relations",
        "leader",
        "workload_version",
    ]


def test_the_order_of_deferred_events_counts():
    first, second = (testing.DeferredEvent(f"Web/on/{name}[1]", "Web", "_on") for name in ("start", "stop"))
    assert (
        testing.diff_states(testing.State(deferred=[first, second]), testing.State(deferred=[second, first]))
        == "deferred: in the order start for Web._on, stop for Web._on → stop for Web._on, start for Web._on"
    )


def test_what_cannot_be_told_apart_is_shown_as_a_whole():
    twice = [testing.Notice("a.b/c", id="1"), testing.Notice("a.b/c", id="2")]
    before, after = (testing.State(containers={replace(WEB, notices=each)}) for each in (twice, twice[:1]))
    assert testing.diff_states(before, after) == (
        "containers[web].notices: [Notice('a.b/c', id='1'), Notice('a.b/c', id='2')] → [Notice('a.b/c', id='1')]"
    )


TEXTS = st.text("ab'\"\\\n{é", max_size=3)
BAGS = st.dictionaries(TEXTS, TEXTS, max_size=2)
NAMES = st.sampled_from(["a", "b", "c-d"])
STATES = st.builds(
    testing.State,
    model=st.just(MODEL),
    leader=st.booleans(),
    config=st.dictionaries(NAMES, st.one_of(st.integers(), st.booleans(), TEXTS), max_size=2),
    workload_version=TEXTS,
    relations=st.lists(
        st.one_of(
            st.builds(
                testing.Relation,
                NAMES,
                id=st.integers(1, 9),
                local_app_data=BAGS,
                remote_units_data=st.dictionaries(st.integers(0, 3), BAGS, max_size=2),
            ),
            st.builds(testing.PeerRelation, NAMES, id=st.integers(10, 19), local_unit_data=BAGS),
        ),
        max_size=3,
        unique_by=lambda each: each.id,
    ),
    opened_ports=st.sets(st.builds(testing.TCPPort, st.integers(1, 99)), max_size=3),
    unit_status=st.builds(ops.ActiveStatus, TEXTS),
    secrets=st.lists(
        st.builds(testing.Secret, st.dictionaries(NAMES, TEXTS, min_size=1, max_size=2), id=NAMES, label=NAMES),
        max_size=2,
        unique_by=lambda each: each.id,
    ),
)


@given(STATES)
def test_whatever_is_in_a_state_it_is_shown_as_it_is_written(state):
    assert eval(repr(state), dict(vars(testing))) == state


@given(STATES, STATES)
def test_states_differ_exactly_if_a_line_says_how(before, after):
    told = testing.diff_states(before, after)
    assert bool(told) == (before != after) or _only_empty_texts(before, after)
    assert not testing.diff_states(before, copy.deepcopy(before))
    assert len(told.splitlines()) == len(testing.diff_states(after, before).splitlines())


def _only_empty_texts(*states: testing.State) -> bool:
    """In databags, an empty text and none are the same."""
    return any("''" in repr(state) for state in states)


def test_pytest_can_explain_a_difference():
    assert pytest_assertrepr_compare("==", BEFORE, replace(BEFORE, leader=True)) == [
        "State == State",
        "Differences (left → right):",
        "leader: False → True",
    ]
    assert "random name" in str(pytest_assertrepr_compare("==", testing.State(), testing.State()))
    assert pytest_assertrepr_compare("!=", BEFORE, BEFORE) is None
    assert pytest_assertrepr_compare("==", BEFORE, DB) is None
    assert pytest_assertrepr_compare("==", 1, 2) is None
    assert pytest_assertrepr_compare("==", DB, replace(DB, limit=2)) == [
        "Relation == Relation",
        "Differences (left → right):",
        "limit: 1 → 2",
    ]


def test_pytest_shows_it_with_one_import(pytester):
    pytester.makeconftest("from ops.testing import pytest_assertrepr_compare")
    pytester.makepyfile(
        """
        from ops.testing import State
        def test_it():
            assert State(planned_units=1) == State(planned_units=2)
        """
    )
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*planned_units: 1 → 2*"])
