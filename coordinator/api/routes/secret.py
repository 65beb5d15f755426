"""Requests about secrets: the ones that people keep, and a look at all of a model.

Content leaves the store only for those who ask for it and may.
"""

from __future__ import annotations

import os
from typing import Any

from fastapi import APIRouter

from coordinator.api.auth import check
from coordinator.api.services import S, Services, U, author, read_model, transact
from coordinator.commands import secret
from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.moment import moment_text, parse_moment_s
from coordinator.domain.refs import Kind, Ref
from coordinator.domain.secret import MODEL, Grant, Rotate, Secret, content_of
from coordinator.domain.user import User
from coordinator.domain.view import View
from coordinator.errors import BadRequest, NotFound
from coordinator.store import keys
from coordinator.store.keyring import check_has_key
from coordinator.wire import AddSecret, ShareSecret, UpdateSecret

ENTROPY_BYTES = 16

Tree = dict[str, Any]

router = APIRouter()


@router.post("/models/{name}/secrets", status_code=201)
def add_secret(s: S, by: U, name: str, given: AddSecret) -> dict[str, str]:
    """Keep a secret; answers its `uri`.  Values are given in base64."""
    check(by, "write", name)
    check_has_key(s.repository.keyring)
    content = content_of(given.content)
    if not content.values:
        raise BadRequest("missing secret value or filename")
    entropy = os.urandom(ENTROPY_BYTES)
    made: list[Change] = []

    def plan(view: View) -> Change:
        made.append(secret.add_secret(
            view, name, given.name, content, entropy=entropy, description=given.description,
            now=s.clock.timestamp(), now_s=s.clock.now_s(),
        ))  # fmt: skip
        return made[-1]

    transact(s, by, name, plan)
    return {"uri": next(f"secret:{ref.path[1]}" for ref in made[-1].puts if ref.kind is Kind.SECRET)}


@router.patch("/models/{name}/secrets/{who:path}")
def update_secret(s: S, by: U, name: str, who: str, given: UpdateSecret) -> dict[str, str]:
    check(by, "write", name)
    content = content_of(given.content) if given.content else None
    if content is not None:
        check_has_key(s.repository.keyring)
    transact(s, by, name, lambda view: secret.update_secret(
        view, name, who, s.repository.keyring.open, content=content, name=given.name,
        description=given.description, auto_prune=given.auto_prune, now=s.clock.timestamp(), now_s=s.clock.now_s(),
    ))  # fmt: skip
    return {}


@router.delete("/models/{name}/secrets/{who:path}")
def remove_secret(s: S, by: U, name: str, who: str, revision: int | None = None) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: secret.remove_secret(
        view, name, who, revision=revision, now=s.clock.timestamp(), now_s=s.clock.now_s()
    ))  # fmt: skip
    return {}


@router.post("/models/{name}/secret-grants")
def grant_secret(s: S, by: U, name: str, given: ShareSecret) -> dict[str, str]:
    return _share(s, by, name, given, granted=True)


@router.post("/models/{name}/secret-revocations")
def revoke_secret(s: S, by: U, name: str, given: ShareSecret) -> dict[str, str]:
    return _share(s, by, name, given, granted=False)


def _share(s: Services, by: User, name: str, given: ShareSecret, *, granted: bool) -> dict[str, str]:
    check(by, "write", name)
    transact(s, by, name, lambda view: secret.share_secret(
        view, name, given.secret, given.applications, granted=granted,
        now=s.clock.timestamp(), now_s=s.clock.now_s(),
    ))  # fmt: skip
    return {}


@router.get("/models/{name}/secrets")
def list_secrets(s: S, by: U, name: str, owner: str = "") -> dict[str, Any]:
    """All secrets of the model by id, as `secrets` shows them; `owner` keeps those of one, `<model>` is people."""
    check(by, "read", name)
    view = read_model(s, name)
    found = [each for _, each in view.list(Kind.SECRET, name) if not owner or owner in _owners(each)]
    return {"secrets": {each.id: _shown(view, name, each) for each in found}}


