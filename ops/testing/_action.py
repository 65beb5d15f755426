"""What running an action in a test gives, and how its failure is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._state import State


@dataclass(frozen=True)
class ActionOutput:
    """What an action said while it ran, and its results."""

    logs: list[str]
    """Progress messages, in order."""

    results: dict[str, Any]
    """Results, nested as the charm set them; empty if it set none."""


class ActionFailed(Exception):
    """The charm's handler called ``event.fail()``."""

    message: str
    """What it gave as the reason."""

    output: ActionOutput
    """What was logged and set before and after that; with a `Context`, these are on the context."""

    state: State | None
    """The state after the run; None with a `Harness`."""

    def __init__(self, message: str, output: ActionOutput | None = None, *, state: State | None = None):
        super().__init__(message)
        self.message = message
        self.output = ActionOutput([], {}) if output is None else output
        self.state = state

    def __str__(self):
        if self.message:
            return self.message
        return "the action failed without a message"
