"""The public surface of `ops` and `ops_tracing`: every name that the recorded API has, as it is there.

`python tests/contract/api_diff.py` prints the same comparison for people.
"""

from __future__ import annotations

import json
import types
from pathlib import Path

import api_diff
import pytest

SPEC = json.loads(Path(__file__).with_name("ops_api.json").read_text(encoding="utf-8"))


def problems(result: api_diff.ModuleResult) -> list[str]:
    found = [f"{outcome.name}: {problem}" for outcome in result.outcomes for problem in outcome.problems]
    return [result.error, *found] if result.error else found


@pytest.mark.parametrize("module", sorted(SPEC["modules"]))
def test_every_name_of_the_module_is_there_and_takes_the_same_arguments(module):
    result = api_diff.compare_module(module, SPEC["modules"][module], everything=True)
    assert result.expected
    assert problems(result) == []


def test_a_charm_gets_the_same_events_from_its_metadata():
    assert problems(api_diff.compare_charm_events(SPEC["charm_events"])) == []


@pytest.mark.parametrize(
    ("entry", "value", "problem"),
    [
        ({"kind": "function", "parameters": [{"name": "b", "kind": "positional_or_keyword"}]}, "f", "missing"),
        ({"kind": "class", "members": {"other": {"kind": "method"}}}, "C", "missing"),
        ({"kind": "class", "bases": ["LookupError"]}, "C", "does not derive"),
        ({"kind": "constant", "value": "2"}, "N", "is 1, not 2"),
        ({"kind": "function"}, "absent", "missing"),
    ],
)
def test_the_comparison_sees_what_differs(monkeypatch, entry, value, problem):
    sample = types.ModuleType("sample")
    exec("def f(a): ...\nclass C: ...\nN = 1", vars(sample))
    monkeypatch.setitem(api_diff.sys.modules, "sample", sample)
    result = api_diff.compare_module("sample", {"names": {value: entry}}, everything=True)
    assert any(problem in each for each in problems(result)), problems(result)
