"""A container as it is to be run: for the engine, and as the command that a person would type."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["ContainerPlan", "Mount", "Port"]


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or folder of this machine, and where it is in the container."""

    source: Path
    target: str
    read_only: bool = True

    def words(self) -> list[str]:
        """The option of `docker run`; --volume cannot hold a colon in a path."""
        source = str(self.source)
        if ":" not in source:
            return ["-v", f"{source}:{self.target}" + (":ro" if self.read_only else "")]
        row = ["type=bind", f"source={source}", f"target={self.target}"]
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow([*row, "readonly"] if self.read_only else row)
        return ["--mount", text.getvalue()]


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the container that has the same number on an address of this machine."""

    address: str
    number: int

    def words(self) -> list[str]:
        """The option of `docker run`."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return ["-p", f"{host}:{self.number}:{self.number}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPlan:
    """What is run, in which image, and what of this machine it gets to see.

    `command` are the words after the image. `variables` may hold secrets: the command of `shell`
    names them, and takes their values from the environment it is run in.
    """

    image: str
    command: tuple[str, ...]
    mounts: tuple[Mount, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: str | None = None
    memory: str | None = None
    port: Port | None = None

    def words(self) -> list[str]:
        """The words of the `docker run` that does the same."""
        words = ["docker", "run", "--rm", "--init", "--entrypoint", ""]
        if self.user is not None:
            words += ["--user", self.user]
        if self.memory is not None:
            words += ["--memory", self.memory, "--memory-swap", self.memory]
        if self.port is not None:
            words += self.port.words()
        for mount in self.mounts:
            words += mount.words()
        for name in self.variables:
            words += ["--env", name]
        return [*words, self.image, *self.command]

    def shell(self) -> str:
        """The same as a line for a shell."""
        return shlex.join(self.words())
