"""The options of `drum new model`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final

from drum_core.errors import OptionConflictError
from drum_core.options.choices import RunMode
from drum_core.options.flag import Flag
from drum_core.options.report import ReportOptions

__all__ = ["TEMPLATES", "NewModelOptions"]

TEMPLATES: Final = (
    "sklearn-regression",
    "sklearn-binary",
    "sklearn-multiclass",
    "sklearn-fit",
    "hooks",
)


@dataclass(frozen=True, kw_only=True)
class NewModelOptions(ReportOptions):
    """Makes a model folder to start from."""

    run_mode: ClassVar[RunMode] = RunMode.NEW

    code_dir: Annotated[
        Path,
        Flag(
            names=("-cd", "--code-dir"),
            env="CODE_DIR",
            help="the folder to make; it must not exist",
            required=True,
            path="absent",
        ),
    ]
    template: Annotated[
        str | None,
        Flag(
            names=("--template",),
            help="a trained scikit-learn model, one to train (sklearn-fit), or a commented "
            "custom.py (hooks)",
            choices=TEMPLATES,
        ),
    ] = None
    language: Annotated[
        str | None,
        Flag(
            names=("--language",),
            help="only a commented file of hooks, in this language",
            choices=("python", "r", "other"),
        ),
    ] = None

    def __post_init__(self) -> None:
        ReportOptions.__post_init__(self)
        if (self.template is None) == (self.language is None):
            raise OptionConflictError(
                "drum new model makes a folder either from --template "
                f"({', '.join(TEMPLATES)}) or for a --language (python, r): give one of them."
            )
