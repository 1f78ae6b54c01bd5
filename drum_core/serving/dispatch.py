"""What is done around every answer: request id, slot, errors, HEAD, OPTIONS, headers, log."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from drum_core.errors import HookFailedError
from drum_core.messages import (
    AsyncHandler,
    AsyncResponse,
    BodyRules,
    Headers,
    Refuse,
    Request,
    Response,
    Route,
)
from drum_core.process_end import is_interrupt
from drum_core.request_record import RequestRecord, current_record, note_error
from drum_core.security.policy import Security
from drum_core.serving.admission import AsyncJobs
from drum_core.serving.answers import bytes_response, client_left_response, standard_headers
from drum_core.serving.deadlines import Deadline, Deadlines
from drum_core.serving.endpoint import Endpoint
from drum_core.serving.job_runner import JobRunner
from drum_core.serving.request_id import current_request_id, request_id_of
from drum_core.serving.streaming import held, held_async
from drum_core.serving.timed import answer_in_time, answer_in_time_async
from drum_core.serving.watches import Watch, watch_all

__all__ = ["Dispatcher"]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Makes routes of endpoints, whose handlers never raise.

    With `tells_times` each answer of the model has the times of its stages, else only that to a
    request which is part of a trace.
    """

    runner: JobRunner = field(default_factory=JobRunner)
    deadlines: Deadlines = field(default_factory=Deadlines)
    bodies: BodyRules = field(default_factory=BodyRules)
    security: Security = field(default_factory=Security)
    jobs: AsyncJobs = field(default_factory=AsyncJobs)
    watches: tuple[Watch, ...] = ()
    tells_times: bool = False

    def routes(self, endpoints: Iterable[Endpoint]) -> list[Route]:
        """A route for each path of each endpoint."""
        return [
            Route(
                path=path,
                methods=endpoint.methods,
                handler=handler,
                name=endpoint.name,
                policy=endpoint.policy,
                bodies=self.bodies,
                async_handler=async_handler,
                refuse=refuse,
                security=self.security,
            )
            for endpoint in endpoints
            for handler in [self._handler(endpoint)]
            for refuse in [self._refuse(endpoint)]
            for async_handler in [self._async_handler(endpoint)]
            for path in endpoint.paths
        ]

    def _handler(self, endpoint: Endpoint) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            # What is set for a request, also by those who watch it, ends with it.
            return contextvars.copy_context().run(self._handle, endpoint, request)

        return handle

    def _handle(self, endpoint: Endpoint, request: Request) -> Response:
        record = _begin(request)
        started = time.perf_counter()
        ended = watch_all(self.watches, endpoint.name, endpoint.policy, request)
        answered = self._answered(endpoint, request)
        answered = held(answered, functools.partial(ended, answered.status))
        body = answered.body
        if request.method == "HEAD":
            if not isinstance(body, bytes):
                body.close()
            body = b""
        headers = self._completed(answered.headers, request, record)
        if answered.status >= 400:
            _log(request, answered.status, time.perf_counter() - started)
        return Response(status=answered.status, headers=headers, body=body)

    def _answered(self, endpoint: Endpoint, request: Request) -> Response:
        try:
            if refused := self._refused(endpoint, request):
                request.body.close()
                return refused
            request = self.security.without_token(request)
            if request.method != "OPTIONS" and request.body.refusal is None and endpoint.in_job():
                return self._in_job(endpoint, request)
            try:
                return self._here(endpoint, request)
            finally:
                request.body.close()
        except Exception as error:
            return _error_answer(endpoint, error)
        except BaseException as error:  # of a model's own code, in the thread of a request
            if is_interrupt(error):
                raise
            return _error_answer(endpoint, HookFailedError("The model", error))

    def _refuse(self, endpoint: Endpoint) -> Refuse:
        def refuse(request: Request) -> Response | None:
            return contextvars.copy_context().run(self._refuse_early, endpoint, request)

        return refuse

    def _refuse_early(self, endpoint: Endpoint, request: Request) -> Response | None:
        """As `_handle`, before the body is read; `None` for what is not refused."""
        record = _begin(request)
        answered = self._refused(endpoint, request)
        if answered is None:
            return None
        watch_all(self.watches, endpoint.name, endpoint.policy, request)(answered.status)
        headers = self._completed(answered.headers, request, record)
        if answered.status >= 400:
            _log(request, answered.status, 0.0)
        body = b"" if request.method == "HEAD" else answered.body
        return Response(status=answered.status, headers=headers, body=body)

    def _refused(self, endpoint: Endpoint, request: Request) -> Response | None:
        """The answer to a preflight, or to a request that is not let in."""
        preflight = self.security.preflight(request.method, request.headers)
        if preflight is not None:
            return preflight
        error = self.security.refusal(endpoint.policy, request.headers)
        return None if error is None else _error_answer(endpoint, error)

    def _completed(self, headers: Headers, request: Request, record: RequestRecord) -> Headers:
        """With the standard headers, those for pages of other origins, and the times."""
        fields = standard_headers(request.headers)
        if record.stages and (self.tells_times or record.trace_id):
            fields.append(("Server-Timing", record.server_timing()))
        headers = headers.with_defaults(fields)
        return self.security.completed(headers, request.headers)

    def _here(self, endpoint: Endpoint, request: Request) -> Response:
        """In this thread, with no slot."""
        if request.method == "OPTIONS":
            return _options(endpoint)
        if request.body.refusal is not None:
            raise request.body.refusal
        if not endpoint.takes_time:
            return held(endpoint.answer(request))
        deadline = self.deadlines.begin(endpoint.policy, request)
        return held(answer_in_time(endpoint.answer, request, deadline, endpoint.last_words))

    def _in_job(self, endpoint: Endpoint, request: Request) -> Response:
        return self.runner.answer(
            endpoint.answer,
            request,
            self._deadline(endpoint, request),
            name=endpoint.name,
            last_words=endpoint.last_words,
        )

    def _deadline(self, endpoint: Endpoint, request: Request) -> Deadline:
        try:
            return self.deadlines.begin(endpoint.policy, request)
        except BaseException:
            request.body.close()
            raise

    def _async_handler(self, endpoint: Endpoint) -> AsyncHandler | None:
        if not endpoint.takes_time:
            return None

        def handle(request: Request) -> Awaitable[AsyncResponse] | None:
            if request.method == "OPTIONS" or request.body.refusal is not None:
                return None
            if self.security.refusal(endpoint.policy, request.headers) is not None:
                return None
            if endpoint.in_job():
                answer = self._in_job_async
            elif (
                endpoint.async_answer is None
                or not endpoint.on_loop()
                or "Content-Encoding" in request.headers
            ):
                return None
            else:
                answer = self._on_loop
            return self._settled(endpoint, self.security.without_token(request), answer)

        return handle

    async def _settled(
        self,
        endpoint: Endpoint,
        request: Request,
        answer: Callable[[Endpoint, Request], Awaitable[AsyncResponse]],
    ) -> AsyncResponse:
        record = _begin(request)  # the task is the request's own
        started = time.perf_counter()
        ended = watch_all(self.watches, endpoint.name, endpoint.policy, request)
        try:
            answered = await answer(endpoint, request)
        except asyncio.CancelledError:
            ended(client_left_response().status)
            _log(request, client_left_response().status, time.perf_counter() - started)
            raise
        except Exception as error:
            refused = _error_answer(endpoint, error)
            assert isinstance(refused.body, bytes)
            answered = AsyncResponse(
                status=refused.status, headers=refused.headers, body=refused.body
            )
        answered = held_async(answered, functools.partial(ended, answered.status))
        body = answered.body
        if request.method == "HEAD":
            if not isinstance(body, bytes):
                await body.aclose()
            body = b""
        headers = self._completed(answered.headers, request, record)
        if answered.status >= 400:
            _log(request, answered.status, time.perf_counter() - started)
        return AsyncResponse(status=answered.status, headers=headers, body=body)

    async def _in_job_async(self, endpoint: Endpoint, request: Request) -> AsyncResponse:
        return await self.runner.answer_async(
            endpoint.answer,
            request,
            self._deadline(endpoint, request),
            name=endpoint.name,
            last_words=endpoint.last_words,
        )

    async def _on_loop(self, endpoint: Endpoint, request: Request) -> AsyncResponse:
        assert endpoint.async_answer is not None
        try:
            deadline = self.deadlines.begin(endpoint.policy, request)
            self.jobs.take()
            try:
                work = endpoint.async_answer(request)
                response = await answer_in_time_async(work, deadline, endpoint.last_words)
            except BaseException:
                self.jobs.release()
                raise
        finally:
            request.body.close()
        return held_async(response, self.jobs.release)


def _begin(request: Request) -> RequestRecord:
    """Sets what the context of a request has."""
    name = request_id_of(request.headers)
    current_request_id.set(name)
    record = RequestRecord(name, request.body.began, request.headers.get("Traceparent"))
    current_record.set(record)
    return record


def _error_answer(endpoint: Endpoint, error: Exception) -> Response:
    note_error(error)
    return endpoint.error_answer(error)


def _options(endpoint: Endpoint) -> Response:
    allow = ", ".join(sorted(endpoint.methods))
    return bytes_response(b"", "text/plain; charset=utf-8", headers=[("Allow", allow)])


def _log(request: Request, status: int, seconds: float) -> None:
    _logger.info("%s %s answered %d after %.3f s", request.method, request.path, status, seconds)
