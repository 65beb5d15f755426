"""Who may do what: tokens of users, and their roles.

Role: a token is `<user>.<secret>`; only a salted scrypt hash of it is stored.  Checking one costs some 50 ms by
design, so what was checked is remembered in this process, for as long as the stored user does not change.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from coordinator.clock import Clock
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.user import ADMIN, EVERYWHERE, SUPERUSER, User, included
from coordinator.domain.view import View
from coordinator.errors import Denied
from coordinator.store.repository import Author, Repository

_SCRYPT = {"n": 2**14, "r": 8, "p": 1}


def new_token(user: str) -> str:
    return f"{user}.{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${hashlib.scrypt(token.encode(), salt=salt, **_SCRYPT).hex()}"


def is_token(token: str, stored: str) -> bool:
    """Say whether *token* is the one whose hash is *stored*."""
    salt, _, digest = stored.partition("$")
    computed = hashlib.scrypt(token.encode(), salt=bytes.fromhex(salt), **_SCRYPT)
    return hmac.compare_digest(computed.hex(), digest)


class Auth:
    """Checks tokens against the users in the store."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._checked: dict[bytes, tuple[str, int]] = {}  # digest of a good token: its user at a revision

    def user_of(self, authorization: str | None) -> User:
        """Return the user that an Authorization header proves.

        Raises:
            Denied: there is none, or it proves nobody.
        """
        scheme, _, token = (authorization or "").partition(" ")
        name, dot, _ = token.rpartition(".")
        if not token:
            raise Denied(
                "no token given", why="every request needs one", fix="coordinator login URL --token-file FILE"
            )
        if scheme.lower() != "bearer" or not dot or "/" in name:
            raise _not_valid()
        stored = self._repository.read(refs.user(name)).find_stored(refs.user(name))
        digest = hashlib.sha256(token.encode()).digest()
        if stored is not None and not stored.value.disabled:
            if self._checked.get(digest) == (name, stored.revision):
                return stored.value
            if is_token(token, stored.value.token_hash):
                self._checked[digest] = (name, stored.revision)
                return stored.value
        raise _not_valid()


def _not_valid() -> Denied:
    return Denied(
        "the token is not valid",
        why="nobody has it, or not any more, or its user is disabled",
        fix="log in with one that is: coordinator login URL --token-file FILE; or ask an administrator for "
        "another: coordinator change-user-password --reset USER",
    )


def check(user: User, need: str, model: str | None = None) -> None:
    """Let *user* pass if one of their roles, in *model* or everywhere, includes *need*.

    Raises:
        Denied: none does.
    """
    if not user.may(need, model):
        where = f" in model {model}" if model else ""
        raise Denied(
            "permission denied",
            why=f"user {user.name} needs {need} access{where}",
            fix=f"ask an administrator: coordinator grant {user.name} {need} {model or ''}".rstrip(),
        )


def check_somewhere(user: User, need: str) -> None:
    """Let *user* pass if one of their roles, in whatever model, includes *need*: for what is of no model yet.

    Raises:
        Denied: none does.
    """
    if not any(need in included(role) for role in user.roles.values()):
        raise Denied(
            "permission denied",
            why=f"user {user.name} has {need} access to no model",
            fix=f"ask an administrator: coordinator grant {user.name} {need} MODEL",
        )


def ensure_admin(repository: Repository, clock: Clock, token_file: Path) -> None:
    """Make the user `admin` with a new token in *token_file*, readable by its owner only, if there is none yet.

    With a file that exists the user gets that token: so the controllers of one cluster can be given the same.
    """
    token = _read_or_make(token_file)
    ref = refs.user(ADMIN)

    def plan(view: View) -> Change | None:
        known = view.find(ref)
        if known is not None and is_token(token, known.token_hash):
            return None
        user = User(
            name=ADMIN, token_hash=hash_token(token), created=clock.timestamp(), roles={EVERYWHERE: SUPERUSER}
        )
        return Change(did="make user admin", puts={ref: user})

    repository.transact(lambda: repository.read(ref), plan, Author(name="controller"))


def _read_or_make(token_file: Path) -> str:
    """Return the token in *token_file*; one is made when there is none, by one of several controllers."""
    if not token_file.exists():
        token_file.parent.mkdir(parents=True, exist_ok=True)
        fresh = token_file.with_name(f".{token_file.name}.{secrets.token_hex(8)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(new_token(ADMIN) + "\n")
        with contextlib.suppress(FileExistsError):  # another controller was first: its token counts
            os.link(fresh, token_file)
        fresh.unlink()
    return token_file.read_text().strip()
