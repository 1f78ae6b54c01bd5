"""`drum new model`: makes a model folder, whole or not at all."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drum_core.errors import NotBuiltYetError
from drum_core.modes.whole_folder import as_typed, made_whole
from drum_core.progress import NoProgress, Progress
from drum_core.registry import import_object
from drum_core.results import NewModelResult

if TYPE_CHECKING:
    from drum_core.options import NewModelOptions

__all__ = ["run"]

_ADDRESS: Final = "127.0.0.1:8080"
_TO_TRAIN: Final = "sklearn-fit"


def run(options: NewModelOptions, progress: Progress | None = None) -> NewModelResult:
    """Makes the folder that the options ask for, and tells what is worth trying next.

    Raises `MissingExtraError` for a scikit-learn template without scikit-learn, `OutputError`
    when the folder cannot be written; nothing is left behind then.
    """
    folder = options.code_dir
    with (progress or NoProgress()).phase(_doing(options)):
        files = _content(options)
    with made_whole(folder) as unfinished:
        for name, content in files.items():
            (unfinished / name).write_bytes(content)
    return NewModelResult(
        code_dir=folder,
        files=tuple(folder / name for name in files),
        next_commands=_next(options, as_typed(folder)) if "input.csv" in files else (),
    )


def _doing(options: NewModelOptions) -> str:
    trained = options.template not in (None, "hooks", _TO_TRAIN)
    return "Training the model" if trained else "Making the folder"


def _next(options: NewModelOptions, folder: Path) -> tuple[str, ...]:
    return _fit_commands(folder) if options.template == _TO_TRAIN else _commands(folder)


def _content(options: NewModelOptions) -> Mapping[str, bytes]:
    from drum_core.modes import new_text

    name = options.code_dir.name
    if options.template is None:
        if options.language == "other":
            raise NotBuiltYetError(
                "drum new model --language other", instead="Take python or r, or a --template."
            )
        return new_text.bare_hooks(options.language or "python", name)
    if options.template == "hooks":
        return new_text.hooks_folder(name, _commands(Path(name)))

    # Says which extra to install, before anything is made.
    import_object("sklearn:__version__", purpose=f"The template {options.template!r}")
    from drum_core.modes.new_sklearn import train, training_data

    if options.template == _TO_TRAIN:
        return new_text.training_folder(training_data(), name, _fit_commands(Path(name)))
    return new_text.trained_folder(train(options.template), name, _commands(Path(name)))


def _fit_commands(folder: Path) -> tuple[str, ...]:
    """Commands to train the folder, and to score, serve and ask what comes of it."""
    code_dir, rows = shlex.quote(str(folder)), shlex.quote(str(folder / "train.csv"))
    fitted = folder.with_name(f"{folder.name}-fitted")
    return (
        f"drum fit --code-dir {code_dir} --input {rows} --target species "
        f"--output {shlex.quote(str(fitted))}",
        *_commands(fitted, folder / "input.csv"),
    )


def _commands(folder: Path, rows: Path | None = None) -> tuple[str, ...]:
    """Commands to score, serve and ask the model, as a shell takes them."""
    rows = rows or folder / "input.csv"
    code_dir, sample = shlex.quote(str(folder)), shlex.quote(str(rows))
    body = shlex.quote(f"@{rows}")
    return (
        f"drum score --code-dir {code_dir} --input {sample}",
        f"drum server --code-dir {code_dir} --address {_ADDRESS}",
        f"curl --data-binary {body} --header 'Content-Type: text/csv' http://{_ADDRESS}/predict/",
    )
