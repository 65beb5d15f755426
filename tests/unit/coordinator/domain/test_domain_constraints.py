"""Constraints: what a value of each key is."""

from __future__ import annotations

import pytest

from coordinator.domain.constraints import constraint_values
from coordinator.errors import BadRequest


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("mem", "2G", 2048),
        ("mem", "1.5G", 1536),
        ("mem", "512", 512),
        ("root-disk", "1T", 1024**2),
        ("cores", "4", 4),
        ("arch", "arm64", "arm64"),
        ("tags", "fast,ssd", ["fast", "ssd"]),
        ("spaces", "", []),
        ("allocate-public-ip", "true", True),
    ],
)
def test_a_value_has_the_type_of_its_key(key, text, value):
    assert constraint_values({key: text}) == {key: value}


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("memory", "2G", 'unknown constraint "memory"'),
        ("mem", "much", 'constraint "mem" cannot be "much": expected a size like 512M or 2G'),
        ("mem", "-1", "expected a size"),
        ("cores", "2.5", "expected a whole number"),
        ("cores", "", "expected a whole number"),
        ("allocate-public-ip", "yes", "expected true or false"),
    ],
)
def test_another_value_is_refused(key, text, says):
    with pytest.raises(BadRequest, match=says):
        constraint_values({key: text})
