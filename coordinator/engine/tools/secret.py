"""secret-add, secret-get, secret-set, secret-grant, secret-revoke, secret-remove, secret-info-get, secret-ids.

Everything that can be wrong is said when the command is called; what is left to the end of the hook is only what
changed meanwhile.  Nothing of what is kept secret is ever in an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from coordinator.domain.moment import moment_text, parse_moment_s
from coordinator.domain.names import UnitName, is_unit_name
from coordinator.domain.secret import (
    Access,
    Consumer,
    Content,
    Rotate,
    Secret,
    SecretEdit,
    edited,
    make_id,
    parse_content,
    parse_uri,
)
from coordinator.domain.settings import parse_duration_s
from coordinator.engine import secret as secrets
from coordinator.engine.effects import Effects
from coordinator.engine.tools._flags import FILE, OUTPUT, RELATION, Args, Command, Flag, Reply
from coordinator.engine.tools.context import HookContext
from coordinator.engine.tools.relation import find_relation_of
from coordinator.errors import BadRequest, NotFound, Refused

#: Of how many secrets that were there before one hook may change or begin to read: each is a guard of its write.
SECRETS_PER_HOOK_MAX = 48

# --- what a hook sees ------------------------------------------------------------------------------------


def _find(context: HookContext, secret_id: str) -> Secret | None:
    """Return the secret with what this hook has asked for on top; None when it is not there, or will not be."""
    before = context.world.secrets.find(secret_id)
    edit = context.effects.secrets.get(secret_id)
    if edit is None:
        return before
    return edited(before, secret_id, edit, now=moment_text(context.now_s), now_s=context.now_s)


def _all(context: HookContext) -> Iterator[Secret]:
    """Yield every secret that there is, own changes included."""
    stored = {entry.value.id for entry in context.world.secrets.stored.values()}
    for secret_id in sorted(stored | set(context.effects.secrets)):
        if (secret := _find(context, secret_id)) is not None:
            yield secret


def _owned(context: HookContext) -> Iterator[Secret]:
    """Yield the secrets that the unit may manage."""
    return (secret for secret in _all(context) if secrets.manages(context.world, secret))


def _content(context: HookContext, secret: Secret, revision: int) -> Content:
    if revision not in secret.revisions:
        raise NotFound(f'secret "{secret.id}" revision {revision} not found', fix="read the latest with --refresh")
    edit = context.effects.secrets.get(secret.id)
    before = context.world.secrets.find(secret.id)
    if edit is not None and edit.content is not None and (before is None or revision not in before.revisions):
        return edit.content
    return context.world.secrets.contents[secret.id, revision]


def _consumer(context: HookContext, secret_id: str) -> Consumer | None:
    return context.effects.consumers.get(secret_id) or context.world.secrets.consumed.get(secret_id)


def _not_found(name: str) -> NotFound:
    # ops tells by these words that there is no such secret.
    return NotFound(f'secret "{name}" not found', fix="`secret-ids` lists those that this unit may manage")


def _to_manage(context: HookContext, args: Args, *, hidden: bool = False) -> Secret:
    """Return the secret that the first word names, if the unit may manage it.

    *hidden*: to a unit that does not lead, a secret of its application is as if it were not there.
    """
    text = args.word(0)
    if not text:
        raise BadRequest("missing secret URI")
    secret = _find(context, parse_uri(text))
    if secret is None or secret.owner not in (str(context.world.unit), context.world.unit.app):
        raise _not_found(parse_uri(text))
    if not secrets.manages(context.world, secret):
        if hidden:
            raise _not_found(secret.id)
        raise _not_leader()
    return secret


def _not_leader() -> Refused:
    return Refused("this unit is not the leader", fix="ask is-leader first, or let the unit own it: --owner unit")


# --- what a hook asks for --------------------------------------------------------------------------------


def _with_edit(context: HookContext, secret: Secret, **asked: object) -> Effects:
    """Return the effects with more asked of *secret*; edits of one hook make one."""
    before = context.effects.secrets.get(secret.id) or SecretEdit(owner=secret.owner)
    edit = replace(before, **asked)
    return _checked(context, replace(context.effects, secrets={**context.effects.secrets, secret.id: edit}))


def _checked(context: HookContext, effects: Effects) -> Effects:
    changed = [secret_id for secret_id, edit in effects.secrets.items() if not edit.new]
    if len(changed) + len(effects.consumers) > SECRETS_PER_HOOK_MAX:
        raise Refused(
            "too many secrets in one hook",
            why=f"it may change or begin to read {SECRETS_PER_HOOK_MAX} that were there before",
            fix="do the rest in a later hook",
        )
    return effects


def _asked(context: HookContext, args: Args) -> dict[str, object]:
    """Return what the flags that secret-add and secret-set share ask for."""
    asked: dict[str, object] = {}
    for name in ("label", "description"):
        if (text := args.text(name)) is not None:
            asked[name] = text
    if (text := args.text("expire")) is not None:
        asked["expires_at_s"] = _expiry_s(text, context.now_s)
    if (text := args.text("rotate")) is not None:
        try:
            asked["rotate"] = Rotate(text)
        except ValueError:
            known = ", ".join(each.value for each in Rotate)
            raise BadRequest(f'rotate policy "{text}" not valid', fix=f"choose one of {known}") from None
    if args.text("owner") not in (None, "application", "unit"):
        raise BadRequest(f'secret owner "{args.text("owner")}" not valid', fix="choose application or unit")
    return asked


def _expiry_s(text: str, now_s: float) -> float:
    """Return the moment that a duration from now, or a time, means."""
    try:
        if text.startswith("-") and parse_duration_s(text[1:]):
            raise BadRequest(f'negative expire duration "{text}" not valid')
        return now_s + parse_duration_s(text)
    except BadRequest:
        raise
    except Refused:
        pass
    try:
        return parse_moment_s(text)
    except ValueError:
        raise BadRequest(
            f'expire time or duration "{text}" not valid', fix="write it like 24h or 2030-01-31T12:00:00Z"
        ) from None


def _given(context: HookContext, args: Args, words: tuple[str, ...]) -> Content | None:
    content = parse_content(words, args.document(), args.content_of)
    if content is not None and not context.world.secrets.can_seal:
        raise Refused(
            "cannot keep a secret",
            why="the worker of this machine has no key to encrypt it with",
            fix="set COORDINATOR_SECRET_KEY_FILE for every controller and worker",
        )
    return content


def _inputs(args: Args) -> Iterator[str]:
    """Yield the files that `key#file=PATH` words name."""
    for word in args.words:
        key, equals, path = word.partition("=")
        if equals and key.endswith("#file"):
            yield path


def _check_label(context: HookContext, owner: str, label: object, but: str = "") -> None:
    if label and any(s.owner == owner and s.label == label and s.id != but for s in _owned(context)):
        raise Refused(f'secret with label "{label}" already exists', fix="choose another label")


def _secret_add(context: HookContext, args: Args) -> Reply:
    asked = _asked(context, args)
    content = _given(context, args, args.words)
    if content is None:
        raise BadRequest("missing secret value or filename", fix="give at least one key=value")
    unit = context.world.unit
    owner = str(unit) if args.text("owner") == "unit" else unit.app
    if owner == unit.app and not context.world.is_leader:
        raise _not_leader()
    _check_label(context, owner, asked.get("label"))
    made = sum(edit.new for edit in context.effects.secrets.values())
    secret_id = make_id(context.entropy, made, context.now_s)
    edit = replace(SecretEdit(owner=owner, new=True, content=content), **asked)
    effects = replace(context.effects, secrets={**context.effects.secrets, secret_id: edit})
    return Reply(value=f"secret:{secret_id}", effects=effects)


def _secret_set(context: HookContext, args: Args) -> Reply:
    secret = _to_manage(context, args)
    asked = _asked(context, args)
    _check_label(context, secret.owner, asked.get("label"), but=secret.id)
    content = _given(context, args, args.words[1:])
    if content is not None:
        asked["content"] = content if _is_news(context, secret, content) else None
    return Reply(effects=_with_edit(context, secret, **asked)) if asked else Reply()


def _is_news(context: HookContext, secret: Secret, content: Content) -> bool:
    """Say whether *content* differs from the newest that is stored."""
    before = context.world.secrets.find(secret.id)
    return before is None or context.world.secrets.contents[secret.id, before.revision] != content


def _secret_remove(context: HookContext, args: Args) -> Reply:
    secret = _to_manage(context, args)
    text = args.text("revision")
    if text is None:
        return Reply(effects=_with_edit(context, secret, removed=True))
    if not (text.isascii() and text.isdigit()):
        raise args.bad_value("revision", "expected an integer")
    revision = int(text)
    if revision not in secret.revisions:
        raise NotFound(f'secret "{secret.id}" revision {revision} not found')
    edit = context.effects.secrets.get(secret.id)
    gone = (edit.gone if edit else frozenset()) | {revision}
    return Reply(effects=_with_edit(context, secret, gone=gone))


def _secret_grant(context: HookContext, args: Args) -> Reply:
    secret = _to_manage(context, args, hidden=True)
    relation = find_relation_of(context, args)
    if relation is None:
        raise BadRequest("no relation id specified", fix="name one with -r, like -r db:7")
    unit = args.text("unit")
    if unit is not None:
        _check_unit(unit, relation.remote_app)
    elif units := [g.target for g in secret.grants if g.relation == relation.id and "/" in g.target]:
        raise Refused(
            f'cannot grant secret "{secret.id}" to application "{relation.remote_app}"',
            why=f"it is granted to {', '.join(units)} of it",
            fix="revoke that with secret-revoke --unit first",
        )
    access = Access(granted=True, target=unit or relation.remote_app, relation=relation.id)
    return Reply(effects=_with_access(context, secret, access))


def _secret_revoke(context: HookContext, args: Args) -> Reply:
    secret = _to_manage(context, args)
    app, unit = args.text("app") or args.text("application"), args.text("unit")
    if app and unit:
        raise BadRequest("specify only one of application or unit")
    if app and args.text("relation") is not None:
        raise BadRequest("do not specify both relation and app")
    named = args.text("relation") is not None
    relation = find_relation_of(context, args) if named or not (app or unit) else None
    if relation is None and not (app or unit):
        raise BadRequest("missing relation or application or unit")
    if unit and relation is not None:
        _check_unit(unit, relation.remote_app)
    access = Access(granted=False, target=unit or app or "", relation=relation.id if relation else None)
    return Reply(effects=_with_access(context, secret, access))


def _check_unit(text: str, app: str) -> None:
    if not is_unit_name(text) or UnitName.parse(text).app != app:
        raise BadRequest(f'cannot specify unit "{text}" in relation to application "{app}"')


def _with_access(context: HookContext, secret: Secret, access: Access) -> Effects:
    edit = context.effects.secrets.get(secret.id)
    return _with_edit(context, secret, access=(*(edit.access if edit else ()), access))


# --- reading ---------------------------------------------------------------------------------------------


def _secret_get(context: HookContext, args: Args) -> Reply:
    text, label = args.word(0), args.text("label") or ""
    if not text and not label:
        raise BadRequest("require either a secret URI or label")
    peek, refresh = args.flag("peek"), args.flag("refresh")
    if peek and refresh:
        raise BadRequest("specify one of --peek or --refresh but not both")
    secret_id = parse_uri(text) if text else _labelled(context, label)
    secret = _find(context, secret_id)
    if secret is None:
        raise NotFound(f'secret "{secret_id}" not found', fix="was it removed, or made in another model?")
    if not secrets.may_read(context.world, secret):
        raise Refused(
            "permission denied",
            why=f"{context.world.unit} may not read secret {secret_id}",
            fix="its owner has to grant it: secret-grant, or `coordinator grant-secret`",
        )
    before = _consumer(context, secret_id)
    consumer = before
    if refresh or (before is None and not (peek and not (text and label))):
        consumer = Consumer(revision=secret.revision, told=secret.revision, label=before.label if before else "")
    if text and label and consumer is not None:
        _check_own_label(context, label, secret_id)
        consumer = replace(consumer, label=label)
    revision = secret.revision if peek or consumer is None else consumer.revision
    content = _content(context, secret, revision)
    reply = Reply(value=_shown(content, args.word(1)))
    if consumer is None or consumer == before:
        return reply
    consumers = {**context.effects.consumers, secret_id: consumer}
    return replace(reply, effects=_checked(context, replace(context.effects, consumers=consumers)))


def _shown(content: Content, wanted: str | None) -> dict[str, str] | str:
    if not wanted:
        return content.texts()
    key, _, form = wanted.partition("#")
    if key not in content.values or form not in ("", "base64"):
        raise NotFound(f'secret key value "{wanted}" not found', fix="`secret-get ID` shows all of them")
    return (content.coded() if form else content.texts())[key]


def _labelled(context: HookContext, label: str) -> str:
    """Return the id of the secret that the unit, or else its owner, calls *label*."""
    for secret_id, consumer in _consumers(context):
        if consumer.label == label:
            return secret_id
    unit = context.world.unit
    for owner in (str(unit), unit.app):
        for secret in _all(context):
            if secret.owner == owner and secret.label == label:
                return secret.id
    raise NotFound(
        f'consumer label "{label}" not found', fix="read it once with its id: secret-get ID --label LABEL"
    )


def _consumers(context: HookContext) -> Iterator[tuple[str, Consumer]]:
    known = {**context.world.secrets.consumed, **context.effects.consumers}
    return ((secret_id, known[secret_id]) for secret_id in sorted(known) if _find(context, secret_id) is not None)


def _check_own_label(context: HookContext, label: str, secret_id: str) -> None:
    for other, consumer in _consumers(context):
        if consumer.label == label and other != secret_id:
            raise Refused(f'secret with label "{label}" already exists', why=f"it is secret {other}")


def _secret_ids(context: HookContext, args: Args) -> Reply:
    return Reply(value=[secret.id for secret in _owned(context)])


def _secret_info_get(context: HookContext, args: Args) -> Reply:
    label = args.text("label")
    if args.word(0) and label:
        raise BadRequest("specify either a secret URI or label but not both")
    if args.word(0):
        secret = _to_manage(context, args, hidden=True)
    elif label:
        found = [secret for secret in _owned(context) if secret.label == label]
        if not found:
            raise _not_found(label)
        secret = found[0]
    else:
        raise BadRequest("require either a secret URI or label")
    facts = {
        "label": secret.label,
        "description": secret.description,
        "rotation": secret.rotate.value if secret.rotate is not Rotate.NEVER else "",
        "expiry": moment_text(secret.expires_at_s) if secret.expires_at_s is not None else "",
        "rotates": moment_text(secret.rotates_at_s) if secret.rotates_at_s is not None else "",
        "access": [
            {
                "target": f"{'unit' if '/' in grant.target else 'application'}-{grant.target.replace('/', '-')}",
                "scope": f"relation-{_relation_text(context, grant.relation)}",
                "role": "view",
            }
            for grant in secret.grants
        ],
    }
    owner = "unit" if "/" in secret.owner else "application"
    info = {"revision": secret.revision, "owner": owner} | {key: value for key, value in facts.items() if value}
    return Reply(value={secret.id: info})


def _relation_text(context: HookContext, number: int | None) -> str:
    relation = context.world.relations.get(number) if number is not None else None
    return f"{relation.endpoint}:{relation.id}" if relation else str(number)


# --- the table -------------------------------------------------------------------------------------------

_LABEL = Flag(name="label", help="the owner's name for the secret", takes="LABEL")
_FACTS = (
    _LABEL,
    Flag(name="description", help="what it is for", takes="TEXT"),
    Flag(name="expire", help="when it expires: a duration or an RFC 3339 time", takes="WHEN"),
    Flag(
        name="rotate",
        help=f"how often it is due to rotate: {', '.join(each.value for each in Rotate)}",
        takes="HOW",
    ),
    Flag(name="owner", help="who owns it: application or unit", takes="OWNER"),
    FILE,
)
_UNIT = Flag(name="unit", help="only this unit of the application", takes="UNIT")
_YAML = ("yaml", "json")

COMMANDS = (
    Command(
        name="secret-add",
        summary="Keep a new secret and print its URI.",
        run=_secret_add,
        words="KEY[#base64|#file]=VALUE ...",
        words_max=None,
        flags=_FACTS,
        formats=("smart",),
        inputs=_inputs,
    ),
    Command(
        name="secret-get",
        summary="Print the content of a secret: all of it, or one value.",
        run=_secret_get,
        words="[ID] [KEY[#base64]]",
        words_max=2,
        flags=(
            Flag(name="label", help="this unit's name for the secret; with ID it becomes that", takes="LABEL"),
            Flag(name="peek", help="the newest revision, this once"),
            Flag(name="refresh", help="the newest revision, from now on"),
        ),
        formats=_YAML,
    ),
    Command(
        name="secret-set",
        summary="Change a secret; new content makes a new revision.",
        run=_secret_set,
        words="ID [KEY[#base64|#file]=VALUE ...]",
        words_max=None,
        flags=_FACTS,
        inputs=_inputs,
    ),
    Command(
        name="secret-grant",
        summary="Let the other side of a relation read a secret, as long as the relation exists.",
        run=_secret_grant,
        words="ID",
        words_max=1,
        flags=(RELATION, _UNIT),
    ),
    Command(
        name="secret-revoke",
        summary="Take back what secret-grant gave.",
        run=_secret_revoke,
        words="ID",
        words_max=1,
        flags=(
            RELATION,
            Flag(name="app", help="from this application", takes="APPLICATION"),
            Flag(name="application", help="the same as --app", takes="APPLICATION"),
            _UNIT,
        ),
    ),
    Command(
        name="secret-remove",
        summary="Remove a secret, or one revision of it.",
        run=_secret_remove,
        words="ID",
        words_max=1,
        flags=(Flag(name="revision", help="only this revision", takes="NUMBER"),),
    ),
    Command(
        name="secret-info-get",
        summary="Print what is known of a secret besides its content.",
        run=_secret_info_get,
        words="[ID]",
        words_max=1,
        flags=(_LABEL,),
        formats=_YAML,
    ),
    Command(
        name="secret-ids",
        summary="Print the ids of the secrets that this unit may manage.",
        run=_secret_ids,
        formats=OUTPUT,
    ),
)
