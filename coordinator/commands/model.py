"""Add and destroy models, and change their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.constraints import constraint_values, spaces_named
from coordinator.domain.life import Life
from coordinator.domain.model import Model
from coordinator.domain.names import check_model_name
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.settings import DEFAULT_SPACE, SETTINGS
from coordinator.domain.space import ALPHA, find_space, named_again
from coordinator.domain.storage import is_persistent
from coordinator.domain.user import User
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused

ROLES_PER_STEP_MAX = 50  # users that one write changes


def forget_roles(view: View, name: str) -> Change | None:
    """Take back what some users may do in a model that is gone; None when there is nothing (more) to take back.

    Otherwise they could do it in the next one of that name.
    """
    if view.exists(refs.model(name)):
        return None
    puts = {}
    for ref, user in view.list(Kind.USER):
        if name in user.roles and len(puts) < ROLES_PER_STEP_MAX:
            view.find(ref)
            puts[ref] = replace(user, roles={where: role for where, role in user.roles.items() if where != name})
    return Change(did=f"take back access to model {name}, which is gone", puts=puts) if puts else None


def add_model(
    view: View, name: str, *, uuid: str, owner: str, now: str, settings: Mapping[str, Any] | None = None
) -> Change:
    """Add a model of *owner*, who may do everything there."""
    check_model_name(name)
    if view.exists(refs.model(name)):
        raise Refused(
            f'failed to create new model: model "{name}" for {owner} already exists (already exists)',
            fix=f"choose another name, or `coordinator destroy-model {name}`",
        )
    users: list[tuple[Ref, User]] = view.list(Kind.USER)
    if any(name in user.roles for _, user in users):  # none can be given as long as there is no such model
        raise Refused(f'another model "{name}" came and went meanwhile', fix="try again")
    parsed = _parsed(settings or {})
    find_space(view, name, str(parsed.get(DEFAULT_SPACE) or ALPHA))
    puts: dict[Ref, Any] = {
        refs.model(name): Model(name=name, uuid=uuid, owner=owner, created=now, settings=parsed)
    }
    user: User | None = view.find(refs.user(owner))
    if user is not None and not user.may("admin"):
        puts[refs.user(owner)] = replace(user, roles={**user.roles, name: "admin"})
    return Change(did=f"add-model {name}", puts=puts)


def destroy_model(
    view: View,
    name: str,
    *,
    force_at_s: float | None,
    destroy_storage: bool = False,
    release_storage: bool = False,
) -> Change | None:
    """Begin to end a model; reconcile/removal.py does the rest, in steps that each leave a valid model.

    What becomes of storage that outlives its units must be said the first time: it is destroyed, or released.
    """
    model: Model = find_model(view, name)
    if destroy_storage and release_storage:
        raise BadRequest("--destroy-storage and --release-storage cannot both be specified")
    if model.life is Life.ALIVE and not (destroy_storage or release_storage):
        _check_storage(view, name)
    elif model.life is Life.DYING and model.force_at_s == force_at_s:
        return None
    dying = replace(
        model,
        life=Life.DYING,
        force_at_s=_sooner(model.force_at_s, force_at_s),
        release_storage=model.release_storage or release_storage,
    )
    return Change(did=f"destroy-model {name}", puts={refs.model(name): dying})


def _check_storage(view: View, name: str) -> None:
    kept = [storage.id for _, storage in view.list(Kind.STORAGE, name) if is_persistent(storage)]
    if kept:
        raise Refused(
            f'cannot destroy model "{name}"',
            why=f"it has persistent storage: 0 volumes and {len(kept)} filesystems "
            f"({', '.join(map(str, sorted(kept)[:5]))}{', ...' if len(kept) > 5 else ''})",
            fix="add --destroy-storage to delete its content, or --release-storage to leave that on the machines",
        )


def set_settings(view: View, name: str, changes: Mapping[str, Any], reset: Sequence[str] = ()) -> Change | None:
    model = alive_model(view, name)
    settings = {key: value for key, value in model.settings.items() if key not in set(reset)}
    settings.update(_parsed(changes))
    if settings == model.settings:
        return None
    usual = settings.get(DEFAULT_SPACE) if DEFAULT_SPACE in changes else None
    named = named_again(view, name, [str(usual)] if usual else [])
    words = [f"{key}={value}" for key, value in changes.items()] + [f"--reset {key}" for key in reset]
    return Change(
        did=" ".join(["model-config", *words]),
        puts={refs.model(name): replace(model, settings=settings), **named},
    )


def set_constraints(view: View, name: str, constraints: Mapping[str, str]) -> Change | None:
    """Replace what machines must have for units of this model that are not placed yet."""
    model = alive_model(view, name)
    constraint_values(constraints)
    if constraints == model.constraints:
        return None
    named = named_again(view, name, spaces_named(constraints))
    words = [f"{key}={value}" for key, value in sorted(constraints.items())]
    return Change(
        did=" ".join(["set-model-constraints", *words]),
        puts={refs.model(name): replace(model, constraints=dict(constraints)), **named},
    )


def find_model(view: View, name: str) -> Model:
    """Return the model called *name*; the write depends on it.

    Raises:
        NotFound: there is none.
    """
    model = view.find(refs.model(name))
    if model is None:
        raise NotFound(f"model {name} not found", fix="`coordinator models` lists them")
    return model


def alive_model(view: View, name: str) -> Model:
    """Return the model called *name* if things may still be added to it."""
    model = find_model(view, name)
    if model.life is not Life.ALIVE:
        raise Refused(f'model "{name}" is being destroyed', fix="use another model")
    return model


def _parsed(given: Mapping[str, Any]) -> dict[str, Any]:
    # Settings that we do not know are kept as text: people carry them over from elsewhere, and the CLI warns.
    parsed = {}
    for key, value in given.items():
        try:
            parsed[key] = SETTINGS[key].parse(value) if key in SETTINGS else value
        except Refused as refusal:
            what = refusal.what if key in refusal.what else f'invalid value for "{key}": {refusal.what}'
            raise Refused(what, why=refusal.why, fix=refusal.fix) from refusal
    return parsed


def _sooner(one: float | None, other: float | None) -> float | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)
