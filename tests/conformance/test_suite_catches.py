"""The suite itself: a host with one defect fails the tests that are about it."""

from __future__ import annotations

import subprocess
import sys
import threading
import unittest
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias

import pytest
from typing_extensions import override

from drum_core.body import Body
from drum_core.messages import (
    AsyncByteStream,
    AsyncResponse,
    ByteStream,
    Handler,
    Headers,
    Query,
    Request,
    Response,
    Route,
)
from drum_core.protocols import Assemble
from drum_core.testing import AsgiClient, BrokenAnswerError, Client, DictHost, WebAppConformance
from drum_core.testing.suite_guards import SUITE_TOKEN
from drum_core.worker import LocalWorker
from drum_web import FastAPIApp

Spoil: TypeAlias = Callable[[Handler, Request], Response]


class SpoilingHost(DictHost):
    """A good host, but for what it does to each request or response."""

    def __init__(self, spoil: Spoil) -> None:
        super().__init__()
        self._spoil = spoil

    @override
    def add_routes(self, routes: Sequence[Route], /, *, prefix: str = "") -> None:
        super().add_routes([self._spoilt(route) for route in routes], prefix=prefix)

    def _spoilt(self, route: Route) -> Route:
        handler = route.handler
        return replace(route, handler=lambda request: self._spoil(handler, request))


def failing(spoil: Spoil, about: str) -> set[str]:
    """The tests with `about` in their name that a host so spoilt fails."""

    class Spoilt(WebAppConformance):
        notices = False
        times_bodies = False

        @contextmanager
        def host(self, assemble: Assemble, /) -> Iterator[Client]:
            host = SpoilingHost(spoil)
            with LocalWorker() as worker:
                assemble(host, worker)
                yield host

    names = [name for name in dir(Spoilt) if name.startswith("test_") and about in name]
    failed = set()
    Spoilt.setup_class()
    for name in names:
        try:
            getattr(Spoilt(), name)()
        except (AssertionError, BrokenAnswerError):
            failed.add(name)
        except unittest.SkipTest:
            pass
    Spoilt.teardown_class()
    return failed


@dataclass
class _Wrapped:
    """A stream whose closing, or iterating, is done in another way."""

    stream: ByteStream
    closes: int = 1
    elsewhere: bool = False

    def __iter__(self) -> Iterator[bytes]:
        if not self.elsewhere:
            yield from self.stream
            return
        chunks: list[bytes] = []
        thread = threading.Thread(target=lambda: chunks.extend(self.stream))
        thread.start()
        thread.join()
        yield from chunks

    def close(self) -> None:
        """Closes as often as it was told."""
        for _ in range(self.closes):
            self.stream.close()


def _stream(response: Response, *, closes: int = 1, elsewhere: bool = False) -> Response:
    if isinstance(response.body, bytes):
        return response
    return replace(response, body=_Wrapped(response.body, closes, elsewhere))


def _joined(response: Response) -> Response:
    if isinstance(response.body, bytes):
        return response
    try:
        return replace(response, body=b"".join(response.body))
    finally:
        response.body.close()


def last_query_value(handler: Handler, request: Request) -> Response:
    """Makes a dictionary of the query."""
    return handler(replace(request, query=Query(dict(request.query.multi_items()).items())))


def lower_case_headers(handler: Handler, request: Request) -> Response:
    """Gives the header names as ASGI has them."""
    fields = [(name.lower(), value) for name, value in request.headers.multi_items()]
    return handler(replace(request, headers=Headers(fields)))


def unlimited_body(handler: Handler, request: Request) -> Response:
    """Forgets that the body was too long."""
    return handler(replace(request, body=Body(request.body.read())))


def text_body(handler: Handler, request: Request) -> Response:
    """Takes the body for text."""
    with closing(request.body) as body:
        text = body.read().decode("utf-8", "replace").encode()
        return handler(replace(request, body=Body(text, refusal=body.refusal)))


def html_by_default(handler: Handler, request: Request) -> Response:
    """Makes a content type up."""
    response = handler(request)
    fields = response.headers.with_defaults([("Content-Type", "text/html")])
    return replace(response, headers=fields)


def one_header_of_a_name(handler: Handler, request: Request) -> Response:
    """Makes a dictionary of the response headers."""
    response = handler(request)
    return replace(response, headers=Headers(dict(response.headers.multi_items()).items()))


def authorized_by_itself(handler: Handler, request: Request) -> Response:
    """Lets everybody in."""
    token = ("Authorization", f"Bearer {SUITE_TOKEN}")
    return handler(replace(request, headers=request.headers.with_defaults([token])))


