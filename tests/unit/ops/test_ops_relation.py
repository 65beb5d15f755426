"""Relations: who is on the other side, and who may read and write which data."""

from __future__ import annotations

import dataclasses

import pydantic
import pytest

import ops

PEER_BAGS = {"sample/0": {"k": "mine"}, "sample/1": {"k": "peer"}, "sample": {"k": "app"}}
DB_BAGS = {"sample/0": {"k": "mine"}, "sql/0": {"k": "remote"}, "sql": {"k": "remote app"}, "sample": {"k": "app"}}


@pytest.fixture
def db(tools, model):
    tools.relate("db", 1, DB_BAGS, app="sql")
    return model.get_relation("db")


@pytest.fixture
def cluster(tools, model):
    tools.relate("cluster", 2, PEER_BAGS, app="sample")
    return model.get_relation("cluster")


@pytest.fixture
def handling(backend):
    """As if an event were being handled: the rules hold."""
    backend._hook_is_running = "update_status"


def lead(tools, leads):
    tools.answers["is-leader --format=json"] = leads


# --- which relations there are ---


def test_relations_are_those_of_the_metadata_listed_once(tools, model):
    tools.relate("db", 1, {}, app="sql")
    assert set(model.relations) == {"db", "cache", "cluster"}
    assert model.relations["db"][0] is model.relations["db"][0]
    assert tools.of("relation-ids") == ["relation-ids db --format=json"]
    with pytest.raises(KeyError):
        model.relations["other"]
    with pytest.raises(KeyError):
        model.get_relation("other")


def test_a_list_that_could_not_be_had_is_asked_for_again(tools, model):
    tools.fail("relation-ids db --format=json", "ERROR no answer in time")
    for _ in range(2):
        with pytest.raises(ops.ModelError, match="no answer in time"):
            model.get_relation("db")
    tools.answers["relation-ids db --format=json"] = []
    tools.relate("db", 1, {}, app="sql")
    assert model.get_relation("db").id == 1


def test_building_the_model_asks_nothing(tools, model):
    assert tools.calls == []


def test_the_only_relation_of_an_endpoint_needs_no_number(tools, model):
    assert model.get_relation("cache") is None
    tools.relate("db", 1, {}, app="sql")
    tools.relate("db", 3, {}, app="other")
    with pytest.raises(ops.TooManyRelatedAppsError) as caught:
        model.get_relation("db")
    assert (caught.value.relation_name, caught.value.num_related, caught.value.max_supported) == ("db", 2, 1)
    assert model.get_relation("db", 3).app.name == "other"


def test_a_relation_that_is_not_listed_is_inactive_and_made_anew(tools, model):
    tools.fail("relation-list --format=json -r db:9", "ERROR relation not found")
    tools.fail("relation-list --format=json --app -r db:9", "ERROR relation not found")
    gone = model.get_relation("db", 9)
    assert (gone.active, gone.units, gone.app) == (False, set(), None)
    assert model.get_relation("db", 9) is not gone
    with pytest.raises(ops.ModelError):
        model.get_relation("db", "9")


@pytest.mark.parametrize(
    ("bags", "app", "expected"),
    [
        pytest.param({"sql/0": {}, "sql/1": {}}, "", "sql", id="from the units"),
        pytest.param({}, "sql", "sql", id="asked for when there are none"),
    ],
)
def test_the_application_on_the_other_side(tools, model, bags, app, expected):
    tools.relate("db", 1, bags, app=app)
    assert model.get_relation("db").app is model.get_app(expected)


def test_a_peer_relation_is_with_our_own_application_and_without_this_unit(cluster, model):
    assert cluster.app is model.app
    assert {unit.name for unit in cluster.units} == {"sample/1"}


def test_the_same_name_is_the_same_object_as_long_as_it_is_held(model):
    assert model.get_unit("sql/0") is model.get_unit("sql/0")
    unit = model.get_unit("sql/0")
    assert unit.app is model.get_app("sql")
    assert unit != model.get_unit("sql/1")


