"""Options, constraints and bindings: from words and from files."""

from __future__ import annotations

import io

import pytest

from coordinator.cli import values
from coordinator.errors import BadRequest, NotFound, Refused


def test_a_word_beats_a_file_whatever_the_order(tmp_path):
    file = tmp_path / "options.yaml"
    file.write_text("web: {color: blue, limit: 3, deep: true}\ndb: {color: green}\n")
    (tmp_path / "motd").write_text("hello\n")

    given = values.options(["color=red", str(file), f"motd=@{tmp_path}/motd", "empty=", "at=@"], "web")

    assert given == {"color": "red", "limit": 3, "deep": True, "motd": "hello\n", "empty": "", "at": "@"}


def test_a_file_for_one_application_fits_an_application_without_a_name(tmp_path):
    file = tmp_path / "options.yaml"
    file.write_text("web: {color: blue}\n")

    assert values.options([str(file)], None) == {"color": "blue"}
    with pytest.raises(Refused, match=r'holds none for application "db"; it has web'):
        values.options([str(file)], "db")


def test_stdin_is_a_file_too(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("web: {color: blue}"))
    assert values.options_in_file("-", "web") == {"color": "blue"}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"web: [1", "line 1, column"),
        (b"- web", "it is no mapping"),
        (b"web: 3", 'holds none for application "web"'),
        (b"\xff", "it is not UTF-8 text"),
        (b"a: !!python/object:os.system {}", "could not determine a constructor"),
    ],
)
def test_a_file_that_is_no_options_says_why(content, text, tmp_path):
    file = tmp_path / "options.yaml"
    file.write_bytes(content)

    with pytest.raises(Refused) as refusal:
        values.options_in_file(str(file), "web")
    assert str(file) in str(refusal.value)
    assert text in str(refusal.value)


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(NotFound, match="cannot read /no/such: no such file or directory"):
        values.options(["k=@/no/such"])


def test_constraints_come_in_one_word_or_several():
    assert values.constraints(["mem=2G cores=2", "arch=arm64"]) == {"mem": "2G", "cores": "2", "arch": "arm64"}
    with pytest.raises(BadRequest, match='malformed constraint "mem"'):
        values.constraints(["mem"])
    with pytest.raises(BadRequest, match='unknown constraint "memory"'):
        values.constraints(["memory=2G"])


def test_a_bare_binding_is_for_every_endpoint():
    assert values.bindings(["alpha db=beta"]) == {"": "alpha", "db": "beta"}
    with pytest.raises(BadRequest, match='malformed binding "db="'):
        values.bindings(["db="])
