"""Storage in the life of a unit: which hook when, what the charm sees, what each hook leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from build import CREATED, MODEL, Story, charm, command, memory, settled, stored, unit, world

from coordinator.domain import refs
from coordinator.domain.charm import StorageMeta
from coordinator.domain.life import Life
from coordinator.domain.storage import Storage, wanted
from coordinator.domain.unit import Directive, Resolved
from coordinator.domain.unit_state import Hook, HookKind
from coordinator.engine.hookenv import hook_environment
from coordinator.engine.settle import rebase, settle
from coordinator.engine.tools import HookContext

KEEPER = charm(
    "keeper",
    storage={
        "data": StorageMeta(name="data", type="filesystem", count_min=2, count_max=3),
        "logs": StorageMeta(name="logs", type="filesystem", count_min=0, count_max=1, location="/srv/logs"),
    },
)


@pytest.fixture
def story() -> Story:
    """keeper/0 with data/0 and data/1."""
    story = Story()
    story.deploy("keeper", KEEPER)
    return story


def of(story: Story, text: str) -> Storage | None:
    name, number = text.split("/")
    return story.find(refs.storage(MODEL, name, int(number)))


def about_storage(hooks: list[str]) -> list[str]:
    return [hook for hook in hooks if "storage" in hook]


# --- the order -----------------------------------------------------------------------------------------------


def test_all_of_it_is_attached_before_install(story: Story) -> None:
    hooks = story.run("keeper/0")
    assert hooks[:3] == ["data-storage-attached", "data-storage-attached", "install"]
    assert [hook.storage for _, hook in story.hooks[:2]] == ["data/0", "data/1"]
    assert story.look("keeper/0")[0].unit.storage == {"data/0": 1, "data/1": 1}
    attached = of(story, "data/0")
    assert attached is not None
    assert (attached.machine, attached.location) == ("m-keeper-0", "/models/demo-uuid/storage/data/0")


def test_a_dying_unit_lets_go_of_it_before_it_stops(story: Story) -> None:
    story.run("keeper/0")
    story.remove_unit("keeper/0")
    assert story.run("keeper/0") == ["data-storage-detaching", "data-storage-detaching", "stop", "remove"]
    left = of(story, "data/0")
    assert left is not None
    assert (left.owner, left.life, left.machine, left.location) == (None, Life.ALIVE, "m-keeper-0", None)


def test_a_unit_that_dies_before_install_lets_go_of_what_it_was_told_of_and_leaves(story: Story) -> None:
    story.step("keeper/0")
    story.remove_unit("keeper/0")
    assert story.run("keeper/0") == ["data-storage-detaching"]
    assert [of(story, text) and of(story, text).owner for text in ("data/0", "data/1")] == [None, None]


def test_what_comes_later_is_attached_when_there_is_nothing_before_it(story: Story) -> None:
    story.on("keeper", "start", "storage-add logs")
    hooks = story.run("keeper/0")
    assert hooks[-2:] == ["start", "logs-storage-attached"]
    logs = of(story, "logs/2")
    assert logs is not None
    assert logs.location == "/srv/logs"
    assert story.find(refs.sequence(MODEL, "storage")) == 3


def test_what_shall_be_let_go_of_is_and_is_not_attached_again(story: Story) -> None:
    story.run("keeper/0")
    story.put(refs.storage(MODEL, "data", 0), replace(of(story, "data/0"), detaching=True))
    assert story.run("keeper/0") == ["data-storage-detaching"]
    assert story.run("keeper/0") == []
    assert story.look("keeper/0")[0].unit.storage == {"data/1": 1}


def test_what_was_taken_away_by_force_and_given_back_is_attached_anew(story: Story) -> None:
    story.run("keeper/0")
    before = of(story, "data/0")
    story.put(refs.storage(MODEL, "data", 0), replace(before, owner=None))
    assert story.run("keeper/0") == []
    story.put(refs.storage(MODEL, "data", 0), replace(before, attachment=2))
    assert story.run("keeper/0") == ["data-storage-attached"]


def test_what_was_never_attached_is_let_go_of_without_a_hook(story: Story) -> None:
    for number in (0, 1):
        ref = refs.storage(MODEL, "data", number)
        story.put(ref, replace(story.get(ref), detaching=True))
    assert about_storage(story.run("keeper/0")) == []
    assert of(story, "data/0").owner is None


def test_what_cannot_be_attached_does_not_keep_a_unit_from_going(story: Story) -> None:
    story.failing.add(("keeper/0", "data-storage-attached"))
    assert story.run("keeper/0") == ["data-storage-attached"]
    story.remove_unit("keeper/0")
    assert story.run("keeper/0") == ["data-storage-detaching"]
    assert story.get(refs.unit(MODEL, unit("keeper/0"))).life is Life.DEAD


def test_a_failed_hook_is_tried_again_or_let_pass(story: Story) -> None:
    story.failing.add(("keeper/0", "data-storage-attached"))
    story.run("keeper/0")
    story.resolve("keeper/0", Resolved.SKIP)
    story.failing.clear()
    hooks = story.run("keeper/0")
    assert hooks[:2] == ["data-storage-attached", "install"]
    assert story.look("keeper/0")[0].unit.storage == {"data/0": 1, "data/1": 1}


def test_a_unit_that_destroys_what_it_has_leaves_it_dying(story: Story) -> None:
    story.run("keeper/0")
    ref = refs.unit(MODEL, unit("keeper/0"))
    story.put(ref, replace(story.get(ref), life=Life.DYING, destroy_storage=True))
    story.run("keeper/0")
    assert of(story, "data/0").life is Life.DYING


def test_a_unit_that_began_to_end_while_its_hook_ran_gets_no_more(story: Story) -> None:
    story.run("keeper/0")
    before, seen = story.look("keeper/0")
    hook = Hook(kind=HookKind.CONFIG_CHANGED)
    context = HookContext(world=seen, memory=before, hook=hook)
    effects = command(context, "storage-add logs").effects
    story.remove_unit("keeper/0")
    fresh = story.look("keeper/0")[1]
    change = settle(before, rebase(seen, fresh), hook, effects, now=CREATED)
    assert not [ref for ref in change.puts if ref.kind is refs.Kind.STORAGE]


# --- what the charm sees ---------------------------------------------------------------------------------------


def instance(text: str = "data/0", **more: object) -> Storage:
    name, number = text.split("/")
    given = {"pool": "rootfs", "size_mb": 1, "created": "", "owner": unit("keeper/0"), "attachment": 1, **more}
    return Storage(name=name, number=int(number), **given)  # type: ignore[arg-type]


def context(*told: str, hook: Hook | None = None) -> HookContext:
    """The context of a unit that has data/0, data/10 and logs/3, and was *told* of some of them."""
    found = {text: stored(instance(text)) for text in ("data/10", "data/0", "logs/3")}
    seen = world(
        "keeper/0",
        charm=KEEPER,
        storage=found,
        storage_home="/var/storage",
        storage_wanted=wanted(KEEPER, {}),
    )
    return HookContext(world=seen, memory=memory(unit=settled(storage=dict.fromkeys(told, 1))), hook=hook)


ATTACHED = Hook(kind=HookKind.STORAGE_ATTACHED, storage="logs/3")
EVERYTHING = ("data/0", "data/10", "logs/3")


@pytest.mark.parametrize(
    ("told", "hook", "line", "said"),
    [
        (EVERYTHING, None, "storage-list", "data/0\ndata/10\nlogs/3\n"),
        (EVERYTHING, None, "storage-list data --format json", '["data/0","data/10"]\n'),
        (("data/0",), None, "storage-list", "data/0\n"),
        (("data/0",), ATTACHED, "storage-list --format json", '["data/0","logs/3"]\n'),
        ((), None, "storage-list --format json", "[]\n"),
        (EVERYTHING, ATTACHED, "storage-get location", "/srv/logs\n"),
        (EVERYTHING, ATTACHED, "storage-get -s data/0 location", "/var/storage/data/0\n"),
        (
            EVERYTHING,
            None,
            "storage-get --format=json -s data/0",
            '{"kind":"filesystem","location":"/var/storage/data/0"}\n',
        ),
        (EVERYTHING, None, "storage-get -s data/0 kind", "filesystem\n"),
    ],
)
def test_what_the_commands_print(told: tuple[str, ...], hook: Hook | None, line: str, said: str) -> None:
    answer = command(context(*told, hook=hook), line)
    assert (answer.exit_code, answer.stdout.decode()) == (0, said)


@pytest.mark.parametrize(
    ("line", "code", "error"),
    [
        ("storage-get", 2, "no storage instance specified"),
        ("storage-get -s data", 2, 'invalid storage ID "data"'),
        ("storage-get -s data/7", 2, 'invalid value "data/7" for option -s: storage not found'),
        ("storage-get -s data/10", 2, 'invalid value "data/10" for option -s: storage not found'),
        ("storage-get -s data/0 size", 1, 'invalid storage attribute "size"'),
        ("storage-add", 2, "storage add requires a storage directive"),
        ("storage-add data=1G", 2, 'only count can be specified for "data"'),
        ("storage-add data=", 2, 'only count can be specified for "data"'),
        ("storage-add data=0", 2, 'only count can be specified for "data"'),
        ("storage-add cache", 1, 'storage "cache" not found'),
        ("storage-add data=2", 1, "at most 3 instances supported, 4 specified"),
        ("storage-add data data", 1, "at most 3 instances supported, 4 specified"),
    ],
)
def test_what_the_commands_refuse(line: str, code: int, error: str) -> None:
    asked = context("data/0")
    answer = command(asked, line)
    assert answer.exit_code == code
    assert error in answer.stderr.decode()
    assert answer.effects == asked.effects


def test_what_is_asked_for_adds_up() -> None:
    asked = context()
    first = command(asked, "storage-add data")
    assert first.effects.storage == {"data": 1}
    again = command(asked.with_effects(first.effects), "storage-add data")
    assert again.exit_code == 1


def test_a_storage_hook_is_told_what_it_is_about() -> None:
    given = {"charm_dir": "/c", "tools_dir": "/t", "agent_path": "", "socket": "/s", "context_id": "x"}
    seen = context(hook=ATTACHED)
    told = hook_environment(seen.world, ATTACHED, **given)
    assert {name: value for name, value in told.items() if "STORAGE" in name} == {
        "JUJU_STORAGE_ID": "logs/3",
        "JUJU_STORAGE_LOCATION": "/srv/logs",
        "JUJU_STORAGE_KIND": "filesystem",
    }
    assert told["JUJU_HOOK_NAME"] == "logs-storage-attached"
    start = hook_environment(seen.world, Hook(kind=HookKind.START), **given)
    assert not [name for name in start if "STORAGE" in name]


def test_storage_with_a_place_has_one_for_each_instance_when_there_may_be_several() -> None:
    several = replace(KEEPER.storage["logs"], count_max=None)
    seen = replace(context().world, charm=replace(KEEPER, storage={"logs": several}))
    assert seen.location_of(instance("logs/3")) == "/srv/logs/3"
    assert seen.location_of(instance("logs/3", location="/as/before")) == "/as/before"


def test_more_is_of_the_pool_and_size_that_the_application_has() -> None:
    seen = replace(
        context().world, storage_wanted={**wanted(KEEPER, {}), "logs": Directive("tmpfs", 0, 64)}, storage={}
    )
    hook = Hook(kind=HookKind.CONFIG_CHANGED)
    effects = command(HookContext(world=seen, memory=memory(), hook=hook), "storage-add logs").effects
    change = settle(memory(), seen, hook, effects, now=CREATED)
    made = next(value for ref, value in change.puts.items() if ref.kind is refs.Kind.STORAGE)
    assert (made.pool, made.size_mb, made.owner) == ("tmpfs", 64, unit("keeper/0"))