def test_the_model_on_the_other_side_is_asked_for_once(tools, db):
    tools.answers["relation-model-get --format=json -r db:1"] = {"uuid": "other"}
    assert db.remote_model == ops.RemoteModel(uuid="other") == db.remote_model
    assert len(tools.of("relation-model-get")) == 1


# --- data ---

# Endpoint, whose data, whether we lead, whether it can be read, whether it can be written.
RULES = [
    ("db", "sample/0", False, True, True),
    ("db", "sql/0", False, True, False),
    ("db", "sql/0", True, True, False),
    ("db", "sql", True, True, False),
    ("db", "sample", True, True, True),
    ("db", "sample", False, False, False),
    ("cluster", "sample/0", False, True, True),
    ("cluster", "sample/1", True, True, False),
    ("cluster", "sample", True, True, True),
    ("cluster", "sample", False, True, False),
]


@pytest.mark.parametrize(("endpoint", "whose", "leads", "readable", "writable"), RULES)
def test_who_may_read_and_write_what(tools, model, handling, endpoint, whose, leads, readable, writable):
    tools.relate("db", 1, DB_BAGS, app="sql")
    tools.relate("cluster", 2, PEER_BAGS, app="sample")
    lead(tools, leads)
    relation = model.get_relation(endpoint)
    bag = relation.data[model.get_unit(whose) if "/" in whose else model.get_app(whose)]
    if readable:
        assert bag["k"]
        assert dict(bag) == eval(repr(bag))
    else:
        for read in (lambda: bag["k"], lambda: "k" in bag, lambda: list(bag), lambda: len(bag)):
            with pytest.raises(ops.RelationDataAccessError):
                read()
        assert repr(bag) == "<n/a>"
    tools.calls.clear()
    if writable:
        bag["new"] = "value"
        assert bag["new"] == "value"
        assert tools.inputs == [{"new": "value"}]
    else:
        with pytest.raises(ops.RelationDataAccessError, match="write"):
            bag["new"] = "value"
        assert not tools.of("relation-set")


def test_outside_of_events_nothing_is_forbidden(tools, db, model):
    db.data[model.app]["k"] = "v"
    db.data[model.get_unit("sql/0")]["k"] = "v"
    assert len(tools.of("relation-set")) == 2


def test_data_has_keys_for_both_sides_and_no_others(db, model):
    names = {entity.name for entity in db.data}
    assert names == {"sample/0", "sample", "sql/0", "sql"}
    with pytest.raises(KeyError):
        db.data[model.get_unit("sql/7")]


def test_data_is_read_once_and_only_when_it_is_needed(tools, db, model):
    bag = db.data[model.unit]
    assert tools.of("relation-get") == []
    assert (bag["k"], bag.get("k"), len(bag)) == ("mine", "mine", 1)
    assert len(tools.of("relation-get")) == 1


def test_only_what_changes_is_written_in_one_go(tools, db, model, handling):
    bag = db.data[model.unit]
    bag.update({"k": "mine", "a": "1", "absent": ""}, b="2")
    assert tools.inputs == [{"a": "1", "b": "2"}]
    bag["a"] = "1"
    del bag["never"]
    assert len(tools.inputs) == 1


def test_an_empty_text_deletes(tools, db, model, handling):
    bag = db.data[model.unit]
    del bag["k"]
    assert tools.inputs == [{"k": ""}]
    assert "k" not in bag
    bag["again"] = "x"
    assert bag.pop("again") == "x"
    assert bag.setdefault("other", "y") == "y"
    bag.clear()
    assert dict(bag) == {}


@pytest.mark.parametrize(("key", "value"), [(1, "v"), ("k", 1), ("k", None), (b"k", "v")])
def test_keys_and_values_are_texts(tools, db, model, key, value):
    with pytest.raises(ops.RelationDataTypeError):
        db.data[model.unit][key] = value
    with pytest.raises(ops.RelationDataTypeError):
        db.data[model.unit].update({"fine": "fine", key: value})
    assert tools.inputs == []


