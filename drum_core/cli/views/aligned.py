"""Tables as plain lines, for a pipe."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

__all__ = ["aligned"]


def aligned(
    titles: Sequence[str], rows: Sequence[Sequence[str]], *, left: Collection[int] = (0,)
) -> Iterator[str]:
    """The title line, then the rows, in columns as wide as they must be.

    Columns are set to the right, but for those at the places `left`.
    """
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        cells = [
            f"{cell:<{width}}" if place in left else f"{cell:>{width}}"
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
