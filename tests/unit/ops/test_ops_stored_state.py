"""What can be kept in stored state, when it is saved, and how it is handed out."""

from __future__ import annotations

import gc

import pytest

import ops
from ops.framework import BoundStoredState, StoredDict, StoredList, StoredSet


class Keeper(ops.Object):
    state = ops.StoredState()


@pytest.fixture
def keeper(framework):
    return Keeper(framework, "k")


@pytest.mark.parametrize(
    "value",
    [None, True, 7, 1.5, "text", b"bytes", [1, [2]], {"a": {"b": 1}}, {1, 2}],
    ids=lambda value: type(value).__name__,
)
def test_simple_values_are_there_again_after_a_commit(framework, value):
    keeper = Keeper(framework, "k")
    keeper.state.value = value
    framework.commit()
    del keeper
    gc.collect()
    assert Keeper(framework, "k").state.value == value


@pytest.mark.parametrize(
    "value", [(1, 2), frozenset({1}), 1j, object(), ops.ActiveStatus()], ids=lambda value: type(value).__name__
)
def test_other_values_are_refused(keeper, value):
    with pytest.raises(AttributeError, match="must be int/float/dict/list/etc"):
        keeper.state.value = value


def test_what_is_inside_of_containers_is_checked_when_it_is_saved(framework, keeper):
    keeper.state.value = [object()]
    with pytest.raises(ValueError, match="simple types"):
        framework.commit()


def test_defaults_are_not_checked_and_set_only_what_is_not_there(keeper):
    keeper.state.here = 1
    keeper.state.set_default(here=2, missing=(3,))
    assert (keeper.state.here, keeper.state.missing) == (1, (3,))


def test_a_name_that_was_never_set_is_no_attribute(keeper):
    with pytest.raises(AttributeError, match="not stored"):
        _ = keeper.state.nothing


def test_the_name_on_is_reserved(keeper):
    with pytest.raises(AttributeError):
        keeper.state.on = 1
    with pytest.raises(AttributeError):
        _ = keeper.state.on


def test_containers_write_through_at_any_depth(framework, keeper):
    keeper.state.tree = {"branch": [{"leaves": set()}]}
    framework.commit()
    assert not keeper.state._data.dirty
    keeper.state.tree["branch"][0]["leaves"].add("leaf")
    assert keeper.state._data.dirty
    assert keeper.state.tree == {"branch": [{"leaves": {"leaf"}}]}


def test_an_assigned_wrapper_shares_what_it_wraps(keeper):
    keeper.state.first = [1]
    keeper.state.second = keeper.state.first
    keeper.state.second.append(2)
    assert keeper.state.first == [1, 2]


def test_wrappers_behave_like_what_they_wrap(keeper):
    state = keeper.state
    state.list, state.dict, state.set = [2, 1], {"a": 1}, {1, 2}
    assert isinstance(state.list, StoredList)
    assert isinstance(state.dict, StoredDict)
    assert isinstance(state.set, StoredSet)
    assert state.list < [3]
    assert state.list <= [2, 1]
    assert state.list > [1]
    assert state.list >= [2, 1]
    state.list.insert(0, 3)
    del state.list[1]
    assert list(state.list) == [3, 1]
    assert state.list[:1] == [3]
    assert state.dict == {"a": 1}
    assert len(state.dict) == 1
    del state.dict["a"]
    assert state.dict == {}
    state.set.discard(1)
    assert state.set <= {2, 3}
    assert state.set >= {2}
    assert 2 in state.set
    assert type(state.set | {5}) is set
    assert repr(state.list) == "ops.framework.StoredList([3, 1])"
    state.list.clear()
    assert repr(state.list) == "ops.framework.StoredList()"
    for wrapper in (state.list, state.dict, state.set):
        with pytest.raises(TypeError):
            hash(wrapper)


def test_a_wrapper_as_default_shares_what_it_wraps_as_well(framework, keeper):
    keeper.state.first = [1]
    keeper.state.set_default(second=keeper.state.first)
    keeper.state.second.append(2)
    framework.commit()
    assert keeper.state.first == [1, 2]


def test_a_slice_is_a_copy(keeper):
    keeper.state.list = [1, 2]
    keeper.state.list[:].append(3)
    assert keeper.state.list == [1, 2]


def test_state_that_did_not_change_is_not_saved(framework, keeper):
    keeper.state.value = 1
    framework.commit()
    framework._storage.drop_snapshot("Keeper[k]/StoredStateData[state]")
    _ = keeper.state.value
    framework.commit()
    assert "Keeper[k]/StoredStateData[state]" not in framework._storage.list_snapshots()


def test_one_declaration_cannot_serve_two_places(framework):
    class Twice(ops.Object):
        one = ops.StoredState()
        two = one

    with pytest.raises(RuntimeError, match=r"shared by Twice\.one and Twice\.two"):
        _ = Twice(framework, "t").one

    class Elsewhere(ops.Object):
        other = Keeper.state

    _ = Keeper(framework, "k2").state
    with pytest.raises(RuntimeError, match="shared"):
        _ = Elsewhere(framework, "e").other


def test_a_subclass_has_the_state_of_its_base(framework):
    class Below(Keeper):
        pass

    below = Below(framework, "b")
    below.state.value = 1
    assert isinstance(below.state, BoundStoredState)
    assert isinstance(Below.state, ops.StoredState)
    framework.commit()
    assert framework._storage.load_snapshot("Below[b]/StoredStateData[state]") == {"value": 1}
