"""The local check of a push: a training folder is trained, a trained model scored."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from drum_core.errors import PredictionError
from drum_core.model.metadata import METADATA_FILE
from drum_core.options.choices import TargetType
from drum_core.options.fit import FitOptions
from drum_core.options.flag import options_of
from drum_core.options.score import ScoreOptions
from drum_core.upload.errors import PushError
from drum_core.worker import LocalWorker

if TYPE_CHECKING:
    from drum_core.model.metadata import Metadata
    from drum_core.options.push import PushOptions
    from drum_core.progress import Progress

__all__ = ["check_locally", "check_options", "described"]

_LAST_BYTES: Final = 4000

_OptionsT = TypeVar("_OptionsT", ScoreOptions, FitOptions)


def check_options(options: PushOptions, metadata: Metadata) -> ScoreOptions | FitOptions:
    """What is run before anything is sent. Raises `PushError` where there is no data for it."""
    section = metadata.validation
    if section is None:
        raise PushError(f"{METADATA_FILE} names no data. Missing keys: ['validation'].")
    data = _input(options.code_dir, section.input)
    if metadata.type == "inference":
        return _as(ScoreOptions, options, input=data)
    without = metadata.target_type == TargetType.ANOMALY.value
    return _as(FitOptions, options, input=data, target=None if without else section.target_name)


def check_locally(check: ScoreOptions | FitOptions, progress: Progress) -> None:
    """Runs it, in a container if the options say so; what it makes is thrown away.

    Raises `DrumError`.
    """
    if check.docker is not None:
        _check_in_container(check, progress)
        return
    with LocalWorker() as worker:
        if isinstance(check, ScoreOptions):
            from drum_core.modes.score import score

            score(check, worker, progress)
        else:
            from drum_core.modes.fit import fit

            if not fit(check, worker, progress).passed:
                raise PredictionError(
                    "The fitted model predicts differently each time it is loaded, so it is not "
                    "uploaded. drum fit shows the rows."
                )


def _check_in_container(check: ScoreOptions | FitOptions, progress: Progress) -> None:
    from drum_core.containers.rerun import rerun

    with tempfile.TemporaryFile() as nowhere, tempfile.TemporaryFile() as errors:
        status = rerun(check, progress, nowhere, errors)
        if status:
            errors.seek(max(0, errors.tell() - _LAST_BYTES))
            said = errors.read().decode("utf-8", "replace").strip()
            raise PushError(
                f"The local check has failed: {described(check)} ended with {status}. It said:\n"
                f"{said}"
            )


def described(check: ScoreOptions | FitOptions) -> str:
    """The check in words."""
    where = f" in a container of {check.docker}" if check.docker else ""
    return f"drum {check.run_mode.value} on {check.input}{where}"


def _input(folder: Path, written: str) -> Path:
    path = folder / Path(written).expanduser()
    if not path.is_file():
        raise PushError(
            f"{METADATA_FILE}: validation.input is {written!r}, and {path} is no file. It is "
            "the data that the model is tried on before it is uploaded; a relative path is "
            "relative to the model folder."
        )
    return path


def _as(cls: type[_OptionsT], options: PushOptions, **more: object) -> _OptionsT:
    """Options of another mode, with what both have in common."""
    names = {option.name for option in options_of(cls)} - {"json"}
    common = {name: value for name in names if (value := getattr(options, name, None)) is not None}
    build: Callable[..., _OptionsT] = cls
    return build(**{**common, **more}, sources=options.sources)
