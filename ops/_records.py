"""Between named values and the classes of charm authors: dataclasses, pydantic models and others.

Role: which names a class takes and which values an object has.  Pydantic is never imported here: whoever
passes one of its models has done that.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Iterable, Mapping
from typing import Any


def _is_pydantic_dataclass(cls: type[Any]) -> bool:
    # In its own dictionary: a plain dataclass that derives from a pydantic one is a plain one.
    return "__is_pydantic_dataclass__" in cls.__dict__


def accepted_names(cls: type[Any]) -> dict[str, str] | None:
    """Return by external name the name under which *cls* takes a value; None if that is not known.

    The external name of a field is its alias if it has one: of pydantic's own, or the metadata key ``alias``
    of a dataclass field.
    """
    pydantic_fields = getattr(cls, "model_fields", None)
    if _is_pydantic_dataclass(cls):
        pydantic_fields = cls.__pydantic_fields__
    elif dataclasses.is_dataclass(cls):
        return {field.metadata.get("alias", field.name): field.name for field in dataclasses.fields(cls)}
    if pydantic_fields is None:
        return None
    # Pydantic takes a value under its alias.
    names = (field.alias or name for name, field in pydantic_fields.items())
    return {name: name for name in names}


def select_arguments(
    cls: type[Any], values: Iterable[tuple[str, Any]], start: Mapping[str, Any], *, rename: bool
) -> dict[str, Any]:
    """Return the keyword arguments for *cls*: *start*, overridden by *values*.

    Names that *cls* is known not to take are left out.  With *rename*, hyphens may stand for underscores.
    """
    names = accepted_names(cls)
    arguments = copy.deepcopy(dict(start))
    for name, value in values:
        plain = name.replace("-", "_") if rename else name
        if names is None:
            arguments[plain] = value
        elif name in names:
            arguments[names[name]] = value
        elif plain in names:
            arguments[names[plain]] = value
    return arguments


def external_values(obj: object) -> dict[str, Any]:
    """Return the values of *obj* by external name; a field without value is missing.

    Raises:
        TypeError: the class of *obj* declares no fields at all.
    """
    cls = type(obj)
    if hasattr(cls, "model_fields"):
        return obj.model_dump(mode="json", by_alias=True)  # type: ignore[attr-defined]
    if _is_pydantic_dataclass(cls):
        import pydantic

        return pydantic.TypeAdapter(cls).dump_python(obj, mode="json", by_alias=True)
    names = external_names(cls)
    return {name: getattr(obj, field) for name, field in names.items() if hasattr(obj, field)}


def external_names(cls: type[Any]) -> dict[str, str]:
    """Return by external name the attribute that holds the value.

    Raises:
        TypeError: the class declares no fields at all.
    """
    if _is_pydantic_dataclass(cls) or hasattr(cls, "model_fields"):
        fields = cls.__pydantic_fields__ if _is_pydantic_dataclass(cls) else cls.model_fields
        return {field.serialization_alias or field.alias or name: name for name, field in fields.items()}
    names = accepted_names(cls)
    if names is None:
        names = {name: name for base in reversed(cls.__mro__) for name in inspect.get_annotations(base)}
    if not names:
        raise TypeError(f"{cls.__name__} declares no attributes to save")
    return names
