"""Secrets: values that the controller keeps and hands out to those they are granted to.

Role: reading, changing and granting one secret, with the rules for content and expiry.
Not here: creating one (`Unit.add_secret`, `Application.add_secret`), finding one (`Model.get_secret`).
"""

from __future__ import annotations

import datetime
import enum
import re
import warnings
from typing import TYPE_CHECKING, Any

from ._times import parse_time

if TYPE_CHECKING:
    from ._entities import Unit
    from ._relation import Relation
    from ._tools import _ModelBackend

# From this version on the controller itself keeps what a later update of the same hook leaves out.
_UPDATES_MERGE_SINCE = "3.6.0"

_CONTENT_KEY = r"[a-z](?:-?[a-z0-9]){2,}"


class SecretRotate(enum.Enum):
    """How often a secret is due to rotate."""

    NEVER = "never"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"


def canonical_secret_id(id: str, model_uuid: str | None) -> str:
    """Return *id* as ``secret://<model uuid>/<id>``, or ``secret:<id>`` if no model is known.

    An identifier that begins with ``secret:`` is left as it is.
    """
    id = id.strip()
    if id.startswith("secret:"):
        return id
    return f"secret://{model_uuid}/{id}" if model_uuid else f"secret:{id}"


def unique_part(id: str) -> str:
    """Return the last part of *id*, which is unique in all models of a controller."""
    return id.rpartition("/")[2].removeprefix("secret:")


def check_secret_content(content: dict[str, str]) -> None:
    """Check the rules for content, which the controller has as well.

    Raises:
        TypeError: *content* is no dict, or a key or value is no text.
        ValueError: *content* is empty, or a key is not of the form that is possible.
    """
    if not isinstance(content, dict):
        raise TypeError(f"the content of a secret must be a dict, not {type(content).__name__}")
    if not content:
        raise ValueError("the content of a secret must not be empty")
    for key, value in content.items():
        if not isinstance(key, str):
            raise TypeError(f"the keys of a secret must be text, not {type(key).__name__}")
        if not re.fullmatch(_CONTENT_KEY, key):
            raise ValueError(
                f"invalid secret key: {key!r}, keys should be lowercase letters and digits, at least 3 "
                "characters long, start with a letter, and not start or end with a hyphen"
            )
        if not isinstance(value, str):
            raise TypeError(f"the values of a secret must be text, not {type(value).__name__}")


def expiry_time(expire: datetime.datetime | datetime.timedelta | None) -> datetime.datetime | None:
    """Return the moment of expiry: as given, or from now; None for never.

    Raises:
        TypeError: *expire* is something else.
    """
    if expire is None or isinstance(expire, datetime.datetime):
        return expire
    if isinstance(expire, datetime.timedelta):
        return datetime.datetime.now(tz=datetime.timezone.utc) + expire
    raise TypeError(f"expiration time must be a datetime or timedelta, not {type(expire).__name__}")


def _moment(given: str | datetime.datetime | None) -> datetime.datetime | None:
    """Return what a tool printed as a moment; test code may have one already."""
    if not given:
        return None
    return given if isinstance(given, datetime.datetime) else parse_time(given)


class SecretInfo:
    """What an owner sees of a secret besides its content.

    Moments are None when there are none, and so is the rotation when it is not a known one.
    """

    def __init__(
        self,
        id: str,
        label: str | None,
        revision: int,
        expires: datetime.datetime | None,
        rotation: SecretRotate | None,
        rotates: datetime.datetime | None,
        description: str | None = None,
        *,
        model_uuid: str | None = None,
    ):
        if model_uuid is None:
            warnings.warn(
                "SecretInfo without model_uuid is deprecated: its id cannot be completed",
                DeprecationWarning,
                stacklevel=2,
            )
        self.id = canonical_secret_id(id, model_uuid)
        self.label = label
        self.revision = revision
        self.expires = expires
        self.rotation = rotation
        self.rotates = rotates
        self.description = description

    @classmethod
    def from_dict(cls, id: str, d: dict[str, Any], model_uuid: str | None = None) -> SecretInfo:
        """Read what ``secret-info-get`` prints for one identifier."""
        try:
            rotation = SecretRotate(d.get("rotation"))
        except ValueError:
            rotation = None
        return cls(
            id=id,
            label=d.get("label"),
            revision=d["revision"],
            expires=_moment(d.get("expiry")),
            rotation=rotation,
            rotates=_moment(d.get("rotates")),
            description=d.get("description"),
            model_uuid=model_uuid,
        )

    def __repr__(self):
        return (
            f"SecretInfo(id={self.id!r}, label={self.label!r}, revision={self.revision!r}, "
            f"expires={self.expires!r}, rotation={self.rotation!r}, rotates={self.rotates!r}, "
            f"description={self.description!r})"
        )


