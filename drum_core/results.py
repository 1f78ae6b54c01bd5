"""What a run gives back to the one who embeds it; the command line prints it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pandas import DataFrame

    from drum_core.model.exchange import UnstructuredAnswer

__all__ = ["NewModelResult", "RunResult", "ScoreResult", "ServerResult"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerResult:
    """How serving ended, or that it has only been prepared.

    `mounted` says that the routes are now in an application that somebody else serves; otherwise
    a server ran, and has ended with `exit_status`.
    """

    mounted: bool
    exit_status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModelResult:
    """The folder that was made, its files, and commands worth trying next."""

    code_dir: Path
    files: tuple[Path, ...]
    next_commands: tuple[str, ...] = ()


RunResult: TypeAlias = ScoreResult | ServerResult | NewModelResult
"""What any run gives back."""
