"""The package as others import it: names, their homes, and what an import costs."""

from __future__ import annotations

import ast
import importlib
import pathlib
import pickle
import subprocess
import sys

import pytest
from ops_stage import REPOSITORY

import ops
import ops.main

PACKAGE = pathlib.Path(ops.__file__).parent
INDEXES = ["charm", "framework", "model", "pebble", "storage", "hookcmds", "jujucontext"]

# Private modules in their order: each may import, at run time, only what stands before it.
ORDER = [
    *("version", "jujuversion", "_index", "_value", "_yaml", "_times", "_context", "_errors", "_meta", "_status"),
    *("_security", "_backend", "hookcmds", "_storage", "_pebble", "pebble", "_lazy", "_records", "_results"),
    *("_tools", "_secret", "_transfer", "_container", "_entities", "_relation", "_network", "_model"),
    *("_object", "_stored", "_framework", "_events", "_charm", "log", "_dispatch", "main", "lib"),
]

# The same for what is in ops.testing, which stands after all of these.
TESTING_ORDER = [
    *("errors", "_show", "_part", "_statuses", "_parts", "_relation_parts", "_container_parts", "_state"),
    *("_action", "_events", "_extensions", "_charm_spec", "_charm_class", "_scratch", "_charm_root"),
    "_consistency",
    *("_storage", "_watch", "_pebble_files", "_pebble_exec", "_pebble", "_pebble_state"),
    *("_world", "_commands", "_backend", "_state_world", "_environment", "_run", "_life", "_context"),
    "_sequences",
    *("_harness_base", "_harness_containers", "_harness_relations", "_harness_secrets", "_harness_storage"),
    *("_harness", "__init__"),
]


def run(code: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    return ended.stdout.strip()


def test_the_ways_to_run_a_charm_are_all_there():
    from ops import main
    from ops.main import main as function

    assert callable(main)
    assert callable(main.main)
    assert callable(function)
    assert sys.modules["ops.main"].main is function
    assert sys.modules["ops.main"].CHARM_STATE_FILE == ".unit-state.db"


@pytest.mark.parametrize("call", ["ops.main(C)", "ops.main.main(C)", "main(C)", "module.main(C)"])
def test_each_of_them_runs_it(call, monkeypatch):
    ran = []
    module = sys.modules["ops.main"]
    monkeypatch.setattr("ops._dispatch.run_charm", lambda charm, choice: ran.append((charm, choice)))
    eval(call, {"ops": ops, "main": ops.main, "module": module, "C": "charm"})
    assert ran == [("charm", None)]


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_names_what_it_has_and_where_it_lives(name):
    module = importlib.import_module(f"ops.{name}")
    for each in getattr(module, "__all__", ["JujuContext"]):
        value = getattr(module, each)
        if isinstance(value, type) and value.__module__.startswith("ops."):
            home = sys.modules[value.__module__]
            assert getattr(home, value.__qualname__) is value, "pickle and tracebacks look there"
            assert not any(part.startswith("_") for part in value.__module__.split("."))


def test_names_of_the_package_are_those_of_its_modules():
    assert ops.Unit is ops.model.Unit
    assert ops.EventBase is ops.charm.EventBase is ops.framework.EventBase
    assert ops.framework.charm is ops.charm
    assert ops.model.pebble is ops.pebble
    assert ops.StatusName is ops.hookcmds.StatusName
    assert ops.OpenedPort is ops.Port
    assert ops.__version__ == ops.version.version
    assert all(hasattr(ops, name) for name in ops.__all__)
    for module in (ops, ops.framework, ops.model):
        with pytest.raises(AttributeError):
            _ = module.nothing


def test_values_can_be_pickled():
    assert pickle.loads(pickle.dumps(ops.Port("tcp", 80))) == ops.Port("tcp", 80)


def test_another_ops_does_not_take_what_belongs_to_this_one_for_its_own(tmp_path):
    (tmp_path / "ops.py").write_text(
        "try:\n    import ops_tracing as tracing\nexcept ImportError:\n    tracing = None\n"
    )
    loaded = run(
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(REPOSITORY)!r}]; import ops; print(ops.tracing)"
    )
    assert loaded == "None"


def test_tracing_is_ours_although_another_of_that_name_comes_first(tmp_path):
    (tmp_path / "ops_tracing.py").write_text("raise ImportError('made for another ops')\n")
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(REPOSITORY)!r}]; import ops; "
    assert run(code + "print(ops.tracing.Tracing.__name__)") == "Tracing"


def test_importing_loads_nothing_that_most_runs_do_not_need():
    late = [
        *("yaml", "sqlite3", "subprocess", "pickle", "urllib.request", "http.client", "tempfile"),
        *(
            "shutil",
            "ops._transfer",
            "ops.pebble",
            "ops.lib",
            "ops._dispatch",
            "ops.hookcmds._types",
            "ops.testing",
            "pdb",
        ),
    ]
    loaded = run(
        f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); before = set(sys.modules); import ops; "
        f"print([name for name in {late!r} if name in set(sys.modules) - before])"
    )
    assert loaded == "[]"


