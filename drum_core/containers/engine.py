"""Docker's engine, asked through its client library."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from drum_core.containers.errors import ContainerError
from drum_core.errors import MissingExtraError

if TYPE_CHECKING:
    from drum_core.containers.image import Build
    from drum_core.containers.library import Client, Container, Frames
    from drum_core.containers.plan import ContainerPlan

__all__ = ["Engine", "connected_engine"]

_logger = logging.getLogger(__name__)

_LAST_LINES: Final = 12
_OUTPUT_SECONDS: Final = 5.0
"""How long the last output of a container that has ended may take to come."""


@contextlib.contextmanager
def connected_engine() -> Iterator[Engine]:
    """The engine that the environment names, or the local one; it has answered.

    Raises `ContainerError` where there is none, `MissingExtraError` without the client library.
    """
    try:
        import docker
        from docker.errors import DockerException
    except ModuleNotFoundError as error:
        package = error.name or "docker"
        raise MissingExtraError(package, extra="docker", purpose="--docker") from error
    try:
        client = cast("Client", docker.from_env())
    except DockerException as error:
        raise ContainerError(
            f"Docker's engine cannot be reached: {_innermost(error)}. Start it, or set DOCKER_HOST "
            "to where it is; --docker-dry-run shows what would be run without one."
        ) from error
    try:
        yield Engine(client)
    finally:
        client.close()


class Engine:
    """What is asked of the engine. Its errors are `ContainerError`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def require(self, image: str) -> None:
        """Raises `ContainerError` where there is no such image on this machine."""
        from docker.errors import ImageNotFound
        from requests.exceptions import RequestException

        try:
            self._client.images.get(image)
        except ImageNotFound as error:
            raise ContainerError(
                f"--docker is {image!r}, which is neither a folder nor a local image. Get it with "
                f"'docker pull {image}', or give a folder with a Dockerfile."
            ) from error
        except RequestException as error:
            raise _refused(f"The image {image!r} cannot be looked up", error) from error

    def build(self, build: Build) -> None:
        """Builds an image; raises `ContainerError` with the last lines of a build that failed."""
        from requests.exceptions import RequestException

        lines: list[str] = []
        with tempfile.TemporaryDirectory(prefix="drum-build-") as folder:
            dockerfile = Path(folder, "Dockerfile")
            dockerfile.write_text(build.dockerfile, encoding="utf-8")
            try:
                events = self._client.api.build(
                    path=str(build.context),
                    # One that is outside the context is sent along with it.
                    dockerfile=str(dockerfile),
                    tag=build.tag,
                    rm=True,
                    forcerm=True,
                    decode=True,
                )
                for event in events:
                    if text := event.get("stream", "").strip():
                        lines.append(text)
                        _logger.info("%s", text)
                    if "error" in event:
                        lines.append(event["error"].strip())
                        raise _not_built(build, lines)
            except RequestException as error:
                raise _not_built(build, [*lines, _explanation(error)]) from error

    def version(self, image: str) -> str:
        """What `drum --version` says in the image. Raises `ContainerError` where it does not."""
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            said = self._client.containers.run(
                image, ["sh", "-c", "drum --version"], entrypoint=[""], remove=True
            )
        except (DockerException, RequestException) as error:
            raise ContainerError(f"'drum --version' cannot be run in {image}: {error}") from error
        return said.decode("utf-8", "replace").strip()

    def run(
        self,
        plan: ContainerPlan,
        stdout: BinaryIO,
        stderr: BinaryIO,
        *,
        stop_seconds: float,
        is_told_to_end: bool,
    ) -> int:
        """Runs a container to its end and gives its exit status; what it writes is passed on.

        When interrupted it tells the container to end, which has `stop_seconds` for it. For one
        that `is_told_to_end` that is how it ends well: its status is given then too. Whatever
        happens, the container is gone at the end. Raises `ContainerError`, also for one that was
        killed for want of memory.
        """
        from requests.exceptions import RequestException

        try:
            container = self._client.containers.create(plan.image, list(plan.command), **_of(plan))
        except RequestException as error:
            raise _refused(f"No container of {plan.image} can be made", error) from error
        pump = _Pump(stdout, stderr)
        try:
            pump.attach(container)
            try:
                container.start()
                pump.join()
            except KeyboardInterrupt:
                container.stop(timeout=round(stop_seconds))
                pump.join(_OUTPUT_SECONDS)
                if not is_told_to_end:
                    raise
            return _status(container, plan)
        except RequestException as error:
            raise _refused(f"The container of {plan.image} cannot be run", error) from error
        finally:
            pump.close()
            with contextlib.suppress(RequestException):
                container.remove(force=True, v=True)


class _Pump(threading.Thread):
    """Passes on what a container writes, from before it starts until it has ended."""

    def __init__(self, stdout: BinaryIO, stderr: BinaryIO) -> None:
        super().__init__(name="container output", daemon=True)
        self._streams = (stdout, stderr)
        self._frames: Frames | None = None

    def attach(self, container: Container) -> None:
        """Begins."""
        self._frames = container.attach(
            stdout=True, stderr=True, stream=True, logs=True, demux=True
        )
        self.start()

    def run(self) -> None:
        """Writes each block at once. A reader that has gone ends nothing."""
        for frame in self._frames or ():
            for stream, block in zip(self._streams, frame, strict=True):
                if block:
                    with contextlib.suppress(OSError, ValueError):
                        stream.write(block)
                        stream.flush()

    def close(self) -> None:
        """Ends the connection, which the library leaves open."""
        from docker.errors import DockerException

        if self._frames is None:
            return
        # It looks for the socket deep inside of others, where it may be no more.
        with contextlib.suppress(OSError, AttributeError, DockerException):
            self._frames.close()
        # It ends the socket, and leaves the answer of which that is a part.
        if (response := getattr(self._frames, "_response", None)) is not None:
            self.join(_OUTPUT_SECONDS)
            response.close()


def _of(plan: ContainerPlan) -> dict[str, object]:
    """The plan as the library's arguments."""
    from docker.types import Mount

    return {
        # One empty word: the image's own entry point does not count. The words are the command.
        "entrypoint": [""],
        "init": True,
        "user": plan.user,
        "environment": dict(plan.variables),
        "mem_limit": plan.memory,
        "memswap_limit": plan.memory,
        "ports": {f"{plan.port.number}/tcp": (plan.port.address, plan.port.number)}
        if plan.port
        else None,
        "mounts": [
            Mount(mount.target, str(mount.source), type="bind", read_only=mount.read_only)
            for mount in plan.mounts
        ],
    }


def _status(container: Container, plan: ContainerPlan) -> int:
    status = int(str(container.wait()["StatusCode"]))
    container.reload()
    if container.attrs.get("State", {}).get("OOMKilled"):
        limit = f" of {plan.memory}" if plan.memory else ""
        raise ContainerError(
            f"The container was killed because it needed more than its memory{limit}: give it "
            "more with --memory, or the model less to do."
        )
    return status


def _not_built(build: Build, lines: list[str]) -> ContainerError:
    last = "\n".join(lines[-_LAST_LINES:])
    return ContainerError(f"Failed to build a docker image from {build.context}:\n{last}")


def _refused(what: str, error: Exception) -> ContainerError:
    return ContainerError(f"{what}: {_explanation(error)}")


def _explanation(error: Exception) -> str:
    """What the engine says, where it is that which refused."""
    return str(getattr(error, "explanation", None) or error)


def _innermost(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return str(getattr(error, "strerror", None) or error).rstrip(".")