CASES: dict[Spoil, tuple[str, set[str]]] = {
    last_query_value: ("query", {"test_repeated_query_keys_are_all_kept_in_order"}),
    lower_case_headers: ("spelling", {"test_request_headers_have_one_spelling"}),
    text_body: ("body", {"test_binary_body_is_byte_exact"}),
    unlimited_body: (
        "over_the_limit",
        {
            "test_chunked_body_over_the_limit_reaches_the_handler",
            "test_declared_length_over_the_limit_reaches_the_handler",
        },
    ),
    html_by_default: (
        "",
        {"test_no_content_type_is_made_up", "test_statuses_without_a_body_have_none"},
    ),
    authorized_by_itself: (
        "guarded",
        {
            "test_guarded_route_is_not_opened_by_its_spelling",
            "test_guarded_route_takes_no_body_without_a_token",
        },
    ),
    one_header_of_a_name: ("headers", {"test_repeated_response_headers_are_all_sent"}),
}


@pytest.mark.parametrize("spoil", CASES, ids=lambda spoil: spoil.__name__)
def test_defect_is_caught(spoil: Spoil) -> None:
    """A host that differs in one thing fails the tests of that thing, and no others."""
    about, expected = CASES[spoil]
    assert failing(spoil, about) == expected


def test_stream_closed_twice_is_caught() -> None:
    """A host that closes a stream twice fails."""
    caught = failing(lambda handler, request: _stream(handler(request), closes=2), "closed")
    assert "test_stream_is_sent_whole_and_closed" in caught


def test_stream_left_open_is_caught() -> None:
    """A host that closes no stream fails, whichever way the stream ended."""
    caught = failing(lambda handler, request: _stream(handler(request), closes=0), "closed")
    assert caught == {
        "test_empty_stream_is_closed",
        "test_loop_route_stream_is_sent_whole_and_closed",
        "test_stream_is_closed_when_the_client_leaves",
        "test_stream_is_sent_whole_and_closed",
        "test_stream_that_nobody_reads_is_closed",
        "test_stream_without_a_first_chunk_is_closed",
    }


def test_stream_held_back_is_caught() -> None:
    """A host that joins the chunks before it sends them fails."""
    caught = failing(lambda handler, request: _joined(handler(request)), "chunks")
    assert caught == {"test_chunks_are_sent_as_they_are_made"}


def test_stream_in_another_thread_is_caught() -> None:
    """A host that iterates a stream in another thread loses context and thread."""
    caught = failing(lambda handler, request: _stream(handler(request), elsewhere=True), "handler")
    assert {
        "test_stream_is_made_in_the_thread_of_its_handler",
        "test_stream_keeps_the_context_of_its_handler",
    } <= caught


def test_stream_left_open_on_the_loop_is_caught() -> None:
    """An ASGI host that does not await the closing of a stream fails."""

    class Forgetful(FastAPIApp):
        @override
        def add_routes(self, routes: Sequence[Route], /, *, prefix: str = "") -> None:
            super().add_routes([_forgetting(route) for route in routes], prefix=prefix)

    class Spoilt(WebAppConformance):
        @contextmanager
        def host(self, assemble: Assemble, /) -> Iterator[Client]:
            host = Forgetful()
            with LocalWorker() as worker:
                assemble(host, worker)
                with AsgiClient(host.app) as client:
                    yield client

    Spoilt.setup_class()
    try:
        Spoilt().test_loop_route_is_answered_either_way()
        with pytest.raises(AssertionError, match="closed"):
            Spoilt().test_loop_route_stream_is_sent_whole_and_closed()
    finally:
        Spoilt.teardown_class()


def _forgetting(route: Route) -> Route:
    begin = route.async_handler
    if begin is None:
        return route

    async def forget(work: Awaitable[AsyncResponse]) -> AsyncResponse:
        response = await work
        body = response.body
        return response if isinstance(body, bytes) else replace(response, body=_Open(body))

    def handle(request: Request) -> Awaitable[AsyncResponse] | None:
        work = begin(request)
        return None if work is None else forget(work)

    return replace(route, async_handler=handle)


@dataclass
class _Open:
    """A stream that cannot be closed."""

    stream: AsyncByteStream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self.stream)

    async def aclose(self) -> None:
        """Does nothing."""


def test_suite_needs_neither_framework_nor_pytest() -> None:
    """Importing the suite loads no web framework, no server and no test runner."""
    code = (
        "import sys, drum_core.testing as testing\n"
        "names = {'flask', 'werkzeug', 'starlette', 'fastapi', 'uvicorn', 'gunicorn', 'pytest'}\n"
        "sys.exit(', '.join(names & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
