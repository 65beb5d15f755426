"""Secrets are the same to a charm in `ops.testing` and under the coordinator: tales told in each, and compared.

A tale is a list of hooks of one unit, each a list of steps of its charm, and of what the world around does.  It is
lived through with `engine.tools` behind the door of `ops`, with `Context` and `State`, and with `Harness`; what a
step returns or raises must be equal.  Where it cannot be, the tale is in `DIFFERENT`: why, and what others answer.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from build import DB, MODEL, WEB
from hypothesis import given, settings
from hypothesis import strategies as st
from test_hook_tools import CharmStory, fresh, metadata

import ops
from coordinator.domain import refs
from ops import testing

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

Told = list[tuple[str, Any]]
ERRORS = (ops.SecretNotFoundError, ops.ModelError, RuntimeError, ValueError)
LATER = datetime(2030, 1, 31, 12, tzinfo=timezone.utc)

# --- a charm that does what a tale says ------------------------------------------------------------------


class Facts:
    """What a run of the charm is to do, and what came of it.

    `ids`: of secrets, by name.  `contents`: numbers for content that there was not before.
    """

    def __init__(self) -> None:
        self.steps: Sequence[str] = ()
        self.told: Told = []
        self.ids: dict[str, str] = {}
        self.contents = count()


class Scripted(ops.CharmBase):
    """Does the steps in each update-status."""

    facts: Facts

    def __init__(self, framework: ops.Framework) -> None:
        super().__init__(framework)
        framework.observe(self.on.update_status, self._on_update_status)

    def _on_update_status(self, event: ops.UpdateStatusEvent) -> None:
        for step in self.facts.steps:
            try:
                self.facts.told.append((step, STEPS[step](self)))
            except ERRORS as error:
                kind = next(kind for kind in ERRORS if isinstance(error, kind))
                self.facts.told.append((step, kind.__name__))

    def mine(self) -> ops.Secret:
        return self.model.get_secret(label="api")

    def theirs(self, **more: Any) -> ops.Secret:
        return self.model.get_secret(id=self.facts.ids["theirs"], **more)

    def add(self, owner: ops.Application | ops.Unit, **more: Any) -> dict[str, str]:
        secret = owner.add_secret({"token": "one"}, **more)
        assert secret.id is not None
        self.facts.ids["mine"] = secret.id
        return secret.get_content()

    def add_and_set(self) -> dict[str, str]:
        secret = self.app.add_secret({"token": "one"}, label="api")
        assert secret.id is not None
        self.facts.ids["mine"] = secret.id
        secret.set_content({"token": "two"})
        return self.mine().get_content()

    def info(self, **which: Any) -> tuple[Any, ...]:
        info = self.model.get_secret(**which).get_info()
        return info.label, info.revision, info.description, info.rotation, info.expires

    def other_side(self) -> ops.Relation:
        relation = self.model.get_relation("clients")
        assert relation is not None
        return relation


STEPS: Mapping[str, Callable[[Scripted], Any]] = {
    "add": lambda self: self.add(self.app, label="api"),
    "add with facts": lambda self: self.add(
        self.app, label="api", description="d", expire=LATER, rotate=ops.SecretRotate.DAILY
    ),
    "add own": lambda self: self.add(self.unit, label="api"),
    "add and set": lambda self: self.add_and_set(),
    "read": lambda self: self.mine().get_content(),
    "read by id": lambda self: self.model.get_secret(id=self.facts.ids["mine"]).get_content(),
    "peek": lambda self: self.mine().peek_content(),
    "refresh": lambda self: self.mine().get_content(refresh=True),
    "set two": lambda self: self.mine().set_content({"token": "two"}),
    "set three": lambda self: self.mine().set_content({"token": "three"}),
    "set next": lambda self: self.mine().set_content({"token": f"number {next(self.facts.contents)}"}),
    "info": lambda self: self.info(label="api"),
    "info by id": lambda self: self.info(id=self.facts.ids["mine"]),
    "describe": lambda self: self.mine().set_info(description="new", rotate=ops.SecretRotate.WEEKLY),
    "expire": lambda self: self.mine().set_info(expire=LATER),
    "rename": lambda self: self.mine().set_info(label="other"),
    "read other": lambda self: self.model.get_secret(label="other").get_content(),
    "grant": lambda self: self.mine().grant(self.other_side()),
    "grant unit": lambda self: self.mine().grant(self.other_side(), unit=self.model.get_unit("web/0")),
    "revoke": lambda self: self.mine().revoke(self.other_side()),
    "remove 1": lambda self: self.mine().remove_revision(1),
    "remove 2": lambda self: self.mine().remove_revision(2),
    "remove 9": lambda self: self.mine().remove_revision(9),
    "remove": lambda self: self.mine().remove_all_revisions(),
    # --- a secret of somebody else
    "read theirs": lambda self: self.theirs().get_content(),
    "peek theirs": lambda self: self.theirs().peek_content(),
    "refresh theirs": lambda self: self.theirs().get_content(refresh=True),
    "call it api": lambda self: self.theirs(label="api").get_content(),
    "info of theirs": lambda self: self.theirs().get_info(),
    "set theirs": lambda self: self.theirs().set_content({"token": "mine now"}),
    "describe theirs": lambda self: self.theirs().set_info(description="mine now"),
    "remove theirs": lambda self: self.theirs().remove_all_revisions(),
    "read nobody's": lambda self: self.model.get_secret(id="secret:00000000000000000000").get_content(),
    "read no label": lambda self: self.model.get_secret(label="nothing").get_content(),
}
"""What a charm may do.  What a step returns or raises is compared."""


# --- the three who play it -------------------------------------------------------------------------------


class Engine:
    """The coordinator's engine decides about a model in memory; hooks are as in earnest."""

    def __init__(self, root: Path, who: str, *, leader: bool) -> None:
        self.facts, self.who = Facts(), who
        self.story = CharmStory(root)
        charm = charm_of(self.facts)
        for app, meta in (("db", DB), ("web", WEB)):
            if who == app:
                self.story.write(app, meta, charm, units=2)
            else:
                self.story.deploy(app, meta)
        if not leader:
            self.story.lead(f"{who}/1")
        self.number = self.story.relate("web:db", "db:clients")
        self.story.run_all()

    def hook(self, steps: Sequence[str]) -> Told:
        unit = f"{self.who}/0"
        self.facts.steps, self.facts.told = (), []
        self.story.run(unit)
        self.facts.steps = steps
        self.story.step(unit, update_status_due=True)
        return self.facts.told

    def owner(self, *lines: str) -> None:
        """Let the other application call hook commands."""
        uri = self.facts.ids.get("theirs", "")
        self.story.run("db/0")
        self.story.scripts["db/0", "update-status"] = [line.replace("URI", uri) for line in lines]
        self.story.step("db/0", update_status_due=True)

    def close(self) -> None:
        pass

    def they_add(self) -> None:
        self.owner("secret-add token=one")
        self.facts.ids["theirs"] = self.story.printed[-1]

    def they_grant(self) -> None:
        self.owner(f"secret-grant URI -r {self.number}")

    def they_revoke(self) -> None:
        self.owner(f"secret-revoke URI -r {self.number}")

    def they_set(self, value: str) -> None:
        self.owner(f"secret-set URI token={value}")

    def left(self) -> list[str] | None:
        """Return who may read its own secret; None when there is none."""
        secret = self.story.find(refs.secret(MODEL, self.facts.ids.get("mine", "").removeprefix("secret:")))
        if secret is None:
            return None
        return sorted(grant.target for grant in secret.grants)


