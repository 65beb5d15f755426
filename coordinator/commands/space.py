"""Make spaces, give networks to them, rename and remove them; bind endpoints to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from coordinator.commands.application import alive_application, charm_of
from coordinator.commands.model import alive_model
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.constraints import spaces_named, with_space_renamed
from coordinator.domain.model import Model
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.settings import DEFAULT_SPACE
from coordinator.domain.space import (
    ALPHA,
    SEQUENCE,
    Space,
    Spaces,
    addresses_in,
    check_bindings,
    check_machines,
    check_space_name,
    endpoint_bindings,
    find_space,
    machines_of,
    named_again,
    overlap,
    parse_cidr,
    rebound,
)
from coordinator.domain.unit import Application
from coordinator.domain.view import View
from coordinator.errors import BadRequest, Refused

CIDRS_MAX = 100  # of one space; each address of a machine is compared with all of them


def add_space(view: View, model: str, name: str, cidrs: Sequence[str]) -> Change:
    """Make a space with networks that no other space has."""
    alive_model(view, model)
    check_space_name(name)
    if name == ALPHA or view.exists(refs.space(model, name)):
        raise Refused(f'space "{name}" already exists', fix="choose another name, or use move-to-space")
    number = max(1, view.find(refs.sequence(model, SEQUENCE)) or 1)
    spaces = dict(Spaces.of(view, model))
    space = Space(name=name, id=str(number), cidrs=_with(spaces, name, cidrs))
    what = f'cannot add space "{name}" with these subnets'
    _check_reach(view, model, spaces, {**spaces, name: space}, what, "add it without, then move-to-space --force")
    puts = {refs.space(model, name): space, refs.sequence(model, SEQUENCE): number + 1}
    return Change(did=" ".join(["add-space", name, *space.cidrs]), puts=puts)


def move_to_space(
    view: View, model: str, name: str, cidrs: Sequence[str], *, force: bool = False
) -> Change | None:
    """Give networks to a space, be they in another or in none; alpha gets them by their being in none.

    Raises:
        Refused: a unit would be left without an address that its application is bound to (unless *force*).
    """
    alive_model(view, model)
    find_space(view, model, name)
    if not cidrs:
        raise BadRequest("no subnets specified", fix=f"write it like move-to-space {name} 10.1.0.0/24")
    sequence = refs.sequence(model, SEQUENCE)
    number = max(1, view.find(sequence) or 1)
    spaces = dict(Spaces.of(view, model))
    moving = [parse_cidr(text) for text in cidrs]
    after = {
        key: replace(space, cidrs=tuple(cidr for cidr in space.cidrs if cidr not in moving))
        for key, space in spaces.items()
    }
    if name != ALPHA:
        after[name] = replace(after[name], cidrs=_with(after, name, [*after[name].cidrs, *moving]))
    changed = {refs.space(model, key): space for key, space in after.items() if space != spaces[key]}
    if not changed:
        return None
    if not force:
        _check_reach(view, model, spaces, after, f'cannot move to space "{name}"', "add --force")
    for ref in changed:
        view.find(ref)
    flag = " --force" if force else ""
    return Change(did=" ".join(["move-to-space", name, *moving]) + flag, puts={**changed, sequence: number + 1})


def holders(view: View, model: str, cidrs: Sequence[str]) -> dict[str, str]:
    """Return for each of *cidrs* the space that has it; alpha has what no other has."""
    had = {cidr: space.name for space in Spaces.of(view, model).values() for cidr in space.cidrs}
    return {cidr: had.get(cidr, ALPHA) for cidr in map(parse_cidr, cidrs)}


def rename_space(view: View, model: str, name: str, to: str) -> Change | None:
    """Call a space otherwise, in bindings, constraints and the model's default-space too."""
    home = alive_model(view, model)
    check_space_name(to)
    space = find_space(view, model, name)
    if name == to:
        return None
    if name == ALPHA:
        raise Refused("cannot rename space alpha", why="every model has it", fix="add a space of your own")
    if to == ALPHA or view.exists(refs.space(model, to)):
        raise Refused(f'space "{to}" already exists', fix="choose another name")
    puts: dict[Ref, Any] = {refs.space(model, to): replace(space, name=to)}
    for ref, app in _bound(view, model, name):
        renamed = {endpoint: to if bound == name else bound for endpoint, bound in app.bindings.items()}
        exposed = {
            endpoint: tuple(to if source == name else source for source in sources)
            for endpoint, sources in app.exposed.items()
        }
        demanded = with_space_renamed(app.constraints, name, to)
        puts[ref] = replace(app, bindings=renamed, exposed=exposed, constraints=demanded)
    if (follows := _with_space_renamed(home, name, to)) != home:
        puts[refs.model(model)] = follows
    return Change(did=f"rename-space {name} {to}", puts=puts, deletes=frozenset({refs.space(model, name)}))


