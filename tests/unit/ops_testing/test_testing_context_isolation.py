"""Tests do not see each other: what a run changes in the process, in classes and on disk is gone after it."""

from __future__ import annotations

import gc
import logging
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import pytest
import yaml
from testing_charms import META, charm, context

import ops
from ops import testing

REPOSITORY = pathlib.Path(ops.__file__).parents[1]


def process() -> dict[str, object]:
    """Return what a run might leave behind in the process."""
    root = logging.getLogger()
    return {
        "environment": dict(os.environ),
        "directory": pathlib.Path.cwd(),
        "logging": (root.level, list(root.handlers), dict(root.manager.loggerDict)),
        "hooks": (sys.excepthook, sys.breakpointhook, warnings.showwarning),
        "path": list(sys.path),
    }


def misbehave(self, event):
    os.environ["OF_THE_CHARM"] = "1"
    os.environ["JUJU_VERSION"] = "9"
    os.environ.pop("HOME", None)
    os.environ["PATH"] = "/nowhere"
    os.chdir(self.charm_dir)


@pytest.mark.parametrize("ending", ["well", "with an error", "by the test"])
def test_the_process_is_what_it_was(ending, monkeypatch):
    monkeypatch.setenv("HOME", "/root")
    monkeypatch.setenv("JUJU_VERSION", "2.9")

    def handle(self, event):
        misbehave(self, event)
        if ending == "with an error":
            raise ValueError

    ctx = context(handle)
    context().run(ctx.on.start(), testing.State())  # loggers that the library makes are there now
    before = process()
    try:
        with ctx(ctx.on.start(), testing.State()) as manager:
            misbehave(manager.charm, None)
            if ending == "by the test":
                raise RuntimeError
    except RuntimeError:
        assert ending != "well"
    assert process() == before


def test_a_charm_finds_the_variables_of_the_test_as_well(monkeypatch):
    monkeypatch.setenv("OF_THE_TEST", "x")
    seen = []
    ctx = context(lambda self, event: seen.append(os.environ.get("OF_THE_TEST")))
    ctx.run(ctx.on.start(), testing.State())
    assert seen == ["x"]


def test_classes_are_for_the_next_test_what_they_were():
    class Web(ops.CharmBase):
        runs = 0

        def __init__(self, framework):
            super().__init__(framework)
            type(self).runs += 1
            type(self).added = True
            self.on.define_event("extra", ops.EventBase)

    before, events = set(dir(Web)), set(ops.CharmBase.on.events())
    for _ in range(2):
        ctx = testing.Context(Web, meta=META)
        ctx.run(ctx.on.start(), testing.State())
        with ctx(ctx.on.start(), testing.State()) as manager:
            assert type(manager.charm).__name__ == "Web"
            assert isinstance(manager.charm, Web)
            assert manager.charm.runs == 1
    assert set(dir(Web)) == before
    assert Web.runs == 0
    assert set(ops.CharmBase.on.events()) == events


def test_one_class_may_have_several_sets_of_metadata():
    web = charm()
    for endpoint in ("one", "other"):
        ctx = testing.Context(web, meta={"name": "web", "requires": {endpoint: {"interface": "i"}}})
        with ctx(ctx.on.start(), testing.State()) as manager:
            events = set(manager.charm.on.events())
            assert {name for name in events if name.endswith("_relation_joined")} == {
                f"{endpoint}_relation_joined"
            }


def test_contexts_share_no_records():
    one, other = context(), context()
    one.run(one.on.action("back-up"), testing.State())
    assert one.emitted_events
    assert one.juju_log
    assert not other.emitted_events
    assert not other.juju_log


def test_mappings_that_were_passed_in_stay_as_they_were():
    meta = {"name": "web", "actions": {"a": {"params": {"p": {"type": "string"}}}}, "config": {"options": {}}}
    shown = repr(meta)
    ctx = testing.Context(charm(), meta=meta)
    ctx.run(ctx.on.start(), testing.State())
    assert repr(meta) == shown


# --- directories of the charm ---


def files(root: pathlib.Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_a_charm_finds_itself_in_a_directory_with_what_it_declares():
    seen = {}

    def look(self, event):
        assert os.environ["JUJU_CHARM_DIR"] == str(self.charm_dir)
        seen.update({name: yaml.safe_load(text) for name, text in files(self.charm_dir).items()})

    ctx = testing.Context(charm(look), meta=META, config={"options": {}})
    ctx.run(ctx.on.start(), testing.State())
    assert seen == {"metadata.yaml": META, "config.yaml": {"options": {}}}


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "more").write_text("x"),
        lambda root: (root / "metadata.yaml").write_text("name: other"),
        lambda root: (root / "metadata.yaml").unlink(),
        lambda root: (root / "new").mkdir(),
    ],
    ids=["a file more", "a file changed", "a file less", "a directory more"],
)
def test_what_a_charm_does_to_its_directory_is_gone_after_the_run(change):
    ctx, seen = context(lambda self, event: seen.append(files(self.charm_dir)) or change(self.charm_dir)), []
    for _ in range(2):
        ctx.run(ctx.on.start(), testing.State())
    assert seen[0] == seen[1]
    assert list(seen[0]) == ["metadata.yaml", "actions.yaml", "config.yaml"] or len(seen[0]) == 3


