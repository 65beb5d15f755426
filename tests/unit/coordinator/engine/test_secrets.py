"""Secrets in the life of units: who may read, what comes next, what is left in the end."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from build import DB, MODEL, WEB, Story, charm, command, unit

from coordinator.domain import refs
from coordinator.domain.secret import MODEL as PEOPLE
from coordinator.domain.secret import Content, NewRevision, Secret
from coordinator.domain.unit_state import Hook, HookKind
from coordinator.engine.decide import decide
from coordinator.engine.operation import RunHook
from coordinator.engine.secret import next_due_s
from coordinator.engine.settle import settle
from coordinator.engine.tools import COMMANDS, Call, HookContext, answer, needs
from coordinator.engine.world import Moment

HOUR_S = 3600.0


class Told(Story):
    """Two related applications; `db` owns secrets, `web` reads them."""

    def __init__(self, *, webs: int = 1, dbs: int = 1) -> None:
        super().__init__()
        self.deploy("db", DB, units=dbs)
        self.deploy("web", WEB, units=webs)
        self.relate("web:db", "db:clients")
        self.lead("db/0")
        self.lead("web/0")
        self.run_all()

    def context(self, name: str) -> HookContext:
        memory, world = self.look(name)
        number = self.tree.revision
        return HookContext(world=world, memory=memory, now_s=self.now_s, entropy=number.to_bytes(16, "big"))

    def do(self, name: str, *lines: str) -> list[str]:
        """Let unit *name* run commands in an update-status, after what it has to do; return what they print."""
        self.run(name)
        self.scripts[name, "update-status"] = list(lines)
        before = len(self.printed)
        self.step(name, update_status_due=True)
        del self.scripts[name, "update-status"]
        return self.printed[before:]

    def say(self, name: str, line: str) -> tuple[int, str]:
        """Return how a command would end now: its exit code and its error."""
        said = command(self.context(name), line)
        return said.exit_code, said.stderr.decode().removeprefix("ERROR ").partition("\n")[0]

    def read(self, name: str, line: str) -> dict:
        said = command(self.context(name), f"secret-get --format=json {line}")
        assert said.exit_code == 0, said.stderr
        return json.loads(said.stdout)

    def secret(self, uri: str) -> Secret | None:
        return self.find(refs.secret(MODEL, uri.removeprefix("secret:")))

    def shared(self, *flags: str) -> str:
        """Let db add a secret that web may read; return its URI."""
        (uri,) = self.do("db/0", f"secret-add {' '.join(flags)} token=one")
        self.do("db/0", f"secret-grant {uri} -r {self.relation}")
        return uri

    @property
    def relation(self) -> int:
        return next(int(ref.path[1]) for ref in self.tree.entries if ref.kind is refs.Kind.RELATION
                    and not self.get(ref).is_peer)  # fmt: skip


@pytest.fixture
def told() -> Told:
    return Told()


# --- one transaction ----------------------------------------------------------------------------------------


def test_a_secret_its_grant_and_the_relation_data_that_name_it_are_one_write(told):
    (uri,) = told.do("db/0", "secret-add token=one --label=api")
    context = told.context("db/0")
    for line in ("secret-add token=two", f"secret-grant {uri} -r {told.relation}",
                 f"relation-set -r {told.relation} --app secret={uri}"):  # fmt: skip
        said = command(context, line)
        assert said.exit_code == 0, said.stderr
        context = context.with_effects(said.effects)
    hook = Hook(kind=HookKind.UPDATE_STATUS)
    change = settle(context.memory, context.world, hook, context.effects, now="2026-01-01T00:00:00Z")
    kinds = {ref.kind for ref in change.puts}
    assert {refs.Kind.SECRET, refs.Kind.SECRET_REVISION, refs.Kind.APPLICATION_BAG, refs.Kind.MEMORY} <= kinds


def test_the_hook_reads_what_it_wrote_and_nobody_else_does_before_it_ends(told):
    context = told.context("db/0")
    said = command(context, "secret-add token=one")
    context = context.with_effects(said.effects)
    uri = said.stdout.decode().strip()
    assert command(context, f"secret-get {uri} token --format=json").stdout == b'"one"\n'
    context = context.with_effects(command(context, f"secret-set {uri} token=two").effects)
    assert command(context, f"secret-info-get {uri} --format=json").stdout.count(b'"revision":1')
    assert command(context, f"secret-get {uri} token").stdout == b"two\n"
    assert told.say("db/0", f"secret-get {uri}")[1].startswith(f'secret "{uri[7:]}" not found')
    assert told.secret(uri) is None


# --- who may read -------------------------------------------------------------------------------------------


def test_readers_are_the_owner_its_peers_and_whom_it_was_granted_to():
    told = Told(webs=2, dbs=2)
    (uri,) = told.do("db/0", "secret-add token=one")
    (own,) = told.do("db/0", "secret-add --owner=unit token=own")
    assert told.read("db/0", uri) == told.read("db/1", uri) == {"token": "one"}
    assert told.read("db/0", own) == {"token": "own"}
    assert told.say("db/1", f"secret-get {own}")[1].startswith("permission denied")
    assert told.say("web/0", f"secret-get {uri}")[1].startswith("permission denied")
    told.do("db/0", f"secret-grant {uri} -r {told.relation} --unit web/1")
    assert told.say("web/0", f"secret-get {uri}")[0] == 1
    assert told.read("web/1", uri) == {"token": "one"}
    told.do("db/0", f"secret-revoke {uri} --unit web/1", f"secret-grant {uri} -r {told.relation}")
    assert told.read("web/0", uri) == told.read("web/1", uri) == {"token": "one"}
    told.do("db/0", f"secret-revoke {uri} -r {told.relation}")
    assert told.say("web/0", f"secret-get {uri}")[0] == 1


def test_access_ends_with_the_relation_and_so_does_what_was_tracked(told):
    uri = told.shared()
    told.do("web/0", f"secret-get {uri} --label=mine")
    assert len(told.tree.list(refs.Kind.SECRET_CONSUMER, MODEL)) == 1
    told.remove_relation(told.relation)
    told.run_all()
    assert told.secret(uri).grants == ()
    assert told.tree.list(refs.Kind.SECRET_CONSUMER, MODEL) == []
    assert told.say("web/0", f"secret-get {uri}")[1].startswith("permission denied")


@pytest.mark.parametrize(
    ("who", "line", "code", "text"),
    [
        ("db/1", "secret-add token=x", 1, "this unit is not the leader"),
        ("db/1", "secret-set URI token=x", 1, "this unit is not the leader"),
        ("db/1", "secret-remove URI", 1, "this unit is not the leader"),
        ("db/1", "secret-grant URI -r 1", 1, 'secret "ID" not found'),
        ("db/1", "secret-info-get URI", 1, 'secret "ID" not found'),
        ("web/0", "secret-set URI token=x", 1, 'secret "ID" not found'),
        ("db/0", "secret-add", 2, "missing secret value or filename"),
        ("db/0", "secret-add to=x", 2, 'key "to" not valid'),
        ("db/0", "secret-add Token=x", 2, 'key "Token" not valid'),
        ("db/0", "secret-add token=", 1, "empty secret value not valid"),
        ("db/0", "secret-add token#base64=%%", 1, 'the value of "token" is not base64'),
        ("db/0", "secret-add hunter2", 2, "a secret value is not of the form key=value"),
        ("db/0", "secret-add token=x --rotate=often", 2, 'rotate policy "often" not valid'),
        ("db/0", "secret-add token=x --owner=me", 2, 'secret owner "me" not valid'),
        ("db/0", "secret-add token=x --expire=soon", 2, 'expire time or duration "soon" not valid'),
        ("db/0", "secret-add token=x --expire=-1h", 2, 'negative expire duration "-1h" not valid'),
        ("db/0", "secret-add token=x --label=api", 1, 'secret with label "api" already exists'),
        ("db/0", "secret-get", 2, "require either a secret URI or label"),
        ("db/0", "secret-get URI --peek --refresh", 2, "specify one of --peek or --refresh but not both"),
        ("db/0", "secret-get nonsense", 2, 'secret URI "nonsense" not valid'),
        ("db/0", "secret-get --label=other", 1, 'consumer label "other" not found'),
        ("db/0", "secret-get secret:00000000000000000000", 1, 'secret "00000000000000000000" not found'),
        ("db/0", "secret-get URI password", 1, 'secret key value "password" not found'),
        ("db/0", "secret-set", 2, "missing secret URI"),
        ("db/0", "secret-grant URI", 2, "no relation id specified"),
        ("db/0", "secret-grant URI -r 99", 2, 'invalid value "99" for option -r: relation not found'),
        ("db/0", "secret-grant URI -r REL --unit db/0", 2, 'cannot specify unit "db/0" in relation to '),
        ("db/0", "secret-revoke URI", 2, "missing relation or application or unit"),
        ("db/0", "secret-revoke URI --app a --unit b/0", 2, "specify only one of application or unit"),
        ("db/0", "secret-revoke URI --app a -r REL", 2, "do not specify both relation and app"),
        ("db/0", "secret-remove URI --revision 7", 1, 'secret "ID" revision 7 not found'),
        ("db/0", "secret-info-get", 2, "require either a secret URI or label"),
        ("db/0", "secret-info-get URI --label api", 2, "specify either a secret URI or label but not both"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_at_once(who, line, code, text):
    told = Told(dbs=2)
    (uri,) = told.do("db/0", "secret-add token=one --label=api")
    line = line.replace("URI", uri).replace("REL", str(told.relation))
    found = told.say(who, line)
    assert found[0] == code
    assert found[1].startswith(text.replace("ID", uri[7:]))


def test_what_is_too_large_is_refused_with_the_limit(told):
    context = told.context("db/0")
    said = answer(context, Call(name="secret-add", argv=("token#file=f",), files={"f": b"x" * 750_001}))
    assert b"the limit is 1000000" in said.stderr
    said = answer(context, Call(name="secret-add", argv=("token#file=f",), files={"f": b"x" * 750_000}))
    assert said.exit_code == 0


def test_values_come_from_words_files_and_base64(told):
    assert needs("secret-add", ["token#file=/a", "--file", "/b", "key=v"]) == ("/b", "/a")
    context = told.context("db/0")
    said = command(
        context, "secret-add token#file=/a word=w=w coded#base64=YWI= --file /b", **{"/a": "a\n", "/b": "other: o"}
    )
    context = context.with_effects(said.effects)
    found = json.loads(command(context, f"secret-get {said.stdout.decode().strip()} --format=json").stdout)
    assert found == {"token": "a\n", "word": "w=w", "coded": "ab", "other": "o"}


def test_a_worker_without_a_key_says_so_when_asked(told):
    memory, world = told.look("db/0")
    world = replace(world, secrets=replace(world.secrets, can_seal=False))
    said = command(HookContext(world=world, memory=memory, entropy=bytes(16)), "secret-add token=one")
    assert said.exit_code == 1
    assert b"COORDINATOR_SECRET_KEY_FILE" in said.stderr


# --- revisions ----------------------------------------------------------------------------------------------


def test_a_reader_keeps_its_revision_until_it_refreshes(told):
    uri = told.shared()
    told.do("web/0", f"secret-get {uri}")
    told.do("db/0", f"secret-set {uri} token=two")
    assert told.read("web/0", uri) == {"token": "one"}
    assert told.read("web/0", f"{uri} --peek") == {"token": "two"}
    assert told.read("web/0", uri) == {"token": "one"}
    told.do("web/0", f"secret-get {uri} --refresh")
    assert told.read("web/0", uri) == {"token": "two"}


def test_equal_content_makes_no_revision_and_several_changes_of_a_hook_make_one(told):
    uri = told.shared()
    told.do("db/0", f"secret-set {uri} token=one")
    assert told.secret(uri).revision == 1
    told.do("db/0", f"secret-set {uri} token=two", f"secret-set {uri} token=three --label=api")
    assert (told.secret(uri).revisions, told.secret(uri).label) == ((1, 2), "api")
    assert told.read("db/0", f"{uri} --peek") == {"token": "three"}


def test_removing_revision_1_removes_no_other_and_the_last_one_the_secret(told):
    (uri,) = told.do("db/0", "secret-add token=0")
    for number in range(1, 12):
        told.do("db/0", f"secret-set {uri} token={number}")
    told.do("db/0", f"secret-remove {uri} --revision 1")
    assert told.secret(uri).revisions == tuple(range(2, 13))
    stored = told.tree.list(refs.Kind.SECRET_REVISION, MODEL, uri[7:])
    assert sorted(int(ref.path[2]) for ref in stored) == list(range(2, 13))
    told.do("db/0", *(f"secret-remove {uri} --revision {number}" for number in range(2, 13)))
    assert told.secret(uri) is None
    assert told.tree.list(refs.Kind.SECRET_REVISION, MODEL) == []


def test_labels_of_owner_and_reader_are_two_things(told):
    uri = told.shared("--label=owners")
    told.do("web/0", f"secret-get {uri} --label=readers")
    assert told.read("web/0", "--label=readers") == {"token": "one"}
    assert told.say("web/0", "secret-get --label=owners")[0] == 1
    assert told.read("db/0", "--label=owners") == {"token": "one"}
    info = json.loads(command(told.context("db/0"), "secret-info-get --label=owners --format=json").stdout)
    assert info[uri[7:]]["access"] == [
        {"target": "application-web", "scope": f"relation-clients:{told.relation}", "role": "view"}
    ]


# --- hooks --------------------------------------------------------------------------------------------------


def test_a_new_revision_is_told_to_readers_and_an_old_one_that_nobody_reads_to_the_owner(told):
    uri = told.shared("--label=api")
    told.do("web/0", f"secret-get {uri} --label=mine")
    told.do("db/0", f"secret-set {uri} token=two")
    told.on("web/0", "secret-changed", f"secret-get {uri} token --refresh")
    assert told.run_all() == {"web/0": ["secret-changed"], "db/0": ["secret-remove"]}
    changed, removable = (hook for _, hook in told.hooks[-2:])
    assert (changed.label, removable.label, removable.revision) == ("mine", "api", 1)
    assert told.printed[-1] == "two"
    assert told.run_all() == {}, "each is told once"


def test_a_reader_that_stays_behind_keeps_the_old_revision_alive_and_hears_of_each_newer_one_once(told):
    uri = told.shared()
    told.do("web/0", f"secret-get {uri}")
    told.do("db/0", f"secret-set {uri} token=two")
    assert told.run_all() == {"web/0": ["secret-changed"]}
    told.do("db/0", f"secret-set {uri} token=three")
    assert told.run_all() == {"web/0": ["secret-changed"], "db/0": ["secret-remove"]}
    removable = [hook.revision for _, hook in told.hooks if hook.kind is HookKind.SECRET_REMOVE]
    assert removable == [2], "nobody reads the second"
    told.remove_unit("web/0")
    told.deploy("other", charm("other"))
    told.run_all()
    assert [hook.revision for _, hook in told.hooks if hook.kind is HookKind.SECRET_REMOVE] == [2, 1]


def test_a_peer_is_told_of_what_the_leader_changed_and_the_leader_is_not():
    told = Told(dbs=2)
    (uri,) = told.do("db/0", "secret-add token=one")
    for name in ("db/0", "db/1"):
        told.do(name, f"secret-get {uri}")
    told.do("db/0", f"secret-set {uri} token=two")
    assert told.run_all() == {"db/1": ["secret-changed"]}


def test_rotation_is_asked_for_again_until_there_is_a_new_revision(told):
    uri = told.shared("--rotate=hourly", "--label=api")
    due_s = told.now_s + HOUR_S
    assert next_due_s(told.look("db/0")[1]) == due_s
    assert told.run_all() == {}
    told.now_s = due_s
    assert told.run_all() == {"db/0": ["secret-rotate"]}
    assert told.run_all() == {}
    told.now_s += 300
    told.on("db/0", "secret-rotate", f"secret-set {uri} token=two")
    assert told.run_all() == {"db/0": ["secret-rotate", "secret-remove"]}
    assert told.secret(uri).rotates_at_s == told.now_s + HOUR_S


def test_expiry_comes_before_rotation_and_is_asked_again_until_the_revision_is_replaced(told):
    uri = told.shared("--rotate=daily", "--expire=1h")
    assert told.secret(uri).rotates_at_s == told.now_s + HOUR_S, "an earlier expiry pulls it forward"
    told.now_s += HOUR_S
    assert told.run_all() == {"db/0": ["secret-expired", "secret-rotate"]}
    assert told.hooks[-2][1].revision == 1
    told.now_s += 301
    told.on("db/0", "secret-expired", f"secret-set {uri} token=two")
    assert told.run_all() == {"db/0": ["secret-expired", "secret-remove"]}
    assert told.secret(uri).expires_at_s is None
    assert told.secret(uri).rotates_at_s == told.now_s + 24 * HOUR_S


def test_duties_of_an_application_go_to_the_unit_that_leads_it():
    told = Told(dbs=2)
    told.shared("--rotate=hourly")
    told.now_s += HOUR_S
    told.lead("db/1")
    assert told.run("db/0")[-1] == "leader-settings-changed"
    assert "secret-rotate" in told.run("db/1")


def test_a_failed_secret_hook_is_over_when_its_secret_is_gone(told):
    uri = told.shared()
    told.do("web/0", f"secret-get {uri}")
    told.do("db/0", f"secret-set {uri} token=two")
    told.failing.add(("web/0", "secret-changed"))
    told.step("web/0")
    assert told.get(refs.memory(MODEL, unit("web/0"))).failed is not None
    told.do("db/0", f"secret-remove {uri}")
    told.run_all()
    assert told.get(refs.memory(MODEL, unit("web/0"))).failed is None


def test_secret_hooks_come_after_leadership_and_before_everything_else(told):
    uri = told.shared()
    told.do("web/0", f"secret-get {uri}")
    told.do("db/0", f"secret-set {uri} token=two")
    told.configure("web", color="red")
    told.refresh("web", WEB)
    assert told.run("web/0") == ["secret-changed", "upgrade-charm", "config-changed"]


def test_a_secret_without_duties_is_none_that_a_unit_looks_at(told):
    (uri,) = told.do("db/0", "secret-add token=one")
    told.run_all()
    ref = refs.secret(MODEL, uri[7:])
    memory, world = told.look("db/0")
    assert world.secrets.duties == ()
    assert world.secrets.changed == ()
    assert isinstance(told.get(ref), Secret)
    assert not isinstance(decide(memory, world, Moment(now_s=told.now_s)), RunHook)


# --- the end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [("web", "db"), ("db", "web")])
def test_whatever_is_removed_first_nothing_of_secrets_is_left(order):
    told = Told(webs=2, dbs=2)
    uri = told.shared("--rotate=hourly")
    told.do("db/1", "secret-add --owner=unit token=own")
    told.do("web/1", f"secret-get {uri}")
    told.put(refs.secret(MODEL, "0" * 20), Secret(id="0" * 20, owner="web/7", created="", updated=""))
    for app in order:
        told.remove_application(app)
        told.run_all()
    kinds = (refs.Kind.SECRET, refs.Kind.SECRET_REVISION, refs.Kind.SECRET_CONSUMER)
    assert [ref for ref in told.tree.entries if ref.kind in kinds] == []
    assert told.units() == []


def test_a_unit_takes_its_secrets_along_and_leaves_those_of_the_application():
    told = Told(dbs=2)
    (own,) = told.do("db/1", "secret-add --owner=unit token=own")
    (shared,) = told.do("db/0", "secret-add token=one")
    told.remove_unit("db/1")
    told.run_all()
    assert told.secret(own) is None
    assert told.secret(shared) is not None


def test_old_revisions_that_people_do_not_want_go_when_nobody_reads_them(told):
    secret_id = "1" * 20
    secret = Secret(
        id=secret_id,
        owner=PEOPLE,
        created="",
        updated="",
        revision=2,
        revisions=(1, 2),
        numbered=2,
        auto_prune=True,
    )
    told.put(refs.secret(MODEL, secret_id), secret)
    for number in (1, 2):
        content = Content({"token": b"%d" % number})
        told.put(refs.secret_revision(MODEL, secret_id, number), NewRevision(created="", content=content))
    told.run_all()
    assert told.get(refs.secret(MODEL, secret_id)).revisions == (2,)
    assert [ref.path[2] for ref in told.tree.list(refs.Kind.SECRET_REVISION, MODEL)] == ["2"]


def test_every_secret_command_is_there():
    names = {"add", "get", "set", "grant", "revoke", "remove", "info-get", "ids"}
    assert {f"secret-{name}" for name in names} <= set(COMMANDS)


def test_content_never_shows_itself(told):
    said = command(told.context("db/0"), "secret-add token=hunter2")
    assert "hunter2" not in repr(said.effects)
