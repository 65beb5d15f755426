"""Logging, warnings and uncaught exceptions in the controller's log; the deprecated loader of libraries."""

from __future__ import annotations

import json
import logging
import sys
import warnings

import pytest

import ops
from ops import lib, log


@pytest.fixture
def logger(backend, interpreter):
    log.setup_root_logging(backend)
    return logging.getLogger("charm")


def test_records_go_to_the_controller_with_their_level(tools, logger):
    logger.debug("%s and %s", "this", "that")
    logger.error("no")
    assert tools.log == [("DEBUG", "this and that"), ("ERROR", "no")]


def test_an_empty_text_is_not_sent(tools, logger):
    logger.info("")
    assert tools.log == []


def test_long_texts_are_split_with_a_line_that_says_so(tools, logger):
    logger.info("x" * (ops.model.MAX_LOG_LINE_LEN * 2 + 1))
    first, *pieces = tools.log
    assert "splitting" in first[1]
    assert [len(text) for _, text in pieces] == [131071, 131071, 1]


def test_warnings_are_logged_without_the_line_of_source(tools, logger):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        show = warnings.showwarning
        warnings.warn_explicit("careful", UserWarning, "file.py", 7)
        assert show is warnings.showwarning
    assert tools.log == [("WARNING", "file.py:7: UserWarning: careful")]


def test_uncaught_exceptions_are_logged_and_told_to_the_watch(tools, logger, capsys):
    try:
        raise ValueError("why")
    except ValueError:
        sys.excepthook(*sys.exc_info())
    (level, text), (second_level, line) = tools.log
    assert level == "ERROR"
    assert "Traceback" in text
    assert text.endswith("ValueError: why")
    assert second_level == "TRACE"
    assert json.loads(line)["event"] == "sys_crash:ValueError"
    assert json.loads(line)["level"] == "WARN"
    assert capsys.readouterr().err == ""


def test_who_runs_an_action_sees_the_exception(tools, backend, interpreter, capsys):
    log.setup_root_logging(backend, exc_stderr=True)
    sys.excepthook(ValueError, ValueError("why"), None)
    assert "ValueError" in (said := capsys.readouterr().err)
    assert "why" in said
    assert "debug-log" in said


def test_debugging_logs_to_stderr_as_well(tools, backend, interpreter, capsys):
    log.setup_root_logging(backend, debug=True)
    logging.getLogger("charm").info("hello")
    assert "INFO     hello" in capsys.readouterr().err


def test_a_log_that_cannot_be_written_is_an_error_without_the_message_in_its_note(tools, logger):
    tools.fail("juju-log --log-level INFO -- geheim", "ERROR cannot log")
    with pytest.raises(ops.ModelError, match="cannot log") as caught:
        logger.info("geheim")
    assert "geheim" not in str(getattr(caught.value, "__notes__", ""))


# --- libraries ---


@pytest.fixture
def libraries(tmp_path, monkeypatch):
    def write(package, module, **constants):
        directory = tmp_path / package / "opslib" / module
        directory.mkdir(parents=True)
        lines = [f"{name} = {value!r}" for name, value in constants.items()]
        (directory / "__init__.py").write_text("\n".join(["import ops", *lines, ""]))

    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(lib, "_found", None)
    yield write
    for name in [name for name in sys.modules if ".opslib." in name]:
        del sys.modules[name]


AUTHOR = "jane@example.com"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_newest_patch_of_an_api_is_used(libraries):
    libraries("one", "db", LIBNAME="db", LIBAUTHOR=AUTHOR, LIBAPI=2, LIBPATCH=3)
    libraries("two", "db", LIBNAME="db", LIBAUTHOR=AUTHOR, LIBAPI=2, LIBPATCH=10)
    libraries("three", "db", LIBNAME="db", LIBAUTHOR=AUTHOR, LIBAPI=3, LIBPATCH=99)
    libraries("four", "db", LIBNAME="db", LIBAPI=2, LIBPATCH=99)
    assert lib.use("db", 2, AUTHOR).LIBPATCH == 10
    assert lib.use("db", 2, AUTHOR) is lib.use("db", 2, AUTHOR)
    with pytest.raises(ImportError, match="2, 3"):
        lib.use("db", 1, AUTHOR)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((7, 1, AUTHOR), TypeError),
        (("db", "1", AUTHOR), TypeError),
        (("db", 1, None), TypeError),
        (("D B", 1, AUTHOR), ValueError),
        (("db", -1, AUTHOR), ValueError),
        (("db", 1, "jane"), ValueError),
    ],
)
def test_arguments_of_libraries_have_a_form(arguments, error):
    with pytest.raises(error):
        lib.use(*arguments)


def test_both_functions_are_deprecated(libraries):
    with pytest.warns(DeprecationWarning, match="autoimport"):
        lib.autoimport()
    with pytest.warns(DeprecationWarning, match="use"), pytest.raises(ImportError):
        lib.use("db", 1, AUTHOR)
