"""A base for frozen dataclasses that every import of `ops` makes.

`dataclass` writes and compiles methods for each class, which is a fifth of what the import costs.  What is the
same for all of them is written once here instead: use it with ``@dataclass(frozen=True, eq=False, repr=False)``.
"""

from __future__ import annotations


class Value:
    """Compared, hashed and shown by its fields, like any frozen dataclass."""

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{self.__class__.__qualname__}({fields})"
