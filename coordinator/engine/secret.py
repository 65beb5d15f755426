"""The part of secrets in the life of a unit: which hook is due, when the next one will be, what a hook leaves.

Role: called by decide.py and settle.py, whose order and rules hold; what has been handled is remembered where it
concerns: at the secret (rotation, expiry, reported revisions) and at the unit's record of reading it.
Not here: what a secret becomes by an edit (domain/secret.py), the commands (tools/secret.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from coordinator.domain import refs
from coordinator.domain.change import Change, Condition, Held, Present, Unchanged
from coordinator.domain.moment import parse_moment_s
from coordinator.domain.refs import Ref
from coordinator.domain.secret import ASK_AGAIN_S, Consumer, NewRevision, Secret, SecretEdit, edited
from coordinator.domain.unit_state import Hook, HookKind
from coordinator.engine.effects import Effects
from coordinator.engine.world import World

#: Hooks that the owner of a secret runs; for one that an application owns its leader does.
OF_OWNER = (HookKind.SECRET_EXPIRED, HookKind.SECRET_ROTATE, HookKind.SECRET_REMOVE)


def next_hook(world: World, now_s: float) -> Hook | None:
    """Return the secret hook that is due: expired, rotate, changed, remove, in this order, each by id."""
    own = [each for each in world.secrets.duties if manages(world, each.secret)]
    for each in own:
        if _is_due(each.secret.expired_again_s, now_s):
            return _of_owner(HookKind.SECRET_EXPIRED, each.secret, each.secret.revision)
    for each in own:
        if _is_due(each.secret.rotates_at_s, now_s):
            return _of_owner(HookKind.SECRET_ROTATE, each.secret, each.secret.revision)
    for secret_id in world.secrets.changed:
        secret, consumer = world.secrets.find(secret_id), world.secrets.consumed[secret_id]
        if secret is not None:
            label = consumer.label
            return Hook(kind=HookKind.SECRET_CHANGED, secret=secret_id, label=label, revision=secret.revision)
    for each in own:
        if each.obsolete:
            return _of_owner(HookKind.SECRET_REMOVE, each.secret, each.obsolete[0])
    return None


def next_due_s(world: World) -> float | None:
    """Return when time alone brings the next secret hook, in seconds since the epoch; None: never."""
    own = (each.secret for each in world.secrets.duties if manages(world, each.secret))
    times = (time_s for secret in own for time_s in (secret.expired_again_s, secret.rotates_at_s))
    return min((time_s for time_s in times if time_s is not None), default=None)


def still_concerns(hook: Hook, world: World) -> bool:
    """Say whether a failed secret hook still has something to be about."""
    secret = world.secrets.find(hook.secret or "")
    if secret is None:
        return False
    if hook.kind is HookKind.SECRET_CHANGED:
        known = world.secrets.consumed.get(secret.id)
        return known is not None and may_read(world, secret)
    if hook.kind is not HookKind.SECRET_ROTATE and hook.revision not in secret.revisions:
        return False
    return manages(world, secret)


def manages(world: World, secret: Secret) -> bool:
    """Say whether the unit may change the secret: it owns it, or leads the application that does."""
    return secret.owner == str(world.unit) or (secret.owner == world.unit.app and world.is_leader)


def may_read(world: World, secret: Secret) -> bool:
    return secret.is_granted(world.unit, world.relations.__contains__)


def needs_term(world: World, hook: Hook) -> bool:
    """Say whether *hook* is one that only the leader may settle."""
    secret = world.secrets.find(hook.secret or "") if hook.kind in OF_OWNER else None
    return secret is not None and secret.owner == world.unit.app and world.is_leader


def _of_owner(kind: HookKind, secret: Secret, revision: int) -> Hook:
    return Hook(kind=kind, secret=secret.id, label=secret.label, revision=revision)


def _is_due(at_s: float | None, now_s: float) -> bool:
    return at_s is not None and now_s >= at_s


# --- what a hook leaves ----------------------------------------------------------------------------------


def with_secrets(change: Change, world: World, hook: Hook | None, effects: Effects, now: str) -> Change:
    """Return *change*, the write that ends *hook* (None: a task or script), with what it does to secrets.

    What it asks of secrets that are gone by *world*, and grants for relations that are, are dropped: nobody could
    read them.
    """
    if not (effects.secrets or effects.consumers or (hook is not None and hook.secret)):
        return change
    out = _outcome(world, hook, effects, now)
    return replace(
        change,
        puts={**change.puts, **out.puts},
        deletes=change.deletes | out.deletes,
        prunes=change.prunes | out.prunes,
        conditions=(*change.conditions, *out.conditions),
    )


@dataclass(slots=True)
class _Outcome:
    """What of a hook's transaction is about secrets."""

    puts: dict[Ref, Any] = field(default_factory=dict)
    deletes: set[Ref] = field(default_factory=set)
    prunes: set[Ref] = field(default_factory=set)
    conditions: list[Condition] = field(default_factory=list)


