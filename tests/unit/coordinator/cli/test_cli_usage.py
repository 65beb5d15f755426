"""What wrong usage says: exit code 2, what is wrong, and where to read on.  Nothing is asked of a controller."""

from __future__ import annotations

import pytest

from coordinator.cli.main import run


@pytest.fixture(autouse=True)
def no_controller(monkeypatch, tmp_path):
    for name in ("COORDINATOR_API", "COORDINATOR_MODEL", "JUJU_MODEL", "JUJU_CONTROLLER", "JUJU_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COORDINATOR_DATA", str(tmp_path))


def see(command: str) -> str:
    return f"see `coordinator {command} --help`"


USAGE = [
    ("deploy ./x --storage data", 'malformed storage "data"', "write it like data=rootfs,2,10G"),
    ("deploy ./x --attach-storage data",
     'storage id "data" not valid: it is the name of a storage, a slash and a number',
     "write it like data/0; `coordinator storage` lists what there is"),
    ("add-storage web/0", "add-storage requires a unit and a storage name",
     "write it like add-storage web/0 data"),
    ("show-storage", "must specify storage id(s)", see("show-storage")),
    ("sttus", 'coordinator: "sttus" is not a coordinator command. See "coordinator --help".\n\n'
     "Did you mean:\n\tstatus", ""),
    ("xyzzy", 'coordinator: "xyzzy" is not a coordinator command. See "coordinator --help".', ""),
    ("--nope", "option provided but not defined: --nope", "options come after a command: coordinator --help"),
    ("status --xyzzy", "option provided but not defined: --xyzzy", see("status")),
    ("status --relation", "option provided but not defined: --relation",
     "did you mean --relations?  `coordinator status --help` lists the options"),
    ("status --nope", "option provided but not defined: --nope", see("status")),
    ("debug-log --limit -1", 'invalid value "-1" for option --limit: expected 0 or more', see("debug-log")),
    ("debug-log -n -1", 'invalid value "-1" for option --lines: expected 0 or more', see("debug-log")),
    ("up --workers -1", 'invalid value "-1" for option --workers: expected 0 or more', see("up")),
    ("up --session-ttl 1", 'invalid value "1" for option --session-ttl: expected 2 or more', see("up")),
    ("up --listen 127.0.0.1", 'cannot listen on "127.0.0.1": it is not HOST:PORT',
     "write it like 127.0.0.1:17070"),
    ("show-task x", 'invalid value "x" for TASK: expected an integer', see("show-task")),
    ("wait-for unit web",
     'unit name "web" not valid: a unit is an application name, a slash and a number', "write it like web/0"),
    ("wait-for application web --query life==",
     "cannot understand the query 'life==': a query is NAME==VALUE, joined by &&",
     """write it like 'status=="active" && units>=2'"""),
    ("remove-unit web --num-units 1", "--num-units for non k8s models not valid",
     "name the units: coordinator remove-unit web/0"),
    ("status -z", "option provided but not defined: -z", see("status")),
    ("deploy ./x --config", "option needs an argument: --config", see("deploy")),
    ("status -m", "option needs an argument: -m", see("status")),
    ("status --format xml", 'invalid value "xml" for option --format: unknown format "xml"', see("status")),
    ("status --format JSON", 'invalid value "JSON" for option --format: unknown format "JSON"', see("status")),
    ("status --watch 5", 'invalid value "5" for option --watch: "5" is not a duration', see("status")),
    ("add-unit web -n x", 'invalid value "x" for option --num-units: expected an integer', see("add-unit")),
    ("deploy ./x --base jammy",
     'invalid value "jammy" for option --base: expected NAME@CHANNEL, like ubuntu@24.04', see("deploy")),
    ("machines a b", 'unrecognized args: ["a" "b"]', see("machines")),
    ("deploy ./x y z", 'unrecognized args: ["z"]', see("deploy")),
    ("status --color --no-color", "cannot mix --no-color and --color", see("status")),
    ("deploy", "no charm or bundle specified", see("deploy")),
    ("deploy ./x burble-1", 'invalid application name "burble-1", unexpected number(s) found after last hyphen',
     "choose a name that does not end in a number, like burble"),
    ("deploy ./x Burble", 'invalid application name "Burble", unexpected uppercase character',
     "use lower-case letters, digits and hyphens, like my-app"),
    ("deploy ./x --revision 3",
     "specifying a revision requires a channel for future upgrades. Please use --channel",
     "or leave it out: a local charm has the revision that it gets"),
    ("deploy ./x --overlay y", "options provided but not supported when deploying a charm: --overlay",
     "leave them out"),
    ("deploy ./x --constraints mum=2G", 'unknown constraint "mum"',
     "known are allocate-public-ip, arch, container, cores, cpu-power, image-id, instance-role, instance-type, "
     "mem, root-disk, root-disk-source, spaces, tags, virt-type, zones"),
    ("deploy ./x --config =3", 'expected "key=value", got "=3"', see("deploy")),
    ("refresh", "no application specified", see("refresh")),
    ("refresh web --path a --revision 3", "--path and --revision are mutually exclusive", see("refresh")),
    ("refresh web --path a --switch b", "--switch and --path are mutually exclusive", see("refresh")),
    ("add-unit", "no application specified", see("add-unit")),
    ("add-unit web -n 0", "--num-units must be a positive integer", see("add-unit")),
    ("remove-unit", "no units specified", see("remove-unit")),
    ("remove-unit web", 'unit name "web" not valid: a unit is an application name, a slash and a number',
     "write it like web/0"),
    ("remove-unit web/0 --no-wait", "--no-wait without --force not valid", see("remove-unit")),
    ("remove-application web --no-wait", "--no-wait without --force not valid", see("remove-application")),
    ("remove-application", "no application specified", see("remove-application")),
    ("remove-relation a", "a relation must involve two applications", "coordinator remove-relation APP APP"),
    ("integrate a", "an integration must involve two applications", "coordinator integrate APP APP"),
    ("integrate a b c", 'unrecognized args: ["c"]', see("integrate")),
    ("relate a", "an integration must involve two applications", "coordinator integrate APP APP"),
    ("integrate a b:", 'endpoint "b:" not valid', "write b or b:ENDPOINT"),
    ("resolved", "no unit specified", see("resolved")),
    ("resolved x", 'unit name "x" not valid: a unit is an application name, a slash and a number',
     "write it like web/0"),
    ("resolve --all web/0", "specifying unit names(s) with --all not supported", see("resolve")),
    ("show-unit x", 'unit name "x" not valid: a unit is an application name, a slash and a number',
     "write it like web/0"),
    ("config", "no application name specified", see("config")),
    ("config web a b", "cannot specify multiple keys to get", see("config")),
    ("config web a b=1", "cannot get value and set key=value pairs simultaneously", see("config")),
    ("config web k=1 --reset k", 'cannot set and reset key "k" simultaneously', see("config")),
    ("config web =x", 'expected "key=value", got "=x"', see("config")),
    ("trust", "no application name specified", see("trust")),
    ("model-config a b", "cannot specify multiple keys to get", see("model-config")),
    ("add-model", "no model name specified", see("add-model")),
    ("add-model Bad_Name",
     '"Bad_Name" is not a valid name: model names may only contain lowercase letters, digits and hyphens',
     "choose a name of at most 63 such characters, like demo"),
    ("destroy-model", "no model specified", see("destroy-model")),
    ("destroy-model m --timeout 5s", "--timeout can only be used with --force (dangerous)", see("destroy-model")),
    ("destroy-model m --destroy-storage --release-storage",
     "--destroy-storage and --release-storage cannot both be specified", see("destroy-model")),
    ("debug-log -l loud", 'level value "loud" is not one of TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL',
     see("debug-log")),
    ("debug-log --tail --no-tail", "setting --tail and --no-tail not valid", see("debug-log")),
    ("add-secret", "secret name needs to be supplied as the first argument", see("add-secret")),
    ("add-secret apikey", "missing secret value or filename", see("add-secret")),
    ("add-secret apikey hunter2", "a secret value is not of the form key=value", "write it like token=VALUE"),
    ("add-secret apikey =hunter2", "a secret value is not of the form key=value", "write it like token=VALUE"),
    ("add-secret a.b token=x",
     'secret name "a.b" not valid: a name has letters, digits and inner hyphens, and is no id',
     "choose one like apikey"),
    ("add-secret apikey to=hunter2",
     'key "to" not valid: a key has at least 3 lower-case letters, digits and inner hyphens, '
     "and starts with a letter",
     "name it like token, token#base64 or token#file"),
    ("add-secret apikey token#text=hunter2",
     'key "token#text" not valid: a key has at least 3 lower-case letters, digits and inner hyphens, '
     "and starts with a letter",
     "name it like token, token#base64 or token#file"),
    ("update-secret", "secret ID is required", see("update-secret")),
    ("update-secret apikey --auto-prune=maybe",
     'invalid value "maybe" for option --auto-prune: expected true or false', see("update-secret")),
    ("remove-secret", "secret ID is required", see("remove-secret")),
    ("remove-secret apikey --revision last", 'invalid value "last" for option --revision: expected an integer',
     see("remove-secret")),
    ("grant-secret apikey", "missing secret URI or application name", see("grant-secret")),
    ("revoke-secret", "missing secret URI or application name", see("revoke-secret")),
    ("show-secret", "secret ID is required", see("show-secret")),
    ("show-secret apikey --reveal --revisions", "specify either --revisions or --reveal but not both",
     see("show-secret")),
    ("ssh", "no target name specified", see("ssh")),
    ("ssh @web/0 true", 'target "@web/0" not valid', "write it like web/0 or ubuntu@web/0"),
    ("ssh -x@web/0 true", "option provided but not defined: -x", see("ssh")),
    ("ssh a;b@web/0 true", 'target "a;b@web/0" not valid', "write it like web/0 or ubuntu@web/0"),
    ("ssh --container web web/0 true", "--container is for units in containers", "leave it out"),
    ("scp", "no source and target named", "write it like: coordinator scp FILE web/0:PATH"),
    ("scp -- -r -o Port=22 web/0:x", "no source and target named",
     "write it like: coordinator scp FILE web/0:PATH"),
    ("scp a b", "no unit or machine named", "write it like web/0:PATH or 0:PATH"),
    ("scp a web:b", 'target "web" not valid',
     "write it like web/0:PATH or 0:PATH; a file here like ./web:PATH"),
    ("scp -r a;b@web/0:x .", 'target "a;b@web/0" not valid', "write it like web/0 or ubuntu@web/0"),
    ("wait-for web", '"web" is nothing to wait for', "choose application, unit, machine, model or idle"),
    ("wait-for unit", "no unit name specified", see("wait-for")),
    ("login nowhere", '"nowhere" is not the address of a controller', "write it like http://127.0.0.1:17070"),
    ("login http://host:port", '"http://host:port" is not the address of a controller',
     "write it like http://127.0.0.1:17070"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "what", "fix"), USAGE, ids=[row[0] for row in USAGE])