@router.get("/models/{name}/secrets/{who:path}")
def get_secret(
    s: S, by: U, name: str, who: str, reveal: bool = False, revisions: bool = False, revision: int | None = None
) -> dict[str, Any]:
    """One secret by id.  `reveal`, for admins of the model: with content, of `revision` or the latest."""
    check(by, "admin" if reveal else "read", name)
    if reveal and revisions:
        raise BadRequest("specify either --revisions or --reveal but not both")
    view = read_model(s, name)
    found = secret.find_secret(view, name, who)
    tree = _shown(view, name, found)
    if revision is not None and revision not in found.revisions:
        raise NotFound(f'secret "{who}" revision {revision} not found')
    if reveal:
        ref = refs.secret_revision(name, found.id, revision or found.revision)
        content = s.repository.keyring.open(ref, view.get(ref))
        tree |= {"checksum": content.checksum(), "content": {"Data": content.texts()}}
    if revisions or revision is not None:
        wanted = found.revisions if revision is None else (revision,)
        tree["revisions"] = [_revision(view, refs.secret_revision(name, found.id, each)) for each in wanted]
    return {"secrets": {found.id: tree}}


@router.post("/secret-key")
def reseal(s: S, by: U) -> dict[str, Any]:
    """Encrypt every revision anew that is not encrypted with the present key; say how many, and with which key.

    Each step is a write of its own, so what was done stays done when a later one fails.
    """
    check(by, "superuser")
    keyring = s.repository.keyring
    check_has_key(keyring)
    count = 0
    models = s.repository.read(keys.everything(Kind.MODEL)).refs(Kind.MODEL)
    for model in sorted(models):
        while True:
            change, _ = s.repository.transact(
                lambda model=model: s.repository.read(keys.below(model)),
                lambda view, model=model: secret.reseal(view, model.path[0], keyring.open, key=keyring.current),
                author(by),
            )
            if change is None:
                break
            count += len(change.puts)
    return {"key": keyring.current, "revisions": count}


def _owners(each: Secret) -> tuple[str, ...]:
    """Return the words that people name the owner by."""
    app, slash, number = each.owner.partition("/")
    if each.owner == MODEL:
        return ("<model>", "model")
    return (each.owner, f"unit-{app}-{number}" if slash else f"application-{app}")


def _shown(view: View, model: str, each: Secret) -> Tree:
    tree: Tree = {"revision": each.revision}
    if each.expires_at_s is not None:
        tree["expires"] = moment_text(each.expires_at_s)
    if each.rotate is not Rotate.NEVER:
        tree["rotation"] = each.rotate.value
    if each.rotates_at_s is not None:
        tree["rotates"] = moment_text(each.rotates_at_s)
    tree["owner"] = each.owner or "<model>"
    for key in ("description", "name", "label"):
        if value := getattr(each, key):
            tree[key] = value
    tree |= {"created": _whole(each.created), "updated": _whole(each.updated)}
    if each.grants:
        tree["access"] = [_grant(view, model, grant) for grant in each.grants]
    return tree


def _grant(view: View, model: str, grant: Grant) -> Tree:
    relation = view.peek(refs.relation(model, grant.relation)) if grant.relation is not None else None
    scope = (
        f"relation-{relation.key.replace(' ', '#')}" if relation else f"model-{view.peek(refs.model(model)).uuid}"
    )
    kind = "unit" if "/" in grant.target else "application"
    return {"target": f"{kind}-{grant.target.replace('/', '-')}", "scope": scope, "role": "view"}


def _revision(view: View, ref: Ref) -> Tree:
    created = _whole(view.get(ref).created)
    return {"revision": int(ref.path[2]), "created": created, "updated": created, "backend": "internal"}


def _whole(text: str) -> str:
    return moment_text(parse_moment_s(text))
