"""Whether a state, an event and what the charm declares fit together.

Role: `check_consistency` finds everything that could not be so with a real controller, before the charm runs, and
says all of it at once, each with what to change.  `RULES` and `DOUBTS` are the whole of it: a rule looks at the
`Scene` and yields a text for each thing that is wrong, or odd.
Not here: what is wrong with one part alone; its constructor refuses that.
"""

from __future__ import annotations

import collections
import functools
import logging
import marshal
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._pebble.types import CheckLevel, CheckStartup
from . import _show
from ._container_parts import CHECK_THRESHOLD, Container
from ._events import _Action
from ._relation_parts import PeerRelation, Relation, RelationBase, SubordinateRelation
from .errors import InconsistentScenarioError

if TYPE_CHECKING:
    from ._charm_spec import CharmSpec
    from ._events import _Event
    from ._state import State

logger = logging.getLogger(__name__)

OPTION_TYPES: dict[str, type] = {"string": str, "int": int, "float": float, "boolean": bool, "secret": str}
"""What the value of an option is in Python, by its type in ``config.yaml``."""

PARAMETER_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": Sequence,
    "object": Mapping,
    "null": type(None),
}
"""What a parameter is in Python, by its type in ``actions.yaml``."""

SECRET_URI = re.compile(r"secret:[a-z0-9]{20}")

ALWAYS_BOUND = "juju-info"
"""Name that every application has addresses for."""

# First versions of the controller that know something.
SECRETS_SINCE = (3, 0)
SECRET_OPTIONS_SINCE = (3, 4)
KUBERNETES_CLOUD_SPEC_SINCE = (3, 6, 10)

NEEDS_REMOTE_UNIT = ("_relation_joined", "_relation_changed", "_relation_departed")
"""Ends of the names of relation events that are always about a unit."""


@dataclass(frozen=True)
class Scene:
    """What has to fit together."""

    state: State
    event: _Event
    spec: CharmSpec[Any]
    version: tuple[int, ...]
    """Version of the controller, number by number."""
    unit_id: int

    def declared(self, section: str) -> Mapping[str, Any]:
        """Return what the metadata has in *section*, by name."""
        return self.spec.meta.get(section) or {}

    @functools.cached_property
    def endpoints(self) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """Role of each endpoint, and what the metadata says about it."""
        return {
            name: (role, body or {})
            for role in ("requires", "provides", "peers")
            for name, body in self.declared(role).items()
        }


def check_consistency(
    state: State, event: _Event, charm_spec: CharmSpec[Any], juju_version: str, unit_id: int = 0
) -> None:
    """Check that *event* can happen to unit number *unit_id* of this charm in *state*.

    What is possible but hardly meant is logged as a warning.

    Raises:
        InconsistentScenarioError: it cannot.
    """
    scene = Scene(state, event, charm_spec, _version(juju_version), unit_id)
    problems = [problem for rule in RULES for problem in rule(scene)]
    if problems:
        raise InconsistentScenarioError(_listed(problems))
    for doubt in (doubt for rule in DOUBTS for doubt in rule(scene)):
        logger.warning("%s", doubt)


@functools.lru_cache(maxsize=16)
def _version(text: str) -> tuple[int, ...]:
    return tuple([*map(int, re.findall(r"\d+", text)), 0, 0][:3])


def _listed(problems: Sequence[str]) -> str:
    if len(problems) == 1:
        return f"Inconsistent scenario: {problems[0]}"
    lines = (f"  {number}. {problem}" for number, problem in enumerate(problems, 1))
    return "\n".join([f"Inconsistent scenario, {len(problems)} problems:", *lines])


def _choice(names: Iterable[str]) -> str:
    """Return which names there are, for the end of a sentence."""
    return ", ".join(sorted(names)) or "none"


def _twice(values: Iterable[Any]) -> list[Any]:
    """Return what is there more than once."""
    values = list(values)
    if len(set(values)) == len(values):
        return []
    return [value for value, count in collections.Counter(values).items() if count > 1]


def _undeclared(what: str, names: Iterable[str], section: str, scene: Scene) -> Iterator[str]:
    declared = scene.declared(section)
    for name in sorted({*names} - declared.keys()):
        yield (
            f"the state has the {what} {name!r}, and the charm declares no such thing: add it to `{section}` of "
            f"the metadata, or take it out of the state (declared: {_choice(declared)})"
        )


# --- what the charm declares ---------------------------------------------------------------------------------