class States:
    """`Context.run`, with the state of one run given to the next."""

    def __init__(self, root: Path, who: str, *, leader: bool) -> None:
        self.facts = Facts()
        meta = {"db": DB, "web": WEB}[who]
        self.context = testing.Context(charm_of(self.facts), meta=metadata(meta), juju_version="3.6.14")
        endpoint, other = ("clients", "web") if who == "db" else ("db", "db")
        self.relation = testing.Relation(endpoint, remote_app_name=other, remote_units_data={0: {}})
        self.state = testing.State(leader=leader, relations={self.relation})

    def hook(self, steps: Sequence[str]) -> Told:
        self.facts.steps, self.facts.told = steps, []
        self.state = self.context.run(self.context.on.update_status(), self.state)
        return self.facts.told

    def close(self) -> None:
        pass

    def they_add(self) -> None:
        self.theirs = testing.Secret({"token": "one"})
        self.facts.ids["theirs"] = self.theirs.id

    def they_grant(self) -> None:
        self.put(self.theirs)

    def they_revoke(self) -> None:
        self.theirs = self.state.get_secret(id=self.theirs.id)
        self.put(None)

    def they_set(self, value: str) -> None:
        now = self.state.get_secret(id=self.theirs.id)
        content = {"token": value}
        self.put(testing.Secret(now.tracked_content, latest_content=content, id=now.id, label=now.label))

    def put(self, secret: testing.Secret | None) -> None:
        rest = {each for each in self.state.secrets if each.id != self.theirs.id}
        self.state = dataclasses.replace(self.state, secrets=rest | ({secret} if secret else set()))

    def left(self) -> list[str] | None:
        try:
            secret = self.state.get_secret(id=self.facts.ids["mine"])
        except KeyError:
            return None
        return sorted(name for names in secret.remote_grants.values() for name in names)


