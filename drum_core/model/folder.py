"""A model folder: where things are in it, before anything of it is run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drum_core.environment import environment
from drum_core.errors import HookError, ModelFolderError, NotBuiltYetError
from drum_core.model.lazy_files import LazyFiles, read_lazy_files
from drum_core.model.metadata import Metadata, read_metadata
from drum_core.model.settings import read_settings
from drum_core.model.yaml_text import YamlDocument
from drum_core.options.choices import Language
from drum_core.user.settings import Settings

if TYPE_CHECKING:
    from drum_core.options.base import ModelOptions, UpstreamSettings

__all__ = ["ModelFolder", "detect_language", "open_folder", "python_files", "python_sources"]

_ARTIFACTS: Final = {
    Language.PYTHON: frozenset({".pkl", ".pth", ".h5", ".joblib", ".onnx"}),
    Language.R: frozenset({".rds"}),
    Language.JAVA: frozenset({".jar", ".zip", ".java", ".mojo"}),
}
"""Extensions that tell the language of a folder; those that DRUM knows."""

_LOADED_BY_DRUM: Final = frozenset({".pkl", ".pth", ".h5", ".onnx"})

_MORE_OF_PYTHON: Final = frozenset({".pt", ".keras", ".ubj", ".cbm", ".pmml"})

_BY_CONTENT: Final = {
    ".json": re.compile(rb'\s*\{\s*"learner"\s*:'),
    ".txt": re.compile(rb"tree\r?\nversion="),
}
"""How a model starts whose extension is used for anything: of XGBoost, and of LightGBM."""

_MLFLOW: Final = "MLmodel"
"""The file that makes a folder one of MLflow's; it names the others."""
_SHOWN = 100
_HEAD: Final = 4096
"""Bytes of a file that are looked at."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """What was found in a model folder.

    `artifacts` are the top-level files that may be the model: with an extension of a framework,
    or `MLmodel`. `custom_code` is its `custom.py`, wherever that is.
    """

    path: Path
    language: Language
    metadata: Metadata | None
    metadata_document: YamlDocument | None
    artifacts: tuple[Path, ...]
    custom_code: Path | None
    settings: Settings = field(default_factory=Settings)
    lazy_files: LazyFiles | None = None
    """What has to be fetched before the model is loaded."""
    upstream: UpstreamSettings | None = None
    """The server that answers in the place of a model."""

    def rescanned(self) -> ModelFolder:
        """The same folder, with the artifacts that have come into it since."""
        artifacts = _python_artifacts(self.path, has_code=self.custom_code is not None)
        return replace(self, artifacts=tuple(artifacts))


def open_folder(options: ModelOptions) -> ModelFolder:
    """Looks through the folder that `options` name.

    Raises `ModelFolderError` when it is not a model, `NotBuiltYetError` for another language,
    and what `read_settings` and `read_lazy_files` raise.
    """
    path = options.code_dir
    if not os.access(path, os.R_OK | os.X_OK):
        raise ModelFolderError(f"The model folder {path} cannot be read: permission denied.")
    read = read_metadata(path)
    lazy_files = read_lazy_files(options.lazy_loading_file, environment())
    upstream = options.upstream()
    language = Language.OTHER if upstream else options.language or detect_language(path)
    if language is not Language.PYTHON and upstream is None:
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
        artifacts=tuple(_python_artifacts(path, has_code=bool(hooks))),
        custom_code=hooks[0] if hooks else None,
        settings=read_settings(options),
        lazy_files=lazy_files,
        upstream=upstream,
    )


def python_files(folder: Path, name: str) -> Iterator[Path]:
    """The files called `name` among `python_sources`."""
    return (path for path in python_sources(folder) if path.name == name)


def python_sources(folder: Path) -> Iterator[Path]:
    """The files of Python code in a folder and below it, in order.

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
        yield from (Path(parent, name) for name in sorted(files) if name.endswith(".py"))


def _python_artifacts(folder: Path, *, has_code: bool) -> list[Path]:
    """The files that may be the model, where one is expected.

    Beside a custom.py, a single file that DRUM would load is the model, and other kinds that only
    we know are for the hooks, as they are under DRUM. An MLmodel file stands for its whole folder.
    """
    known = _artifacts(folder, Language.PYTHON)
    drums = [path for path in known if path.suffix.lower() in _LOADED_BY_DRUM]
    if has_code and len(drums) == 1:
        return drums
    if (folder / _MLFLOW).is_file():
        return [folder / _MLFLOW]
    return sorted([*known, *_more_artifacts(folder)])


def _more_artifacts(folder: Path) -> list[Path]:
    """The Python artifacts that DRUM does not know, without those of MLflow."""
    return [
        entry
        for entry in folder.iterdir()
        if entry.is_file()
        and (entry.suffix.lower() in _MORE_OF_PYTHON or _starts_like_a_model(entry))
    ]


def _starts_like_a_model(path: Path) -> bool:
    start = _BY_CONTENT.get(path.suffix.lower())
    if start is None:
        return False
    try:
        with path.open("rb") as file:
            return start.match(file.read(_HEAD)) is not None
    except OSError:
        return False


def _artifacts(folder: Path, language: Language) -> list[Path]:
    return sorted(
        entry
        for entry in folder.iterdir()
        if entry.suffix.lower() in _ARTIFACTS[language] and entry.is_file()
    )


def detect_language(folder: Path) -> Language:
    """The language of a folder: by the custom code at its top, else by the artifacts there.

    Raises `ModelFolderError` where neither tells.
    """
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
    if not by_code and not by_artifact and _python_artifacts(folder, has_code=False):
        language = Language.PYTHON
    if language is None or (code and artifact and code is not artifact):
        raise ModelFolderError(_undetected(folder))
    return language


def _undetected(folder: Path) -> str:
    entries = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir())
    found = ", ".join(entries[:_SHOWN]) if entries else "nothing, it is empty"
    suffixes = _MORE_OF_PYTHON.union(*_ARTIFACTS.values())
    known = ", ".join([*sorted(suffixes), _MLFLOW])
    return (
        f"Can not detect language by artifacts and/or custom.py/R files in {folder}. Expected a "
        f"custom.py (or custom.R), or one artifact ({known}), at the top of the folder; found: "
        f"{found}. To start with a folder that works: drum new model --template sklearn-regression"
    )
