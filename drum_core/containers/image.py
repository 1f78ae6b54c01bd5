"""The image that a container is of: a local one, or one that is built from a folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drum_core.containers.errors import ContainerError
from drum_core.options.choices import Language

if TYPE_CHECKING:
    from drum_core.options.base import ModelOptions

__all__ = ["Build", "image_name", "planned_build", "requirement_words", "tag_of"]

_REQUIREMENTS: Final = "requirements.txt"
_CRAN: Final = "http://cran.rstudio.com/"


@dataclass(frozen=True, slots=True)
class Build:
    """An image that is to be built: from `context`, as `tag`.

    `dockerfile` is the text of the Dockerfile, with the line that installs what the model needs.
    `remark` is what has to be said about it.
    """

    context: Path
    tag: str
    dockerfile: str
    installs: str
    remark: str = ""

    def shell(self) -> str:
        """The command that does the same."""
        words = ["docker", "build", "--tag", self.tag]
        if not self.installs:
            return shlex.join([*words, str(self.context)])
        # The Dockerfile with the additional line comes from the standard input.
        source = shlex.quote(str(self.context / "Dockerfile"))
        built = shlex.join([*words, "--file", "-", str(self.context)])
        line = shlex.join(["printf", "\\n%s\\n", self.installs])
        return f"{{ cat {source}; {line}; }} | {built}"


def image_name(options: ModelOptions, build: Build | None) -> str:
    """The image that the options mean."""
    return build.tag if build is not None else options.docker or ""


def planned_build(options: ModelOptions) -> Build | None:
    """How to get the image, where `docker` is a folder; `None` where it is an image.

    Raises `ContainerError` for a folder without Dockerfile, and for requirements that cannot be
    installed by a line.
    """
    context = Path(options.docker or "").expanduser()
    if not context.is_dir():
        return None
    context = context.resolve()
    dockerfile = context / "Dockerfile"
    if not dockerfile.is_file():
        raise ContainerError(f"--docker is the folder {context}, which has no Dockerfile.")
    text = _read(dockerfile)
    installs, remark = "", ""
    requirements = options.code_dir / _REQUIREMENTS
    if requirements.is_file() and not options.skip_deps_install:
        installs, remark = _installation(options, requirements)
    whole = text.rstrip("\n") + "\n" + (f"{installs}\n" if installs else "")
    return Build(context, tag_of(context), whole, installs, remark)


def tag_of(context: Path) -> str:
    """`parent/folder` in lower case, without underscores at the ends; as Docker's names must be."""
    parts = [context.parent.name, context.name]
    return "/".join(filter(None, (_part(part) for part in parts))) or "drum"


def _part(name: str) -> str:
    """Between letters and digits there may be a dot, one or two underscores, or dashes."""

    def legal(found: re.Match[str]) -> str:
        return found[0] if found[0] in (".", "_", "__") or set(found[0]) == {"-"} else "-"

    return re.sub(r"[^a-z0-9]+", legal, name.lower().strip("_")).strip("._-")


def _installation(options: ModelOptions, requirements: Path) -> tuple[str, str]:
    """The line of a Dockerfile that installs the requirements; else why there is none."""
    from drum_core.model.folder import detect_language

    language = options.language or detect_language(options.code_dir)
    if language is Language.PYTHON:
        words = list(requirement_words(requirements))
        return (f"RUN pip3 install {' '.join(map(shlex.quote, words))}" if words else ""), ""
    if language is Language.R:
        names = ", ".join(f"'{word}'" for word in requirement_words(requirements))
        code = f"options(repos = '{_CRAN}', warn = 2); install.packages(c({names}))"
        return (f"RUN Rscript -e {shlex.quote(code)}" if names else ""), ""
    return "", (
        f"Dependencies management is not supported for the '{language.value}' language and will "
        "not be installed into an image"
    )


def requirement_words(requirements: Path) -> Iterator[str]:
    """What pip is told by the lines of a requirements file, as words of a command.

    Raises `ContainerError` for a line that names another file: it is not there in the image.
    """
    text = _read(requirements).replace("\\\n", " ")
    for number, line in enumerate(text.splitlines(), 1):
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        if not bare:
            continue
        if re.match(r"(-r|-c|-e|--requirement|--constraint|--editable)\b|\.{0,2}/|\.$", bare):
            raise ContainerError(
                f"{requirements}, line {number}: {bare!r} names a file, which is not there when "
                "the image is built. Write the packages out, or install them in the Dockerfile and "
                "give --skip-deps-install."
            )
        try:
            yield from shlex.split(bare) if bare.startswith("-") else [bare]
        except ValueError as error:
            raise ContainerError(f"{requirements}, line {number}: {bare!r}: {error}.") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContainerError(f"{path} is not UTF-8 text: {error.reason}.") from error
    except OSError as error:
        raise ContainerError(f"{path} cannot be read: {error.strerror}.") from error