def _endpoints_are_unique(scene: Scene) -> Iterator[str]:
    names = [name for role in ("requires", "provides", "peers") for name in scene.declared(role)]
    for name in _twice(names):
        yield f"the metadata has the endpoint {name!r} more than once: give one of them another name"


def _bindings_are_unique(scene: Scene) -> Iterator[str]:
    for name in sorted(scene.declared("extra-bindings").keys() & scene.endpoints.keys()):
        yield (
            f"the metadata has {name!r} in `extra-bindings`, and an endpoint of that name: every endpoint has a "
            "binding, so leave the extra one away or give it another name"
        )


# --- relations -----------------------------------------------------------------------------------------------


def _wanted_class(role: str, body: Mapping[str, Any]) -> tuple[type[RelationBase], str]:
    """Return the class of relations for an endpoint, and why it is that one."""
    if role == "peers":
        return PeerRelation, "is in `peers`"
    if body.get("scope") == "container":
        return SubordinateRelation, "has `scope: container`"
    return Relation, f"is in `{role}` and has no `scope: container`"


def _relations_are_declared(scene: Scene) -> Iterator[str]:
    for relation in sorted(scene.state.relations, key=lambda each: each.id):
        name = relation.endpoint
        if name not in scene.endpoints:
            yield (
                f"the state has a relation for endpoint {name!r}, which the charm does not declare: add it to "
                f"`requires`, `provides` or `peers` of the metadata, or use another endpoint "
                f"(declared: {_choice(scene.endpoints)})"
            )
        elif not _is_peer_among_others(relation, scene):
            yield from _class_fits(relation, scene)


def _class_fits(relation: RelationBase, scene: Scene) -> Iterator[str]:
    wanted, why = _wanted_class(*scene.endpoints[relation.endpoint])
    if not isinstance(relation, wanted):
        yield (
            f"relation {relation.id} for endpoint {relation.endpoint!r} is a {type(relation).__name__}, and the "
            f"endpoint {why}: make it {wanted.__name__}({relation.endpoint!r}, …)"
        )


def _is_peer_among_others(relation: RelationBase, scene: Scene) -> bool:
    """Return whether it is a peer relation for an endpoint to others, with which tests may have got away."""
    role, body = scene.endpoints.get(relation.endpoint, ("", {}))
    return isinstance(relation, PeerRelation) and _wanted_class(role, body)[0] is Relation


def _relation_ids_are_unique(scene: Scene) -> Iterator[str]:
    for number in _twice(relation.id for relation in scene.state.relations):
        yield (
            f"several relations of the state have id {number}: give each its own, or leave `id` away to have it "
            "chosen (is an older version of a relation in the state beside the new one?)"
        )


def _peers_are_others(scene: Scene) -> Iterator[str]:
    for relation in scene.state.relations:
        if isinstance(relation, PeerRelation) and scene.unit_id in relation.peers_data:
            yield (
                f"`peers_data` of PeerRelation({relation.endpoint!r}) has data of unit {scene.unit_id}, which is "
                "the unit under test: put them into `local_unit_data`"
            )


# --- other parts of the state --------------------------------------------------------------------------------


def _options_are_declared(scene: Scene) -> Iterator[str]:
    options = (scene.spec.config or {}).get("options") or {}
    for name, value in scene.state.config.items():
        if name not in options:
            yield (
                f"the state sets the option {name!r}, which the charm does not declare: add it to config.yaml (or "
                f"`config` of charmcraft.yaml), or take it out of the state (declared: {_choice(options)})"
            )
            continue
        kind = (options[name] or {}).get("type")
        if not kind:
            yield f"option {name!r} has no type in config.yaml: add one of {_choice(OPTION_TYPES)}"
        elif kind not in OPTION_TYPES:
            yield (
                f"option {name!r} has the unknown type {kind!r} in config.yaml: use one of {_choice(OPTION_TYPES)}"
            )
        elif kind == "secret" and scene.version < SECRET_OPTIONS_SINCE:
            yield (
                f"option {name!r} is of type secret, which needs Juju 3.4: pass a newer `juju_version` to the "
                "Context"
            )
        elif not isinstance(value, OPTION_TYPES[kind]):
            yield (
                f"option {name!r} is of type {kind}, and the state gives it {value!r} ({type(value).__name__}): "
                f"give it a value of type {OPTION_TYPES[kind].__name__}"
            )
        elif kind == "secret" and not SECRET_URI.fullmatch(str(value)):
            yield (
                f"option {name!r} is of type secret, and {value!r} is not the id of one: "
                "use `id` of a Secret, which is secret: and 20 lowercase letters and digits"
            )


