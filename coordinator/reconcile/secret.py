"""What becomes of secrets when those who own, read or share them go; and old revisions that nobody keeps.

    owner gone                     its secrets go with it: before an application, whose name may be used again
    relation or grantee gone       the grant goes
    reader gone, or not granted    its record of reading goes: it keeps no old revision alive
    auto-prune                     revisions that nobody reads go

Each rule is one small step, as in removal.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.names import UnitName
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.secret import MODEL, Secret, obsolete
from coordinator.domain.view import View

ENTITIES_PER_STEP_MAX = 32  # see removal.py


def tidy(view: View, model: str, now_s: float) -> Change | None:
    """Return the next step of what is left of secrets in *model*, or None."""
    if not view.secret_owners(model):
        return None
    return _orphans(view, model) or _grants(view, model) or _readers(view, model) or _revisions(view, model)


def before_owner(view: View, model: str, owner: str) -> Change | None:
    """Return the next step before *owner*, an application or a unit, may go: what it owns and was granted."""
    owned = view.secrets_of(model, owner)[:ENTITIES_PER_STEP_MAX]
    if owned:
        for ref in owned:
            view.find(ref)
        return Change(did=f"secrets of {owner} gone", prunes=frozenset(owned))
    puts = {
        ref: replace(secret, grants=left)
        for ref, secret in _shared(view, model)
        if (left := tuple(grant for grant in secret.grants if grant.target != owner)) != secret.grants
    }
    return _step(view, f"grants to {owner} gone", puts)


def _orphans(view: View, model: str) -> Change | None:
    """Secrets that a hook made while its unit was being removed by force."""
    for owner in view.secret_owners(model):
        app, _, number = owner.partition("/")
        ref = refs.unit(model, UnitName(app, int(number))) if number else refs.application(model, app)
        if owner != MODEL and view.peek(ref) is None:
            view.find(ref)
            return before_owner(view, model, owner)
    return None


def _grants(view: View, model: str) -> Change | None:
    """Grants whose relation is gone, or the unit or application that they are for."""
    puts = {}
    for ref, secret in _shared(view, model):
        left = tuple(
            grant
            for grant in secret.grants
            if _exists(view, model, grant.target)
            and (grant.relation is None or view.peek(refs.relation(model, grant.relation)) is not None)
        )
        if left != secret.grants:
            puts[ref] = replace(secret, grants=left)
    return _step(view, "grants of what is gone", puts)


def _exists(view: View, model: str, target: str) -> bool:
    app, _, number = target.partition("/")
    ref = refs.unit(model, UnitName(app, int(number))) if number else refs.application(model, app)
    return view.peek(ref) is not None


def _shared(view: View, model: str) -> Iterator[tuple[Ref, Secret]]:
    return ((ref, secret) for ref, secret in view.list(Kind.SECRET, model) if secret.grants)


def _step(view: View, did: str, puts: dict[Ref, Any]) -> Change | None:
    step = dict(list(puts.items())[:ENTITIES_PER_STEP_MAX])
    for ref in step:
        view.find(ref)
    return Change(did=did, puts=step) if step else None


def _readers(view: View, model: str) -> Change | None:
    found: list[Ref] = []
    for ref, _ in view.list(Kind.SECRET_CONSUMER, model):
        unit = refs.unit_of(ref)
        secret: Secret | None = view.peek(refs.secret(model, ref.path[1]))
        there = view.peek(refs.unit(model, unit)) is not None
        if there and secret is not None and secret.is_granted(unit, lambda number: _related(view, model, number)):
            continue
        found.append(ref)
    found = found[:ENTITIES_PER_STEP_MAX]
    for ref in found:
        view.find(ref)
        view.find(refs.secret(model, ref.path[1]))  # it may be granted again at this moment
    return Change(did="readers of secrets gone", deletes=frozenset(found)) if found else None


def _related(view: View, model: str, number: int) -> bool:
    return view.peek(refs.relation(model, number)) is not None


def _revisions(view: View, model: str) -> Change | None:
    for ref in view.secrets_of(model, MODEL, with_duties=True):
        secret: Secret = view.peek(ref)
        readers = view.list(Kind.SECRET_CONSUMER, *ref.path)
        gone = obsolete(secret, [consumer.revision for _, consumer in readers])[:ENTITIES_PER_STEP_MAX]
        if not (secret.auto_prune and gone):
            continue
        view.find(ref)
        for reader, _ in readers[:ENTITIES_PER_STEP_MAX]:
            view.find(reader)
        kept = tuple(each for each in secret.revisions if each not in gone)
        return Change(
            did=f"revisions of secret {secret.id} pruned",
            puts={ref: replace(secret, revisions=kept)},
            deletes=frozenset(refs.secret_revision(model, secret.id, each) for each in gone),
        )
    return None