class Secret:
    """One secret, known by its identifier, its label or both.

    Methods raise `SecretNotFoundError` if it does not exist or this unit may not see it, and `ModelError` if
    the controller refuses for another reason.
    """

    def __init__(
        self,
        backend: _ModelBackend,
        id: str | None = None,
        label: str | None = None,
        content: dict[str, str] | None = None,
    ):
        if not (id or label):
            raise TypeError("a secret needs an id, a label or both")
        self._backend = backend
        self._id = canonical_secret_id(id, backend.model_uuid) if id is not None else None
        self._label = label
        self._content = content

    def __repr__(self):
        fields = [f"id={self._id!r}"] if self._id is not None else []
        fields += [f"label={self._label!r}"] if self._label is not None else []
        return f"<Secret {' '.join(fields)}>"

    @property
    def id(self) -> str | None:
        """Identifier; None for a secret known by its label that nothing was asked of yet."""
        return self._id

    @property
    def unique_identifier(self) -> str | None:
        """The last part of the identifier, which never contains the model."""
        return None if self._id is None else unique_part(self._id)

    @property
    def label(self) -> str | None:
        """Label by which the secret was found or made."""
        return self._label

    def get_content(self, *, refresh: bool = False) -> dict[str, str]:
        """Return a copy of the content: the revision that this unit tracks.

        Args:
            refresh: whether to track the newest revision from now on, and return that.
        """
        if refresh or self._content is None:
            self._content = self._backend.secret_get(id=self.id, label=self.label, refresh=refresh)
        return self._content.copy()

    def peek_content(self) -> dict[str, str]:
        """Return the content of the newest revision, without tracking it."""
        return self._backend.secret_get(id=self.id, label=self.label, peek=True)

    def get_info(self) -> SecretInfo:
        """Return what is known besides the content; only for those who may manage the secret."""
        if self._id is not None:
            found = self._backend.secret_info_get(id=self._id)
        else:
            found = self._backend.secret_info_get(label=self._label)
        return SecretInfo.from_dict(*found, model_uuid=self._backend.model_uuid)

    def _known_id(self) -> str:
        """Return the identifier, asking for it once if only the label is known."""
        if self._id is None:
            self._id = self.get_info().id
        return self._id

    def set_content(self, content: dict[str, str]):
        """Make a new revision with *content*.

        The owner reads the old content until it refreshes.

        Raises:
            ValueError: *content* is empty or has keys that are not possible.
            TypeError: *content* has other values than texts.
        """
        check_secret_content(content)
        self._update(content=content)
        self._content = None  # read again at the next use

    def set_info(
        self,
        *,
        label: str | None = None,
        description: str | None = None,
        expire: datetime.datetime | datetime.timedelta | None = None,
        rotate: SecretRotate | None = None,
    ):
        """Change what is known besides the content; None leaves a part as it is.

        Args:
            label: the owner's name for it.  `label` of this object stays what it was.
            description: what it is for.
            expire: when the newest revision expires: a moment, or a length from now.
            rotate: how often it is due to rotate.

        Raises:
            TypeError: there is nothing to change.
        """
        if label is None and description is None and expire is None and rotate is None:
            raise TypeError("must provide a label, description, expiration time, or rotation policy")
        self._update(
            label=label,
            description=description,
            expire=expiry_time(expire),
            rotate=rotate.value if rotate else None,
        )

    def _update(
        self,
        content: dict[str, str] | None = None,
        label: str | None = None,
        description: str | None = None,
        expire: datetime.datetime | None = None,
        rotate: str | None = None,
    ) -> None:
        id = self._known_id()
        if self._backend._juju_context.version < _UPDATES_MERGE_SINCE:
            # There, a second update in one hook would undo the first, so each one is complete.
            info = self.get_info()
            content = self.peek_content() if content is None else content
            label = info.label if label is None else label
            description = info.description if description is None else description
            expire = info.expires if expire is None else expire
            rotate = info.rotation.value if rotate is None and info.rotation else rotate
        self._backend.secret_set(
            id, content=content, label=label, description=description, expire=expire, rotate=rotate
        )

    def grant(self, relation: Relation, *, unit: Unit | None = None):
        """Let the application on the other side of *relation*, or only *unit* of it, read the secret."""
        self._backend.secret_grant(self._known_id(), relation.id, unit=unit.name if unit else None)

    def revoke(self, relation: Relation, *, unit: Unit | None = None):
        """Take back what `grant` gave."""
        self._backend.secret_revoke(self._known_id(), relation.id, unit=unit.name if unit else None)

    def remove_revision(self, revision: int):
        """Remove one revision, when nobody uses it any more."""
        self._backend.secret_remove(self._known_id(), revision=revision)

    def remove_all_revisions(self) -> None:
        """Remove the secret."""
        self._backend.secret_remove(self._known_id())
