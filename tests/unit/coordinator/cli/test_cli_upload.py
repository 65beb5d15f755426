"""What is said while a charm or a resource is sent."""

from __future__ import annotations

import io
import time

import pytest

from coordinator.cli.console import Console
from coordinator.cli.upload import MIB, progress_of


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, for a test to turn."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_it_says_how_far_it_is_once_that_takes_longer_than_a_moment(moment: list[float]) -> None:
    stream = io.StringIO()
    console = Console(stream)
    moment[0] += 60  # packing took its time: that is another matter
    progress = progress_of(console, "charm", 4 * MIB)
    progress(1 * MIB)
    assert stream.getvalue() == ""
    moment[0] += 2
    progress(2 * MIB)
    progress(4 * MIB)  # sent: nothing to wait for any more
    assert stream.getvalue() == "Uploading charm: 2.0 of 4.0 MiB\n"
