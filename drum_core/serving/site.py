"""What an application of DRUM's own does before, and around, everything that is on it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from drum_core.errors import RequestError
from drum_core.messages import Headers, Request, Response, Route
from drum_core.security.policy import Security
from drum_core.security.proxies import TrustedProxies
from drum_core.serving.answers import standard_headers
from drum_core.serving.errors import answer_to
from drum_core.serving.request_id import current_request_id, request_id_of

__all__ = ["Site"]

_logger = logging.getLogger(__name__)


class Site:
    """The `Security` of the routes of one application, for whatever else it answers.

    Where models of several are mounted, what is no route must satisfy each of them.
    """

    def __init__(self) -> None:
        self._rules: list[Security] = []
        self._screens = False
        self._adds = False
        self.proxies: TrustedProxies | None = None
        """Whose word is taken, if anybody's."""

    def add(self, routes: Iterable[Route], /) -> None:
        """Takes the security of routes that are about to be mounted."""
        for route in routes:
            rule = route.security
            if rule is None or any(rule is known for known in self._rules):
                continue
            self._rules.append(rule)
            self._screens |= any((rule.tokens, rule.hosts, rule.origins))
            self._adds |= any((rule.origins, rule.hsts))
            self.proxies = self.proxies or rule.proxies

    @property
    def screens(self) -> bool:
        """Whether `answer` may have one."""
        return self._screens

    @property
    def adds(self) -> bool:
        """Whether `completed` may add anything."""
        return self._adds

    def answer(self, request: Request, find: Callable[[], Route | None], /) -> Response | None:
        """The answer to a preflight, or to a request that is refused; `None` lets it go on.

        `find` gives the route that the framework itself would choose, by its own rules; it is
        asked only about requests that are refused. A route refuses in its own words, and past
        whatever an extension has put in front of it.
        """
        for rule in self._rules:
            preflight = rule.preflight(request.method, request.headers)
            if preflight is not None:
                fields = standard_headers(request.headers)
                headers = preflight.headers.with_defaults(fields)
                return Response(status=preflight.status, headers=headers)
        error = self.refusal(request.headers)
        if error is None:
            return None
        route = find()
        if route is not None:
            return None if route.refuse is None else route.refuse(request)
        return self._refused(error, request)

    def refusal(self, headers: Headers, /) -> RequestError | None:
        """Why what is no route does not answer a request; `None` when it does."""
        errors = (rule.refusal_elsewhere(headers) for rule in self._rules)
        return next(filter(None, errors), None)

    def completed(self, answer: Headers, received: Headers, /, *, secure: bool) -> Headers:
        """The fields of an answer with those of the site; `secure` says that it goes over TLS."""
        for rule in self._rules:
            answer = rule.completed(answer, received)
            if secure and rule.hsts:
                answer = answer.with_defaults(
                    [("Strict-Transport-Security", f"max-age={rule.hsts}")]
                )
        return answer

    def _refused(self, error: RequestError, request: Request) -> Response:
        token = current_request_id.set(request_id_of(request.headers))
        try:
            plain = answer_to(error)
            headers = plain.headers.with_defaults(standard_headers(request.headers))
            headers = self.completed(headers, request.headers, secure=False)
            # The path may be anything: quoted, it cannot pass for another line of the log.
            _logger.info("%s %r was refused with %d", request.method, request.path, plain.status)
        finally:
            current_request_id.reset(token)
        body = b"" if request.method == "HEAD" else plain.body
        return Response(status=plain.status, headers=headers, body=body)
