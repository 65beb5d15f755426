"""Secrets: what is known of one, who may read it, and what becomes of it when somebody changes it.

Role: the rules that hook commands and people's commands share.  A secret has an owner, numbered revisions of its
content, grants, and a record of each unit that reads it; an edit is a value, carried out by `edited`.
Not here: encryption (store/keyring.py), the hooks that come of it (engine/secret.py).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256

from coordinator.domain.names import UnitName
from coordinator.errors import BadRequest, Refused

#: All of a revision's values together, in their base64 form; a revision is one key and fits into one request.
CONTENT_BYTES_MAX = 1_000_000

#: How long until secret-rotate or secret-expired runs again for a charm that did nothing about it.
ASK_AGAIN_S = 300.0

#: The owner of what people add: the model itself.
MODEL = ""

_ID = re.compile(r"[0-9a-v]{20}")
_KEY = re.compile(r"[a-z](?:-?[a-z0-9]){2,}")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
KEY_LENGTH_MAX, NAME_LENGTH_MAX = 255, 255


class Rotate(str, Enum):
    """How often a secret is due to rotate."""

    NEVER = "never"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


_HOUR_S, _DAY_S = 3600.0, 86_400.0
ROTATE_S: Mapping[Rotate, float] = {
    Rotate.HOURLY: _HOUR_S,
    Rotate.DAILY: _DAY_S,
    Rotate.WEEKLY: 7 * _DAY_S,
    Rotate.MONTHLY: 30 * _DAY_S,
    Rotate.QUARTERLY: 91 * _DAY_S,
    Rotate.YEARLY: 365 * _DAY_S,
}


@dataclass(frozen=True, slots=True, repr=False)
class Content:
    """What is kept secret: values by key.  It never shows itself."""

    values: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"<{len(self.values)} secret values>"

    @property
    def size(self) -> int:
        """In bytes of the base64 form."""
        return sum(4 * -(-len(value) // 3) for value in self.values.values())

    def coded(self) -> dict[str, str]:
        """Return the values in base64."""
        return {key: base64.b64encode(value).decode() for key, value in self.values.items()}

    def texts(self) -> dict[str, str]:
        """Return the values as text; what is none has replacement characters."""
        return {key: value.decode("utf-8", "replace") for key, value in self.values.items()}

    def checksum(self) -> str:
        return sha256(json.dumps(self.coded(), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRevision:
    """A revision as a Change writes it; store/repository.py seals it."""

    created: str
    content: Content


@dataclass(frozen=True, kw_only=True, slots=True)
class SealedRevision:
    """A revision as stored: `key` names the key that its content is encrypted with."""

    created: str
    key: str
    sealed: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """Who may read: an application or a unit, as long as the relation exists; None: until it is revoked."""

    target: str
    relation: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """What is known of a secret but for its content.

    `owner`: an application, a unit (`web/0`), or MODEL.  `revision` is the latest, `revisions` those there are,
    `numbered` the highest number ever given.  `rotates_at_s` and `expires_at_s`: seconds since the epoch, None for
    never; the expiry is of the latest revision, and secret-expired is due at `expired_again_s`.  `reported`:
    revisions that secret-remove has run for.  `name` is people's, `label` the owner's.
    """

    id: str
    owner: str
    created: str
    updated: str
    revision: int = 1
    revisions: tuple[int, ...] = (1,)
    numbered: int = 1
    name: str = ""
    label: str = ""
    description: str = ""
    rotate: Rotate = Rotate.NEVER
    rotates_at_s: float | None = None
    expires_at_s: float | None = None
    expired_again_s: float | None = None
    auto_prune: bool = False
    grants: tuple[Grant, ...] = ()
    reported: tuple[int, ...] = ()

    @property
    def uri(self) -> str:
        return f"secret:{self.id}"

    @property
    def has_duties(self) -> bool:
        """Whether its owner may have something to do about it, now or some day."""
        return self.rotates_at_s is not None or self.expired_again_s is not None or bool(self.unreported)

    @property
    def unreported(self) -> tuple[int, ...]:
        """Revisions that are not the latest, and that its owner was not told to remove."""
        return tuple(each for each in self.revisions if each != self.revision and each not in self.reported)

    def is_granted(self, unit: UnitName, relations: Callable[[int], bool]) -> bool:
        """Say whether *unit* may read; *relations* says of a relation's number whether it exists."""
        if self.owner in (unit.app, str(unit)):
            return True
        targets = (unit.app, str(unit))
        return any(g.target in targets and (g.relation is None or relations(g.relation)) for g in self.grants)


