"""A progress that remembers what it was told."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from drum_core.progress import Advance, Progress


class Recorder:
    """`ended` has the steps that have ended well; `done` what was done of how much of what."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.said: list[str] = []
        self.done: dict[str, tuple[int, int | None, str]] = {}
        self.advances: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def phase(self, what: str, /) -> Iterator[None]:
        """Remembers that the step has ended, if it does well."""
        yield
        self.ended.append(what)

    @contextmanager
    def task(self, what: str, total: int | None, /, *, unit: str = "rows") -> Iterator[Advance]:
        """Remembers how far the step has got."""
        self.done[what] = (0, total, unit)

        def advance(done: int) -> None:
            with self._lock:
                self.done[what] = (self.done[what][0] + done, total, unit)
                self.advances[what] += 1

        yield advance
        self.ended.append(what)

    def say(self, line: str, /) -> None:
        """Remembers the line."""
        self.said.append(line)


if TYPE_CHECKING:
    _recorder: type[Progress] = Recorder
