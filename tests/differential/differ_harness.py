"""Made-up stories of a Harness, to be run by either library: `differ_harness.py SEED COUNT`.

Each story is one charm that notes down what it meets, and some dozens of steps of a test.  Printed is one line of
JSON for each step: what it was, what came of it, what the charm met, and how things stand then.  Errors are known
by their kind only, and what the released library does in no sensible way is left out of the stories.
"""

from __future__ import annotations

import functools
import json
import logging
import random
import sys
import warnings
from collections.abc import Callable
from typing import Any

# Ours is beside the project's interpreter, and would be taken by either library.
sys.modules["ops_tracing"] = None  # type: ignore[assignment]

import ops  # noqa: E402
import ops.testing  # noqa: E402

META = """
name: a
requires: {db: {interface: i}, foo: {interface: j}}
provides: {web: {interface: w}}
peers: {ring: {interface: k}}
storage: {disks: {type: filesystem, multiple: {range: 0-}}, data: {type: filesystem}}
containers: {c: {mounts: [{storage: data, location: /mnt}]}, d: {}}
"""
CONFIG = "options: {i: {type: int, default: 3}, s: {type: string}, b: {type: boolean, default: false}}"
ACTIONS = """
backup: {params: {x: {type: string, default: q}}}
fail: {}
strict: {params: {x: {type: string}}, required: [x], additionalProperties: false}
"""
ENDPOINTS = ("db", "foo", "web", "ring")
LAYERS: list[ops.pebble.LayerDict] = [
    {"services": {"x": {"override": "replace", "command": "1", "startup": "enabled"}}},
    {
        "services": {
            "x": {"override": "merge", "environment": {"A": "b"}},
            "y": {"override": "replace", "command": "2"},
        }
    },
    {"checks": {"k": {"override": "replace", "threshold": 2, "tcp": {"port": 1}}}},
    {"checks": {"k": {"override": "merge", "startup": "disabled"}}},
    {"services": {"z": {"command": "1"}}},
]
STEPS = 80


def attempt(call: Callable[[], Any]) -> Any:
    """Return what comes of *call*; of an error its kind."""
    try:
        return call()
    except (RuntimeError, ops.SecretNotFoundError):
        # In ours, what only the owner of a secret may do is refused with both at once.
        return "raised RuntimeError"
    except Exception as error:
        return f"raised {type(error).__name__}"


def names(entities: Any) -> list[str]:
    return sorted(each.name for each in entities)


class Noting(ops.CharmBase):
    """Notes down everything that it meets, and changes a few things."""

    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self.met: list[Any] = []
        self.count = 0
        for bound in self.on.events().values():
            framework.observe(bound, self._on_event)

    def _on_event(self, event: ops.EventBase) -> None:
        kind = event.handle.kind
        for of, about in (
            (ops.RelationEvent, self._relation),
            (ops.StorageEvent, self._storage),
            (
                ops.SecretEvent,
                lambda event: [event.secret.label, attempt(lambda: event.secret.get_content(refresh=True))],
            ),
            (ops.PebbleNoticeEvent, lambda event: [event.notice.key, event.notice.occurrences]),
            (ops.WorkloadEvent, lambda event: [event.workload.name, event.workload.can_connect()]),
            (ops.ActionEvent, self._action),
            (ops.CollectStatusEvent, self._status),
            (ops.ConfigChangedEvent, self._config),
        ):
            if isinstance(event, of):
                self.met.append([kind, about(event)])
                return
        self.met.append([kind])

    def _relation(self, event: ops.RelationEvent) -> list[Any]:
        relation, broken = event.relation, isinstance(event, ops.RelationBrokenEvent)
        found: list[Any] = [relation.id, relation.active, event.app.name, event.unit and event.unit.name]
        found += [names(relation.units), [each.id for each in self.model.relations[relation.name]]]
        for who in sorted(relation.data, key=lambda each: each.name):
            # What only a leader may read is refused by a controller also when the relation is broken.
            if not (broken and who is self.app):
                found.append([who.name, attempt(lambda who=who: sorted(dict(relation.data[who]).items()))])
        if isinstance(event, ops.RelationDepartedEvent):
            found.append(event.departing_unit and event.departing_unit.name)
        if not broken:
            self.count += 1
            for who in {self.unit, self.app, event.app}:
                attempt(functools.partial(relation.data[who].update, {"n": str(self.count)}))
        return found

    def _storage(self, event: ops.StorageEvent) -> list[Any]:
        found: list[Any] = [event.storage.full_id]
        if isinstance(event, ops.StorageAttachedEvent):
            # Later on, the released library goes on listing what was removed.
            found += [
                each.full_id
                for each in self.model.storages[event.storage.name]
                if each.index == event.storage.index
            ]
        return found

    def _action(self, event: ops.ActionEvent) -> list[Any]:
        event.log("line")
        event.set_results({"a": {"b": 1}, "count": self.count})
        if event.handle.kind == "fail_action":
            event.fail("no")
        return [event.id, sorted(event.params.items())]

    def _status(self, event: ops.CollectStatusEvent) -> list[Any]:
        event.add_status(ops.ActiveStatus("x"))
        event.add_status(ops.BlockedStatus("y"))
        return []

    def _config(self, event: ops.ConfigChangedEvent) -> list[Any]:
        self.count += 1
        if self.count % 3 == 1:
            event.defer()
        return sorted(self.config.items())


