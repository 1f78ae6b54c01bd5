"""What is used of Docker's client library, which has no types of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from typing_extensions import Protocol

__all__ = ["Client", "Container", "Frames"]


class Frames(Protocol):
    """Protocol: blocks of output as they come, of stdout or of stderr; the other is `None`."""

    def __iter__(self) -> Iterator[tuple[bytes | None, bytes | None]]: ...

    def close(self) -> None:
        """Ends the connection that they come by."""
        ...


class Container(Protocol):
    """Protocol: a container that has been made."""

    attrs: Mapping[str, Mapping[str, object]]

    def attach(
        self, *, stdout: bool, stderr: bool, stream: bool, logs: bool, demux: bool
    ) -> Frames:
        """What it writes, until it ends."""
        ...

    def start(self) -> None:
        """Starts it."""
        ...

    def stop(self, *, timeout: int) -> None:
        """Sends SIGTERM, and SIGKILL after `timeout` seconds; returns when it has ended."""
        ...

    def wait(self) -> Mapping[str, object]:
        """Waits for its end; `StatusCode` is the exit status."""
        ...

    def reload(self) -> None:
        """Reads `attrs` anew."""
        ...

    def remove(self, *, force: bool, v: bool) -> None:
        """Kills it, and takes it away with its anonymous volumes."""
        ...


class _Containers(Protocol):
    def create(self, image: str, command: Sequence[str], **options: object) -> Container: ...
    def run(self, image: str, command: Sequence[str], **options: object) -> bytes: ...


class _Images(Protocol):
    def get(self, name: str) -> object: ...


class _LowLevel(Protocol):
    def build(self, **options: object) -> Iterable[Mapping[str, str]]: ...


class Client(Protocol):
    """Protocol: the connection to an engine."""

    @property
    def api(self) -> _LowLevel:
        """The calls as the engine has them."""
        ...

    @property
    def containers(self) -> _Containers:
        """Its containers."""
        ...

    @property
    def images(self) -> _Images:
        """Its images."""
        ...

    def close(self) -> None:
        """Ends the connections."""
        ...