def test_two_charms_at_a_time_have_two_directories():
    one, other = context(), context()
    with one(one.on.start(), testing.State()) as first, other(other.on.start(), testing.State()) as second:
        assert first.charm.charm_dir != second.charm.charm_dir


@pytest.mark.parametrize("fails", [False, True])
def test_a_directory_that_the_test_has_chosen_is_put_back(tmp_path, fails):
    (tmp_path / "metadata.yaml").write_text("name: original  # with a comment\n")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page").write_text("hello")
    before, seen = files(tmp_path), []

    def look(self, event):
        assert self.charm_dir == tmp_path
        assert (self.charm_dir / "templates" / "page").read_text() == "hello"
        seen.append(yaml.safe_load((self.charm_dir / "metadata.yaml").read_text()))
        if fails:
            raise ValueError

    ctx = context(look, charm_root=tmp_path)
    try:
        ctx.run(ctx.on.start(), testing.State())
    except testing.errors.UncaughtCharmError:
        assert fails
    assert seen == [META]
    assert files(tmp_path) == before


# --- nothing stays on disk ---


def test_a_context_that_is_gone_leaves_no_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    app = testing.Container("app", can_connect=True)
    data = testing.Storage("data")

    def write(self, event):
        self.unit.get_container("app").push("/f", "x")
        (self.model.storages["data"][0].location / "g").write_text("y")
        (self.charm_dir / "h").write_text("z")

    ctx = context(write)
    ctx.run(ctx.on.start(), testing.State(containers={app}, storages={data}))
    assert (app.get_filesystem(ctx) / "f").read_text() == "x"
    ctx.close()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and path.name in "fgh"] == []

    ctx = context(write)
    ctx.run(ctx.on.start(), testing.State(containers={app}, storages={data}))
    del ctx
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        gc.collect()
    assert [each for each in warned if "context-" in str(each.message)] == []
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and path.name in "fgh"] == []


SUITE = """
import os, unittest
import ops, pytest
from ops import testing

META = {"name": "web", "containers": {"app": {}}, "storage": {"data": {"type": "filesystem"}},
        "requires": {"db": {"interface": "sql"}}}


class Web(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on.start, self._on_start)
        framework.observe(self.on.db_relation_changed, self._on_changed)

    def _on_start(self, event):
        assert "OF_ANOTHER" not in os.environ
        os.environ["OF_ANOTHER"] = "1"
        assert not self.unit.get_container("app").exists("/f")
        self.unit.get_container("app").push("/f", "x")
        (self.charm_dir / "g").write_text("y")
        self.unit.status = ops.ActiveStatus()

    def _on_changed(self, event):
        self.unit.status = ops.ActiveStatus(event.relation.data[event.app]["k"])


def run_once():
    ctx = testing.Context(Web, meta=META)
    app, data = testing.Container("app", can_connect=True), testing.Storage("data")
    out = ctx.run(ctx.on.start(), testing.State(containers={app}, storages={data}))
    assert out.unit_status == testing.ActiveStatus()
    assert (app.get_filesystem(ctx) / "f").read_text() == "x"


class TestStates(unittest.TestCase):
    def test_one(self):
        run_once()

    def test_other(self):
        run_once()


class TestHarness(unittest.TestCase):
    def setUp(self):
        self.harness = testing.Harness(Web, meta=str(META))
        self.addCleanup(self.harness.cleanup)
        self.harness.begin()

    def test_one(self):
        self.harness.add_relation("db", "pg", app_data={"k": "one"})
        self.assertEqual(self.harness.model.unit.status, ops.ActiveStatus("one"))

    def test_other(self):
        self.harness.add_relation("db", "pg", app_data={"k": "other"})
        self.harness.set_can_connect("app", True)
        self.harness.charm.unit.get_container("app").push("/f", "x")
        self.assertEqual(self.harness.model.unit.status, ops.ActiveStatus("other"))


@pytest.mark.parametrize("number", range(20))
def test_many(number):
    run_once()
"""


@pytest.mark.parametrize(
    "runner",
    [
        pytest.param(["unittest", "test_web"], id="unittest"),
        pytest.param(["pytest", "-q", "-n", "2"], id="workers of pytest", marks=pytest.mark.slow),
    ],
)
def test_a_suite_runs_anywhere_and_leaves_no_files(tmp_path, runner):
    if runner[0] == "pytest":
        pytest.importorskip("xdist")
    suite, temporary = tmp_path / "suite", tmp_path / "tmp"
    suite.mkdir()
    temporary.mkdir()
    (suite / "test_web.py").write_text(SUITE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "JUJU"))}
    environment |= {"TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])])
    extra = ["-p", "no:cacheprovider", f"--rootdir={suite}", "-c", os.devnull] if runner[0] == "pytest" else []
    ended = subprocess.run(
        [sys.executable, "-m", *runner, *extra],
        cwd=suite,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert sorted(path.name for path in suite.iterdir()) == ["test_web.py"]
    assert [path.name for path in temporary.iterdir() if not path.name.startswith("pytest-of-")] == []
