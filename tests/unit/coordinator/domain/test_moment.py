"""Moments as text, there and back."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain.moment import moment_text, parse_moment_s

#: From the second day of year 1 to the end of year 9999.
WHOLE_S = st.integers(-62_135_510_400, 253_402_300_799)


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1969-12-31T23:59:59Z", -1.0),
        ("2026-11-27T04:05:06Z", 1_795_752_306.0),
        ("2026-11-27T04:05:06.25Z", 1_795_752_306.25),
        ("2026-11-27t04:05:06z", 1_795_752_306.0),
        ("2026-11-27 04:05:06", 1_795_752_306.0),
        ("2026-11-27T04:05", 1_795_752_300.0),
        ("2026-11-27T05:05:06+01:00", 1_795_752_306.0),
        ("2026-11-26T23:35:06-0430", 1_795_752_306.0),
        ("2024-02-29T00:00:00Z", 1_709_164_800.0),
        ("2000-02-29T00:00:00Z", 951_782_400.0),
    ],
)
def test_a_moment_in_any_of_its_spellings(text, at_s):
    assert parse_moment_s(text) == at_s


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "2026-11-27", "04:05:06", "2026-11-27T04:05:06Z tomorrow", "26-11-27T04:05:06Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-04-31T00:00:00Z", "2026-11-00T00:00:00Z",
        "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "0000-01-01T00:00:00Z",
        "2026-11-27T24:00:00Z", "2026-11-27T04:60:00Z", "2026-11-27T04:05:60Z",
        "2026-11-27T04:05:06+24:00", "2026-11-27T04:05:06+01:60", "2026-11-27T04:05:06.Z",
        "\uff12026-11-27T04:05:06Z",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_none(text):
    with pytest.raises(ValueError, match="is not a moment"):
        parse_moment_s(text)


@given(at_s=WHOLE_S)
def test_a_moment_reads_as_the_calendar_has_it_and_back(at_s):
    expected = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=at_s)
    text = moment_text(at_s)
    assert text == f"{expected.year:04}-{expected:%m-%dT%H:%M:%S}Z"
    assert parse_moment_s(text) == at_s


@given(at_s=WHOLE_S, ahead=st.integers(-23 * 60 - 59, 23 * 60 + 59))
def test_a_zone_changes_the_text_and_not_the_moment(at_s, ahead):
    sign, (hours, minutes) = "-" if ahead < 0 else "+", divmod(abs(ahead), 60)
    local = moment_text(at_s).removesuffix("Z")
    assert parse_moment_s(f"{local}{sign}{hours:02}:{minutes:02}") == at_s - ahead * 60


def test_less_than_a_second_is_left_out():
    assert moment_text(1_795_752_306.999) == "2026-11-27T04:05:06Z"
