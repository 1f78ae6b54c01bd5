"""How a run tells, while it goes on, how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeAlias

from typing_extensions import Protocol, runtime_checkable

__all__ = ["Advance", "NoProgress", "Progress"]

Advance: TypeAlias = Callable[[int], None]
"""Says that so many more units are done; may be called from any thread."""


@runtime_checkable
class Progress(Protocol):
    """Is told what a run does. Its methods may be called from any thread, and never raise."""

    def phase(self, what: str, /) -> AbstractContextManager[None]:
        """Inside, `what` is being done, such as "Loading the model": how far is not known."""
        ...

    def task(
        self, what: str, total: int | None, /, *, unit: str = "rows"
    ) -> AbstractContextManager[Advance]:
        """Inside, `what` is being done, `total` units of it; gives what to call for each step."""
        ...

    def say(self, line: str, /) -> None:
        """Tells a line that scripts wait for, such as "Starting Fit", at once."""
        ...


class NoProgress:
    """Shows nothing: what an embedder gets who does not ask."""

    @contextmanager
    def phase(self, what: str, /) -> Iterator[None]:
        """Nothing is shown."""
        yield

    @contextmanager
    def task(self, what: str, total: int | None, /, *, unit: str = "rows") -> Iterator[Advance]:
        """Nothing is shown."""
        yield lambda done: None

    def say(self, line: str, /) -> None:
        """Nothing is shown."""


if TYPE_CHECKING:
    _none: type[Progress] = NoProgress
