"""Response bodies that keep the context of their handler, and what it holds, to their end."""

from __future__ import annotations

import contextvars
import logging
from collections.abc import AsyncIterator, Callable, Iterator

from drum_core.messages import AsyncByteStream, AsyncResponse, ByteStream, Response

__all__ = ["AsyncHeldStream", "HeldStream", "held", "held_async"]

_logger = logging.getLogger(__name__)


class HeldStream:
    """Passes on the chunks of a stream; at `close`, closes it and calls `release`, once.

    The chunks are made in the context in which the job began, so that user code sees its context
    variables (the request id, a trace) in every chunk.
    """

    def __init__(self, stream: ByteStream, release: Callable[[], None] = lambda: None) -> None:
        self._stream = stream
        self._release = release
        self._context = contextvars.copy_context()
        self._closed = False

    def __iter__(self) -> Iterator[bytes]:
        chunks = self._context.run(iter, self._stream)
        end = object()
        while True:
            chunk = self._context.run(next, chunks, end)
            if not isinstance(chunk, bytes):
                return
            yield chunk

    def close(self) -> None:
        """Ends the making of chunks."""
        if self._closed:
            return
        self._closed = True
        try:
            self._context.run(self._stream.close)
        except Exception:
            _logger.exception("a response stream could not be closed")
        finally:
            self._release()


class AsyncHeldStream:
    """As `HeldStream`, for one task, whose context it has anyway."""

    def __init__(self, stream: AsyncByteStream, release: Callable[[], None]) -> None:
        self._stream = stream
        self._release = release
        self._closed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._stream)

    async def aclose(self) -> None:
        """Ends the job, and gives back what it held."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._stream.aclose()
        except Exception:
            _logger.exception("a response stream could not be closed")
        finally:
            self._release()


def held(response: Response, release: Callable[[], None] = lambda: None) -> Response:
    """A stream is made in the context of its handler; `release` is called at the end of all."""
    if isinstance(response.body, bytes):
        release()
        return response
    held = HeldStream(response.body, release)
    return Response(status=response.status, headers=response.headers, body=held)


def held_async(response: AsyncResponse, release: Callable[[], None]) -> AsyncResponse:
    """As `held`, on a loop."""
    if isinstance(response.body, bytes):
        release()
        return response
    held = AsyncHeldStream(response.body, release)
    return AsyncResponse(status=response.status, headers=response.headers, body=held)
