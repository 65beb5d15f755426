"""User -> the answers of the show commands.  Pure: no token, nor the hash of one, is in any of them."""

from __future__ import annotations

from typing import Any

from coordinator.domain.refs import Kind
from coordinator.domain.user import EVERYWHERE, User
from coordinator.domain.view import View

Tree = dict[str, Any]


def user(view: View, shown: User) -> Tree:
    """Return what `users` and `show-user` say: access to the controller, and to each of the models of *view*."""
    tree = {
        "user-name": shown.name,
        "display-name": shown.display_name,
        "access": shown.access,
        "date-created": shown.created,
    }
    there = {ref.path[0] for ref in view.refs(Kind.MODEL)}
    models = {name: role for name, role in sorted(shown.roles.items()) if name in there and name != EVERYWHERE}
    return tree | ({"models": models} if models else {}) | ({"disabled": True} if shown.disabled else {})


def users_of(view: View, model: str, asker: User) -> Tree:
    """Return who may do what in *model*, by name; only *asker*, if they may not change that.

    When others were connected nobody takes note of.
    """
    tree = {}
    for _, each in view.list(Kind.USER):
        if (access := each.access_to(model)) and (each.name == asker.name or asker.may("admin", model)):
            tree[each.name] = {"display-name": each.display_name or each.name, "access": access}
    if asker.name in tree:
        tree[asker.name]["last-connection"] = "just now"
    return tree
