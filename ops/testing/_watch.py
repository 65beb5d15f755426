"""A framework that tells what it does: for tests that look at events, and for errors that say who failed."""

from __future__ import annotations

import sys
from typing import Any

from .._errors import AbortRun
from .._framework import Framework
from .._object import EventBase


class ExplainingFramework(Framework):
    """A framework that says which handler an error came from."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._failed: BaseException | None = None
        self.failure = ""
        """What was being done when the last error got out of a handler; empty when none did."""

    def _run_handler(self, event: EventBase, observer_path: str, method_name: str, *, again: bool) -> None:
        try:
            super()._run_handler(event, observer_path, method_name, again=again)
        except AbortRun:
            raise
        except Exception as error:
            self._explain(error, event, observer_path, method_name)
            raise

    def _explain(self, error: Exception, event: EventBase, observer_path: str, method_name: str) -> None:
        # A handler that emits an event itself is not the one that failed.
        if error is self._failed:
            return
        self._failed = error
        self.failure = f"in {observer_path}.{method_name}, handling {event}"
        if sys.version_info >= (3, 11):
            error.add_note(self.failure)


class WatchedFramework(ExplainingFramework):
    """A framework that remembers the events it emits as well."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.emitted: list[EventBase] = []
        """Events in the order in which they were emitted."""
        self.emitted_again: list[EventBase] = []
        """Those among them that were emitted again, after they had been deferred."""

    def _emit(self, event: EventBase) -> None:
        # Handlers get copies.  What only `restore` sets, like the parameters of an action, tests look for here.
        event.restore(event.snapshot())
        self.emitted.append(event)
        super()._emit(event)

    def _run_handler(self, event: EventBase, observer_path: str, method_name: str, *, again: bool) -> None:
        if again and not any(each.handle.path == event.handle.path for each in self.emitted_again):
            self.emitted.append(event)
            self.emitted_again.append(event)
        super()._run_handler(event, observer_path, method_name, again=again)
