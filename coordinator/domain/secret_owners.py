"""Who owns which secrets: kept current by what moved, so that no look at one unit goes through all secrets.

Role: the part of a Tree (domain/view.py) that answers by owner, which no path of a secret has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from coordinator.domain.refs import Kind, Ref


class SecretOwners:
    """The secrets among *entries* by owner.  What moved is decoded when somebody asks, and not before."""

    def __init__(self, entries: Mapping[Ref, Any]) -> None:
        self._entries = entries
        self._moved: set[Ref] = set()
        self._owner: dict[Ref, tuple[str, str]] = {}  # the model and the owner in it
        self._secrets: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)
        self._duties: defaultdict[tuple[str, str], set[Ref]] = defaultdict(set)

    def renew(self, ref: Ref) -> None:
        """Take in that *ref* has moved: was written, or is gone."""
        if ref.kind is Kind.SECRET:
            self._moved.add(ref)

    def of(self, model: str, owner: str, *, with_duties: bool) -> list[Ref]:
        """Return the secrets of *owner*, sorted; *with_duties*: see Secret.has_duties."""
        self._catch_up()
        return sorted((self._duties if with_duties else self._secrets).get((model, owner), ()))

    def owners(self, model: str) -> list[str]:
        """Return everybody who owns a secret in *model*, sorted."""
        self._catch_up()
        return sorted(owner for in_model, owner in self._secrets if in_model == model)

    def _catch_up(self) -> None:
        while self._moved:
            ref = self._moved.pop()
            if (former := self._owner.pop(ref, None)) is not None:
                for index in (self._secrets, self._duties):
                    if former in index:
                        index[former].discard(ref)
                        if not index[former]:
                            del index[former]
            stored = self._entries.get(ref)
            if stored is None:
                continue
            secret = stored.value
            owner = self._owner[ref] = (ref.path[0], secret.owner)
            self._secrets[owner].add(ref)
            if secret.has_duties:
                self._duties[owner].add(ref)
