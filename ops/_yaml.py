"""Read and write YAML safely, with the parser in C where there is one.

PyYAML is loaded at the first call: many programs import `ops` without ever reading YAML.
"""

from __future__ import annotations

import functools
from typing import Any, TextIO


@functools.cache
def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def _state_loader() -> Any:
    """Return a safe loader that knows tuples as well: state may contain them."""
    import yaml

    class StateLoader(_loader()):
        pass

    def tuple_from(loader: Any, node: yaml.SequenceNode) -> tuple[Any, ...]:
        return tuple(loader.construct_sequence(node, deep=True))

    StateLoader.add_constructor("tag:yaml.org,2002:python/tuple", tuple_from)
    return StateLoader


@functools.cache
def _state_dumper() -> Any:
    import yaml

    base = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

    class StateDumper(base):  # pyright: ignore[reportGeneralTypeIssues]
        def ignore_aliases(self, data: Any) -> bool:
            # A value used twice is written twice: anchors would make two keys share one object.
            return True

    def tuple_node(dumper: Any, data: tuple[Any, ...]) -> yaml.SequenceNode:
        return dumper.represent_sequence("tag:yaml.org,2002:python/tuple", data)

    StateDumper.add_representer(tuple, tuple_node)
    return StateDumper


def load(source: str | TextIO) -> Any:
    """Return the value of a YAML document; None for an empty one."""
    import yaml

    return yaml.load(source, Loader=_loader())


def dump(value: Any, *, sort: bool = False) -> str:
    """Return *value* as YAML in block style, with keys in the order of the mapping, or sorted."""
    import yaml

    return yaml.dump(
        value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=sort, allow_unicode=True
    )


def load_state(text: str) -> Any:
    """Return what `dump_state` wrote."""
    import yaml

    return yaml.load(text, Loader=_state_loader())


def dump_state(value: Any) -> str:
    """Return *value* as YAML that keeps tuples and sets apart from lists.

    Raises:
        yaml.representer.RepresenterError: *value* has something that YAML cannot keep, like a frozenset.
    """
    import yaml

    return yaml.dump(value, Dumper=_state_dumper(), sort_keys=False, allow_unicode=True)
