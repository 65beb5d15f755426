"""What every request needs: who asks, the store behind it, and the way from a plan to a commit.

Role: shared by routes/.  No request is answered here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Header, Request

from coordinator.api import show
from coordinator.api.auth import Auth, check
from coordinator.api.current import current
from coordinator.clock import Clock
from coordinator.commands import unit
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.names import UnitName
from coordinator.domain.user import User
from coordinator.domain.view import View
from coordinator.errors import BadRequest
from coordinator.store.archives import Archives
from coordinator.store.live import LiveTree
from coordinator.store.port import Store
from coordinator.store.repository import Author, Repository


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the routes work with."""

    store: Store
    repository: Repository
    archives: Archives
    auth: Auth
    live: LiveTree
    clock: Clock
    controller_name: str
    controller_uuid: str
    force_wait_s: int


def services(request: Request) -> Services:
    return request.app.state.services


S = Annotated[Services, Depends(services)]


def user(s: S, authorization: Annotated[str | None, Header()] = None) -> User:
    return s.auth.user_of(authorization)


U = Annotated[User, Depends(user)]


def read_model(s: Services, name: str, *more: refs.Ref) -> View:
    """Return a View of model *name*, with *more* of its tasks.

    Raises:
        NotFound: there is no such model; otherwise its parts would be blamed for not being there.
    """
    view = s.repository.read_model(name, *more)
    if view.peek(refs.model(name)) is None:
        describe_model(s, view, name)
    return view


@contextmanager
def looking_at(s: Services, by: User, name: str) -> Iterator[View]:
    """Look at model *name* as it is now, for a request that only reads; keep it short.

    Raises:
        Denied: *by* may not read it.
        NotFound: there is no such model.
    """
    check(by, "read", name)
    with current(s.live, s.repository, name) as view:
        describe_model(s, view, name)
        yield view


def describe_model(s: Services, view: View, name: str) -> dict[str, Any]:
    """Return what `show-model` says; raise NotFound when *view* has no such model."""
    return show.model(view, name, controller=s.controller_name, controller_uuid=s.controller_uuid)


def transact(
    s: Services,
    by: User,
    name: str,
    plan: Callable[[View], Change | None],
    charm: str = "",
    *,
    blobs: Iterable[str] = (),
) -> None:
    """Carry out *plan* on model *name*.

    With *charm* that archive can be seen too, and the contents of resources whose hashes are *blobs*.
    """

    def read() -> View:
        view = read_model(s, name)
        if charm:
            s.repository.add_charm(view, charm)
        s.repository.add_constant(view, [refs.resource(sha256) for sha256 in blobs])
        return view

    s.repository.transact(read, plan, author(by))


def author(by: User) -> Author:
    return Author(name=f"user {by.name}")


def in_steps(
    s: Services,
    by: User,
    name: str,
    names: Sequence[UnitName],
    plan: Callable[[View, Sequence[UnitName]], Change | None],
) -> None:
    """Carry out *plan* for as many of the units *names* at a time as fit into one write."""
    steps = unit.in_steps(names)
    if len(steps) > 1:
        plan(read_model(s, name), names)  # a rehearsal: one wrong name among them changes nothing
    for step in steps:
        transact(s, by, name, lambda view, step=step: plan(view, step))


def force_at(s: Services, force: bool, no_wait: bool) -> float | None:
    """Return from when on a removal is forced, None for never."""
    if no_wait and not force:
        raise BadRequest("--no-wait without --force not valid")
    return s.clock.now_s() + (0 if no_wait else s.force_wait_s) if force else None
