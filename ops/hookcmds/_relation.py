"""Hook commands about relations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, overload

from ._utils import relation_reference, run, run_json

if TYPE_CHECKING:
    from ._types import RelationModel


@overload
def relation_get(
    id: int | None = None,
    *,
    endpoint: str | None = None,
    key: None = None,
    unit: str | None = None,
    app: bool = False,
) -> dict[str, str]: ...


@overload
def relation_get(
    id: int | None = None,
    *,
    endpoint: str | None = None,
    key: str,
    unit: str | None = None,
    app: bool = False,
) -> str: ...


def relation_get(
    id: int | None = None,
    *,
    endpoint: str | None = None,
    key: str | None = None,
    unit: str | None = None,
    app: bool = False,
) -> dict[str, str] | str:
    """Return relation data of a unit or, with *app*, of an application.

    Args:
        id: number of the relation; None for the one that the hook is about.
        endpoint: name of its endpoint, if known.
        key: what to read; None for everything, as a mapping.
        unit: name of the unit, or of the application; None for the one that the hook is about.
        app: whether to read the application's data.

    Raises:
        ValueError: *key* is a lone hyphen, which means "everything" on the command line.
    """
    if key == "-":
        raise ValueError("the key '-' is not possible; None stands for all keys")
    arguments = ["--format=json", *relation_reference(id, endpoint)]
    if app:
        arguments.append("--app")
    if unit is not None:
        arguments += [key or "-", unit]
    elif key is not None:
        arguments.append(key)
    return run_json("relation-get", *arguments)


def relation_ids(name: str) -> list[str]:
    """Return the references of all relations of an endpoint, each ``endpoint:number``."""
    return run_json("relation-ids", name, "--format=json") or []


@overload
def relation_list(id: int | None = None, *, endpoint: str | None = None, app: Literal[True]) -> str: ...


@overload
def relation_list(
    id: int | None = None, *, endpoint: str | None = None, app: Literal[False] = False
) -> list[str]: ...


def relation_list(id: int | None = None, *, endpoint: str | None = None, app: bool = False) -> str | list[str]:
    """Return the names of the units on the other side or, with *app*, the name of the application."""
    arguments = ["--format=json", *(["--app"] if app else []), *relation_reference(id, endpoint)]
    answer = run_json("relation-list", *arguments)
    return answer if app else answer or []


def relation_model_get(id: int | None = None, *, endpoint: str | None = None) -> RelationModel:
    """Return the model on the other side of a relation."""
    from ._types import RelationModel

    answer = run_json("relation-model-get", "--format=json", *relation_reference(id, endpoint))
    return RelationModel(uuid=answer["uuid"])


def relation_set(
    data: Mapping[str, str], id: int | None = None, *, endpoint: str | None = None, app: bool = False
):
    """Change this unit's data or, with *app*, its application's.  An empty text deletes the key."""
    arguments = [*relation_reference(id, endpoint), *(["--app"] if app else []), "--file", "-"]
    run("relation-set", *arguments, stdin=json.dumps(dict(data)))
