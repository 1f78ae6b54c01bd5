"""The `requirements.txt` that a model folder brings along."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from drum_core.errors import ModelFolderError

__all__ = ["own_requirements"]

_OF_FILES: Final = re.compile(
    r"(-r|-c|-e|--requirement|--constraint|--editable)\b|\.{0,2}/|\.$|file:"
)
_WITH_PASSWORD: Final = re.compile(r"://[^/@\s]+@")


def own_requirements(path: Path) -> tuple[list[Requirement], list[str]]:
    """The requirements in a file, and its other lines, which are options of pip.

    Raises `ModelFolderError` for a line that cannot be used when an image is built: one that
    names a file, a password that everybody could read in the image, a hash, and what pip would
    not take either.
    """
    packages: list[Requirement] = []
    options: list[str] = []
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        if _OF_FILES.match(line):
            raise ModelFolderError(
                f"{where}: {line!r} names a file, which is not there when the image is built. "
                "Write the packages out; a wheel of your own can be installed in the Dockerfile."
            )
        if _WITH_PASSWORD.search(line):
            raise ModelFolderError(
                f"{where}: it has a password in an address, and everybody who has the image could "
                "read it. Take it out, and give pip its configuration as a secret of the build."
            )
        if "--hash" in line:
            raise ModelFolderError(
                f"{where}: with one hash pip wants hashes of all packages, those of the server "
                "too. Export the file without hashes; the versions stay pinned."
            )
        if line.startswith("-"):
            options.append(line)
            continue
        try:
            packages.append(Requirement(line))
        except InvalidRequirement as error:
            reason = str(error).splitlines()[0]
            raise ModelFolderError(f"{where}: {line!r} is no requirement: {reason}.") from error
    return packages, options


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that say something, without comments; a continued one has its first number."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelFolderError(f"{path} cannot be read: {error}.") from error
    whole, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        bare = re.sub(r"(^|\s)#.*$", "", line)
        first = first or number
        whole += bare.removesuffix("\\")
        if bare.endswith("\\"):
            continue
        if whole.strip():
            yield first, whole.strip()
        whole, first = "", 0
    if whole.strip():
        yield first, whole.strip()
