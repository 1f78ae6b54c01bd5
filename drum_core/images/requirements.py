"""What an image has to install for a model: pinned, as it is installed here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from drum_core.images.artifact_modules import artifact_modules
from drum_core.images.distributions import (
    closure,
    distributions_of,
    found_at,
    installed,
    public_version,
)
from drum_core.images.imported_modules import imported_modules
from drum_core.images.own_requirements import own_requirements
from drum_core.model.folder import python_sources

if TYPE_CHECKING:
    from drum_core.model.folder import ModelFolder

__all__ = ["Requirements", "find_requirements"]

_OURS: Final = ("drum-runtime", "datarobot-drum")
_REQUIREMENTS: Final = "requirements.txt"


@dataclass(slots=True)
class Requirements:
    """The lines of a requirements file in sections, in order, and what has to be said about it."""

    sections: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    @property
    def lines(self) -> tuple[str, ...]:
        """All requirements, without comments."""
        return tuple(line for lines in self.sections.values() for line in lines)

    def text(self) -> str:
        """The file."""
        parts = [f"# {title}\n" + "\n".join(lines) for title, lines in self.sections.items()]
        return "\n\n".join(parts) + "\n"

    def add(self, title: str, lines: Iterable[str]) -> None:
        """Adds a section, unless it is empty."""
        if found := list(lines):
            self.sections[title] = found


def find_requirements(
    folder: ModelFolder, runtime: Requirement, *, transitive: bool
) -> Requirements:
    """What `folder` needs besides `runtime`, which is this program.

    First what the folder's own file asks for, then what its artifacts and its code name, each
    pinned to the version that is installed here. With `transitive` all that these need is pinned
    too, unless what is installed here is not what the folder asks for. Raises `ModelFolderError`
    and `HookError`.
    """
    found = Requirements()
    found.add("This program", [str(runtime)])
    roots = [runtime]
    as_asked = True
    own = folder.path / _REQUIREMENTS
    if own.is_file():
        packages, options = own_requirements(own)
        lines = [_as_asked(found, wanted) for wanted in packages]
        as_asked = all(_is_met(wanted) for wanted in packages)
        roots += packages
        found.add("As requirements.txt of the model asks", [*options, *lines])
    for title, names in (
        ("Named in the artifact", _of_artifacts(folder)),
        ("Imported by the code", _of_code(folder, found)),
    ):
        new = sorted(names - found.names - set(_OURS))
        found.names.update(new)
        roots += [Requirement(name) for name in new]
        found.add(title, [line for name in new if (line := _pin(name, found))])
    if transitive and as_asked:
        further = sorted(closure(roots) - found.names - set(_OURS))
        found.add("What these need", [line for name in further if (line := _pin(name, found))])
    elif transitive:
        found.notes.append(
            "What is installed here is not what requirements.txt of the model asks for, so what "
            "its packages need is not pinned."
        )
    return found


def _as_asked(found: Requirements, wanted: Requirement) -> str:
    """The requirement, pinned where what is installed here meets it."""
    name = canonicalize_name(wanted.name)
    found.names.add(name)
    if wanted.url or not _is_met(wanted) or not _applies(wanted):
        return str(wanted)
    here = installed(name)
    if here is None or found_at(here):
        return str(wanted)
    extras = f"[{','.join(sorted(wanted.extras))}]" if wanted.extras else ""
    marker = f" ; {wanted.marker}" if wanted.marker else ""
    return f"{wanted.name}{extras}=={public_version(here)}{marker}"


def _applies(wanted: Requirement) -> bool:
    return wanted.marker is None or wanted.marker.evaluate()


def _is_met(wanted: Requirement) -> bool:
    if not _applies(wanted):
        return True
    here = installed(wanted.name)
    return here is not None and wanted.specifier.contains(here.version, prereleases=True)


def _pin(name: str, found: Requirements) -> str | None:
    here = installed(name)
    if here is None:
        return None
    if (url := found_at(here)) is not None:
        found.notes.append(
            f"{name} was installed from {url}, which the image cannot get it from: put it on an "
            "index, or install its wheel in the Dockerfile."
        )
    version = public_version(here)
    if version != here.version:
        found.notes.append(
            f"{name} {here.version} is a build that an index may not have; {version} is installed "
            "in the image."
        )
    return f"{name}=={version}"


def _of_artifacts(folder: ModelFolder) -> set[str]:
    modules = {module for path in folder.artifacts for module in artifact_modules(path)}
    return set(_known(modules))


def _known(modules: Iterable[str]) -> Iterator[str]:
    for module in modules:
        yield from distributions_of(module) or ()


def _of_code(folder: ModelFolder, found: Requirements) -> set[str]:
    modules = imported_modules(folder.path, python_sources(folder.path))
    for module, file in sorted(modules.needed.items()):
        if distributions_of(module) is None and not _is_ours(module):
            top = module.partition(".")[0]
            note = (
                f"{file} imports {top}, which is not installed here: add it to requirements.txt "
                "of the model."
            )
            if note not in found.notes and not _is_own(top, found):
                found.notes.append(note)
    return set(_known([*modules.needed, *modules.optional]))


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("drum_core", "drum_web", "datarobot_drum")


def _is_own(top: str, found: Requirements) -> bool:
    """Whether the folder's own file asks for a package of that name."""
    return canonicalize_name(top) in found.names
