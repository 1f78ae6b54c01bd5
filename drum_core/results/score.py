"""What `drum score` gives back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame

    from drum_core.model.exchange import UnstructuredAnswer

__all__ = ["ScoreResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreResult:
    """What `drum score` did.

    `predictions` has one row for each input row, and the columns of the output file: the
    prediction columns first, then extra columns of the model. For a transform model it is the
    transformed table; it is empty for an unstructured model, whose answer is `unstructured`.
    Times are in seconds.
    """

    predictions: DataFrame
    output: Path | None
    load_seconds: float
    score_seconds: float
    unstructured: UnstructuredAnswer | None = None

    @property
    def rows(self) -> int:
        """The number of rows predicted."""
        return len(self.predictions)