@dataclass(frozen=True, kw_only=True, slots=True)
class Consumer:
    """How one unit reads a secret: the revision that it gets, the newest that it knows of, its own label."""

    revision: int
    told: int
    label: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """One grant, or the end of some: without a target all of the relation, without a relation those of any."""

    granted: bool
    target: str = ""
    relation: int | None = None

    def applied(self, grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
        if self.granted:
            grant = Grant(target=self.target, relation=self.relation)
            return grants if grant in grants else (*grants, grant)
        return tuple(grant for grant in grants if not self._ends(grant))

    def _ends(self, grant: Grant) -> bool:
        whose = not self.target or self.target in (grant.target, grant.target.partition("/")[0])
        return whose and self.relation in (None, grant.relation)


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretEdit:
    """What somebody asks to become of a secret; None leaves a part as it is.

    `new`: it is made by this edit.  `removed`: it goes, whatever else is asked.  `gone`: revisions that go.
    `expires_at_s`: seconds since the epoch.
    """

    owner: str
    new: bool = False
    removed: bool = False
    content: Content | None = None
    name: str | None = None
    label: str | None = None
    description: str | None = None
    rotate: Rotate | None = None
    expires_at_s: float | None = None
    auto_prune: bool | None = None
    access: tuple[Access, ...] = ()
    gone: frozenset[int] = frozenset()


def edited(secret: Secret | None, id: str, edit: SecretEdit, *, now: str, now_s: float) -> Secret | None:
    """Return what *secret* is after *edit*; None: it does not exist (any more).

    New content is a new revision: rotation counts from now, and an expiry that has passed was the old content's.
    """
    if edit.removed or (secret is None and not edit.new):
        return None
    if secret is None:
        secret = Secret(id=id, owner=edit.owner, created=now, updated=now, revision=0, revisions=(), numbered=0)
    facts = {
        name: value
        for name in ("name", "label", "description", "auto_prune")
        if (value := getattr(edit, name)) is not None
    }
    revisions, numbered = secret.revisions, secret.numbered
    rotate = secret.rotate if edit.rotate is None else edit.rotate
    rotates_at_s, expires_at_s = secret.rotates_at_s, secret.expires_at_s
    expired_again_s = secret.expired_again_s
    if edit.content is not None:
        numbered += 1
        revisions = (*revisions, numbered)
        if expires_at_s is not None and expires_at_s <= now_s:
            expires_at_s = expired_again_s = None
    if secret.revision in edit.gone:
        expires_at_s = expired_again_s = None  # the expiry was of the latest revision, which goes
    if edit.expires_at_s is not None:
        expires_at_s = expired_again_s = edit.expires_at_s
    if rotate is not secret.rotate or edit.content is not None:
        rotates_at_s = next_rotation_s(rotate, expires_at_s, now_s)
    elif rotates_at_s is not None and expires_at_s is not None:
        rotates_at_s = min(rotates_at_s, expires_at_s)
    revisions = tuple(each for each in revisions if each not in edit.gone)
    if not revisions:
        return None
    grants = secret.grants
    for access in edit.access:
        grants = access.applied(grants)
    after = replace(
        secret,
        **facts,
        revision=revisions[-1],
        revisions=revisions,
        numbered=numbered,
        rotate=rotate,
        rotates_at_s=rotates_at_s,
        expires_at_s=expires_at_s,
        expired_again_s=expired_again_s,
        grants=grants,
        reported=tuple(each for each in secret.reported if each in revisions),
    )
    return after if after == secret else replace(after, updated=now)


def next_rotation_s(rotate: Rotate, expires_at_s: float | None, now_s: float) -> float | None:
    """Return when a secret that has new content is due to rotate; its expiry pulls that forward."""
    if rotate is Rotate.NEVER:
        return None
    due_s = now_s + ROTATE_S[rotate]
    return due_s if expires_at_s is None else min(due_s, expires_at_s)


def obsolete(secret: Secret, tracked: Sequence[int]) -> tuple[int, ...]:
    """Return the revisions that nobody needs any more: not the latest, and read by none of those who track one."""
    return tuple(each for each in secret.revisions if each != secret.revision and each not in tracked)


# --- names and content -----------------------------------------------------------------------------------


def make_id(entropy: bytes, count: int, now_s: float) -> str:
    """Return the id of the *count*-th secret that somebody makes: 20 characters that sort by time.

    *entropy* is random and used by nobody else.
    """
    assert len(entropy) >= 16, "an id needs randomness"
    body = int(now_s).to_bytes(8, "big")[-4:] + sha256(entropy + count.to_bytes(4, "big")).digest()[:8]
    number = int.from_bytes(body, "big") << 4  # 96 bits, filled up to 20 characters of 5
    return "".join(_DIGITS[number >> shift & 31] for shift in range(95, -1, -5))


def parse_uri(text: str) -> str:
    """Return the id in `secret:ID`, `secret://MODEL-UUID/ID` or a bare `ID`.

    Raises:
        BadRequest: it is none of these.
    """
    plain = text.strip()
    found = plain.rpartition("/")[2] if plain.startswith("secret://") else plain.removeprefix("secret:")
    if not _ID.fullmatch(found):
        raise BadRequest(f'secret URI "{text}" not valid', fix="write it like secret:9m4e2mr0ui3e8a215n4g")
    return found


def is_uri(text: str) -> bool:
    """Say whether *text* names a secret by its id."""
    try:
        parse_uri(text)
    except BadRequest:
        return False
    return True


def check_name(name: str) -> str:
    """Return *name* if people may call a secret so.

    Raises:
        BadRequest: it has other characters than letters, digits and inner hyphens, is too long, or reads as an id.
    """
    if len(name) > NAME_LENGTH_MAX or not _NAME.fullmatch(name) or _ID.fullmatch(name):
        raise BadRequest(
            f'secret name "{name}" not valid',
            why="a name has letters, digits and inner hyphens, and is no id",
            fix="choose one like apikey",
        )
    return name


def parse_content(
    words: Sequence[str], document: Mapping[str, str] | None, read: Callable[[str], bytes]
) -> Content | None:
    """Return the content that `key=value`, `key#base64=value`, `key#file=PATH` words give; None: none is given.

    *document* is what a file says, with keys of the first two forms; words beat it.  *read* returns what a named
    file holds.

    Raises:
        BadRequest: a word has no equals sign, or a key is not of the form that is possible.
        Refused: a value is empty, or no base64, or all together are too large.
    """
    values: dict[str, bytes] = {}
    given = [*(document or {}).items()]
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            # What was typed may be the secret itself, so it is not repeated.
            raise BadRequest("a secret value is not of the form key=value", fix="write it like token=VALUE")
        given.append((key, value))
    for spelled, value in given:
        key, _, form = spelled.partition("#")
        if not _KEY.fullmatch(key) or len(key) > KEY_LENGTH_MAX or form not in ("", "base64", "file"):
            raise BadRequest(
                f'key "{spelled}" not valid',
                why="a key has at least 3 lower-case letters, digits and inner hyphens, and starts with a letter",
                fix="name it like token, token#base64 or token#file",
            )
        values[key] = read(value) if form == "file" else _uncoded(key, value) if form else value.encode()
    return check_content(Content(values)) if values else None


def _uncoded(key: str, value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f'the value of "{key}" is not base64', fix=f"give it as {key}=VALUE") from None


def content_of(coded: Mapping[str, str]) -> Content:
    """Return the content whose values *coded* has in base64, checked as in `parse_content`."""
    return parse_content((), {f"{key}#base64": value for key, value in coded.items()}, _no_files) or Content({})


def _no_files(path: str) -> bytes:
    raise BadRequest("a file cannot be named here")


def check_content(content: Content) -> Content:
    """Return *content* if it may be kept.

    Raises:
        Refused: a value is empty, or all together are too large.
    """
    for key, value in content.values.items():
        if not value:
            raise Refused("empty secret value not valid", why=f'"{key}" has none')
    if content.size > CONTENT_BYTES_MAX:
        raise Refused(
            "the content of the secret is too large",
            why=f"it has {content.size} bytes as base64, the limit is {CONTENT_BYTES_MAX}",
            fix="keep large content elsewhere, and only its key in the secret",
        )
    return content