def _containers_are_declared(scene: Scene) -> Iterator[str]:
    names = [container.name for container in scene.state.containers]
    yield from _undeclared("container", names, "containers", scene)
    for name in _twice(names):
        yield f"the state has several containers {name!r}: leave only one of them"
    for container in scene.state.containers:
        if container.check_infos:
            yield from _checks_are_planned(container)
        if scene.event.kind == "workload":
            yield from _commands_are_unique(container)


def _commands_are_unique(container: Container) -> Iterator[str]:
    for prefix in _twice(each.command_prefix for each in container.execs):
        yield (
            f"container {container.name!r} has several Exec for {list(prefix)!r}, so that nobody can tell "
            "which one answers: leave one, or make the prefixes longer"
        )


def _checks_are_planned(container: Container) -> Iterator[str]:
    checks = container.plan.checks
    for info in sorted(container.check_infos, key=lambda each: each.name):
        check = checks.get(info.name)
        if check is None:
            yield (
                f"container {container.name!r} has a CheckInfo({info.name!r}), and its plan has no such check: "
                f"add it to one of the container's layers (in the plan: {_choice(checks)})"
            )
            continue
        for field, told, planned in (
            ("level", info.level or CheckLevel.UNSET, check.level or CheckLevel.UNSET),
            ("startup", _startup(info.startup), _startup(check.startup)),
            ("threshold", info.threshold or CHECK_THRESHOLD, check.threshold or CHECK_THRESHOLD),
        ):
            if told != planned:
                yield (
                    f"CheckInfo({info.name!r}) of container {container.name!r} has {field} {_text(told)}, and the "
                    f"plan has {_text(planned)}: pass {field}={_text(planned)}, or change the layer"
                )


def _startup(startup: Any) -> Any:
    """Checks are started unless they say that they are not."""
    return startup if startup is CheckStartup.DISABLED else CheckStartup.ENABLED


def _text(value: Any) -> str:
    return str(value) if isinstance(value, (CheckLevel, CheckStartup)) else repr(value)


def _storages_are_declared(scene: Scene) -> Iterator[str]:
    return _undeclared("storage", (each.name for each in scene.state.storages), "storage", scene)


def _resources_are_declared(scene: Scene) -> Iterator[str]:
    return _undeclared("resource", (each.name for each in scene.state.resources), "resources", scene)


def _networks_are_declared(scene: Scene) -> Iterator[str]:
    bindings = {ALWAYS_BOUND, *scene.declared("extra-bindings")}
    in_container = set()
    for name, (_, body) in scene.endpoints.items():
        (in_container if body.get("scope") == "container" else bindings).add(name)
    names = [network.binding_name for network in scene.state.networks]
    for name in sorted(set(names) - bindings):
        if name in in_container:
            yield (
                f"the state has a network for {name!r}, which has `scope: container`: both sides share the "
                "machine, so there is no network between them; take it out of the state"
            )
        else:
            yield (
                f"the state has a network for {name!r}, which is neither an endpoint nor in `extra-bindings` of "
                f"the metadata: use one of {_choice(bindings)}"
            )
    for name in _twice(names):
        yield f"the state has several networks for {name!r}: leave only one of them"


def _secrets_exist(scene: Scene) -> Iterator[str]:
    if scene.version < SECRETS_SINCE and (scene.state.secrets or scene.event.secret is not None):
        yield "secrets need Juju 3.0: pass a newer `juju_version` to the Context, or leave the secrets away"


def _cloud_spec_exists(scene: Scene) -> Iterator[str]:
    model = scene.state.model
    if model.cloud_spec is not None and model.type == "kubernetes" and scene.version < KUBERNETES_CLOUD_SPEC_SINCE:
        yield (
            "the cloud of a Kubernetes model is told from Juju 3.6.10 on: pass a newer `juju_version` to the "
            "Context, give the Model type='lxd', or leave `cloud_spec` away"
        )


def _stored_states_can_be_kept(scene: Scene) -> Iterator[str]:
    for owner, name in _twice((each.owner_path, each.name) for each in scene.state.stored_states):
        yield f"the state has several StoredState({name!r}, owner_path={owner!r}): leave only one of them"
    for stored in scene.state.stored_states:
        try:
            marshal.dumps(dict(stored.content))
        except ValueError:
            yield (
                f"StoredState({stored.name!r}, owner_path={stored.owner_path!r}) has content that cannot be kept: "
                f"{stored.content!r}; use numbers, texts, bytes, lists, dicts, sets and None only"
            )


# --- the event -----------------------------------------------------------------------------------------------