def test_wrong_usage_exits_with_2_and_says_what_is_wrong(line, what, fix, capsys):
    code = run(line.split())

    captured = capsys.readouterr()
    assert captured.err == f"ERROR {what}\n" + (f"  to fix: {fix}\n" if fix else "")
    assert (captured.out, code) == ("", 2)


FAILURES = [
    ("status", "No controllers registered."),
    ("status -m nowhere:demo", "No controllers registered."),
    ("integrate a b --via 10.0.0.0/8", "the --via option can only be used"),
    ("deploy web", 'charm "web" not found: a bare word names a charm in a store'),
    ("deploy ./bundle.yaml", 'no charm was found at "./bundle.yaml": no such file or directory'),
    ("refresh web", "refreshing a local charm requires either --path or --switch"),
    ("config web k=@/no/such/file", "cannot read /no/such/file: no such file or directory"),
    ("destroy-model demo", "No controllers registered."),
    ("logout", "No controllers registered."),
    ("ssh web/0", "cannot open a shell: there is no terminal on a machine"),
    ("ssh web/0 -v -o BatchMode=yes", "cannot open a shell: there is no terminal on a machine"),
    ("scp web/0:a ubuntu@0:b", "cannot copy from one machine to another"),
    ("scp / web/0:a", "/: Is a directory"),
    ("scp web/0:a web/1:b /no/such", "/no/such: Not a directory"),
    ("add-secret apikey token=", "empty secret value not valid"),
    ("add-secret apikey token#base64=hunter2%", 'the value of "token" is not base64'),
    ("add-secret apikey token#file=/no/such/file", "cannot read /no/such/file: no such file or directory"),
    ("add-secret apikey --file /no/such/file", "cannot read /no/such/file: no such file or directory"),
    ("model-config name=x", '"name" must be set via "add-model"'),
    ("login http://127.0.0.1:1 --token-file /no/such/file", "cannot read the token in /no/such/file"),
]


