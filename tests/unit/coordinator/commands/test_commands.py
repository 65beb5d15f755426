"""The commands of applications, relations, options, models and machines: what they write and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from build import CREATED, DB, MODEL, WEB, charm, unit
from stage import Stage

from coordinator.commands import application, config, machine, model, relation
from coordinator.domain import refs
from coordinator.domain.charm import Endpoint, Option, Role
from coordinator.domain.life import Life
from coordinator.domain.names import EndpointName
from coordinator.domain.refs import Kind
from coordinator.domain.relation import Relation, Scope, Side
from coordinator.domain.unit import Unit
from coordinator.errors import BadRequest, NotFound, Refused

OPTIONS = (
    Option(name="color", type="string", default="blue"),
    Option(name="port", type="int"),
    Option(name="key", type="secret"),
)
SHOP = charm("shop", requires={"db": "sql"}, peers={"ring": "shop-ring"}, options=OPTIONS)
BESIDE = charm("beside", requires={"host": "juju-info"}, subordinate=True)


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.deploy("shop", SHOP)
    stage.deploy("db", DB)
    return stage


def ends(text: str) -> tuple[EndpointName, EndpointName]:
    left, right = map(EndpointName.parse, text.split())
    return left, right


def integrate(stage: Stage, text: str) -> Any:
    return stage.do(lambda view: relation.integrate(view, MODEL, *ends(text), now=CREATED))


def remove_relation(stage: Stage, text: str = "", **more: Any) -> Any:
    named = {"ends": ends(text)} if text else {}
    return stage.do(lambda view: relation.remove_relation(view, MODEL, **named, **more))


def configure(stage: Stage, reset: tuple[str, ...] = (), **changes: Any) -> Any:
    return stage.do(lambda view: config.set_config(view, MODEL, "shop", changes, reset))


def refresh(stage: Stage, meta: Any, app: str = "shop", **more: Any) -> Any:
    sha256 = stage.charm(meta)
    return stage.do(lambda view: application.refresh(view, MODEL, app, charm=sha256, now=CREATED, **more))


def ending(stage: Stage, app: str = "shop") -> None:
    stage.do(lambda view: application.remove_application(view, MODEL, app))


# --- deploy and refresh ----------------------------------------------------------------------------------------


def test_deploy_records_the_application_its_peers_and_its_units(stage: Stage) -> None:
    shop = stage.find(refs.application(MODEL, "shop"))
    assert (shop.charm_name, shop.charm_revision, shop.charm_version, shop.units_wanted) == ("shop", 0, 1, 1)
    assert stage.find(refs.unit(MODEL, unit("shop/0"))) == Unit(name=unit("shop/0"), created=CREATED)
    assert stage.find(refs.relation(MODEL, 0)) == Relation(
        id=0, interface="shop-ring", sides=(Side(app="shop", endpoint="ring", role=Role.PEER),), created=CREATED
    )


@pytest.mark.parametrize(
    ("app", "meta", "more", "kind", "text"),
    [
        pytest.param("shop", SHOP, {}, Refused, 'application "shop" already exists', id="a taken name"),
        pytest.param(
            "Shop",
            SHOP,
            {},
            BadRequest,
            'invalid application name "Shop", unexpected uppercase character',
            id="a bad name",
        ),
        pytest.param(
            "x", SHOP, {"config": {"size": "1"}}, Refused, 'unknown option "size"', id="an option that it lacks"
        ),
        pytest.param(
            "x",
            BESIDE,
            {"units": 2},
            Refused,
            "cannot use --num-units or --to with subordinate application",
            id="units of a subordinate",
        ),
    ],
)
def test_deploy_refuses(stage: Stage, app: str, meta: Any, more: dict, kind: type, text: str) -> None:
    with pytest.raises(kind) as refused:
        stage.deploy(app, meta, **more)
    assert refused.value.what == text


def test_a_subordinate_is_deployed_without_units(stage: Stage) -> None:
    stage.deploy("beside", BESIDE)
    assert stage.names(Kind.UNIT) == ["db/0", "shop/0"]


def test_nothing_is_added_to_a_model_that_ends(stage: Stage) -> None:
    stage.do(lambda view: model.destroy_model(view, MODEL, force_at_s=None))
    with pytest.raises(Refused, match=f'model "{MODEL}" is being destroyed'):
        stage.deploy("web", WEB)
    with pytest.raises(Refused, match=f'model "{MODEL}" is being destroyed'):
        integrate(stage, "shop db")


def test_refresh_counts_up_keeps_fitting_options_and_adds_new_peers(stage: Stage) -> None:
    configure(stage, color="red", port="80")
    new = charm(
        "shop",
        requires={"db": "sql"},
        peers={"ring": "shop-ring", "more": "shop-more"},
        options=[Option(name="color", type="string"), Option(name="port", type="boolean")],
    )
    change = refresh(stage, new)
    assert change.did == "refresh shop (shop-1)"
    shop = stage.find(refs.application(MODEL, "shop"))
    assert (shop.charm_revision, shop.charm_version) == (1, 2)
    assert stage.find(refs.config(MODEL, "shop")) == {"color": "red"}
    assert [r.key for _, r in stage.view().list(Kind.RELATION, MODEL)] == ["shop:ring", "shop:more"]


@pytest.mark.parametrize(
    ("meta", "text"),
    [
        pytest.param(DB, 'cannot refresh "shop" to "db"', id="another charm"),
        pytest.param(charm("shop", subordinate=True), 'cannot refresh "shop"', id="a subordinate now"),
        pytest.param(
            charm("shop", peers={"ring": "shop-ring"}), 'cannot refresh "shop"', id="an endpoint in use is gone"
        ),
        pytest.param(
            charm("shop", provides={"db": "sql"}, peers={"ring": "shop-ring"}),
            'cannot refresh "shop"',
            id="an endpoint in use has another role",
        ),
    ],
)
def test_refresh_refuses(stage: Stage, meta: Any, text: str) -> None:
    integrate(stage, "shop db")
    with pytest.raises(Refused) as refused:
        refresh(stage, meta)
    assert refused.value.what == text


def test_remove_application_is_said_once_and_force_may_be_added(stage: Stage) -> None:
    def remove(**more: Any) -> Any:
        return stage.do(lambda view: application.remove_application(view, MODEL, "shop", **more))

    assert remove().did == "remove-application shop"
    assert remove() is None
    assert remove(force_at_s=1.0).did == "remove-application shop --force"
    assert remove(force_at_s=2.0) is None


@pytest.mark.parametrize(
    "do",
    [
        lambda view: application.expose(view, MODEL, "shop"),
        lambda view: application.set_trust(view, MODEL, "shop", trust=True),
        lambda view: config.set_config(view, MODEL, "shop", {"color": "red"}),
        lambda view: relation.integrate(view, MODEL, *ends("shop db"), now=CREATED),
    ],
    ids=["expose", "trust", "config", "integrate"],
)
def test_an_application_that_ends_is_left_alone(stage: Stage, do: Any) -> None:
    ending(stage)
    with pytest.raises(Refused, match='application "shop" is being removed'):
        stage.do(do)


def test_expose_and_unexpose_by_endpoint(stage: Stage) -> None:
    def exposed() -> dict:
        return stage.find(refs.application(MODEL, "shop")).exposed

    stage.do(lambda view: application.expose(view, MODEL, "shop"))
    stage.do(lambda view: application.expose(view, MODEL, "shop", endpoints=["db"], cidrs=["10.0.0.0/8"]))
    assert exposed() == {"": ("0.0.0.0/0", "::/0"), "db": ("10.0.0.0/8",)}
    stage.do(lambda view: application.unexpose(view, MODEL, "shop", endpoints=["db"]))
    assert exposed() == {"": ("0.0.0.0/0", "::/0")}
    stage.do(lambda view: application.unexpose(view, MODEL, "shop"))
    assert exposed() == {}
    assert stage.do(lambda view: application.unexpose(view, MODEL, "shop")) is None
    with pytest.raises(NotFound, match='endpoint "no" not found'):
        stage.do(lambda view: application.expose(view, MODEL, "shop", endpoints=["no"]))


# --- options ---------------------------------------------------------------------------------------------------


def test_options_are_typed_and_told_in_the_journal_without_secrets(stage: Stage) -> None:
    change = configure(stage, port="80", key="secret:9m4e2mr0ui3e8a215n4g", color="x" * 50)
    assert stage.find(refs.config(MODEL, "shop")) == {
        "port": 80, "key": "secret:9m4e2mr0ui3e8a215n4g", "color": "x" * 50,
    }  # fmt: skip
    assert change.did == f"config shop port=80 key=*** color={'x' * 39}…"


def test_equal_options_are_no_write_and_reset_forgets(stage: Stage) -> None:
    configure(stage, port="80", color="red")
    assert configure(stage, port=80) is None
    assert configure(stage, reset=("color",)).did == "config shop --reset color"
    assert stage.find(refs.config(MODEL, "shop")) == {"port": 80}


def test_trust_is_true_or_false_and_nothing_else(stage: Stage) -> None:
    configure(stage, trust="true")
    with pytest.raises(Refused, match='option "trust" expected boolean, got "perhaps"'):
        configure(stage, trust="perhaps")
    assert stage.find(refs.application(MODEL, "shop")).trust is True


def test_trust_is_an_option_of_every_application(stage: Stage) -> None:
    configure(stage, trust="true")
    assert stage.find(refs.application(MODEL, "shop")).trust is True
    assert stage.find(refs.config(MODEL, "shop")) is None
    configure(stage, reset=("trust",))
    assert stage.find(refs.application(MODEL, "shop")).trust is False


@pytest.mark.parametrize(
    ("changes", "reset", "kind", "text"),
    [
        pytest.param({"size": 1}, (), Refused, 'unknown option "size"', id="unknown"),
        pytest.param({}, ("size",), Refused, 'unknown option "size"', id="unknown to reset"),
        pytest.param({"port": "x"}, (), Refused, 'option "port" expected int, got "x"', id="of another type"),
        pytest.param(
            {"port": 1},
            ("port",),
            BadRequest,
            'cannot set and reset key "port" simultaneously',
            id="set and reset",
        ),
    ],
)
def test_config_refuses(stage: Stage, changes: dict, reset: tuple, kind: type, text: str) -> None:
    with pytest.raises(kind) as refused:
        configure(stage, reset, **changes)
    assert refused.value.what == text
    assert stage.find(refs.config(MODEL, "shop")) is None


# --- relations -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["shop db", "db shop", "db:clients shop:db"])
def test_integrate_puts_the_requirer_first(stage: Stage, text: str) -> None:
    assert integrate(stage, text).did == "integrate shop:db db:clients"
    assert stage.find(refs.relation(MODEL, 1)) == Relation(
        id=1,
        interface="sql",
        sides=(
            Side(app="shop", endpoint="db", role=Role.REQUIRES),
            Side(app="db", endpoint="clients", role=Role.PROVIDES),
        ),
        created=CREATED,
    )


def test_integrate_with_what_every_application_offers(stage: Stage) -> None:
    stage.deploy("beside", BESIDE)
    assert integrate(stage, "beside db").did == "integrate beside:host db:juju-info"


def test_a_relation_with_a_container_scoped_end_is_seen_on_one_machine_only(stage: Stage) -> None:
    host = Endpoint(name="host", interface="juju-info", role=Role.REQUIRES, scope="container")
    stage.deploy(
        "beside", charm("beside", subordinate=True).__class__(name="beside", subordinate=True, endpoints=(host,))
    )
    integrate(stage, "beside db")
    assert stage.find(refs.relation(MODEL, 1)).scope is Scope.CONTAINER
    stage.deploy("alone", charm("alone").__class__(name="alone", endpoints=(host,)))
    with pytest.raises(Refused) as refused:
        integrate(stage, "alone db")
    assert refused.value.why == "a container-scoped relation needs at least one subordinate application"


def test_integrate_refuses_what_is_there_already_and_what_exceeds_a_limit(stage: Stage) -> None:
    integrate(stage, "shop db")
    with pytest.raises(Refused, match="relation shop:db db:clients already exists"):
        integrate(stage, "db shop")
    remove_relation(stage, "shop db")
    with pytest.raises(Refused, match="is dying, but not yet removed"):
        integrate(stage, "shop db")
    one = Endpoint(name="clients", interface="sql", role=Role.PROVIDES, limit=1)
    stage.deploy("small", charm("small").__class__(name="small", endpoints=(one,)))
    stage.deploy("web", WEB)
    integrate(stage, "web small")
    with pytest.raises(Refused, match="for small:clients would exceed its maximum relation limit of 1"):
        integrate(stage, "shop small")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param("shop shop", "no relations found", id="with itself"),
        pytest.param("db db2", "no relations found", id="nothing fits"),
        pytest.param("shop:ring db", "no relations found", id="a peer endpoint"),
        pytest.param("shop nope", 'application "nope" not found', id="with nobody"),
    ],
)
def test_integrate_refuses(stage: Stage, text: str, what: str) -> None:
    stage.deploy("db2", DB)
    with pytest.raises(Refused) as refused:
        integrate(stage, text)
    assert refused.value.what == what


@pytest.mark.parametrize("named", [{"text": "db shop"}, {"text": "shop:db db:clients"}, {"relation_id": 1}])
def test_a_relation_is_removed_by_its_ends_or_its_number_once(stage: Stage, named: dict) -> None:
    integrate(stage, "shop db")
    assert remove_relation(stage, **named).did == "remove-relation shop:db db:clients"
    assert stage.find(refs.relation(MODEL, 1)).life is Life.DYING
    assert remove_relation(stage, **named) is None
    assert remove_relation(stage, **named, force_at_s=1.0) is not None


def test_remove_relation_refuses_peers_strangers_and_what_is_ambiguous(stage: Stage) -> None:
    with pytest.raises(Refused) as refused:
        remove_relation(stage, relation_id=0)
    assert refused.value.why == "it is a peer relation"
    with pytest.raises(NotFound, match='relation matching "shop db" not found'):
        remove_relation(stage, "shop db")
    stage.deploy("two", charm("two", requires={"first": "sql", "second": "sql"}))
    integrate(stage, "two:first db")
    integrate(stage, "two:second db")
    with pytest.raises(
        Refused, match='ambiguous relation: "two db" could refer to "two:first db:clients"; "two:second'
    ):
        remove_relation(stage, "two db")


# --- models and machines ---------------------------------------------------------------------------------------


def test_a_model_is_added_once_with_parsed_settings(stage: Stage) -> None:
    def add(name: str, **settings: Any) -> Any:
        return model.add_model(
            stage.repository.read(refs.model(name)), name, uuid="u", owner="alice", now=CREATED, settings=settings
        )

    change = add("other", **{"automatically-retry-hooks": "false", "unknown": "kept"})
    assert change.puts[refs.model("other")].settings == {"automatically-retry-hooks": False, "unknown": "kept"}
    with pytest.raises(Refused, match="already exists"):
        add(MODEL)
    with pytest.raises(BadRequest, match='"No_Name" is not a valid name'):
        add("No_Name")
    with pytest.raises(Refused, match="out of range"):
        add("other", **{"update-status-hook-interval": "2h"})


def test_settings_are_set_and_reset(stage: Stage) -> None:
    def change(reset: tuple = (), **given: Any) -> Any:
        return stage.do(lambda view: model.set_settings(view, MODEL, given, reset))

    assert change(**{"http-proxy": "http://p"}).did == "model-config http-proxy=http://p"
    assert change(**{"http-proxy": "http://p"}) is None
    assert change(("http-proxy",)).did == "model-config --reset http-proxy"
    assert stage.find(refs.model(MODEL)).settings == {}


def test_constraints_are_replaced_as_a_whole(stage: Stage) -> None:
    def change(**given: str) -> Any:
        return stage.do(lambda view: model.set_constraints(view, MODEL, given))

    assert change(mem="2G", cores="2").did == "set-model-constraints cores=2 mem=2G"
    assert change(cores="2", mem="2G") is None
    assert change(arch="arm64").puts[refs.model(MODEL)].constraints == {"arch": "arm64"}
    with pytest.raises(BadRequest, match='unknown constraint "memory"'):
        change(memory="2G")
    assert change().did == "set-model-constraints"
    assert stage.find(refs.model(MODEL)).constraints == {}


def test_the_sooner_force_counts_for_a_model(stage: Stage) -> None:
    for force_at_s, counts in ((None, None), (9.0, 9.0), (5.0, 5.0), (7.0, 5.0)):
        stage.do(lambda view, at_s=force_at_s: model.destroy_model(view, MODEL, force_at_s=at_s))
        assert stage.find(refs.model(MODEL)).force_at_s == counts
    assert stage.find(refs.model(MODEL)).life is Life.DYING


def test_a_machine_with_units_is_removed_by_force_only(stage: Stage) -> None:
    stage.machine("0")
    stage.reconcile()

    def remove(name: str = "0", **more: Any) -> Any:
        return stage.do(lambda view: machine.remove_machine(view, name, **more))

    with pytest.raises(Refused) as refused:
        remove()
    assert refused.value.what == 'removing machine 0 failed: machine 0 has unit "db/0" assigned'
    assert remove(force_at_s=1.0).did == "remove-machine 0"
    assert remove(force_at_s=2.0) is None
    with pytest.raises(NotFound, match='machine "9" not found'):
        remove("9")
