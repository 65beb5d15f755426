"""A user: a person or program with a token, and what they may do where.

Role: names, levels of access and what each includes.
Not here: how a token proves who asks (api/auth.py), which request needs what (api/routes/).
Source of the names that clients match on: tests/contract/test_juju_facts.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from coordinator.domain.names import NAME_LENGTH_MAX
from coordinator.errors import BadRequest

ADMIN = "admin"  # the first user; its token is in a file of the controllers
EVERYWHERE = "*"

#: What there is for one model, the least first: each includes those before it.
MODEL_LEVELS = ("read", "write", "admin")
#: What there is for all of them together; `login` is what every user has.
CONTROLLER_LEVELS = ("login", "add-model", "superuser")
SUPERUSER = "superuser"

_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.+-]*[a-zA-Z0-9])?")


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """`roles` maps the name of a model to one of MODEL_LEVELS, and EVERYWHERE to one of either kind.

    `created` is RFC 3339 in UTC; `display_name` is empty when nobody gave one.  Whoever is `disabled` can ask for
    nothing.
    """

    name: str
    token_hash: str
    created: str
    roles: Mapping[str, str] = field(default_factory=dict)
    display_name: str = ""
    disabled: bool = False

    def may(self, need: str, model: str | None = None) -> bool:
        """Say whether a role, in *model* or everywhere, includes *need*."""
        held = [self.roles.get(where, "") for where in (EVERYWHERE, *((model,) if model else ()))]
        return any(need in included(role) for role in held)

    def access_to(self, model: str) -> str:
        """Return the highest of MODEL_LEVELS that the user has in *model*; empty for none."""
        return next((level for level in reversed(MODEL_LEVELS) if self.may(level, model)), "")

    @property
    def access(self) -> str:
        """The highest of CONTROLLER_LEVELS that the user has."""
        return next(level for level in reversed(CONTROLLER_LEVELS) if level == "login" or self.may(level))


def included(role: str) -> tuple[str, ...]:
    """Return what *role* lets its holder do; nothing for a role that there is not."""
    if role == SUPERUSER:
        return (*MODEL_LEVELS, *CONTROLLER_LEVELS)
    for levels in (MODEL_LEVELS, CONTROLLER_LEVELS):
        if role in levels:
            return levels[: levels.index(role) + 1]
    return ()


def check_user_name(name: str) -> str:
    """Return *name* if a user may be called so.

    Raises:
        BadRequest: it has other characters than letters, digits, and inner dots, plus signs and hyphens, or is
            too long.
    """
    if len(name) > NAME_LENGTH_MAX or not _NAME.fullmatch(name):
        raise BadRequest(
            f'invalid user name "{name}"',
            why="letters and digits are allowed, and . + - between them",
            fix=f"choose a name of at most {NAME_LENGTH_MAX} such characters, like bob",
        )
    return name