class Story:
    """One test, made up from a seed."""

    def __init__(self, seed: int):
        self.choose = random.Random(seed)
        self.harness = ops.testing.Harness(Noting, meta=META, config=CONFIG, actions=ACTIONS)
        self.secrets: list[str] = []
        self.storages: list[str] = []
        self.begun = False
        if self.choose.random() < 0.7:
            self.harness.set_can_connect("c", True)

    def run(self) -> None:
        for _ in range(STEPS):
            make = self.choose.choice(STEP_KINDS)
            about, call = make(self)
            before = len(self.harness.charm.met) if self.begun else 0
            result = attempt(call)
            met = self.harness.charm.met[before:] if self.begun else []
            print(json.dumps([about, result, met, self.state()], default=lambda value: type(value).__name__))
        self.harness.cleanup()

    # --- how things stand ---

    def state(self) -> list[Any]:
        harness, model = self.harness, self.harness.model
        found: list[Any] = [model.unit.status.name, sorted(model.config.items()), model.app.planned_units()]
        for endpoint in ENDPOINTS:
            found.append([endpoint, attempt(lambda endpoint=endpoint: self.address(endpoint))])
            for relation in model.relations[endpoint]:
                bags = {who: harness.get_relation_data(relation.id, who) for who in names(relation.data)}
                found.append(
                    [relation.id, names(relation.units), bags, attempt(functools.partial(self.address, relation))]
                )
        for name in ("c", "d"):
            client = model.unit.get_container(name).pebble
            services = attempt(
                lambda client=client: [(each.name, each.current.value) for each in client.get_services()]
            )
            checks = sorted((each.name, each.status.value, each.threshold) for each in client.get_checks())
            found.append([attempt(lambda client=client: client.get_plan().to_yaml()), services, checks])
        return found

    def address(self, binding: Any) -> str:
        # The released library keeps what it knows of a binding, for no time that one could tell.
        return str(ops.model.BindingMapping(self.harness.model._backend).get(binding).network.bind_address)

    def relation(self, number: int) -> Any:
        relations = self.harness.model.relations
        return next((each for endpoint in ENDPOINTS for each in relations[endpoint] if each.id == number), None)

    def number(self) -> int:
        """Return the number of a relation, mostly of one that there is."""
        there = [each.id for endpoint in ENDPOINTS for each in self.harness.model.relations[endpoint]]
        return self.choose.choice(there) if there and self.choose.random() < 0.9 else 7

    # --- steps: what each is, and what it does ---

    def begin(self):
        if self.begun:
            return "wait", lambda: None
        return "begin", self._begin

    def _begin(self) -> None:
        self.begun = True
        self.harness.begin()

    def add_relation(self):
        endpoint = self.choose.choice((*ENDPOINTS, "nope"))
        app = "a" if endpoint == "ring" else "pg"
        data = self.choose.choice([{}, {"app_data": {"k": "v"}}, {"app_data": {"k": ""}, "unit_data": {"u": "1"}}])
        data = {} if endpoint == "ring" else data
        return ["add_relation", endpoint, data], lambda: self.harness.add_relation(endpoint, app, **data)

    def add_unit(self):
        relation = self.relation(self.number())
        if relation is None:
            return "wait", lambda: None
        unit = f"{relation.app.name}/{self.choose.randrange(1, 4)}"
        call = functools.partial(self.harness.add_relation_unit, relation.id, unit)
        return ["add_unit", relation.id, unit], call if unit not in names(relation.units) else lambda: "not now"

    def update(self):
        number = self.number()
        relation = self.relation(number)
        there = names(relation.data) if relation and self.choose.random() < 0.9 else ["pg/9"]
        who = self.choose.choice(there)
        data = self.choose.choice([{"k": "1"}, {"k": "2"}, {"k": ""}, {"none": ""}, {}, {"k": "1", "j": "x"}])
        return ["update", number, who, data], lambda: self.harness.update_relation_data(number, who, data)

    def remove_unit(self):
        number, unit = self.number(), self.choose.choice(["pg/1", "pg/2", "a/1"])
        call = functools.partial(self.harness.remove_relation_unit, number, unit)
        return ["remove_unit", number, unit], call

    def remove_relation(self):
        number = self.number()
        return ["remove_relation", number], functools.partial(self.harness.remove_relation, number)

    def config(self):
        values = self.choose.choice([{"i": 4}, {"i": "x"}, {"s": "y"}, {"none": 1}, {}, {"b": True}, {"b": 1}])
        unset = self.choose.choice([(), ("i",), ("s",)])
        return ["config", values, unset], lambda: self.harness.update_config(values, unset)

    def lead(self):
        leads = self.choose.random() < 0.5
        return ["lead", leads], functools.partial(self.harness.set_leader, leads)

    def storage(self):
        name, attach = self.choose.choice(["disks", "none"]), self.choose.random() < 0.5
        doing = self.choose.choice(["add", "add", "attach_storage", "detach_storage", "remove_storage"])
        instance = self.choose.choice(self.storages or ["disks/0"])

        def call():
            # While hooks are disabled, the released library does not look at storage again.
            if not self.harness._hooks_enabled:
                return "not now"
            if doing == "add":
                added = self.harness.add_storage(name, attach=attach)
                self.storages.extend(added)
                return added
            if instance not in self.storages:
                return "not now"
            if doing == "remove_storage":
                self.storages.remove(instance)
            return getattr(self.harness, doing)(instance)

        return ["storage", doing, name, attach, instance], call

    def secret(self):
        doing = self.choose.choice(
            ["model", "user", "set", "grant", "revoke", "read", "label", "rotate", "grants"]
        )
        number, who = self.choose.randrange(len(self.secrets) or 1), self.choose.choice(["a", "a/0", "a/1"])
        harness = self.harness

        def call():
            if doing in ("model", "user"):
                add = {"model": lambda: harness.add_model_secret("pg", {"foo": "1"})}
                self.secrets.append(add.get(doing, lambda: harness.add_user_secret({"foo": "1"}))())
                return None
            if not self.secrets:
                return "not now"
            secret = self.secrets[number]
            if doing == "set":
                return harness.set_secret_content(secret, {"foo": "2"}) if self.begun else "not now"
            return {
                "grant": lambda: harness.grant_secret(secret, who),
                "revoke": lambda: harness.revoke_secret(secret, who),
                "read": lambda: harness.model.get_secret(id=secret).get_content(),
                "label": lambda: [
                    # Only of a secret that can be read.
                    harness.model.get_secret(id=secret).get_content(),
                    harness.model.get_secret(id=secret, label=f"L{number}").peek_content(),
                ],
                "rotate": lambda: harness.trigger_secret_rotation(secret),
                "grants": lambda: sorted(harness.get_secret_grants(secret, number)),
            }[doing]()

        return ["secret", doing, number, who], call

    def own_secret(self):
        owner = self.choose.choice(["app", "unit"])

        def call():
            secret = getattr(self.harness.model, owner).add_secret({"foo": "1"})
            revisions = functools.partial(self.harness.get_secret_revisions, secret.id)
            calls = [
                lambda: secret.set_content({"foo": "2"}),
                secret.get_content,
                secret.peek_content,
                lambda: secret.get_info().revision,
                revisions,
                lambda: secret.set_info(label="new"),
                revisions,
                lambda: secret.get_content(refresh=True),
                lambda: self.harness.grant_secret(secret.id, "a"),
                lambda: secret.grant(self.harness.model.relations["db"][0]),
                lambda: secret.remove_revision(1),
                revisions,
                secret.remove_all_revisions,
                revisions,
            ]
            return [attempt(each) for each in calls]

        return ["own_secret", owner], call

    def container(self):
        name, label = self.choose.choice(["c", "d"]), self.choose.choice(["low", "high"])
        layer, combine = self.choose.choice(LAYERS), self.choose.random() < 0.6
        service, connects = self.choose.choice(["x", "y"]), self.choose.random() < 0.8
        container = self.harness.model.unit.get_container(name)
        doing = {
            "add_layer": lambda: container.add_layer(label, layer, combine=combine),
            "connect": lambda: self.harness.set_can_connect(name, connects),
            "ready": lambda: self.harness.container_pebble_ready(name),
            "replan": container.replan,
            "autostart": container.autostart,
            "start": lambda: container.start(service),
            "stop": lambda: container.stop(service),
            "restart": lambda: container.restart(service),
            "start_check": lambda: container.start_checks("k"),
            "stop_check": lambda: container.pebble.stop_checks(["k"]),
            "signal": lambda: container.send_signal("SIGHUP", service),
            "notify": lambda: self.harness.pebble_notify(name, f"a.b/{service}", data={"a": "b"}),
            "exec": lambda: self._exec(name),
            "files": lambda: self._files(name),
        }
        what = self.choose.choice(["add_layer", "add_layer", *doing])
        return ["container", what, name, label, layer, combine, service, connects], doing[what]

    def _exec(self, name: str) -> list[Any]:
        container = self.harness.model.unit.get_container(name)
        self.harness.handle_exec(name, ["ls"], result="out")
        self.harness.handle_exec(name, ["ls", "-l"], handler=lambda _: ops.testing.ExecResult(2, "x", "y"))
        commands = (["ls", "q"], ["ls", "-l"], ["rm"])
        return [attempt(lambda each=each: container.exec(each).wait_output()) for each in commands]

    def _files(self, name: str) -> list[Any]:
        container = self.harness.model.unit.get_container(name)
        calls = [
            lambda: container.push("/f", "x"),
            lambda: container.push("/none/f", "x"),
            lambda: container.pull("/f").read(),
            lambda: container.make_dir("/q/r"),
            lambda: container.make_dir("/q/r", make_parents=True),
            lambda: container.isdir("/q"),
            lambda: container.remove_path("/q"),
            lambda: container.remove_path("/q", recursive=True),
            lambda: container.exists("/q"),
            lambda: container.push("/q/e/f", "x", make_dirs=True, permissions=0o640),
            lambda: [(each.name, each.permissions) for each in container.list_files("/q/e")],
        ]
        return [attempt(each) for each in calls]

    def action(self):
        name = self.choose.choice(["backup", "fail", "strict", "none"])
        params = self.choose.choice([{}, {"x": "1"}, {"y": 2}])

        def call():
            output = self.harness.run_action(name, params)
            return [output.logs, output.results]

        return ["action", name, params], call

    def network(self):
        where = self.choose.choice(
            [{}, {"endpoint": "db"}, {"endpoint": "db", "relation_id": 0}, {"endpoint": "none"}]
        )
        address = f"10.1.{self.choose.randrange(9)}.1"
        return ["network", where, address], lambda: self.harness.add_network(address, **where)

    def write(self):
        number = self.number()

        def call():
            relation = self.relation(number)
            if relation is None:
                return "not now"
            for who in (self.harness.model.unit, self.harness.model.app):
                relation.data[who]["written"] = str(number)
            return None

        return ["write", number], call

    def planned(self):
        number = self.choose.choice([-1, 0, 3, None])
        reset = self.harness.reset_planned_units
        return ["planned", number], reset if number is None else functools.partial(
            self.harness.set_planned_units, number
        )

    def hooks(self):
        doing = self.choose.choice(["disable_hooks", "enable_hooks", "enable_hooks", "enable_hooks"])
        return doing, getattr(self.harness, doing)

    def statuses(self):
        return "evaluate_status", self.harness.evaluate_status

    def reemit(self):
        return "reemit", self.harness.framework.reemit


STEP_KINDS: list[Callable[[Story], Any]] = [
    *(Story.begin, Story.begin, Story.begin, Story.add_relation, Story.add_unit, Story.add_unit, Story.add_unit),
    *(
        Story.update,
        Story.update,
        Story.update,
        Story.update,
        Story.hooks,
        Story.remove_unit,
        Story.remove_relation,
    ),
    *(Story.config, Story.lead, Story.storage, Story.secret, Story.secret, Story.own_secret),
    *(Story.container, Story.container, Story.container, Story.action, Story.network, Story.write),
    *(Story.planned, Story.hooks, Story.statuses, Story.reemit),
]


def main(seed: int, count: int) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for number in range(count):
        Story(seed + number).run()


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:]))
