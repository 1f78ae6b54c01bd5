"""What DataRobot answers when it does not do what it is asked, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from typing_extensions import Protocol

from drum_core.upload.errors import ServiceError
from drum_core.user.secrets import MASK

if TYPE_CHECKING:
    from drum_core.upload.credentials import Credentials

__all__ = ["Reply", "explained", "noted"]

_PASSING: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses after which the same call may succeed."""

_LONGEST: Final = 600


class Reply(Protocol):
    """Protocol: what is used of an answer, which is one of requests."""

    status_code: int
    text: str

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, whose names are of any case."""
        ...

    def json(self) -> object:
        """The body as JSON."""
        ...


class _RefusedError(Exception):
    """An answer that is an error, before the client library has made a text of it."""

    def __init__(self, status: int, said: str, retry_after: float | None) -> None:
        super().__init__(said)
        self.status_code = status
        self.retry_after = retry_after


def noted(reply: Reply, *_args: object, **_kwargs: object) -> None:
    """Hook of requests: raises for an error, with all that there is to know of it."""
    if reply.status_code >= HTTPStatus.BAD_REQUEST:
        raise _RefusedError(reply.status_code, _said(reply), _retry_after(reply))


def explained(error: Exception, what: str, credentials: Credentials) -> ServiceError:
    """What went wrong with a call as an error of ours, with advice; the token is not in it."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        said = f" It says: {text.rstrip('.')}." if (text := _message(error)) else ""
        advice = _advice(status, credentials)
        problem = f"{what} failed: DataRobot answered {status}{_phrase(status)}. {advice}{said}"
        passing = status in _PASSING
    else:
        problem, passing = _unanswered(error, what, credentials), _is_passing(error)
        status = None
    return ServiceError(
        problem.replace(credentials.token, MASK).strip(),
        status=status,
        passing=passing,
        retry_after=getattr(error, "retry_after", None),
    )


def _phrase(status: int) -> str:
    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""


def _message(error: Exception) -> str:
    """What the service says; the library's own texts about a version are of no use, and unsafe."""
    return str(error) if isinstance(error, _RefusedError) else ""


def _advice(status: int, credentials: Credentials) -> str:
    base = credentials.endpoint.removesuffix("/").removesuffix("/api/v2")
    match status:
        case 401:
            return (
                f"The API token of {credentials.source} has expired, was revoked, or is of another "
                f"site than {base}. Make a new one there, under 'API keys and tools' in the "
                "account menu, and put it in place of the old one."
            )
        case 403:
            return "The account of the token may not do that: ask its owner or an administrator."
        case 404:
            return (
                f"There is no such thing at {credentials.endpoint}, or the account may not see it. "
                "Look at the ids in model-metadata.yaml; the address must end in /api/v2."
            )
        case 413:
            return "The folder is too large to be taken."
        case 429:
            return "It is asked too often."
        case _ if status in _PASSING:
            return "That is a problem of the service, and may pass: try again later."
        case _:
            return ""


def _unanswered(error: Exception, what: str, credentials: Credentials) -> str:
    import requests

    reason = str(error) or type(error).__name__
    match error:
        case requests.exceptions.SSLError():
            advice = (
                "Its certificate is not trusted. Where the site has an authority of its own, set "
                "REQUESTS_CA_BUNDLE to the file of its certificates."
            )
        case requests.exceptions.Timeout():
            advice = "No answer came in time."
        case requests.exceptions.ConnectionError():
            advice = f"No answer came: {_innermost(error)}. Look at the address and the network."
        case requests.exceptions.RequestException() | ValueError() | KeyError():
            advice = f"What came is no answer of its API ({type(error).__name__}: {reason})."
        case _:
            advice = f"The client library failed with {type(error).__name__}: {reason}."
    return f"{what} failed at {credentials.endpoint}. {advice}"


def _is_passing(error: Exception) -> bool:
    import requests

    if isinstance(error, requests.exceptions.SSLError):
        return False
    return isinstance(error, (requests.exceptions.ConnectionError, requests.exceptions.Timeout))


def _innermost(error: BaseException) -> str:
    """The reason below what the libraries have wrapped around it."""
    seen = {id(error)}
    while True:
        below = [item for item in error.args if isinstance(item, BaseException)]
        reason = getattr(error, "reason", None)
        inner = reason if isinstance(reason, BaseException) else below[-1] if below else None
        if inner is None or id(inner) in seen:
            return (getattr(error, "strerror", None) or str(error)).rstrip(".")
        seen.add(id(inner))
        error = inner


def _said(reply: Reply) -> str:
    """The message of an answer, and what it says of single fields; a page of HTML says nothing."""
    try:
        content = reply.json()
    except ValueError:
        text = reply.text.strip()
        return "" if text.startswith("<") else text[:_LONGEST]
    if not isinstance(content, dict):
        return json.dumps(content, ensure_ascii=False)[:_LONGEST]
    rest = {name: value for name, value in content.items() if name == "errors" and value}
    message = str(content.get("message") or "" if rest else content.get("message") or content)
    parts = [message, json.dumps(rest["errors"], ensure_ascii=False) if rest else ""]
    return " ".join(filter(None, parts))[:_LONGEST]


def _retry_after(reply: Reply) -> float | None:
    text = reply.headers.get("Retry-After", "")
    return float(text) if text.isdigit() else None
