"""Answers to tables, JSON and YAML.  Pure: the same answer always makes the same text."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from coordinator.domain.names import natural

MESSAGE_CHARACTERS_MAX = 120

_STYLES = {
    "bold": "1", "red": "31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36", "gray": "90",
    "bright magenta": "95",
}  # fmt: skip
_WORDS = {
    "green": "active running idle started executing attached attaching available joined",
    "yellow": "allocating lost maintenance pending rebooting stopped unknown detaching detached",
    "red": "blocked down error failed terminated",
}
_STYLE_OF = {word: style for style, words in _WORDS.items() for word in words.split()}


class Cell(NamedTuple):
    """One cell of a table."""

    text: str
    style: str = ""


def status_cell(word: str) -> Cell:
    """Return a status word in its colour."""
    return Cell(word, _STYLE_OF.get(word, ""))


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str | Cell]],
    *,
    right: Collection[str] = (),
    colour: bool = False,
) -> str:
    """Return a table: columns two blanks apart, those named in *right* aligned to the right."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    cells.insert(0, [Cell(header, "bold") for header in headers])
    assert all(len(row) == len(headers) for row in cells), "every row has a cell per column"
    widths = [max(len(cell.text) for cell in column) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        parts = []
        for header, width, cell in zip(headers, widths, row, strict=True):
            blanks = " " * (width - len(cell.text))
            text = styled(cell.text, cell.style) if colour else cell.text
            parts.append(blanks + text if header in right else text + blanks)
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines) + "\n"


def styled(text: str, style: str) -> str:
    """Return *text* as a terminal shows it in *style*."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if text and style else text


def message(text: str) -> str:
    """Return a message as tables show it: one line, cut."""
    line = " ".join(text.split("\n"))
    return line if len(line) <= MESSAGE_CHARACTERS_MAX else line[: MESSAGE_CHARACTERS_MAX - 3] + "..."


_PORT = re.compile(r"(\d+)(?:-(\d+))?/(\w+)")


def ports(ranges: Iterable[str]) -> str:
    """Return open ports grouped by protocol and merged: `80,443/tcp 53/udp icmp`."""
    by_protocol: dict[str, list[tuple[int, int]]] = {}
    bare = set()
    for text in ranges:
        match = _PORT.fullmatch(text)
        if match is None:
            bare.add(text)
        else:
            by_protocol.setdefault(match[3], []).append((int(match[1]), int(match[2] or match[1])))
    groups = [
        ",".join(f"{low}-{high}" if high > low else str(low) for low, high in _merged(pairs)) + f"/{protocol}"
        for protocol, pairs in sorted(by_protocol.items())
    ]
    return " ".join([*groups, *sorted(bare)])


def _merged(pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ranges in order, joined where they touch or overlap."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def in_order(names: Iterable[str]) -> list[str]:
    """Return *names* in natural order: `web/2` before `web/10`."""
    return sorted(names, key=natural)


def to_json(tree: Any) -> str:
    """Return *tree* as one line of JSON."""
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False) + "\n"


def to_yaml(tree: Any) -> str:
    """Return *tree* as YAML in block style, keys in the order given, long text literal."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Its own class, so that nobody else's YAML changes."""

        def check_simple_key(self) -> bool:
            # An empty name, such as that of what an application is bound to by default, is a key like others.
            return super().check_simple_key() or getattr(self.event, "value", None) == ""

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    Dumper.ignore_aliases = lambda self, data: True  # type: ignore[method-assign]
    shown = yaml.dump(tree, Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return shown.removesuffix("...\n")
