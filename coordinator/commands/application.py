"""Deploy, refresh and remove applications; expose them; trust them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from coordinator.commands.model import alive_model
from coordinator.commands.unit import new_units
from coordinator.domain import refs, space, storage_pool
from coordinator.domain.change import Change
from coordinator.domain.charm import Charm, CharmMeta
from coordinator.domain.config import carry_over, parse_options, parse_trust
from coordinator.domain.constraints import constraint_values, spaces_named
from coordinator.domain.life import Life
from coordinator.domain.names import check_application_name
from coordinator.domain.network import check_network
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.relation import JUJU_INFO, Relation, Side
from coordinator.domain.resource import Blob, Resource, declared
from coordinator.domain.settings import DEFAULT_SPACE, setting
from coordinator.domain.space import bindable, check_bindings, check_machines, rebound
from coordinator.domain.storage import (
    StorageId,
    carried_over,
    check_storage_change,
    parse_directives,
    storage_for,
    storage_of,
    wanted,
)
from coordinator.domain.storage_pool import Pools
from coordinator.domain.unit import Application, Former, Rollout
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused

ANYWHERE = ("0.0.0.0/0", "::/0")
RELATIONS = "relation"  # the sequence that numbers relations


def deploy(
    view: View,
    model: str,
    app: str,
    *,
    charm: str,
    now: str,
    units: int | None = None,
    to: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    constraints: Mapping[str, str] | None = None,
    bindings: Mapping[str, str] | None = None,
    trust: bool = False,
    resources: Mapping[str, str] | None = None,
    by: str = "",
    storage: Mapping[str, str] | None = None,
    attach: Sequence[StorageId] = (),
) -> Change:
    """Record an application with its peer relations and units; *charm* is the SHA-256 of a stored archive.

    *bindings* come before the model's default-space.  *storage* has a directive for each storage name that shall
    not be as usual; *attach* as in `new_units`.
    """
    home = alive_model(view, model)
    check_application_name(app)
    meta = _charm(view, charm).meta
    if view.exists(refs.application(model, app)):
        raise Refused(
            f'application "{app}" already exists',
            fix="deploy it under another name: coordinator deploy CHARM NAME; "
            f"or `coordinator remove-application {app}`",
        )
    if meta.subordinate and (units is not None or to):
        raise Refused("cannot use --num-units or --to with subordinate application")
    constraint_values(constraints or {})
    settings = dict(config or {})
    if "trust" in settings:
        trust = parse_trust(settings.pop("trust"))
    explicit = parse_options(meta, settings)
    usual = setting(home.settings, DEFAULT_SPACE)
    bindings = {**({"": str(usual)} if usual else {}), **(bindings or {})}
    asked = parse_directives(storage or {}, Pools.of(view, model))
    revision = next_number(view, model, f"charm-{meta.name}")
    application = Application(
        name=app,
        charm=charm,
        charm_name=meta.name,
        charm_revision=revision,
        created=now,
        charm_version=1,
        versions=1,
        subordinate=meta.subordinate,
        units_wanted=0,
        trust=trust,
        constraints=dict(constraints or {}),
        bindings=bindings,
        resources=with_resources(view, meta, {}, resources or {}, by=by, now=now),
        storage=wanted(meta, asked),
    )
    puts: dict[Ref, Any] = {refs.sequence(model, f"charm-{meta.name}"): revision + 1}
    if explicit:
        puts[refs.config(model, app)] = explicit
    puts |= _peer_relations(view, model, app, _charm(view, charm), now)
    puts |= storage_pool.named_again(view, model, [directive.pool for directive in asked.values()])
    check_bindings(meta, bindings)
    puts |= space.named_again(view, model, {*bindings.values(), *spaces_named(constraints or {})})
    count = 0 if meta.subordinate else 1 if units is None else units
    puts |= new_units(view, model, application, count, to=to, now=now, attach=attach)
    return Change(did=f"deploy {app} ({meta.name}-{revision})", puts=puts)


def refresh(
    view: View,
    model: str,
    app: str,
    *,
    charm: str,
    now: str,
    config: Mapping[str, Any] | None = None,
    batch: int | None = None,
    force_units: bool = False,
    resources: Mapping[str, str] | None = None,
    by: str = "",
    storage: Mapping[str, str] | None = None,
    bindings: Mapping[str, str] | None = None,
) -> Change:
    """Let an application run another archive; its units run upgrade-charm, each when it gets to it.

    With *batch* so many at a time, and it stops at the first one in error; with *force_units* units in error take
    the new charm too, before their hook is tried again.  *storage* has directives for new units, and for what the
    new charm needs; *bindings* as in `bind`.
    """
    if batch is not None and batch < 1:
        raise BadRequest(f"cannot upgrade {batch} units at a time", fix="--batch takes a number from 1 on")
    application = alive_application(view, model, app)
    meta = _charm(view, charm).meta
    if meta.name != application.charm_name:
        raise Refused(
            f'cannot refresh "{app}" to "{meta.name}"',
            why=f'it runs charm "{application.charm_name}"',
            fix="give the path of a charm of that name",
        )
    if meta.subordinate != application.subordinate:
        raise Refused(
            f'cannot refresh "{app}"',
            why="the charm changed whether it is a subordinate",
            fix="deploy it as a new application",
        )
    check_endpoints_in_use(view, model, app, meta)
    check_storage_change(charm_of(view, application).meta, meta)
    revision = next_number(view, model, f"charm-{meta.name}")
    version = next_version(application)
    asked = parse_directives(storage or {}, Pools.of(view, model))
    check_bindings(meta, bindings or {})
    rebindings = rebound(application.bindings, bindings or {})
    upgraded = replace(
        application,
        charm=charm,
        charm_revision=revision,
        charm_version=version,
        versions=version,
        former=Former(
            charm=application.charm,
            revision=application.charm_revision,
            version=application.charm_version,
            resources=application.resources,
        ),
        rollout=Rollout(batch=batch) if batch is not None else None,
        resources=with_resources(view, meta, application.resources, resources or {}, by=by, now=now),
        forced_version=version if force_units else None,
        storage=wanted(meta, carried_over(meta, application.storage, asked)),
        bindings={name: to for name, to in rebindings.items() if name in ("", JUJU_INFO.name, *bindable(meta))},
    )
    puts: dict[Ref, Any] = {
        refs.application(model, app): upgraded,
        refs.sequence(model, f"charm-{meta.name}"): revision + 1,
    }
    explicit = view.find(refs.config(model, app)) or {}
    kept = carry_over(meta, explicit) | parse_options(meta, dict(config or {}))
    if kept != explicit:
        puts[refs.config(model, app)] = kept
    puts |= _peer_relations(view, model, app, _charm(view, charm), now)
    puts |= _missing_storage(view, model, upgraded, meta, now)
    puts |= storage_pool.named_again(view, model, [directive.pool for directive in asked.values()])
    if bindings:
        puts |= space.named_again(view, model, bindings.values())
        check_machines(view, model, application, upgraded, meta, fix="or use `coordinator bind --force`")
    return Change(did=f"refresh {app} ({meta.name}-{revision})", puts=puts)


def remove_application(
    view: View, model: str, app: str, *, force_at_s: float | None = None, destroy_storage: bool = False
) -> Change | None:
    """Begin to end an application; reconcile/removal.py takes its relations and units along.

    What its units have of storage stays, unless *destroy_storage*.
    """
    application: Application = find_application(view, model, app)
    if application.life is Life.DYING and (force_at_s is None or application.force_at_s is not None):
        return None
    destroyed = application.destroy_storage or destroy_storage
    dying = replace(application, life=Life.DYING, force_at_s=force_at_s, destroy_storage=destroyed)
    force = (" --destroy-storage" if destroy_storage else "") + (" --force" if force_at_s is not None else "")
    return Change(did=f"remove-application {app}{force}", puts={refs.application(model, app): dying})


def expose(
    view: View,
    model: str,
    app: str,
    *,
    endpoints: Sequence[str] = (),
    cidrs: Sequence[str] = (),
    spaces: Sequence[str] = (),
) -> Change | None:
    """Let the world reach the open ports of *endpoints* (none given: all) from *cidrs* and *spaces* (none given:
    anywhere)."""
    application = alive_application(view, model, app)
    meta = _charm(view, application.charm).meta
    for name in endpoints:
        if meta.find_endpoint(name) is None and name not in meta.extra_bindings:
            raise NotFound(f'endpoint "{name}" not found', why=f'charm "{meta.name}" does not declare it')
    sources = (*(check_network(text) for text in cidrs), *spaces) or ANYWHERE
    named = space.named_again(view, model, spaces)
    exposed = dict(application.exposed) | dict.fromkeys(endpoints or ("",), sources)
    if exposed == application.exposed:
        return None
    puts = {refs.application(model, app): replace(application, exposed=exposed)}
    return Change(did=f"expose {app}", puts={**puts, **named})


def unexpose(view: View, model: str, app: str, *, endpoints: Sequence[str] = ()) -> Change | None:
    """Undo `expose`, for *endpoints* or altogether."""
    application = alive_application(view, model, app)
    exposed = {name: cidrs for name, cidrs in application.exposed.items() if endpoints and name not in endpoints}
    if exposed == application.exposed:
        return None
    return Change(
        did=f"unexpose {app}", puts={refs.application(model, app): replace(application, exposed=exposed)}
    )


def set_constraints(view: View, model: str, app: str, constraints: Mapping[str, str]) -> Change | None:
    """Replace what machines must have for units of an application that are not placed yet."""
    application = alive_application(view, model, app)
    if application.subordinate:
        raise Refused(
            f'cannot set constraints on "{app}"',
            why="it is a subordinate: its units are where their principals are",
            fix="set them on the application that it is related with",
        )
    constraint_values(constraints)
    if constraints == application.constraints:
        return None
    named = space.named_again(view, model, spaces_named(constraints))
    return Change(
        did=" ".join(["set-constraints", app, *(f"{key}={text}" for key, text in sorted(constraints.items()))]),
        puts={refs.application(model, app): replace(application, constraints=dict(constraints)), **named},
    )


def set_trust(view: View, model: str, app: str, *, trust: bool) -> Change | None:
    application = alive_application(view, model, app)
    if application.trust == trust:
        return None
    return Change(
        did=f"trust {app}" + ("" if trust else " --remove"),
        puts={refs.application(model, app): replace(application, trust=trust)},
    )


# --- shared ----------------------------------------------------------------------------------------------


def find_application(view: View, model: str, app: str) -> Application:
    """Return the application called *app*; the write depends on it.

    Raises:
        NotFound: there is none.
    """
    alive = view.find(refs.application(model, app))
    if alive is None:
        raise NotFound(f'application "{app}" not found', fix="`coordinator status` lists them")
    return alive


def alive_application(view: View, model: str, app: str) -> Application:
    """Return the application called *app* if it may still be changed."""
    application = find_application(view, model, app)
    if application.life is not Life.ALIVE:
        raise Refused(f'application "{app}" is being removed', fix="wait until it is gone, then deploy it again")
    return application


def charm_of(view: View, application: Application) -> Charm:
    """Return the charm that *application* shall run."""
    return _charm(view, application.charm)


def next_number(view: View, model: str, name: str) -> int:
    """Return the next number of a sequence; whoever uses it also puts the number after it."""
    return view.find(refs.sequence(model, name)) or 0


def _charm(view: View, sha256: str) -> Charm:
    charm = view.peek(refs.charm(sha256))  # content-addressed: it cannot move, so it needs no guard
    if charm is None:
        raise NotFound(
            f'charm "{sha256[:12]}" not found', why="its archive was never uploaded", fix="upload it first"
        )
    return charm


def _peer_relations(view: View, model: str, app: str, charm: Charm, now: str) -> dict[Ref, Any]:
    """Return a relation for each peer endpoint that has none yet."""
    related = {
        side.endpoint
        for _, relation in view.list(Kind.RELATION, model)
        if relation.is_peer
        for side in relation.sides
        if side.app == app
    }
    missing = [peer for peer in charm.meta.peers if peer.name not in related]
    if not missing:
        return {}
    first = next_number(view, model, RELATIONS)
    puts: dict[Ref, Any] = {refs.sequence(model, RELATIONS): first + len(missing)}
    for number, peer in enumerate(missing, start=first):
        side = Side(app=app, endpoint=peer.name, role=peer.role)
        puts[refs.relation(model, number)] = Relation(
            id=number, interface=peer.interface, sides=(side,), created=now
        )
    return puts


def with_resources(
    view: View,
    meta: CharmMeta,
    before: Mapping[str, Resource],
    given: Mapping[str, str],
    *,
    by: str,
    now: str,
) -> dict[str, Resource]:
    """Return the resources of an application that runs *meta* after *given* (name to hash) were handed in.

    Raises:
        NotFound: the charm declares none of that name, or the content was never uploaded.
    """
    kept = {name: resource for name, resource in before.items() if name in meta.resources}
    for name, sha256 in given.items():
        declared(meta, name)
        blob: Blob | None = view.peek(refs.resource(sha256))  # content-addressed: it cannot move
        if blob is None:
            raise NotFound(
                f'resource "{name}" not found', why="its content was never uploaded", fix="upload it first"
            )
        revision = kept[name].revision + 1 if name in kept else 0
        kept[name] = Resource(sha256=sha256, size=blob.size, revision=revision, uploaded=now, by=by)
    return kept


def next_version(application: Application) -> int:
    """Return a version of the charm and its resources that no unit has seen yet."""
    return max(application.versions, application.charm_version) + 1


def _missing_storage(
    view: View, model: str, application: Application, meta: CharmMeta, now: str
) -> dict[Ref, Any]:
    """Return what the units need for a charm that needs more storage than the one before."""
    wants = {}
    for _, unit in view.list(Kind.UNIT, model, application.name):
        if unit.life is Life.ALIVE:
            has = [storage.name for _, storage in storage_of(view, model, unit.name)]
            wants[unit.name] = {
                name: replace(application.storage[name], count=max(0, declared.count_min - has.count(name)))
                for name, declared in meta.storage.items()
            }
    return storage_for(view, model, wants, now=now)


def check_endpoints_in_use(view: View, model: str, app: str, meta: Any) -> None:
    for _, relation in view.list(Kind.RELATION, model):
        side = relation.side_of(app)
        if side is None or side.endpoint == "juju-info":
            continue
        endpoint = meta.find_endpoint(side.endpoint)
        if endpoint is None or (endpoint.interface, endpoint.role) != (relation.interface, side.role):
            raise Refused(
                f'cannot refresh "{app}"',
                why=f'would break relation "{relation.key}": the new charm has another "{side.endpoint}", or none',
                fix=f"first `coordinator remove-relation {relation.key}`" if not relation.is_peer else "",
            )
