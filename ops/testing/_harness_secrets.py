"""Secrets in a Harness: those of others, who may read them, and what happens to those of the charm."""

from __future__ import annotations

from typing import Any

from .._secret import check_secret_content
from ._harness_base import AppUnitOrName, CharmType, HarnessBase, name_of
from ._world import SecretRecord, new_secret_id


class SecretsHarness(HarnessBase[CharmType]):
    """Secrets."""

    def _secret(self, secret_id: str) -> SecretRecord:
        """Return a secret.

        Raises:
            RuntimeError: there is none of this identifier.
        """
        secret = self._world.find_secret(secret_id)
        if secret is None:
            raise RuntimeError(f"Secret {secret_id!r} not found")
        return secret

    def _secret_of_others(self, secret_id: str, doing: str) -> SecretRecord:
        secret = self._secret(secret_id)
        if self._world.owns(secret):
            raise RuntimeError(f"Secret {secret_id!r} owned by the charm under test, can't call {doing}")
        return secret

    # --- content ---

    def add_model_secret(self, owner: AppUnitOrName, content: dict[str, str]) -> str:
        """Add a secret of another application or unit, and return its identifier.

        The charm may read it after `grant_secret`.  Its own secrets are made by the charm.

        Raises:
            ValueError: *content* is empty, or a key is not possible.
            TypeError: *content* has other values than texts.
        """
        return self._add(name_of(owner), content)

    def add_user_secret(self, content: dict[str, str]) -> str:
        """Add a secret of a user, and return its identifier.

        The charm may read it after `grant_secret`.  Errors are those of `add_model_secret`.
        """
        return self._add("", content)

    def _add(self, owner: str, content: dict[str, str]) -> str:
        check_secret_content(content)
        secret = SecretRecord(new_secret_id(), owner, revisions={1: dict(content)}, tracked=1)
        self._world.secrets.append(secret)
        return secret.id

    def set_secret_content(self, secret_id: str, content: dict[str, str]):
        """Make a new revision of somebody else's secret; emits secret-changed, also while hooks are disabled.

        Raises:
            RuntimeError: there is no such secret, or it is the charm's.
            ValueError: *content* is empty, or a key is not possible.
        """
        check_secret_content(content)
        secret = self._secret_of_others(secret_id, "set_secret_content")
        secret.revisions[secret.latest + 1] = dict(content)
        if self._charm is not None:
            self._charm.on.secret_changed.emit(secret_id, secret.label)

    def get_secret_revisions(self, secret_id: str) -> list[int]:
        """Return the numbers of a secret's revisions, oldest first.

        Raises:
            RuntimeError: there is no such secret.
        """
        return sorted(self._secret(secret_id).revisions)

    # --- grants ---

    def grant_secret(self, secret_id: str, observer: AppUnitOrName):
        """Let *observer* read somebody else's secret: through a relation to its owner, if that is no user.

        A user's secret can be read by applications only.

        Raises:
            RuntimeError: there is no such secret, it is the charm's, or there is no relation.
        """
        secret = self._secret_of_others(secret_id, "grant_secret")
        if secret.owner:
            secret.grants.setdefault(self._relation_to(secret), set()).add(name_of(observer))
        elif "/" not in name_of(observer):
            secret.readers.add(name_of(observer))

    def revoke_secret(self, secret_id: str, observer: AppUnitOrName):
        """Take back what `grant_secret` did.

        Raises:
            RuntimeError: there is no such secret, it is the charm's, or there is no relation.
        """
        secret = self._secret_of_others(secret_id, "revoke_secret")
        if secret.owner:
            secret.grants.get(self._relation_to(secret), set()).discard(name_of(observer))
        else:
            secret.readers.discard(name_of(observer))

    def _relation_to(self, secret: SecretRecord) -> int:
        owner = secret.owner.partition("/")[0]
        for relation in self._world.relations.values():
            if relation.app == owner:
                return relation.id
        raise RuntimeError(f"no relation to {owner}, which owns the secret: call add_relation first")

    def get_secret_grants(self, secret_id: str, relation_id: int) -> set[str]:
        """Return the names of applications and units that may read a secret through a relation.

        Raises:
            RuntimeError: there is no such secret.
        """
        return set(self._secret(secret_id).grants.get(relation_id, ()))

    # --- events ---

    def trigger_secret_rotation(self, secret_id: str, *, label: str | None = None):
        """Emit secret-rotate, also while hooks are disabled.

        Args:
            secret_id: the secret.
            label: what the charm calls it; None for what it has called it so far.

        Raises:
            RuntimeError: there is no such secret, it is a user's, or the charm has not begun.
        """
        self._emit_about("secret_rotate", self._secret_that_changes(secret_id), label)

    def trigger_secret_removal(self, secret_id: str, revision: int, *, label: str | None = None):
        """Emit secret-remove for a revision, also while hooks are disabled.  Nothing is removed.

        Raises:
            RuntimeError: there is no such secret, or the charm has not begun.
        """
        self._emit_about("secret_remove", self._secret(secret_id), label, revision)

    def trigger_secret_expiration(self, secret_id: str, revision: int, *, label: str | None = None):
        """Emit secret-expired for a revision, also while hooks are disabled.

        Raises:
            RuntimeError: there is no such secret, it is a user's, or the charm has not begun.
        """
        self._emit_about("secret_expired", self._secret_that_changes(secret_id), label, revision)

    def _secret_that_changes(self, secret_id: str) -> SecretRecord:
        secret = self._secret(secret_id)
        if not secret.owner:
            raise RuntimeError("secrets of users neither rotate nor expire")
        return secret

    def _emit_about(self, event: str, secret: SecretRecord, label: str | None, *more: Any) -> None:
        getattr(self.charm.on, event).emit(secret.id, label or secret.label, *more)
