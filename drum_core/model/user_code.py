"""Imports the Python files of a model folder, without getting in the way of another folder."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

__all__ = ["UserCode"]


class UserCode:
    """The Python modules of one model folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, path: Path) -> ModuleType:
        """Imports the file at `path`, whose folder comes first on its own import path.

        Raises whatever the file raises.
        """
        raise NotImplementedError