def _event_fits(scene: Scene) -> Iterator[str]:
    return _EVENT_RULES[scene.event.kind](scene.event, scene)


def _nothing_to_check(event: _Event, scene: Scene) -> Iterator[str]:
    return iter(())


def _object_is_missing(event: _Event, what: str) -> str:
    return (
        f"{event.name} is about a {what}, and the event has none: make it with ctx.on, like "
        f"ctx.on.{event.suffix.strip('_')}({what})"
    )


def _not_in_state(event: _Event, what: str, part: Any, scene: Scene) -> str:
    other = next((each for each in getattr(scene.state, f"{what}s") if _show.is_same(each, part)), None)
    if other is None:
        return f"{event.name} is about {part!r}, which is not in the state: add it, like State({what}s={{{what}}})"
    return (
        f"{event.name} is about {part!r}, and the state has it otherwise: pass the very same {what} to the event "
        f"and to the state (event → state: {'; '.join(_show.diff_parts(part, other)) or repr(other)})"
    )


def _is_there(event: _Event, what: str, part: Any, name: str, scene: Scene) -> Iterator[str]:
    """Check that *part* is in the state, as it is, is declared, and is called as the event says."""
    if event.prefix and event.prefix != name:
        yield (
            f"{event.path} is about {event.prefix!r}, and its {what} is called {name!r}: both have to be the name "
            "in the metadata, hyphens included"
        )
    there = getattr(scene.state, f"{what}s")
    if part in there:
        return
    yield _not_in_state(event, what, part, scene)
    # What is in the state is looked for in the metadata there.
    declared = scene.endpoints if what == "relation" else scene.declared(_SECTIONS[what])
    if name not in declared:
        yield (
            f"{event.name} is about the {what} {name!r}, and the charm declares no such thing: add it to the "
            f"metadata (declared: {_choice(declared)})"
        )


_SECTIONS = {"container": "containers", "storage": "storage"}
"""Where objects are declared in the metadata."""


def _relation_event_fits(event: _Event, scene: Scene) -> Iterator[str]:
    relation = event.relation
    if relation is None:
        yield _object_is_missing(event, "relation")
        return
    yield from _is_there(event, "relation", relation, relation.endpoint, scene)
    about_a_unit = event.suffix in NEEDS_REMOTE_UNIT and not event.relation_of_app
    if about_a_unit and event.relation_remote_unit_id is None and not relation._remote_units:
        yield (
            f"{event.name} is about a remote unit, and {relation!r} has none: pass `remote_unit` to the event, or "
            f"data of a unit to the relation"
        )


def _storage_event_fits(event: _Event, scene: Scene) -> Iterator[str]:
    storage = event.storage
    if storage is None:
        yield _object_is_missing(event, "storage")
        return
    yield from _is_there(event, "storage", storage, storage.name, scene)


def _secret_event_fits(event: _Event, scene: Scene) -> Iterator[str]:
    if event.secret is None:
        yield _object_is_missing(event, "secret")
        return
    if event.secret not in scene.state.secrets:
        yield _not_in_state(event, "secret", event.secret, scene)


def _workload_event_fits(event: _Event, scene: Scene) -> Iterator[str]:
    container = event.container
    if container is None:
        yield _object_is_missing(event, "container")
        return
    yield from _is_there(event, "container", container, container.name, scene)
    if event.suffix == "_pebble_custom_notice" and event.notice not in container.notices:
        yield _not_in_container(event, container, "notice", "notices")
    # What a check found goes on changing, so its name is enough.
    names = [info.name for info in container.check_infos]
    if event.suffix.startswith("_pebble_check") and getattr(event.check_info, "name", None) not in names:
        yield _not_in_container(event, container, "check_info", "check_infos")


def _not_in_container(event: _Event, container: Container, what: str, section: str) -> str:
    part = getattr(event, what)
    if part is None:
        return (
            f"{event.name} is about a {what}, and the event has none: make it with "
            f"ctx.on.{event.suffix.strip('_')}"
        )
    return (
        f"{event.name} is about {part!r}, which is not one of container {container.name!r}: pass the very same "
        f"object to Container(…, {section}=[{what}]) and to the event"
    )


