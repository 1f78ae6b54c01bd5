"""PyTorch modules: whole ones, TorchScript, and weights beside the class they belong to."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from drum_core.backends.artifacts import Artifact
from drum_core.backends.artifacts.numbers import matrix
from drum_core.backends.artifacts.reading import explained
from drum_core.backends.artifacts.torch_weights import module_with_weights
from drum_core.errors import PredictionError
from drum_core.model.target import TableTarget

__all__ = ["adapt", "read_model"]


def read_model(path: Path) -> object:
    """The module in a `.pth` or `.pt` file, on the CPU, ready to evaluate.

    Weights alone are given to the module class of the folder. Raises `ArtifactError`.
    """
    kind = "a module that torch.save or torch.jit.save wrote"
    found = explained(path, _read, kind, pickled=True)
    if isinstance(found, Mapping):
        found = module_with_weights(path, found)
    if isinstance(found, torch.nn.Module):
        found.eval()
    return found


def adapt(module: object, target: TableTarget) -> Artifact:
    """The module as an artifact: one call for the whole table, without gradients or labels."""
    assert isinstance(module, torch.nn.Module)
    module.eval()
    return Artifact(framework="torch", predict=_predict(module))


def _read(path: Path) -> object:
    if _is_torchscript(path):
        return torch.jit.load(str(path), map_location="cpu")
    return torch.load(path, map_location="cpu", weights_only=False)


def _is_torchscript(path: Path) -> bool:
    """By what is in the archive; both kinds are saved under both extensions."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.partition("/")[2].startswith("code/") for name in archive.namelist())


def _predict(module: torch.nn.Module) -> Callable[[object], object]:
    numbers = next((one for one in module.parameters() if one.is_floating_point()), None)
    kind = numbers.dtype if numbers is not None else torch.float32

    def predict(data: object) -> object:
        with torch.no_grad():
            answer = module(_tensor(data, kind))
        if not isinstance(answer, torch.Tensor):
            raise PredictionError(
                f"The module must return a tensor, got {type(answer).__name__}. Write a score "
                "hook in custom.py that takes the predictions out of it."
            )
        return answer.detach().cpu().numpy()

    return predict


def _tensor(data: object, kind: torch.dtype) -> object:
    """The table as one tensor of the module's own kind of numbers, float32 as a rule."""
    import numpy as np
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        data = matrix(data, "float64")
    return torch.tensor(data, dtype=kind) if isinstance(data, np.ndarray) else data