class Harnessed:
    """`Harness`, with one charm object for all hooks."""

    def __init__(self, root: Path, who: str, *, leader: bool) -> None:
        self.facts = Facts()
        meta = {"db": DB, "web": WEB}[who]
        self.harness = testing.Harness(fresh(charm_of(self.facts)), meta=json.dumps(metadata(meta)))
        self.harness.set_leader(leader)
        endpoint, other = ("clients", "web") if who == "db" else ("db", "db")
        self.number = self.harness.add_relation(endpoint, other, unit_data={})
        self.harness.begin()

    def hook(self, steps: Sequence[str]) -> Told:
        self.facts.steps, self.facts.told = steps, []
        self.harness.charm.on.update_status.emit()
        return self.facts.told

    def close(self) -> None:
        self.harness.cleanup()

    def they_add(self) -> None:
        self.facts.ids["theirs"] = self.harness.add_model_secret("db", {"token": "one"})

    def they_grant(self) -> None:
        self.harness.grant_secret(self.facts.ids["theirs"], "web")

    def they_revoke(self) -> None:
        self.harness.revoke_secret(self.facts.ids["theirs"], "web")

    def they_set(self, value: str) -> None:
        self.harness.set_secret_content(self.facts.ids["theirs"], {"token": value})

    def left(self) -> list[str] | None:
        secret_id = self.facts.ids["mine"]
        try:
            return sorted(self.harness.get_secret_grants(secret_id, self.number))
        except RuntimeError:
            return None


def charm_of(facts: Facts) -> type[Scripted]:
    return type("Scripted", (Scripted,), {"facts": facts, "__qualname__": "Scripted"})


Player = Engine | States | Harnessed
PLAYERS: Mapping[str, type[Player]] = {"engine": Engine, "states": States, "harness": Harnessed}

# --- tales -----------------------------------------------------------------------------------------------

#: What the owner of somebody else's secret does, as a part of a tale.
WORLD: Mapping[str, Callable[[Player], None]] = {
    "they add": lambda player: player.they_add(),
    "they grant": lambda player: player.they_grant(),
    "they revoke": lambda player: player.they_revoke(),
    "they set two": lambda player: player.they_set("two"),
    "they set three": lambda player: player.they_set("three"),
    "they set next": lambda player: player.they_set(f"number-{next(player.facts.contents)}"),
}


class Tale(NamedTuple):
    """`who` is the application whose first unit the charm is; a hook is a list of steps."""

    who: str
    parts: Sequence[str | Sequence[str]]
    leader: bool = True


GRANTED = ("they add", "they grant")