def remove_space(view: View, model: str, name: str, *, force: bool = False) -> Change:
    """Remove a space; its networks are alpha's again.  With *force* what is bound to it is bound to alpha, what is
    exposed to it is not any more, and neither a constraint nor default-space names it."""
    home = alive_model(view, model)
    find_space(view, model, name)
    if name == ALPHA:
        raise Refused("cannot remove space alpha", why="every model has it", fix="unbind what is bound to it")
    bound = _bound(view, model, name)
    puts: dict[Ref, Any] = {}
    for ref, app in bound:
        if not force:
            raise Refused(
                f'cannot remove space "{name}"',
                why=f"bound, exposed or constrained to it: {', '.join(each.name for _, each in bound)}",
                fix=f"first `coordinator bind {app.name} SPACE`, unexpose, or set-constraints; or add --force",
            )
        kept = {endpoint: ALPHA if to == name else to for endpoint, to in app.bindings.items()}
        exposed = {
            endpoint: left
            for endpoint, sources in app.exposed.items()
            if (left := tuple(source for source in sources if source != name))
        }
        demanded = with_space_renamed(app.constraints, name, None)
        puts[ref] = replace(app, bindings=kept, exposed=exposed, constraints=demanded)
    if (without := _with_space_renamed(home, name, None)) != home:
        if not force:
            raise Refused(
                f'cannot remove space "{name}"',
                why=f"the model's constraints or its {DEFAULT_SPACE} name it",
                fix="change them with set-model-constraints and model-config; or add --force",
            )
        puts[refs.model(model)] = without
    flag = " --force" if force else ""
    return Change(did=f"remove-space {name}{flag}", puts=puts, deletes=frozenset({refs.space(model, name)}))


def bind(view: View, model: str, app: str, bindings: Mapping[str, str], *, force: bool = False) -> Change | None:
    """Bind endpoints of an application to spaces; "" stands for all that are not bound by themselves.

    Raises:
        Refused: a machine of its units has no address there (unless *force*).
    """
    application = alive_application(view, model, app)
    meta = charm_of(view, application).meta
    if not bindings:
        raise BadRequest("no bindings specified", fix=f"write it like bind {app} SPACE, or {app} ENDPOINT=SPACE")
    check_bindings(meta, bindings)
    after = replace(application, bindings=rebound(application.bindings, bindings))
    puts = named_again(view, model, bindings.values())
    if endpoint_bindings(after, meta) == endpoint_bindings(application, meta):
        return None
    if not force:
        check_machines(view, model, application, after, meta, fix="or add --force")
    words = [f"{endpoint}={space}" if endpoint else space for endpoint, space in sorted(bindings.items())]
    flag = " --force" if force else ""
    did = " ".join(["bind", app, *words]) + flag
    return Change(did=did, puts={**puts, refs.application(model, app): after})


def moved_by(view: View, model: str, app: str, change: Change) -> dict[str, tuple[str, str]]:
    """Return the endpoints that *change*, one of `bind`, moves: from which space to which."""
    ref = refs.application(model, app)
    charm = charm_of(view, change.puts[ref])
    before, after = (endpoint_bindings(each, charm.meta) for each in (view.peek(ref), change.puts[ref]))
    was = {name: before.get(name, before[""]) for name in after}
    return {name: (was[name], after[name]) for name in after if name and was[name] != after[name]}


# --- shared ----------------------------------------------------------------------------------------------


def _with_space_renamed(home: Model, name: str, to: str | None) -> Model:
    """Return the model with *to* in place of the space *name* in what it says itself; None: without it."""
    settings = {key: value for key, value in home.settings.items() if (key, value) != (DEFAULT_SPACE, name)}
    if to is not None and len(settings) < len(home.settings):
        settings[DEFAULT_SPACE] = to
    return replace(home, settings=settings, constraints=with_space_renamed(home.constraints, name, to))


def _with(spaces: Mapping[str, Space], name: str, cidrs: Sequence[str]) -> tuple[str, ...]:
    """Return the networks of space *name* when it has *cidrs*, after checking them.

    Raises:
        BadRequest: one is none.
        Refused: one overlaps with a network of another space, or with another of these; or they are too many.
    """
    parsed = sorted({parse_cidr(text) for text in cidrs})
    if len(parsed) > CIDRS_MAX:
        raise Refused(f'space "{name}" cannot have {len(parsed)} subnets', why=f"the limit is {CIDRS_MAX}")
    for number, cidr in enumerate(parsed):
        for other in parsed[:number]:
            if overlap(cidr, other):
                raise Refused(f"subnets {other} and {cidr} overlap", fix="give the larger one only")
        for space in spaces.values():
            for other in space.cidrs:
                if space.name != name and overlap(cidr, other):
                    raise Refused(
                        f'subnet {cidr} cannot be in space "{name}"',
                        why=f'space "{space.name}" has {other}, and an address is in one space',
                        fix=f"coordinator move-to-space {name} {other}" if cidr == other else "give another one",
                    )
    return tuple(parsed)


def _check_reach(
    view: View, model: str, before: Mapping[str, Space], after: Mapping[str, Space], what: str, fix: str
) -> None:
    """Refuse spaces in which a unit loses the last address of what its application is bound to."""
    for _, app in view.list(Kind.APPLICATION, model):
        charm = view.peek(refs.charm(app.charm))
        bound = endpoint_bindings(app, charm.meta if charm is not None else None)
        wanted = {space for endpoint, space in bound.items() if endpoint}
        for machine in machines_of(view, model, app.name):
            for space in sorted(wanted):
                had, has = (addresses_in(each, machine.addresses, space) for each in (before, after))
                if had and not has:
                    raise Refused(
                        what,
                        why=f'{app.name} is bound to space "{space}", in which machine {machine.id} '
                        "would have no address any more",
                        fix=f"first bind {app.name} elsewhere; or {fix}",
                    )


def _bound(view: View, model: str, space: str) -> list[tuple[Ref, Application]]:
    """Return the applications that are bound, exposed or constrained to *space*; the write depends on them."""
    found = [
        ref
        for ref, app in view.list(Kind.APPLICATION, model)
        if space in app.bindings.values()
        or space in spaces_named(app.constraints)
        or any(space in sources for sources in app.exposed.values())
    ]
    return [(ref, view.find(ref)) for ref in found]
