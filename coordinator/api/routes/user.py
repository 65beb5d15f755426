"""Requests about users: who there is, what they may do, and their tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from coordinator.api import user as show
from coordinator.api.auth import check, hash_token, new_token
from coordinator.api.services import S, Services, U, author, describe_model
from coordinator.commands import user
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.refs import Kind
from coordinator.domain.user import SUPERUSER, User
from coordinator.domain.view import View
from coordinator.store import keys
from coordinator.wire import AddUser, ShareModels, UpdateUser

router = APIRouter()


@router.get("/users")
def list_users(s: S, by: U) -> dict[str, Any]:
    """All users for who may change them, else whoever asks; each has `user-name`, `display-name`, `access` to the
    controller, `date-created`, and perhaps `models` and `disabled`."""
    view = s.repository.read(keys.everything(Kind.USER), keys.everything(Kind.MODEL))
    seen = [each for _, each in view.list(Kind.USER) if each.name == by.name or by.may(SUPERUSER)]
    return {"users": [show.user(view, each) for each in seen]}


@router.get("/users/{who}")
def get_user(s: S, by: U, who: str) -> dict[str, Any]:
    """One of `GET /users`."""
    _check_is_own(by, who)
    view = s.repository.read(refs.user(who), keys.everything(Kind.MODEL))
    return show.user(view, user.find_user(view, who))


@router.get("/models/{name}/users")
def list_users_of_model(s: S, by: U, name: str) -> dict[str, Any]:
    """Who may do what in a model, by name, for who may change that; else only whoever asks."""
    check(by, "read", name)
    view = s.repository.read(refs.model(name), keys.everything(Kind.USER))
    describe_model(s, view, name)
    return show.users_of(view, name, by)


@router.post("/users", status_code=201)
def add_user(s: S, by: U, given: AddUser) -> dict[str, str]:
    """Answers the user's token: it is stored nowhere, and shown to nobody again."""
    check(by, SUPERUSER)
    token, now = new_token(given.name), s.clock.timestamp()
    token_hash = hash_token(token)
    _transact(s, by, given.name, lambda view: user.add_user(
        view, given.name, token_hash=token_hash, now=now, display_name=given.display_name
    ))  # fmt: skip
    return {"name": given.name, "token": token}


@router.delete("/users/{who}")
def remove_user(s: S, by: U, who: str) -> dict[str, str]:
    check(by, SUPERUSER)
    _transact(s, by, who, lambda view: user.remove_user(view, who))
    return {"removed": who}


@router.patch("/users/{who}")
def update_user(s: S, by: U, who: str, given: UpdateUser) -> dict[str, str]:
    check(by, SUPERUSER)
    _transact(s, by, who, lambda view: user.set_disabled(view, who, disabled=given.disabled))
    return {}


@router.post("/users/{who}/token")
def renew_token(s: S, by: U, who: str) -> dict[str, str]:
    """Answers another token, as `POST /users` does; the one before is void."""
    _check_is_own(by, who)
    token = new_token(who)
    token_hash = hash_token(token)
    _transact(s, by, who, lambda view: user.renew_token(view, who, token_hash=token_hash))
    return {"name": who, "token": token}


@router.post("/user-grants")
def grant(s: S, by: U, given: ShareModels) -> dict[str, str]:
    _share(s, by, given, lambda view: user.grant(view, given.user, given.access, given.models))
    return {}


@router.post("/user-revocations")
def revoke(s: S, by: U, given: ShareModels) -> dict[str, str]:
    _share(s, by, given, lambda view: user.revoke(view, given.user, given.access, given.models))
    return {}


def _share(s: Services, by: User, given: ShareModels, plan: Callable[[View], Change | None]) -> None:
    """Carry out *plan* for who may: administrators of each of the models, superusers for the whole system."""
    for model in given.models:
        check(by, "admin", model)
    if not given.models:
        check(by, SUPERUSER)
    _transact(s, by, given.user, plan, *map(refs.model, given.models))


def _check_is_own(by: User, who: str) -> None:
    if by.name != who:
        check(by, SUPERUSER)


def _transact(s: Services, by: User, who: str, plan: Callable[[View], Change | None], *more: refs.Ref) -> None:
    """Carry out *plan*, which sees the user *who* and *more*."""
    s.repository.transact(lambda: s.repository.read(refs.user(who), *more), plan, author(by))
