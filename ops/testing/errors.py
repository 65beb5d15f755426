"""What can go wrong in a test, sorted by who has to act.

| error | what to look at |
| --- | --- |
| `StateValidationError` | one part of a state: it is invalid by itself, whatever the charm is |
| `InconsistentScenarioError` | the state, the event and what the charm declares: they do not fit each other |
| `ContextSetupError`, `MetadataNotFoundError` | how the `Context` was made: there is no metadata |
| `NoObserverError`, `AlreadyEmittedError`, `ActionMissingFromContextError`, `BadOwnerPath` | what the test does |
| `UncaughtCharmError` | the charm: its own code raised |
"""

from __future__ import annotations


class ContextSetupError(RuntimeError):
    """A context cannot be made, because nothing says what the charm declares."""


class AlreadyEmittedError(RuntimeError):
    """The one event of a manager was emitted before; make another manager for another event."""


class ScenarioRuntimeError(RuntimeError):
    """Base of what ends a run."""


class UncaughtCharmError(ScenarioRuntimeError):
    """The charm raised.  Its own exception, with its traceback, is the cause (``__cause__``)."""


class InconsistentScenarioError(ScenarioRuntimeError):
    """State, event and the charm's metadata contradict each other.  The text lists every contradiction."""


class StateValidationError(RuntimeError):
    """A part of a state is invalid by itself, like a port above 65535."""


class MetadataNotFoundError(RuntimeError):
    """The charm's directory holds no file with its metadata."""


class ActionMissingFromContextError(Exception):
    """A tool for actions was used while no action runs."""


class NoObserverError(RuntimeError):
    """The charm has no event of the name that was asked for."""


class BadOwnerPath(RuntimeError):
    """The way from the charm to the object that emits an event cannot be followed."""
