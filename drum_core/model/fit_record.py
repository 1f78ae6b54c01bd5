"""What `drum fit` has found out about a model, beside it in the folder that it made.

It is asked last: an option, or `model-metadata.yaml`, says otherwise without a conflict.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drum_core.errors import ModelFolderError
from drum_core.options.choices import TargetType
from drum_core.version import __version__

__all__ = ["FIT_RECORD", "FitRecord", "read_fit_record"]

FIT_RECORD: Final = "drum-fit.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRecord:
    """Target type, target and labels of a fitted model.

    `labels` are those of a target with classes, the positive one first for binary.
    """

    target_type: TargetType
    target_name: str | None = None
    labels: tuple[str, ...] = ()

    def text(self) -> str:
        """The content of the file."""
        content = {
            "made_by": f"drum fit {__version__}",
            "targetType": self.target_type.value,
            "targetName": self.target_name,
            "labels": list(self.labels),
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_fit_record(folder: Path) -> FitRecord | None:
    """The record in a folder; `None` where there is none. Raises `ModelFolderError`."""
    path = folder / FIT_RECORD
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name = content.get("targetName")
        return FitRecord(
            target_type=TargetType(content["targetType"]),
            target_name=None if name is None else str(name),
            labels=tuple(str(label) for label in content.get("labels", ())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFolderError(
            f"{path} cannot be read as what drum fit has written: {type(error).__name__}: {error}. "
            "Fit the model again, or delete the file and give --target-type and the labels."
        ) from error