def test_access_is_checked_before_content_is_read(tools, db, model, handling):
    with pytest.raises(ops.RelationDataAccessError, match="write"):
        db.data[model.app]["k"] = "v"
    assert tools.of("relation-get", "relation-set") == []


def test_the_data_of_a_relation_that_is_gone_is_empty(tools, db, model):
    tools.fail("relation-get --format=json -r db:1 - sql/0", 'ERROR invalid value "db:1": relation not found', 2)
    assert dict(db.data[model.get_unit("sql/0")]) == {}


def test_application_data_needs_a_controller_that_knows_it(tools):
    from ops_stage import METADATA, context

    backend = ops.model._ModelBackend(juju_context=context(JUJU_VERSION="2.6.9"))
    model = ops.Model(ops.CharmMeta(METADATA), backend)
    tools.relate("db", 1, DB_BAGS, app="sql")
    with pytest.raises(RuntimeError, match=r"2\.7"):
        _ = model.get_relation("db").data[model.app]["k"]


# --- between data and classes ---


@dataclasses.dataclass
class Plain:
    host: str
    port: int = dataclasses.field(default=1, metadata={"alias": "tcp-port"})


class Modelled(pydantic.BaseModel):
    host: str
    port: int = pydantic.Field(default=1, alias="tcp-port")


@pydantic.dataclasses.dataclass
class Checked:
    host: str
    port: int = pydantic.Field(default=1, alias="tcp-port")


class Simple:
    host: str
    port: int

    def __init__(self, **values):
        self.__dict__.update(values)


@pytest.mark.parametrize("kind", [Plain, Modelled, Checked], ids=lambda kind: kind.__name__)
def test_data_becomes_an_object_and_an_object_data(tools, model, handling, kind):
    bag = {"host": '"h"', "tcp-port": "7", "unknown": "[]"}
    tools.relate("db", 1, {"sql/0": bag, "sample/0": {}}, app="sql")
    relation = model.get_relation("db")
    loaded = relation.load(kind, model.get_unit("sql/0"))
    assert (loaded.host, loaded.port) == ("h", 7)
    relation.save(loaded, model.unit)
    assert tools.inputs == [{"host": '"h"', "tcp-port": "7"}]


def test_a_class_that_does_not_tell_its_fields_gets_everything(tools, model, handling):
    tools.relate("db", 1, {"sql/0": {"host": '"h"', "extra": "1"}, "sample/0": {"port": "9"}}, app="sql")
    relation = model.get_relation("db")
    loaded = relation.load(Simple, model.get_unit("sql/0"))
    assert loaded.extra == 1
    relation.save(loaded, model.unit)
    assert tools.inputs == [{"host": '"h"', "port": ""}], "annotated attributes; without value they are erased"


def test_values_can_be_given_for_what_the_data_does_not_have_and_coded_otherwise(tools, model, handling):
    tools.relate("db", 1, {"sql/0": {"host": "h"}, "sample/0": {}}, app="sql")
    relation = model.get_relation("db")
    loaded = relation.load(Plain, model.get_unit("sql/0"), decoder=str.upper, host="default", port=5)
    assert loaded == Plain("H", 5)
    relation.save(loaded, model.unit, encoder=repr)
    assert tools.inputs == [{"host": "'H'", "tcp-port": "5"}]


def test_errors_of_class_and_decoder_go_to_the_caller(tools, model):
    tools.relate("db", 1, {"sql/0": {"host": "no json", "tcp-port": "1"}}, app="sql")
    relation = model.get_relation("db")
    with pytest.raises(ValueError):
        relation.load(Plain, model.get_unit("sql/0"))
    with pytest.raises(pydantic.ValidationError):
        relation.load(Modelled, model.get_unit("sql/0"), decoder=lambda text: [text])


def test_saving_obeys_the_rules_for_data(db, model, handling):
    with pytest.raises(ops.RelationDataAccessError):
        db.save(Plain("h"), model.app)


def test_an_object_without_fields_cannot_be_saved(db, model):
    with pytest.raises(TypeError, match="no attributes"):
        db.save(object(), model.unit)