def _action_event_fits(event: _Event, scene: Scene) -> Iterator[str]:
    action = event.action
    if not isinstance(action, _Action):
        yield (
            f"{event.name} is about an action, and the event has none: make it with "
            f"ctx.on.action({event.prefix!r})"
        )
        return
    if event.prefix.replace("_", "-") != action.name:
        yield f"{event.path} is about the action {event.prefix!r}, and has one called {action.name!r}"
    actions = scene.spec.actions or {}
    if action.name not in actions:
        yield (
            f"the charm declares no action {action.name!r}: add it to actions.yaml (or `actions` of "
            f"charmcraft.yaml), or run another one (declared: {_choice(actions)})"
        )
        return
    declared = (actions[action.name] or {}).get("params") or {}
    for name, schema in declared.items():
        if not (schema or {}).get("type"):
            yield (
                f"parameter {name!r} of action {action.name!r} has no type in actions.yaml: add one of "
                f"{_choice(PARAMETER_TYPES)}"
            )
    for name, value in action.params.items():
        yield from _parameter_fits(action.name, name, value, declared)


def _parameter_fits(action: str, name: str, value: Any, declared: Mapping[str, Any]) -> Iterator[str]:
    if name not in declared:
        yield (
            f"the action {action!r} has no parameter {name!r}: add it to `params` of the action in actions.yaml, "
            f"or do not pass it (declared: {_choice(declared)})"
        )
        return
    kinds = _kinds(declared[name])
    for kind in kinds:
        if kind not in PARAMETER_TYPES:
            yield (
                f"parameter {name!r} of action {action!r} has the unknown type {kind!r} in actions.yaml: use one "
                f"of {_choice(PARAMETER_TYPES)}"
            )
            return
    if kinds and not any(isinstance(value, PARAMETER_TYPES[kind]) for kind in kinds):
        yield (
            f"parameter {name!r} of action {action!r} is of type {' or '.join(kinds)}, and the event gives it "
            f"{value!r} ({type(value).__name__}): pass another value, or change the type in actions.yaml"
        )


def _kinds(schema: Any) -> list[str]:
    """Return the types that a JSON schema allows."""
    kind = (schema or {}).get("type") or []
    return [kind] if isinstance(kind, str) else list(kind)


_EVENT_RULES: dict[str, Callable[[Any, Scene], Iterator[str]]] = {
    "relation": _relation_event_fits,
    "workload": _workload_event_fits,
    "storage": _storage_event_fits,
    "secret": _secret_event_fits,
    "action": _action_event_fits,
    "builtin": _nothing_to_check,
    "custom": _nothing_to_check,
}

RULES: tuple[Callable[[Scene], Iterator[str]], ...] = (
    _event_fits,
    _endpoints_are_unique,
    _bindings_are_unique,
    _relations_are_declared,
    _relation_ids_are_unique,
    _peers_are_others,
    _options_are_declared,
    _containers_are_declared,
    _storages_are_declared,
    _resources_are_declared,
    _networks_are_declared,
    _secrets_exist,
    _cloud_spec_exists,
    _stored_states_can_be_kept,
)
"""Each yields what cannot be."""


# --- what can be, but is hardly meant ------------------------------------------------------------------------


def _custom_event_is_meant(scene: Scene) -> Iterator[str]:
    if scene.event.is_custom:
        yield (
            f"{scene.event.name} is no event of the controller, so it is not checked whether it fits the state; "
            "if it was meant to be one, make it with another method of ctx.on"
        )


def _container_answers(scene: Scene) -> Iterator[str]:
    container = scene.event.container
    if container is not None and not container.can_connect:
        yield (
            f"{scene.event.name} comes from container {container.name!r}, of which Pebble does not answer in this "
            "state: pass can_connect=True to the Container unless that is meant"
        )


def _peers_are_among_themselves(scene: Scene) -> Iterator[str]:
    for relation in scene.state.relations:
        if _is_peer_among_others(relation, scene):
            yield from _class_fits(relation, scene)


def _commands_can_be_told_apart(scene: Scene) -> Iterator[str]:
    if scene.event.kind != "workload":
        for container in scene.state.containers:
            yield from _commands_are_unique(container)


def _parameter_types_are_known(scene: Scene) -> Iterator[str]:
    action = scene.event.action
    if action is None:
        return
    declared = ((scene.spec.actions or {}).get(action.name) or {}).get("params") or {}
    for name, schema in declared.items():
        for kind in _kinds(schema):
            if kind not in PARAMETER_TYPES:
                yield f"parameter {name!r} of action {action.name!r} has the unknown type {kind!r} in actions.yaml"


DOUBTS: tuple[Callable[[Scene], Iterator[str]], ...] = (
    _custom_event_is_meant,
    _container_answers,
    _peers_are_among_themselves,
    _commands_can_be_told_apart,
    _parameter_types_are_known,
)
"""Each yields what should be looked at again."""
