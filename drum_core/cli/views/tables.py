"""Results as tables and trees for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pandas import DataFrame
    from rich.table import Table
    from rich.tree import Tree

__all__ = ["files_table", "folder_tree", "predictions_table"]

_HEAD: Final = 10
_TAIL: Final = 5
_COLUMN_WIDTH: Final = 14


def predictions_table(predictions: DataFrame, width: int) -> Table:
    """The first and the last rows, numbered from 1, in as many columns as `width` has room for."""
    from rich.table import Table
    from rich.text import Text

    shown = max(1, width // _COLUMN_WIDTH - 1)
    names = [str(name) for name in predictions.columns]
    left_out = len(names) - shown
    table = Table(header_style="bold", row_styles=("", "dim"))
    table.add_column("row", justify="right", style="cyan")
    for name in names[:shown]:
        table.add_column(Text(name), justify="right", overflow="ellipsis")
    if left_out > 0:
        table.add_column(f"{left_out} more")
    for number, values in _rows_shown(predictions, shown):
        cells = [Text(_cell(value)) for value in values]
        table.add_row(number, *cells, *(["…"] if left_out > 0 else []))
    return table


def folder_tree(folder: Path, files: Sequence[Path]) -> Tree:
    """A folder with its files."""
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(f"{folder}/", style="bold"))
    for file in files:
        tree.add(Text(str(file.relative_to(folder))))
    return tree


def files_table(title: str, files: Sequence[tuple[str, str, str]], more: int) -> Table:
    """Files with size and origin; `more` are not shown."""
    from rich.table import Table
    from rich.text import Text

    caption = f"and {more} more" if more > 0 else None
    table = Table(title=Text(title, style="bold"), title_justify="left", caption=caption)
    table.add_column("file", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("")
    for path, size, source in files:
        table.add_row(Text(path), size, Text(source, style="dim"))
    return table


def _rows_shown(predictions: DataFrame, columns: int) -> list[tuple[str, list[object]]]:
    count = len(predictions)
    everything = count <= _HEAD + _TAIL + 1
    places = list(range(count)) if everything else [*range(_HEAD), *range(count - _TAIL, count)]
    part = predictions.iloc[places, :columns]
    values = [list(row) for row in part.itertuples(index=False, name=None)]
    rows = [(f"{place + 1:,}", row) for place, row in zip(places, values, strict=True)]
    if not everything:
        rows.insert(_HEAD, ("…", ["…"] * part.shape[1]))
    return rows


def _cell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