def test_importing_changes_nothing_in_the_interpreter():
    state = "(sys.excepthook, sys.breakpointhook, warnings.showwarning, logging.getLogger().handlers[:])"
    code = f"import sys, warnings, logging; before = {state}; import ops.pebble, ops.testing"
    code += f"; print(before == {state})"
    assert run(code) == "True"


EVERYTHING = """
import importlib, pkgutil, sys
import ops, ops_tracing, scenario
for found in pkgutil.walk_packages(ops.__path__, "ops."):
    importlib.import_module(found.name)
assert ops._yaml.load("a: [1]") == {"a": [1]}
print(sorted(name for name, module in sys.modules.items()
             if (getattr(module, "__file__", None) or "").startswith(sys.path[-1]) and "." not in name))
"""


@pytest.fixture
def only_yaml(tmp_path):
    """A directory with the library and PyYAML, and nothing else that an interpreter does not have."""
    import yaml

    installed = pathlib.Path(yaml.__file__).parents[1]
    aliases = (REPOSITORY / "ops_tracing.py", REPOSITORY / "scenario.py")
    for path in (PACKAGE, *aliases, installed / "yaml", installed / "_yaml"):
        if path.exists():
            (tmp_path / path.name).symlink_to(path)
    return tmp_path


def import_everything(directory: pathlib.Path, before: str = "") -> str:
    code = f"import sys; sys.path.append({str(directory)!r})\n{before}\n{EVERYTHING}"
    ended = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


def test_every_module_can_be_imported_with_pyyaml_alone(only_yaml):
    assert import_everything(only_yaml) == "['ops', 'ops_tracing', 'scenario', 'yaml']"


# What Python has on POSIX only: modules, and names in modules that exist everywhere.
POSIX_MODULES = ["fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty"]
POSIX_NAMES = {
    "os": ["chown", "fork", "geteuid", "getuid", "killpg", "mkfifo", "posix_spawn", "setsid", "sysconf", "uname"],
    "signal": ["SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGUSR1", "SIGWINCH", "alarm", "pthread_sigmask"],
    "socket": ["AF_UNIX", "socketpair"],
}


def test_every_module_can_be_imported_where_there_is_no_posix(only_yaml):
    hide = "\n".join(
        [
            "import os, signal, socket, sys",
            *(f"sys.modules[{name!r}] = None" for name in POSIX_MODULES),
            *(f"del {module}.{name}" for module, names in POSIX_NAMES.items() for name in names),
        ]
    )
    assert "ops" in import_everything(only_yaml, before=hide)


# --- how the package is built ---


def module_name(path: pathlib.Path, package: pathlib.Path = PACKAGE) -> str:
    return path.relative_to(package).parts[0].removesuffix(".py")


def runtime_imports(tree: ast.AST):
    """Yield the modules of ops that are imported, leaving out what only type checkers see."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.level:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((node.level, name.partition(".")[0]) for name in names)
        yield from runtime_imports(node)


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if module_name(path) in ORDER)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_in_one_direction(path):
    home = module_name(path)
    depth = len(path.relative_to(PACKAGE).parts)
    for level, name in runtime_imports(ast.parse(path.read_text())):
        if level < depth or name == home:
            continue  # within its own folder
        # The client is loaded when a container is used, which is after everything else.
        assert name == "pebble" or ORDER.index(name) < ORDER.index(home), f"{home} imports {name}"


TESTING = PACKAGE / "testing"


@pytest.mark.parametrize("path", sorted(TESTING.rglob("*.py")), ids=lambda path: str(path.relative_to(TESTING)))
def test_imports_within_the_testing_library_do_as_well(path):
    home = module_name(path, TESTING)
    depth = len(path.relative_to(TESTING).parts)
    for level, name in runtime_imports(ast.parse(path.read_text())):
        if level == depth and name != home:
            assert TESTING_ORDER.index(name) < TESTING_ORDER.index(home), f"{home} imports {name}"


def test_only_the_testing_library_knows_of_itself():
    for path in (*MODULES, PACKAGE / "__init__.py"):
        names = {name for _, name in runtime_imports(ast.parse(path.read_text()))}
        assert not names & {"testing", "_private"}, path


def test_only_the_door_starts_processes():
    users = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if any(word in path.read_text() for word in ("import subprocess", "os.system(", "os.exec", "os.spawn"))
    }
    assert users == {"_backend.py"}


def test_no_module_is_longer_than_a_person_reads_and_none_is_without_a_word_about_itself():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 650, path
        assert ast.get_docstring(ast.parse(text)), path
