"""Runs a whole command again, in a container."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

from drum_core.containers.engine import connected_engine
from drum_core.containers.errors import ContainerError
from drum_core.containers.image import image_name, planned_build
from drum_core.containers.translate import Containable, plan_for
from drum_core.options.server import ServerOptions
from drum_core.version import __version__

if TYPE_CHECKING:
    from drum_core.containers.engine import Engine
    from drum_core.progress import Progress

__all__ = ["rerun", "shell_lines"]

_logger = logging.getLogger("drum.containers")

_STOP_SECONDS: Final = 10.0


def shell_lines(options: Containable) -> Iterator[str]:
    """The commands for a shell that do what `rerun` does; no engine is asked."""
    build = planned_build(options)
    if build is not None:
        if build.remark:
            _logger.warning(build.remark)
        yield build.shell()
    yield plan_for(options, image_name(options, build)).shell()


def rerun(options: Containable, progress: Progress, stdout: BinaryIO, stderr: BinaryIO) -> int:
    """Builds the image, if it is to be built, and runs the command of `options` in it.

    Gives its exit status. A server has its own time to end in when it is interrupted. Raises
    `ContainerError`.
    """
    build = planned_build(options)
    image = image_name(options, build)
    plan = plan_for(options, image)
    seconds = _STOP_SECONDS
    if isinstance(options, ServerOptions):
        seconds += options.graceful_timeout
    with connected_engine() as engine:
        if build is None:
            engine.require(image)
        else:
            if build.remark:
                _logger.warning(build.remark)
            with progress.phase(f"Building the image {image}"):
                engine.build(build)
            progress.say(f"Image successfully built; tag: {image};")
        with progress.phase(f"Looking into the image {image}"):
            _compare_versions(engine, image)
        _logger.info("running %s", plan.shell())
        return engine.run(
            plan,
            stdout,
            stderr,
            stop_seconds=seconds,
            is_told_to_end=isinstance(options, ServerOptions),
        )


def _compare_versions(engine: Engine, image: str) -> None:
    """Another version in the image is no error: it may be meant."""
    try:
        said = engine.version(image)
    except ContainerError as error:
        _logger.warning("%s", error)
        return
    found = re.search(r"drum (\S+)", said)
    if found is None or found[1] != __version__:
        _logger.warning("%s has %r; this is drum %s", image, said, __version__)
