"""Server-sent events, framed as the OpenAI API frames them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

from drum_core.model.exchange import AsyncCompletionChunks, CompletionChunks
from drum_core.request_record import note_error

__all__ = ["CONTENT_TYPE", "AsyncEventStream", "EventStream", "event"]

CONTENT_TYPE: Final = "text/event-stream; charset=utf-8"

_DONE: Final = b"data: [DONE]\n\n"


def event(text: bytes) -> bytes:
    """One event: each line of the text after `data: `, then an empty line."""
    if b"\n" not in text and b"\r" not in text:
        return b"data: " + text + b"\n\n"
    return b"".join(b"data: " + line + b"\n" for line in text.splitlines()) + b"\n"


class EventStream:
    """An answer in chunks as a `ByteStream` of events, with DONE at its end.

    Its first chunk is made by the constructor, which raises what that does. What a later one
    raises becomes an event, as `describe` says, and ends the stream without DONE.
    """

    def __init__(
        self,
        answer: CompletionChunks,
        *,
        describe: Callable[[Exception], bytes],
        gone: Callable[[], bool],
    ) -> None:
        self._answer = answer
        self._describe = describe
        self._gone = gone
        try:
            self._first = next(answer.chunks, None)
        except BaseException:
            answer.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        text = self._first
        try:
            while text is not None:
                yield event(text)
                if self._gone():
                    return
                text = next(self._answer.chunks, None)
        except Exception as error:
            note_error(error)
            if not self._gone():
                yield event(self._describe(error))
            return
        yield _DONE

    def close(self) -> None:
        """Closes the hook's stream."""
        self._answer.close()


class AsyncEventStream:
    """As `EventStream`, for an event loop; `begin` makes the first chunk."""

    def __init__(
        self, answer: AsyncCompletionChunks, *, describe: Callable[[Exception], bytes]
    ) -> None:
        self._next = answer.chunks.__anext__
        self._close = answer.aclose
        self._describe = describe
        self._first: bytes | None = None
        self._over = False
        self._told = False

    async def begin(self) -> None:
        """Makes the first chunk; raises what that does, having closed the stream."""
        try:
            self._first = await self._next()
        except StopAsyncIteration:
            self._over = True
        except BaseException:
            await self._close()
            raise

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._first is not None:
            text, self._first = self._first, None
            return event(text)
        if self._told:
            raise StopAsyncIteration
        if not self._over:
            try:
                return event(await self._next())
            except StopAsyncIteration:
                pass
            except Exception as error:
                self._told = True
                note_error(error)
                return event(self._describe(error))
        self._told = True
        return _DONE

    async def aclose(self) -> None:
        """Closes the hook's stream."""
        await self._close()
