"""Weights that were saved without their module: the class is looked for beside them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import torch

from drum_core.errors import ArtifactError, listed

__all__ = ["module_with_weights"]

_ADVICE = (
    "Save the whole module with torch.save(module, path), or write a load_model hook in custom.py "
    "that makes the module and loads the weights into it."
)


def module_with_weights(path: Path, weights: Mapping[object, object]) -> torch.nn.Module:
    """An instance of the only module class beside the file, made without arguments, with the
    weights. Raises `ArtifactError`.
    """
    if not weights or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise ArtifactError(
            f"{path.name} holds a dictionary with the keys {listed(weights)}, not a PyTorch "
            f"module. {_ADVICE}"
        )
    classes = _module_classes(path.parent)
    if len(classes) != 1:
        names = listed(sorted(classes)) or "none"
        raise ArtifactError(
            f"{path.name} holds weights without their module. Expected one class derived from "
            f"torch.nn.Module in custom.py, or in the Python files beside it, found {names}. "
            f"{_ADVICE}"
        )
    name, cls = classes.popitem()
    try:
        module: torch.nn.Module = cls()
        module.load_state_dict(weights)
    except Exception as error:  # whatever the user's class raises
        said = " ".join(str(error).split())
        raise ArtifactError(
            f"The weights in {path.name} cannot be given to the class {name}: "
            f"{type(error).__name__}: {said}. {_ADVICE}"
        ) from error
    return module


def _module_classes(folder: Path) -> dict[str, type]:
    """The module classes in custom.py, else in the files at the top of the folder."""
    files = [folder / "custom.py"]
    if not files[0].is_file():
        files = sorted(folder.glob("*.py"))
    return {
        name: value
        for file in files
        for name, value in vars(_imported(file)).items()
        if inspect.isclass(value) and _is_module_of(value, folder)
    }


def _imported(file: Path) -> ModuleType:
    try:
        return importlib.import_module(file.stem)
    except Exception as error:  # whatever the user's file raises
        raise ArtifactError(
            f"{file} cannot be imported: {type(error).__name__}: {error}. It was imported to find "
            "the class of the weights beside it."
        ) from error


def _is_module_of(cls: type, folder: Path) -> bool:
    """Whether a file of the folder defines the class, and it is one of PyTorch's modules."""
    if not issubclass(cls, torch.nn.Module):
        return False
    try:
        place = inspect.getfile(cls)
    except (TypeError, OSError):
        return False
    return Path(place).resolve().is_relative_to(folder.resolve())
