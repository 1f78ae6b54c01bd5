"""Makes a folder that can be scored and served of what a fit has written."""

from __future__ import annotations

import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drum_core.data.output import write_bytes
from drum_core.data.sparse import is_numbered, is_sparse
from drum_core.errors import ArtifactError, HookError, listed
from drum_core.model.fit_record import FIT_RECORD, FitRecord
from drum_core.results.fit import SPARSE_COLUMNS, FileSource, WrittenFile
from drum_core.training.output_folder import OutputFolder, copy_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from drum_core.model.folder import ModelFolder
    from drum_core.training.task import FitTask

__all__ = ["RUNTIME_DATA", "check_one_artifact", "complete", "require_artifacts"]

RUNTIME_DATA: Final = "fit_runtime_data.json"
_README: Final = "README.md"

_logger = logging.getLogger("drum.fit")


def require_artifacts(output: OutputFolder, folder: ModelFolder) -> tuple[Path, ...]:
    """The files that the fit has written, relative to the output.

    Raises `HookError` where there is none.
    """
    fitted = _files(output.path)
    if not fitted:
        raise HookError(
            f"{folder.custom_code}: the fit has ended, but written nothing into its output_dir, so "
            "there is no model to keep. Write the model to a file there, such as "
            'os.path.join(output_dir, "model.pkl"), not into the current or the code directory.'
        )
    return fitted


def complete(
    output: OutputFolder, folder: ModelFolder, task: FitTask, fitted: Iterable[Path]
) -> tuple[tuple[WrittenFile, ...], tuple[Path, ...]]:
    """Adds the model folder's files, a README and the record of the fit.

    Gives all files, and those of the model folder that are left out, because the fit has written
    others of their names. Raises `OutputError`.
    """
    left_out = copy_code(folder.path, output)
    record = FitRecord(target_type=task.kind, target_name=task.target_name, labels=task.labels)
    own = {FIT_RECORD: record.text()}
    features = task.rows.features
    if is_sparse(features) and not is_numbered(features):
        own[SPARSE_COLUMNS] = "".join(f"{name}\n" for name in features.columns)
    if not (output.path / _README).exists():
        own[_README] = _readme(output, folder)
    for name, text in own.items():
        write_bytes(output.path / name, text.encode())
    by: dict[Path, FileSource] = dict.fromkeys(fitted, "fit")
    by |= {Path(name): "drum" for name in own}
    files = tuple(
        WrittenFile(
            path=path, size=(output.path / path).stat().st_size, source=by.get(path, "folder")
        )
        for path in _files(output.path)
    )
    return tuple(sorted(files, key=_order)), left_out


def check_one_artifact(
    folder: ModelFolder, fitted: Sequence[Path], *, needed: str, tried: bool
) -> None:
    """Raises `ArtifactError` where drum would not know which file is the model.

    `fitted` is what the fit has written; `needed` what an artifact is, if nothing else can predict.
    That there is none is only a warning where the model is not `tried`, as under DRUM.
    """
    if needed and not folder.artifacts:
        names = listed(path.as_posix() for path in fitted)
        text = (
            f"Could not find model artifact file in: {folder.path}. The fit has written {names}; "
            f"expected {needed} at the top of its output_dir. Write it there, or a load_model hook "
            "in custom.py that loads yours."
        )
        if tried:
            raise ArtifactError(text)
        _logger.warning(text)
    if len(folder.artifacts) > 1:
        names = listed(path.name for path in folder.artifacts)
        raise ArtifactError(
            f"Multiple serialized model files found in {folder.path}: {names}. Let the fit write "
            "one, keep others out of the model folder, or write a load_model hook in custom.py."
        )


def _order(file: WrittenFile) -> tuple[int, str]:
    return ("fit", "folder", "drum").index(file.source), file.path.as_posix()


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(
        sorted(path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    )


def _readme(output: OutputFolder, folder: ModelFolder) -> str:
    place = shlex.quote((output.final or output.path).name)
    return (
        f"Fitted by `drum fit` with the code of {folder.path.name}; "
        f"what it found out is in {FIT_RECORD}.\n"
        f"Score it by `drum score --code-dir {place} --input FILE`, serve it by "
        f"`drum server --code-dir {place} --address 127.0.0.1:8080`.\n"
    )
