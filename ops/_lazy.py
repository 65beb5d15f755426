"""A read-only mapping that is loaded at first use."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from typing import Any


class LazyMapping(Mapping[str, Any], abc.ABC):
    """A mapping of which the content comes from `_load`, once."""

    _lazy_data: dict[str, Any] | None = None

    @abc.abstractmethod
    def _load(self) -> dict[str, Any]:
        """Return the content."""

    @property
    def _data(self) -> dict[str, Any]:
        if self._lazy_data is None:
            self._lazy_data = self._load()
        return self._lazy_data

    def _invalidate(self) -> None:
        """Have the content loaded again at the next use."""
        self._lazy_data = None

    def __contains__(self, key: object) -> bool:
        return key in self._data

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __repr__(self) -> str:
        return repr(self._data)