TALES = {
    "made and read": Tale("db", [["add", "read", "peek", "refresh", "read by id", "info"], ["read", "info"]]),
    "made with facts": Tale("db", [["add with facts", "info", "info by id"], ["read", "info"]]),
    "made by the unit": Tale("db", [["add own", "info"], ["read", "set two"], ["peek", "remove"], ["read by id"]]),
    "made by the unit that does not lead": Tale("db", [["add own", "read", "info"], ["set two", "peek"]], False),
    "new content is read after a refresh": Tale(
        "db", [["add", "read"], ["set two", "read", "peek", "read by id"], ["read", "refresh", "read", "info"]]
    ),
    "facts change": Tale("db", [["add", "read"], ["describe", "info"], ["expire", "info"]]),
    "another label": Tale("db", [["add", "read"], ["rename"], ["read other", "read by id", "info by id"]]),
    "granted and taken back": Tale("db", [["add", "read"], ["grant"], ["grant"], ["revoke"], ["grant unit"]]),
    "an old revision is removed": Tale(
        "db", [["add", "read"], ["set two"], ["refresh"], ["remove 1", "read"], ["read", "peek"]]
    ),
    "all is removed": Tale("db", [["add", "read"], ["remove"], ["read by id", "read", "info by id"]]),
    "somebody else's": Tale("web", [*GRANTED, ["read theirs", "peek theirs", "refresh theirs"]]),
    "somebody else's is changed": Tale(
        "web",
        [*GRANTED, ["read theirs"], "they set two", ["read theirs", "peek theirs", "read theirs"],
         ["refresh theirs", "read theirs"], "they set three", ["peek theirs", "read theirs"]],
    ),
    "a reader's own label": Tale(
        "web", [*GRANTED, ["call it api", "read"], "they set two", ["read", "peek", "refresh", "read theirs"]]
    ),
    "nothing may be done to somebody else's": Tale(
        "web",
        [*GRANTED, ["info of theirs", "set theirs", "describe theirs", "remove theirs", "read theirs"]],
    ),
    "what is not there": Tale("web", [["read nobody's", "read no label"]]),
}  # fmt: skip


class Difference(NamedTuple):
    """A tale that the others answer in another way than the engine: `told` has what, by player and place."""

    tale: Tale
    why: str
    told: Mapping[str, Mapping[int, Any]]


def others_say(place: int, told: Any) -> dict[str, dict[int, Any]]:
    return {"states": {place: told}, "harness": {place: told}}


DIFFERENT = {
    "not granted": Difference(
        Tale("web", ["they add", ["read theirs"]]),
        "a state has no secrets that its unit may not read, and suites expect both to be as the released library",
        others_say(0, [("read theirs", "SecretNotFoundError")]),
    ),
    "no longer granted": Difference(
        Tale("web", [*GRANTED, ["read theirs"], "they revoke", ["read theirs"]]),
        "as above: for a charm under test it is not there",
        others_say(1, [("read theirs", "SecretNotFoundError")]),
    ),
    "made without leading": Difference(
        Tale("db", [["add"]], False),
        "the released library lets any unit add; tests of suites that never speak of leadership rely on that",
        {name: {0: [("add", {"token": "one"})], 1: []} for name in ("states", "harness")},
    ),
    "changed before it was stored": Difference(
        Tale("db", [["add and set"]]),
        "the hook makes one secret with one revision; in a state the creator tracks the first from the start",
        others_say(0, [("add and set", {"token": "one"})]),
    ),
    "first read after a change": Difference(
        Tale("web", [*GRANTED, "they set two", ["read theirs"]]),
        "the first read tracks the latest; in a state, what was never read is tracked as well",
        others_say(0, [("read theirs", {"token": "one"})]),
    ),
    "changed twice in a hook": Difference(
        Tale("db", [["add", "read"], ["set two", "set three"], ["refresh", "info"]]),
        "what a hook asks for lands once, as one revision; the testing tools count calls",
        others_say(4, [("refresh", {"token": "three"}), ("info", ("api", 3, None, None, None))]),
    ),
    "equal content": Difference(
        Tale("db", [["add", "read"], ["set two"], ["set two"], ["refresh", "info"]]),
        "since 3.6 equal content makes no revision; the testing tools pretend every version",
        others_say(6, [("refresh", {"token": "two"}), ("info", ("api", 3, None, None, None))]),
    ),
    "known of a secret with news": Difference(
        Tale("db", [["add", "read"], ["set two"], ["info"]]),
        "a Harness tells the revision that is tracked",
        {"harness": {4: [("info", ("api", 1, None, None, None))]}},
    ),
    "a revision that is not there": Difference(
        Tale("db", [["add", "read"], ["remove 9"]]),
        "Context records what a charm removes and does not look whether it was there",
        {"states": {2: [("remove 9", None)]}},
    ),
    "the tracked revision is removed": Difference(
        Tale("db", [["add", "read"], ["set two"], ["remove 1", "read"]]),
        "a state cannot be without what its unit tracks",
        {"states": {4: [("remove 1", "ValueError"), ("read", {"token": "one"})]}},
    ),
    "granted to all after one": Difference(
        Tale("db", [["add", "read"], ["grant unit"], ["grant"]]),
        "the grant to one would outlive the end of that to all; the testing tools keep a set of names",
        {name: {4: [("grant", None)], 5: ["web", "web/0"]} for name in ("states", "harness")},
    ),
}  # fmt: skip


