"""A model folder: where things are in it, before anything of it is run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drum_core.errors import HookError, ModelFolderError, NotBuiltYetError
from drum_core.model.metadata import Metadata, read_metadata
from drum_core.model.yaml_text import YamlDocument
from drum_core.options.choices import Language

if TYPE_CHECKING:
    from drum_core.options.base import ModelOptions

__all__ = ["ModelFolder", "open_folder", "python_files"]

_ARTIFACTS: Final = {
    Language.PYTHON: frozenset({".pkl", ".pth", ".h5", ".joblib", ".onnx"}),
    Language.R: frozenset({".rds"}),
    Language.JAVA: frozenset({".jar", ".zip", ".java", ".mojo"}),
}
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """What was found in a model folder.

    `artifacts` are the top-level files with a known extension; `custom_code` is its `custom.py`,
    wherever that is.
    """

    path: Path
    language: Language
    metadata: Metadata | None
    metadata_document: YamlDocument | None
    artifacts: tuple[Path, ...]
    custom_code: Path | None


def open_folder(options: ModelOptions) -> ModelFolder:
    """Looks through the folder that `options` name.

    Raises `ModelFolderError` when it is not a model, `NotBuiltYetError` for another language.
    """
    path = options.code_dir
    if not os.access(path, os.R_OK | os.X_OK):
        raise ModelFolderError(f"The model folder {path} cannot be read: permission denied.")
    read = read_metadata(path)
    language = options.language or _detect_language(path)
    if language is not Language.PYTHON:
        raise NotBuiltYetError(f"Running models in the language {language.value!r}")
    hooks = list(python_files(path, "custom.py"))
    if len(hooks) > 1:
        places = ", ".join(str(hook) for hook in hooks)
        raise HookError(f"Expected one custom.py in {path}, found {len(hooks)}: {places}.")
    return ModelFolder(
        path=path,
        language=language,
        metadata=read[0] if read else None,
        metadata_document=read[1] if read else None,
        artifacts=tuple(_artifacts(path, Language.PYTHON)),
        custom_code=hooks[0] if hooks else None,
    )


def python_files(folder: Path, name: str) -> Iterator[Path]:
    """The files called `name` in a folder and below it, in order.

    Hidden folders, caches, virtual environments and installed packages are not looked into.
    """
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(
            entry
            for entry in folders
            if not entry.startswith((".", "__pycache__"))
            and entry not in ("site-packages", "node_modules")
            and not Path(parent, entry, "pyvenv.cfg").exists()
        )
        if name in files:
            yield Path(parent, name)


def _artifacts(folder: Path, language: Language) -> list[Path]:
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() in _ARTIFACTS[language] and entry.is_file()
    )


def _detect_language(folder: Path) -> Language:
    """By the custom code at the top, else by the artifacts there."""
    by_code = {
        language
        for name, language in (
            ("custom.py", Language.PYTHON),
            ("custom.R", Language.R),
            ("custom.r", Language.R),
        )
        if (folder / name).is_file()
    }
    by_artifact = {language for language in _ARTIFACTS if _artifacts(folder, language)}
    code = next(iter(by_code)) if len(by_code) == 1 else None
    artifact = next(iter(by_artifact)) if len(by_artifact) == 1 else None
    language = code or artifact
    if language is None or (code and artifact and code is not artifact):
        raise ModelFolderError(_undetected(folder))
    return language


def _undetected(folder: Path) -> str:
    entries = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir())
    found = ", ".join(entries[:_SHOWN]) if entries else "nothing, it is empty"
    known = ", ".join(sorted(suffix for kinds in _ARTIFACTS.values() for suffix in kinds))
    return (
        f"Can not detect language by artifacts and/or custom.py/R files in {folder}. Expected a "
        f"custom.py (or custom.R), or one artifact ({known}), at the top of the folder; found: "
        f"{found}. To start with a folder that works: drum new model --template sklearn-regression"
    )