def _outcome(world: World, hook: Hook | None, effects: Effects, now: str) -> _Outcome:
    out = _Outcome()
    now_s = parse_moment_s(now)
    numbers: dict[str, int] = {}  # revisions that this makes
    for secret_id, edit in _touched(world, hook, effects):
        stored = world.secrets.find_stored(secret_id)
        before: Secret | None = stored.value if stored else None
        if before is None and not edit.new:
            continue
        after = edited(before, secret_id, _possible(world, edit), now=now, now_s=now_s)
        if after is not None and hook is not None:
            after = _handled(after, hook, now_s)
        if after == before:
            continue
        ref = refs.secret(world.model, secret_id)
        if after is None:
            if before is not None:
                out.prunes.add(ref)
        else:
            out.puts[ref] = after
            numbers |= _revisions(out, world, edit, before, after, now)
            granted = {each.relation for each in edit.access if each.granted and each.relation is not None}
            out.conditions += [Present(refs.relation(world.model, r)) for r in granted if r in world.relations]
        if stored is not None:
            out.conditions.append(Unchanged(ref, stored.revision))
    _consumers(out, world, hook, effects, numbers)
    if hook is not None and needs_term(world, hook) and out.puts:
        assert world.term is not None, "a leader's hook without a term"
        out.conditions.append(Held(refs.leader(world.model, world.unit.app), world.term))
    return out


def _touched(world: World, hook: Hook | None, effects: Effects) -> Iterator[tuple[str, SecretEdit]]:
    yield from effects.secrets.items()
    if hook is not None and hook.kind in OF_OWNER and hook.secret not in effects.secrets:
        secret = world.secrets.find(hook.secret or "")
        if secret is not None and manages(world, secret):  # not when it was skipped because the term was lost
            yield secret.id, SecretEdit(owner=secret.owner)


def _possible(world: World, edit: SecretEdit) -> SecretEdit:
    """Return *edit* without grants for relations that are gone: nothing would ever end them."""
    access = tuple(
        each
        for each in edit.access
        if not each.granted or each.relation is None or each.relation in world.relations
    )
    return replace(edit, access=access)


def _revisions(
    out: _Outcome, world: World, edit: SecretEdit, before: Secret | None, after: Secret, now: str
) -> dict[str, int]:
    """Write the new revision and delete those that go; return the number of the new one by id."""
    known = before.revisions if before is not None else ()
    for number in known:
        if number not in after.revisions:
            out.deletes.add(refs.secret_revision(world.model, after.id, number))
    if edit.content is None or after.revision in known:
        return {}
    ref = refs.secret_revision(world.model, after.id, after.revision)
    out.puts[ref] = NewRevision(created=now, content=edit.content)
    return {after.id: after.revision}


def _handled(secret: Secret, hook: Hook, now_s: float) -> Secret:
    """Return *secret* after its owner's *hook*: what the charm did nothing about is asked again later."""
    if hook.secret != secret.id:
        return secret
    again_s = now_s + ASK_AGAIN_S
    if hook.kind is HookKind.SECRET_ROTATE and _is_due(secret.rotates_at_s, now_s):
        return replace(secret, rotates_at_s=again_s)
    if hook.kind is HookKind.SECRET_EXPIRED and _is_due(secret.expired_again_s, now_s):
        return replace(secret, expired_again_s=again_s)
    if hook.kind is HookKind.SECRET_REMOVE and hook.revision in secret.unreported:
        return replace(secret, reported=(*secret.reported, hook.revision))
    return secret


def _consumers(out: _Outcome, world: World, hook: Hook | None, effects: Effects, numbers: dict[str, int]) -> None:
    """Write how the unit reads secrets; of what it changed itself it needs not be told."""
    after: dict[str, Consumer] = {**effects.consumers}
    for secret_id, number in numbers.items():
        known = after.get(secret_id) or world.secrets.consumed.get(secret_id)
        if known is not None:
            after[secret_id] = replace(known, told=max(known.told, number))
    if hook is not None and hook.kind is HookKind.SECRET_CHANGED and hook.secret and hook.revision is not None:
        known = after.get(hook.secret) or world.secrets.consumed.get(hook.secret)
        if known is not None:
            after[hook.secret] = replace(known, told=max(known.told, hook.revision))
    for secret_id, consumer in after.items():
        ref = refs.secret(world.model, secret_id)
        gone = ref in out.prunes or (ref not in out.puts and world.secrets.find(secret_id) is None)
        if gone or world.secrets.consumed.get(secret_id) == consumer:
            continue
        out.puts[refs.secret_consumer(world.model, secret_id, world.unit)] = consumer
        if ref not in out.puts:
            out.conditions.append(Present(ref))