def tell(player: Player, tale: Tale) -> list[Any]:
    """Live through *tale*; return what each hook was told, and after each what is left of its own secret."""
    found: list[Any] = []
    for part in tale.parts:
        if isinstance(part, str):
            WORLD[part](player)
            continue
        found.append(list(player.hook(part)))
        if tale.who == "db":
            found.append(player.left())
    return found


def lived(root: Path, tale: Tale, *names: str) -> dict[str, list[Any]]:
    found = {}
    for name in names or PLAYERS:
        (root / name).mkdir()
        player = PLAYERS[name](root / name, tale.who, leader=tale.leader)
        found[name] = tell(player, tale)
        player.close()
    return found


@pytest.mark.parametrize("tale", TALES.values(), ids=TALES)
def test_a_tale_is_the_same_in_all(tmp_path, tale):
    told = lived(tmp_path, tale)
    assert told["states"] == told["engine"]
    assert told["harness"] == told["engine"]


@pytest.mark.parametrize("difference", DIFFERENT.values(), ids=DIFFERENT)
def test_a_difference_is_what_its_table_says(tmp_path, difference):
    told = lived(tmp_path, difference.tale)
    engine = told.pop("engine")
    for name, found in told.items():
        assert {
            place: theirs for place, (theirs, ours) in enumerate(zip(found, engine, strict=True)) if theirs != ours
        } == difference.told.get(name, {}), difference.why


LOOKING = ["read", "peek", "refresh", "info", "read by id", "info by id"]
CHANGING = ["describe", "expire", "rename", "read other", "grant", "revoke", "remove"]


@st.composite
def hooks(draw: st.DrawFn) -> list[str]:
    """A hook of an owner; what makes a revision comes once at most."""
    steps = draw(st.lists(st.sampled_from(LOOKING + CHANGING), max_size=4))
    if draw(st.booleans()):
        steps.insert(draw(st.integers(0, len(steps))), "set next")
    return steps


THEIRS = ["read theirs", "peek theirs", "refresh theirs", "call it api", "read", "peek", "refresh", "set theirs"]
READING = st.one_of(st.just("they set next"), st.lists(st.sampled_from(THEIRS), max_size=4))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    tale=st.one_of(
        st.builds(lambda rest: Tale("db", [["add with facts", "read"], *rest]), st.lists(hooks(), max_size=5)),
        st.builds(lambda rest: Tale("web", [*GRANTED, ["read theirs"], *rest]), st.lists(READING, max_size=6)),
    )
)
def test_generated_tales_are_the_same_in_the_engine_and_in_states(tmp_path_factory, tale):
    told = lived(tmp_path_factory.mktemp("tale"), tale, "engine", "states")
    assert told["states"] == told["engine"]
