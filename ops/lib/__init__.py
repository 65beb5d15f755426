"""Versioned libraries found on the search path; deprecated, as charm libraries are files of the charm now.

A library is a module of an ``opslib`` package that says what it is in constants: LIBNAME, LIBAUTHOR, LIBAPI
and LIBPATCH.  They are read from its source, so that only the one that is used is imported.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import os
import re
import sys
import types
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["autoimport", "use"]

_HEAD_LINES_MAX = 99  # the constants have to be among the first lines
_CONSTANTS = {"LIBNAME": str, "LIBAUTHOR": str, "LIBAPI": int, "LIBPATCH": int}

_NAME = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
_AUTHOR = r"[A-Za-z0-9_+.-]+@[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z]{2,3}"


@dataclass(frozen=True)
class _Library:
    """One version of a library, not imported yet."""

    spec: importlib.machinery.ModuleSpec
    name: str
    author: str
    api: int
    patch: int


#: By (name, author); None until the search path was looked through.
_found: dict[tuple[str, str], list[_Library]] | None = None


def use(name: str, api: int, author: str) -> types.ModuleType:
    """Return the newest patch of a library; deprecated.

    Args:
        name: lower-case letters and digits, in parts joined by hyphens.
        api: version of its interface; others do not fit.
        author: mail address of its author.

    Raises:
        TypeError: an argument is of another type.
        ValueError: an argument is not of its form.
        ImportError: there is no such library.
    """
    _warn("use")
    for what, value, kind in (("name", name, str), ("api", api, int), ("author", author, str)):
        if not isinstance(value, kind):
            raise TypeError(f"invalid library {what}: {value!r} (must be a {kind.__name__})")
    if not re.fullmatch(_NAME, name):
        raise ValueError(f"invalid library name: {name!r} (chars and digits only)")
    if not re.fullmatch(_AUTHOR, author):
        raise ValueError(f"invalid library author email: {author!r}")
    if api < 0:
        raise ValueError(f"invalid library api: {api!r} (must be ≥ 0)")
    if _found is None:
        _search()
    assert _found is not None
    versions = _found.get((name, author), [])
    fitting = [each for each in versions if each.api == api]
    if fitting:
        return _import(max(fitting, key=lambda each: each.patch))
    others = ", ".join(sorted({str(each.api) for each in versions}))
    hint = f"; there are these API versions: {others}" if others else ""
    raise ImportError(f'cannot find "{name}" from "{author}" with API version {api}{hint}', name=name)


def autoimport():
    """Look through the search path again; deprecated.  `use` does it by itself the first time."""
    _warn("autoimport")
    _search()


def _warn(what: str) -> None:
    warnings.warn(
        f"ops.lib.{what}() is deprecated: charm libraries are files of the charm now",
        DeprecationWarning,
        stacklevel=3,
    )


def _search() -> None:
    global _found
    _found = {}
    for spec in _candidates():
        library = _describe(spec)
        if library is not None:
            _found.setdefault((library.name, library.author), []).append(library)


def _candidates() -> Iterator[importlib.machinery.ModuleSpec]:
    """Yield every module of an ``opslib`` package inside a package on the search path."""
    for entry in sys.path:
        directory = entry or "."
        if not os.path.isdir(directory):
            continue
        for package in sorted(os.listdir(directory)):
            opslib = os.path.join(directory, package, "opslib")
            if not os.path.isdir(opslib):
                continue
            for module in sorted(os.listdir(opslib)):
                path = os.path.join(opslib, module, "__init__.py")
                if os.path.isfile(path):
                    name = f"{package}.opslib.{module}"
                    spec = importlib.util.spec_from_file_location(name, path)
                    if spec is not None:
                        yield spec


def _describe(spec: importlib.machinery.ModuleSpec) -> _Library | None:
    """Read the constants from the source; None if they are not all there, as plain literals."""
    found: dict[str, object] = {}
    try:
        with open(spec.origin or "", encoding="utf-8") as file:
            for line, _ in zip(file, range(_HEAD_LINES_MAX), strict=False):
                name, equals, value = line.partition("=")
                if equals and name.strip() in _CONSTANTS:
                    found[name.strip()] = ast.literal_eval(value.strip())
    except (OSError, ValueError, SyntaxError):
        return None
    if not all(type(found.get(name)) is kind for name, kind in _CONSTANTS.items()):
        return None
    return _Library(spec, found["LIBNAME"], found["LIBAUTHOR"], found["LIBAPI"], found["LIBPATCH"])  # type: ignore[arg-type]


def _import(library: _Library) -> types.ModuleType:
    loaded = sys.modules.get(library.spec.name)
    if loaded is not None:
        return loaded
    assert library.spec.loader is not None, "it was made from a file"
    module = importlib.util.module_from_spec(library.spec)
    sys.modules[library.spec.name] = module
    library.spec.loader.exec_module(module)
    return module
