"""URL parameters as hooks know them: a dict of first values that has the others too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, overload

from drum_core.messages import Query

__all__ = ["QueryArguments"]

T = TypeVar("T")
D = TypeVar("D")


class QueryArguments(dict[str, str]):
    """What a hook gets as `query`.

    As a dict it holds the first value of each name, so that it can be compared, copied and
    written as JSON. `getlist`, `lists` and `to_dict(flat=False)` tell all values.
    """

    def __init__(self, query: Query) -> None:
        super().__init__(query)
        self._query = query

    def getlist(self, name: str, type: Callable[[str], T] | None = None) -> list[str] | list[T]:
        """Every value of `name`; with `type`, converted, without those that cannot be."""
        values = self._query.getlist(name)
        if type is None:
            return values
        return [value for text in values for value in _converted(text, type)]

    @overload
    def get(self, name: str, default: None = None, type: None = None) -> str | None: ...
    @overload
    def get(self, name: str, default: D, type: None = None) -> str | D: ...
    @overload
    def get(
        self, name: str, default: D | None = None, *, type: Callable[[str], T]
    ) -> T | D | None: ...
    def get(
        self, name: str, default: object = None, type: Callable[[str], object] | None = None
    ) -> object:
        """The first value; `default` when there is none, or `type` cannot convert it."""
        if name not in self:
            return default
        if type is None:
            return self[name]
        return next(iter(_converted(self[name], type)), default)

    def lists(self) -> Iterator[tuple[str, list[str]]]:
        """Each name with all its values."""
        return ((name, self._query.getlist(name)) for name in self)

    def to_dict(self, flat: bool = True) -> Mapping[str, str] | Mapping[str, list[str]]:
        """A plain dict of the first values, or of all of them in lists."""
        return dict(self) if flat else dict(self.lists())


def _converted(text: str, type: Callable[[str], T]) -> list[T]:
    try:
        return [type(text)]
    except (ValueError, TypeError):
        return []
