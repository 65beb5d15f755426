"""What goes wrong between a charm and its model, as exceptions."""

from __future__ import annotations


class ModelError(Exception):
    """A hook command failed; the text is what it wrote to stderr."""


class TooManyRelatedAppsError(ModelError):
    """`Model.get_relation` was asked for the one relation of an endpoint that has several."""

    def __init__(self, relation_name: str, num_related: int, max_supported: int):
        super().__init__(f"Too many remote applications on {relation_name} ({num_related} > {max_supported})")
        self.relation_name = relation_name
        self.num_related = num_related
        self.max_supported = max_supported


class RelationDataError(ModelError):
    """Relation data was used in a way that the rules forbid."""


class RelationDataTypeError(RelationDataError):
    """A key or value of relation data is not text."""


class RelationDataAccessError(RelationDataError):
    """This unit may not read, or may not write, that part of the relation's data."""


class RelationNotFoundError(ModelError):
    """The relation is gone, or never was."""


class InvalidStatusError(ModelError):
    """This status cannot be set."""


class SecretNotFoundError(ModelError):
    """The secret, or the revision asked for, does not exist or is not visible to this unit."""


class MultiPushPullError(Exception):
    """Some files could not be copied; all others were.

    *errors* has a pair of path and exception for each.
    """

    message: str
    """What was being done."""

    errors: list[tuple[str, Exception]]
    """Path and exception of each file that was not copied."""

    def __init__(self, message: str, errors: list[tuple[str, Exception]]):
        super().__init__(message, errors)
        self.message = message
        self.errors = errors

    def __str__(self):
        return f"{self.message} ({len(self.errors)} errors): {self.errors[0][0]}: {self.errors[0][1]}" + (
            ", ..." if len(self.errors) > 1 else ""
        )

    def __repr__(self):
        return f"MultiPushPullError({self.message!r}, {len(self.errors)} errors)"


class AbortRun(Exception):
    """Ends the run with *exit_code*; neither stored state nor deferred events are saved.

    It derives from `Exception`, so a handler that catches everything keeps running.
    """

    def __init__(self, exit_code: int):
        super().__init__(f"the run ends with status {exit_code}")
        self.exit_code = exit_code
