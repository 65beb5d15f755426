"""Values that people give as text, in files, or both: options of charms, constraints, bindings."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from coordinator.errors import BadRequest, NotFound, Refused

FILE_BYTES_MAX = 5 * 1024 * 1024


def options(words: Iterable[str], app: str | None = None) -> dict[str, Any]:
    """Return the options that *words* give: `key=value`, `key=@file`, or a YAML file keyed by application.

    A `key=value` beats a file, whatever the order.  With *app* None files are keyed by a name found out later,
    so one that holds a single application fits.
    """
    given = list(words)
    found: dict[str, Any] = {}
    for word in given:
        if "=" not in word:
            found |= options_in_file(word, app)
    for word in given:
        key, equals, value = word.partition("=")
        if equals and not key:
            raise BadRequest(f'expected "key=value", got "{word}"')
        if equals:
            found[key] = text_of(value)
    return found


def text_of(value: str) -> str:
    """Return *value*, or what the file holds that it names as `@FILE`."""
    return read_file(value[1:]) if value.startswith("@") and len(value) > 1 else value


def options_in_file(path: str, app: str | None) -> dict[str, Any]:
    """Return the options of *app* in a YAML file `{APP: {KEY: VALUE}}`; `-` is stdin."""
    tree = read_yaml(path)
    names = [str(name) for name in tree]
    if app is None and len(names) == 1:
        app = names[0]
    values = tree.get(app) if app is not None else None
    if not isinstance(values, Mapping):
        wanted = f'application "{app}"' if app is not None else "a single application"
        raise Refused(
            f"cannot use the options in {path}",
            why=f"it holds none for {wanted}; it has {', '.join(names) or 'nothing'}",
            fix="write it as APPLICATION: {OPTION: VALUE}",
        )
    return {str(key): value for key, value in values.items()}


def read_yaml(path: str) -> dict[Any, Any]:
    """Return the mapping in a YAML file; `-` is stdin.

    Raises:
        Refused: it cannot be read, or is no mapping; the text says where.
    """
    import yaml

    try:
        tree = yaml.load(read_file(path), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as cause:
        raise Refused(f"cannot read {path}", why=" ".join(str(cause).split()), fix="correct the YAML") from cause
    if not isinstance(tree, dict):
        raise Refused(f"cannot read {path}", why="it is no mapping", fix="write it as KEY: VALUE lines")
    return tree


def read_file(path: str) -> str:
    """Return the text in a file; `-` is stdin.

    Raises:
        NotFound: there is none.
        Refused: it is too large, or no text.
    """
    if path == "-":
        return sys.stdin.read()
    try:
        if Path(path).stat().st_size > FILE_BYTES_MAX:
            raise Refused(f"cannot read {path}", why=f"it is larger than {FILE_BYTES_MAX} bytes")
        return Path(path).read_text()
    except FileNotFoundError as cause:
        raise NotFound(f"cannot read {path}", why="no such file or directory", fix="check the path") from cause
    except UnicodeDecodeError as cause:
        raise Refused(f"cannot read {path}", why="it is not UTF-8 text") from cause
    except OSError as cause:
        raise Refused(f"cannot read {path}", why=cause.strerror or str(cause)) from cause


def constraints(words: Iterable[str]) -> dict[str, str]:
    """Return `k=v k=v` texts as a mapping.

    Raises:
        BadRequest: one is unknown, has no value, or one that it cannot have.
    """
    from coordinator.domain.constraints import constraint_values

    found = {}
    for pair in " ".join(words).split():
        key, equals, value = pair.partition("=")
        if not equals:
            raise BadRequest(f'malformed constraint "{pair}"', fix="write it like mem=2G")
        found[key] = value
    constraint_values(found)
    return found


def pairs(words: Iterable[str]) -> dict[str, str]:
    """Return `key=value` words as a mapping.

    Raises:
        BadRequest: one has no key, or is none.
    """
    found: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals):
            raise BadRequest(f'expected "key=value", got "{word}"')
        found[key] = value
    return found


def storage(words: Iterable[str]) -> dict[str, str]:
    """Return `NAME=DIRECTIVE` words as a mapping.

    Raises:
        BadRequest: one has no name or no directive, or a name comes twice.
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, directive = word.partition("=")
        if not (name and equals and directive):
            raise BadRequest(f'malformed storage "{word}"', fix="write it like data=rootfs,2,10G")
        if name in found:
            raise BadRequest(f'storage "{name}" specified more than once')
        found[name] = directive
    return found


def bindings(words: Iterable[str]) -> dict[str, str]:
    """Return `SPACE` or `endpoint=space` words as a mapping; the key "" stands for every other endpoint."""
    found = {}
    for pair in " ".join(words).split():
        endpoint, equals, space = pair.partition("=")
        if equals and not (endpoint and space):
            raise BadRequest(f'malformed binding "{pair}"', fix='write it like "SPACE" or "db=SPACE"')
        found[endpoint if equals else ""] = space if equals else pair
    return found
