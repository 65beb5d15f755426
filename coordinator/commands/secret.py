"""Secrets that people keep in a model, and whom they let read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from coordinator.commands.application import alive_application
from coordinator.commands.model import alive_model
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.names import check_application_name
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.secret import (
    MODEL,
    Access,
    Content,
    NewRevision,
    Secret,
    SecretEdit,
    check_name,
    edited,
    is_uri,
    make_id,
    parse_uri,
)
from coordinator.domain.view import View
from coordinator.errors import NotFound, Refused

#: Counts the names that people gave to secrets: whoever gives one writes it, so that no two give the same at once.
NAMES = "secret-names"

RESEALED_PER_STEP_MAX = 16  # each may have a megabyte, and is decrypted and encrypted for one write
RESEALED_BYTES_MAX = 1_000_000


def add_secret(
    view: View,
    model: str,
    name: str,
    content: Content,
    *,
    entropy: bytes,
    now: str,
    now_s: float,
    description: str = "",
) -> Change:
    """Keep *content* under *name*.  The id is made of *entropy*."""
    alive_model(view, model)
    counted = _new_name(view, model, name)
    secret_id = make_id(entropy, 0, now_s)
    edit = SecretEdit(owner=MODEL, new=True, name=name, content=content, description=description)
    secret = edited(None, secret_id, edit, now=now, now_s=now_s)
    return Change(
        did=f"add-secret {name}",
        puts={
            refs.secret(model, secret_id): secret,
            refs.secret_revision(model, secret_id, 1): NewRevision(created=now, content=content),
            **counted,
        },
    )


def _new_name(view: View, model: str, name: str) -> dict[Ref, Any]:
    """Return the puts that claim *name*.

    Raises:
        Refused: another secret has it.
    """
    check_name(name)
    count = view.find(refs.sequence(model, NAMES)) or 0
    if any(view.peek(ref).name == name for ref in view.secrets_of(model, MODEL)):
        raise Refused(f'secret with name "{name}" already exists', fix="`coordinator update-secret` changes it")
    return {refs.sequence(model, NAMES): count + 1}


def update_secret(
    view: View,
    model: str,
    who: str,
    contents: Callable[[Ref, Any], Content],
    *,
    now: str,
    now_s: float,
    content: Content | None = None,
    name: str | None = None,
    description: str | None = None,
    auto_prune: bool | None = None,
) -> Change | None:
    """Change a secret; *content* that the newest revision has already makes no new one.

    *contents* decrypts a revision.
    """
    secret = _of_people(view, model, who)
    puts: dict[Ref, Any] = {}
    if name is not None and name != secret.name:
        puts |= _new_name(view, model, name)
    if content is not None:
        newest = refs.secret_revision(model, secret.id, secret.revision)
        if contents(newest, view.get(newest)) == content:
            content = None
    edit = SecretEdit(owner=MODEL, content=content, name=name, description=description, auto_prune=auto_prune)
    return _change(model, f"update-secret {secret.name}", secret, edit, puts, now=now, now_s=now_s)


def remove_secret(
    view: View, model: str, who: str, *, now: str, now_s: float, revision: int | None = None
) -> Change | None:
    """Remove a secret, or one revision; with the last one the secret goes."""
    secret = _of_people(view, model, who)
    if revision is None:
        return Change(did=f"remove-secret {secret.name}", prunes=frozenset({refs.secret(model, secret.id)}))
    if revision not in secret.revisions:
        raise NotFound(
            f'secret "{who}" revision {revision} not found',
            fix=f"`coordinator show-secret {who} --revisions` lists them",
        )
    edit = SecretEdit(owner=MODEL, gone=frozenset({revision}))
    did = f"remove-secret {secret.name} --revision {revision}"
    return _change(model, did, secret, edit, {}, now=now, now_s=now_s)


def share_secret(
    view: View, model: str, who: str, apps: Sequence[str], *, granted: bool, now: str, now_s: float
) -> Change | None:
    """Let applications read a secret, or take that back."""
    did = "grant" if granted else "revoke"
    try:
        secret = _of_people(view, model, who)
        for app in apps:
            if granted:
                alive_application(view, model, check_application_name(app))
    except Refused as cause:
        kind = NotFound if isinstance(cause, NotFound) else Refused
        raise kind(f"failed to {did} secret: {cause.what}", why=cause.why, fix=cause.fix) from cause
    edit = SecretEdit(owner=MODEL, access=tuple(Access(granted=granted, target=app) for app in apps))
    return _change(model, f"{did}-secret {secret.name} {','.join(apps)}", secret, edit, {}, now=now, now_s=now_s)


def _change(
    model: str, did: str, secret: Secret, edit: SecretEdit, puts: dict[Ref, Any], *, now: str, now_s: float
) -> Change | None:
    after = edited(secret, secret.id, edit, now=now, now_s=now_s)
    ref = refs.secret(model, secret.id)
    if after is None:
        return Change(did=did, prunes=frozenset({ref}))
    if after == secret:
        return None
    puts = {**puts, ref: after}
    if edit.content is not None:
        revision = NewRevision(created=now, content=edit.content)
        puts[refs.secret_revision(model, secret.id, after.revision)] = revision
    gone = frozenset(refs.secret_revision(model, secret.id, each) for each in edit.gone)
    return Change(did=did, puts=puts, deletes=gone)


def find_secret(view: View, model: str, who: str) -> Secret:
    """Return the secret that *who*, an id, a URI or the name that people gave it, means.

    Raises:
        NotFound: there is none.
    """
    if is_uri(who):
        secret = view.find(refs.secret(model, parse_uri(who)))
    else:
        found = [ref for ref in view.refs(Kind.SECRET, model) if view.peek(ref).name == who and who]
        secret = view.find(found[0]) if found else None
    if secret is None:
        raise NotFound(f'secret "{who}" not found', fix="`coordinator secrets` lists them")
    return secret


def _of_people(view: View, model: str, who: str) -> Secret:
    secret = find_secret(view, model, who)
    if secret.owner != MODEL:
        raise Refused(
            f'cannot change secret "{who}"',
            why=f"{secret.owner} owns it",
            fix="only its owner's charm can change it",
        )
    return secret


def reseal(view: View, model: str, contents: Callable[[Ref, Any], Content], *, key: str) -> Change | None:
    """Encrypt some more revisions with *key*, the present one; None when all are.

    A revision stays what it was for who reads it: only how it is stored changes.
    """
    puts: dict[Ref, Any] = {}
    size = 0
    for ref, sealed in view.list(Kind.SECRET_REVISION, model):
        if sealed.key == key:
            continue
        content = contents(ref, sealed)
        size += content.size
        if puts and (size > RESEALED_BYTES_MAX or len(puts) >= RESEALED_PER_STEP_MAX):
            break
        view.find(ref)
        puts[ref] = NewRevision(created=sealed.created, content=content)
    return Change(did=f"secrets encrypted with key {key}", puts=puts) if puts else None
