"""The folder that a fitted model becomes: built beside its place, then put there whole."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from drum_core.errors import OutputError

__all__ = ["OutputFolder", "check_output", "copy_code", "output_folder"]

_LEFT_OUT: Final = ("__pycache__", ".git")


def check_output(output: Path | None, code_dir: Path) -> None:
    """Raises `OutputError` for a place where no output can be made; changes nothing."""
    if output is None:
        return
    place = output.resolve()
    if place == code_dir:
        raise OutputError(
            output,
            "the code directory may not be used as the output directory, so that the code stays as "
            "it is; give another folder",
        )
    if place.is_relative_to(code_dir):
        raise OutputError(
            output,
            f"it is inside the code directory {code_dir}, where the next fit would find a second "
            "custom.py; give a folder elsewhere",
        )
    if place.exists() and not place.is_dir():
        raise OutputError(output, "it is a file; give a folder that is empty or not there yet")
    if place.is_dir() and any(place.iterdir()):
        raise OutputError(
            output,
            "the folder is not empty, and what is in it might be lost or mixed up; give another, "
            "or empty it",
        )
    existing = next(parent for parent in (place, *place.parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(output, f"{existing} may not be written to")


@dataclass
class OutputFolder:
    """A folder being built at `path`; `final` is where it will be, `None` for nowhere.

    After `publish` it is there, and stays.
    """

    path: Path
    final: Path | None
    _made_parents: tuple[Path, ...] = field(default=(), repr=False)

    def publish(self) -> None:
        """Puts the folder in its place. Raises `OutputError`."""
        if self.final is None:
            return
        place = self.final.resolve()
        try:
            if self.path.parent == place:
                self._move_up(place)
            else:
                if place.is_dir():
                    self.path.chmod(place.stat().st_mode & 0o7777)
                self.path.rename(place)
        except OSError as error:
            raise OutputError(self.final, error.strerror or str(error)) from error
        self.path = place

    def _move_up(self, place: Path) -> None:
        """One entry after the other; back again when that does not get to its end."""
        moved: list[Path] = []
        try:
            for entry in list(self.path.iterdir()):
                moved.append(entry)
                entry.rename(place / entry.name)
        except BaseException:
            for entry in moved:
                with contextlib.suppress(OSError):
                    (place / entry.name).rename(entry)
            raise
        self.path.rmdir()

    def discard(self) -> None:
        """Removes what is there, however often it is interrupted."""
        try:
            shutil.rmtree(self.path, ignore_errors=True)
            for parent in self._made_parents:
                with contextlib.suppress(OSError):
                    parent.rmdir()
        except KeyboardInterrupt:
            self.discard()
            raise


@contextlib.contextmanager
def output_folder(final: Path | None) -> Iterator[OutputFolder]:
    """A folder to build the output in; it vanishes unless it is published by the end.

    Without `final` it vanishes in any case. Raises `OutputError`.
    """
    if final is None:
        # Resolved, as a model folder's path is, wherever the temporary folder is linked to.
        with tempfile.TemporaryDirectory(prefix="drum-fit-", ignore_cleanup_errors=True) as name:
            yield OutputFolder(Path(name).resolve(), None)
        return
    place = final.resolve()
    parents = tuple(parent for parent in place.parents if not parent.exists())
    # A folder that is mounted, or whose parent is not ours, can only be filled.
    inside = place.is_dir() and (
        os.path.ismount(place) or not os.access(place.parent, os.W_OK | os.X_OK)
    )
    unfinished = (place if inside else place.parent) / f".{place.name}.{secrets.token_hex(4)}"
    building = OutputFolder(unfinished, final, parents)
    try:
        _make(unfinished, final)
        yield building
    except BaseException:
        if building.path == unfinished:
            building.discard()
        raise
    if building.path == unfinished:
        building.discard()


def _make(folder: Path, final: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise OutputError(final, error.strerror or str(error)) from error


def copy_code(code_dir: Path, output: OutputFolder) -> tuple[Path, ...]:
    """Copies the model folder into the output, but for caches; what was fitted stays as it is.

    Gives the files, relative to the model folder, that are not copied because the fit has written
    others of their names. Links are followed. Raises `OutputError`.
    """
    kept: list[Path] = []

    def copy(source: str, target: str) -> str:
        if Path(target).exists():
            kept.append(Path(source).relative_to(code_dir))
            return target
        return shutil.copy2(source, target)

    try:
        shutil.copytree(
            code_dir,
            output.path,
            ignore=shutil.ignore_patterns(*_LEFT_OUT),
            copy_function=copy,
            ignore_dangling_symlinks=True,
            dirs_exist_ok=True,
        )
    except (OSError, shutil.Error) as error:
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror
        place = output.final or output.path
        raise OutputError(place, f"{code_dir} cannot be copied: {reason}") from error
    return tuple(sorted(kept))
