"""Add users and remove them, let them in or keep them out, and say what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from coordinator.commands.model import alive_model
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.user import (
    ADMIN,
    CONTROLLER_LEVELS,
    EVERYWHERE,
    MODEL_LEVELS,
    User,
    check_user_name,
    included,
)
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound, Refused


def add_user(view: View, name: str, *, token_hash: str, now: str, display_name: str = "") -> Change:
    """Add a user who may log in, and nothing else yet."""
    check_user_name(name)
    ref = refs.user(name)
    if view.exists(ref):
        raise Refused(
            f'failed to create user: user "{name}" already exists (already exists)',
            fix=f"choose another name; a new token for this one: coordinator change-user-password --reset {name}",
        )
    user = User(name=name, token_hash=token_hash, created=now, display_name=display_name)
    return Change(did=f"add-user {name}", puts={ref: user})


def remove_user(view: View, name: str) -> Change:
    """Remove a user with all they may do."""
    _not_the_first(find_user(view, name), "remove")
    return Change(did=f"remove-user {name}", deletes=frozenset({refs.user(name)}))


def set_disabled(view: View, name: str, *, disabled: bool) -> Change | None:
    """Keep a user out, or let them in again; what they may do stays."""
    user = find_user(view, name)
    if user.disabled == disabled:
        return None
    verb = "disable" if disabled else "enable"
    _not_the_first(user, verb)
    return _put(f"{verb}-user {name}", replace(user, disabled=disabled))


def renew_token(view: View, name: str, *, token_hash: str) -> Change:
    """Give a user another token; the one they had is void."""
    user = find_user(view, name)
    _not_the_first(user, "renew the token of")
    return _put(f"renew the token of {name}", replace(user, token_hash=token_hash))


def grant(view: View, name: str, level: str, models: Sequence[str]) -> Change:
    """Let a user do in each of *models* what *level* includes; without models: in the whole system.

    Raises:
        Refused: they may in one of them; nothing is changed then.
    """
    user = find_user(view, name)
    roles = dict(user.roles)
    for where in _places(view, level, models):
        if level in included(roles.get(where, "")) or level == CONTROLLER_LEVELS[0]:
            raise Refused(f'user already has "{level}" access or greater', why=_about(user, where))
        roles[where] = level
    return _put(" ".join(["grant", name, level, *models]), replace(user, roles=roles))


def revoke(view: View, name: str, level: str, models: Sequence[str]) -> Change:
    """Take *level* back, and what includes it: what is less stays.

    Raises:
        Refused: they do not have it in one of the models; nothing is changed then.
    """
    user = find_user(view, name)
    roles = dict(user.roles)
    if not models and level == CONTROLLER_LEVELS[0]:
        raise Refused(
            "cannot revoke login access", why="every user may log in", fix=f"coordinator disable-user {name}"
        )
    places = _places(view, level, models)
    if not models:
        _not_the_first(user, "revoke access of")
    less = [each for each in included(level)[-2:-1] if each != CONTROLLER_LEVELS[0]]
    for where in places:
        if level not in included(roles.pop(where, "")):
            raise Refused(f'user "{name}" does not have "{level}" access', why=_about(user, where))
        if less:
            roles[where] = less[0]
    return _put(" ".join(["revoke", name, level, *models]), replace(user, roles=roles))


def find_user(view: View, name: str) -> User:
    """Return the user *name*.

    Raises:
        NotFound: there is none.
    """
    user: User | None = view.find(refs.user(name))
    if user is None:
        raise NotFound(f'user "{name}" not found', fix="`coordinator users` lists them")
    return user


def _places(view: View, level: str, models: Sequence[str]) -> Sequence[str]:
    """Return where *level* is about to hold: names of models, or EVERYWHERE."""
    known, others = (MODEL_LEVELS, CONTROLLER_LEVELS) if models else (CONTROLLER_LEVELS, MODEL_LEVELS)
    if level not in known:
        why = f"there is {', '.join(known)}"
        if level in others:
            why = "it is for the whole system" if models else "it is for models"
        raise BadRequest(
            f'"{level}" is not an access level of {"a model" if models else "the controller"}',
            why=why,
            fix="write USER read|write|admin MODEL..., or USER add-model|superuser",
        )
    for model in models:
        alive_model(view, model)
    return models or (EVERYWHERE,)


def _about(user: User, where: str) -> str:
    if where == EVERYWHERE:
        return f"{user.name} has {user.access} access to the controller"
    return f"{user.name} has {user.roles.get(where) or 'no'} access to model {where}"


def _not_the_first(user: User, verb: str) -> None:
    if user.name == ADMIN:
        raise Refused(
            f"cannot {verb} user {ADMIN}",
            why="controllers make sure of it when they start",
            fix="for another token, replace the file COORDINATOR_ADMIN_TOKEN_FILE, and restart the controllers",
        )


def _put(did: str, user: User) -> Change:
    return Change(did=did, puts={refs.user(user.name): user})
