"""Entities to bytes and back: what the core can hold comes back as it was, and nothing else is taken for it."""

from __future__ import annotations

from typing import Any

import pytest
from build import CREATED, WEB, relation_hook, unit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.domain.charm import Action, Charm, CharmMeta, StorageMeta
from coordinator.domain.life import Life
from coordinator.domain.members import Members
from coordinator.domain.model import Machine
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind
from coordinator.domain.status import Status, UnitStatus
from coordinator.domain.unit import Resolved, Unit
from coordinator.domain.unit_state import Failure, HookKind, RelationState, UnitState
from coordinator.errors import Corrupt
from coordinator.store.codec import TYPES, decoder, dump, encode

APPS = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z]{1,4})?", fullmatch=True)
st.register_type_strategy(UnitName, st.builds(UnitName, APPS, st.integers(0, 10**6)))

#: Moments and durations; JSON has no others.
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))

#: JSON schemas of actions and the like: kept as they were written.
st.register_type_strategy(object, st.one_of(st.text(), st.integers(), st.booleans(), st.lists(st.text())))


def values(kind: Kind) -> st.SearchStrategy[Any]:
    shape = TYPES[kind]
    return st.from_type(shape)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CHARM], ids=lambda kind: kind.value)
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_kind_comes_back_as_it_was(kind: Kind, data: st.DataObject) -> None:
    value = data.draw(values(kind))
    stored = encode(kind, value)
    assert decoder(kind)(stored) == value
    assert encode(kind, decoder(kind)(stored)) == stored


def test_what_a_charm_says_of_itself_comes_back_as_it_was() -> None:
    meta = CharmMeta(
        name="web",
        endpoints=WEB.endpoints,
        options=WEB.options,
        actions=(Action(name="go", params={"deep": {"er": [1, "x", None]}}, required=("deep",)),),
        resources={"image": {"type": "oci-image"}},
        storage={
            "one": StorageMeta(name="one", type="filesystem", count_max=1),
            "many": StorageMeta(name="many", type="filesystem", count_min=0, count_max=None),
        },
    )
    charm = Charm(sha256="ab", size=1, chunks=2, meta=meta)
    assert decoder(Kind.CHARM)(encode(Kind.CHARM, charm)) == charm


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        pytest.param(
            Kind.UNIT,
            Unit(name=unit("web/0"), created=CREATED, life=Life.DYING, resolved=Resolved.SKIP),
            '{"created":"2026-01-01T00:00:00Z","destroy_storage":false,"life":"dying","name":"web/0","resolved":"skip"}',
            id="keys are sorted, and what is None is left out",
        ),
        pytest.param(
            Kind.RELATION_MEMORY,
            RelationState(
                endpoint="db",
                members=Members(units={"db": ((0, 4), (7, 7))}, until=9, apart={unit("db/3"): 5}),
                apps={"db": 3},
            ),
            '{"apps":{"db":3},"endpoint":"db",'
            '"members":{"apart":{"db/3":5},"units":{"db":[[0,4],[7,7]]},"until":9}}',
            id="names are keys",
        ),
        pytest.param(
            Kind.STATUS,
            UnitStatus(workload=Status("active", "grüße"), ports={"": ("80/tcp",)}),
            '{"ports":{"":["80/tcp"]},"version":"","workload":{"current":"active","message":"grüße","since":""}}',
            id="text stays readable",
        ),
        pytest.param(Kind.LEADER, "web/0", "web/0", id="the leader is plain text"),
    ],
)
def test_what_is_stored_can_be_read_with_etcdctl(kind: Kind, value: Any, text: str) -> None:
    assert encode(kind, value).decode() == text
    assert decoder(kind)(text.encode()) == value


def test_a_failed_hook_inside_the_memory_comes_back() -> None:
    failure = Failure(hook=relation_hook(HookKind.RELATION_JOINED, "db/0"), reason="exit 1", attempts=2, at_s=1.5)
    state = UnitState(failed=failure, addresses=("10.0.0.1", "::1"), config=None, leader=None)
    assert decoder(Kind.MEMORY)(encode(Kind.MEMORY, state)) == state


def test_the_types_of_option_values_are_kept() -> None:
    config = {"a": True, "b": 1, "c": 1.0, "d": "1"}
    found = decoder(Kind.CONFIG)(encode(Kind.CONFIG, config))
    assert {name: (type(value), value) for name, value in found.items()} == {
        "a": (bool, True), "b": (int, 1), "c": (float, 1.0), "d": (str, "1"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        pytest.param(Kind.UNIT, b"", id="nothing"),
        pytest.param(Kind.UNIT, b"{", id="half of it"),
        pytest.param(Kind.UNIT, b"[]", id="a list"),
        pytest.param(Kind.UNIT, b"{}", id="a field is missing"),
        pytest.param(Kind.UNIT, b'{"name":"web/0","created":"","color":"red"}', id="a field is unknown"),
        pytest.param(Kind.UNIT, b'{"name":"web","created":""}', id="no unit name"),
        pytest.param(Kind.UNIT, b'{"name":"web/0","created":1}', id="a number for a text"),
        pytest.param(Kind.UNIT, b'{"name":"web/0","created":"","life":"undead"}', id="an unknown life"),
        pytest.param(Kind.MEMORY, b'{"hooks":"many"}', id="a text for a number"),
        pytest.param(Kind.MEMORY, b'{"hooks":true}', id="true for a number"),
        pytest.param(Kind.UNIT_BAG, b'{"a":1}', id="a bag of numbers"),
        pytest.param(Kind.CONFIG, b'{"a":[1]}', id="a list as option"),
        pytest.param(Kind.RELATION_MEMORY, b'{"endpoint":"db","members":{"db":1}}', id="a member that is no unit"),
        pytest.param(Kind.SEQUENCE, b'"1"', id="a text for a plain number"),
        pytest.param(Kind.UNIT, b"\xff\xfe", id="no text at all"),
        pytest.param(Kind.LEADER, b"\xff", id="no plain text"),
    ],
)
def test_bytes_that_are_none_of_ours_are_corrupt(kind: Kind, data: bytes) -> None:
    with pytest.raises(Corrupt) as corrupt:
        decoder(kind)(data)
    assert corrupt.value.what == f"cannot read a stored {kind.value}"
    assert "etcdctl" in corrupt.value.fix


@given(data=st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_random_bytes_are_an_entity_or_corrupt_and_nothing_else(data: bytes) -> None:
    try:
        found = decoder(Kind.UNIT)(data)
    except Corrupt:
        return
    assert isinstance(found, Unit)


def test_equal_values_give_equal_bytes_whatever_their_order() -> None:
    assert dump({"b": "1", "a": "2"}) == dump({"a": "2", "b": "1"}) == '{"a":"2","b":"1"}'


def test_a_field_that_machines_had_once_is_passed_over():
    machine = Machine(id="0", hostname="h", addresses=(), cores=1, memory_mb=1, created=CREATED)
    old = encode(Kind.MACHINE, machine).replace(b'"hostname"', b'"labels":{},"hostname"')
    assert decoder(Kind.MACHINE)(old) == machine