@pytest.mark.parametrize(("line", "what"), FAILURES, ids=[row[0] for row in FAILURES])
def test_what_fails_exits_with_1_and_says_how_to_fix_it(line, what, capsys):
    code = run(line.split())

    captured = capsys.readouterr()
    first, *rest = captured.err.splitlines()
    assert first.startswith(f"ERROR {what}")
    assert rest[-1].startswith("  to fix: ")
    assert (captured.out, code) == ("", 1)


def test_a_bare_word_that_is_a_charm_here_gets_the_hint(tmp_path, monkeypatch, capsys):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "metadata.yaml").write_text("name: web\n")
    monkeypatch.chdir(tmp_path)

    assert run(["deploy", "web"]) == 1
    assert "to fix: ./web is a charm: coordinator deploy ./web" in capsys.readouterr().err


def test_flags_and_arguments_mix_and_flags_take_true_and_false(capsys, tmp_path):
    """`version` needs no controller, so the answers show what was understood."""
    assert (
        run(["version", "--all=true", "--format=json", "--quiet", "--debug=false", "-o", str(tmp_path / "v")]) == 0
    )
    assert '"coordinator":' in (tmp_path / "v").read_text()

    assert run(["version", "--all=false"]) == 0
    assert capsys.readouterr().out.count("-") == 2


def test_an_interrupt_exits_with_130_and_shows_no_traceback(monkeypatch, capsys):
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("coordinator.cli.main._run", interrupted)

    assert run(["status"]) == 130
    assert capsys.readouterr().err == "\n"


def test_the_version_reads_as_people_s_tools_expect(capsys):
    assert run(["version"]) == 0
    plain = capsys.readouterr().out
    assert run(["version", "--format", "json"]) == 0

    assert capsys.readouterr().out == f'"{plain.strip()}"\n'
    number, release, architecture = plain.strip().split("-")
    assert number.count(".") == 2
    assert release
    assert architecture
