"""The options of the modes that can run in a container of Docker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from drum_core.errors import OptionConflictError, OptionError
from drum_core.options.flag import Flag

__all__ = ["ContainerOptions", "check_container"]


@dataclass(frozen=True, kw_only=True)
class ContainerOptions:
    """In which container the model runs, if in one.

    `docker` is a local image, or a folder with a Dockerfile to build one from; `memory` is Docker's
    spelling of a number of bytes, and swap does not come on top of it.
    """

    docker: Annotated[
        str | None,
        Flag(
            names=("--docker",),
            help="run in a container: a local image, or a folder with a Dockerfile",
            metavar="IMAGE_OR_DIR",
        ),
    ] = None
    skip_deps_install: Annotated[
        bool,
        Flag(
            names=("--skip-deps-install",),
            help="do not install the model's requirements.txt in an image that is built",
        ),
    ] = False
    memory: Annotated[
        str | None,
        Flag(
            names=("--memory",),
            help="the most memory that the container may have, such as 512m or 4g",
            metavar="SIZE",
        ),
    ] = None
    docker_dry_run: Annotated[
        bool,
        Flag(
            names=("--docker-dry-run",),
            help="print what would be run for --docker; build and run nothing",
        ),
    ] = False


def check_container(options: ContainerOptions, sources: Mapping[str, str]) -> None:
    """Raises `OptionError` for what cannot be, or says nothing without `docker`."""
    for name in ("skip_deps_install", "docker_dry_run"):
        if getattr(options, name) and options.docker is None:
            label = sources.get(name, "--" + name.replace("_", "-"))
            raise OptionConflictError(f"{label} says nothing without --docker: give both.")
    if options.docker is not None and not options.docker.strip():
        label = sources.get("docker", "docker")
        raise OptionError(label, options.docker, "an image, or a folder with a Dockerfile")
    if options.memory is not None and not re.fullmatch(r"[0-9]+[bkmg]?", options.memory.lower()):
        label = sources.get("memory", "memory")
        raise OptionError(label, options.memory, "a size such as 512m or 4g (b, k, m or g)")
