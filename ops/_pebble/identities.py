"""Who may use Pebble besides the charm."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal, TypedDict

from .types import known_or_text


class IdentityAccess(str, enum.Enum):
    """What somebody may do.  Its text is the value."""

    ADMIN = "admin"
    READ = "read"
    METRICS = "metrics"
    UNTRUSTED = "untrusted"

    def __str__(self) -> str:
        return self.value


LocalIdentityDict = TypedDict("LocalIdentityDict", {"user-id": int})


class BasicIdentityDict(TypedDict):
    """Somebody with a password."""

    password: str


class _AccessDict(TypedDict):
    access: IdentityAccess | Literal["untrusted", "metrics", "read", "admin"]


class IdentityDict(_AccessDict, total=False):
    """Somebody who may use the server."""

    local: LocalIdentityDict
    basic: BasicIdentityDict


@dataclass
class LocalIdentity:
    """Somebody who is known by the user of their process."""

    user_id: int
    """Number of that user."""

    @classmethod
    def from_dict(cls, d: LocalIdentityDict) -> LocalIdentity:
        """Read the server's JSON."""
        return cls(user_id=d["user-id"])

    def to_dict(self) -> LocalIdentityDict:
        """Return the server's JSON."""
        return {"user-id": self.user_id}


@dataclass
class BasicIdentity:
    """Somebody who is known by a password."""

    password: str
    """The password, as a hash in the format of sha512-crypt."""

    @classmethod
    def from_dict(cls, d: BasicIdentityDict) -> BasicIdentity:
        """Read the server's JSON."""
        return cls(password=d["password"])

    def to_dict(self) -> BasicIdentityDict:
        """Return the server's JSON."""
        return {"password": self.password}

    def __str__(self) -> str:
        return "BasicIdentity(password='*****')"


@dataclass
class Identity:
    """Somebody who may use the server.

    Raises:
        ValueError: there is no way to know them.
    """

    access: IdentityAccess | Literal["untrusted", "metrics", "read", "admin"]
    """What they may do."""

    local: LocalIdentity | None = None
    """Known by the user of their process."""

    basic: BasicIdentity | None = None
    """Known by a password."""

    def __post_init__(self):
        if self.local is None and self.basic is None:
            raise ValueError("an identity needs at least one of local and basic")

    @classmethod
    def from_dict(cls, d: IdentityDict) -> Identity:
        """Read the server's JSON."""
        return cls(
            access=known_or_text(IdentityAccess, d["access"]),
            local=LocalIdentity.from_dict(d["local"]) if "local" in d else None,
            basic=BasicIdentity.from_dict(d["basic"]) if "basic" in d else None,
        )

    def to_dict(self) -> IdentityDict:
        """Return the server's JSON."""
        access = self.access.value if isinstance(self.access, IdentityAccess) else self.access
        result: IdentityDict = {"access": access}
        if self.local is not None:
            result["local"] = self.local.to_dict()
        if self.basic is not None:
            result["basic"] = self.basic.to_dict()
        return result
