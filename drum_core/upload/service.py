"""DataRobot, asked through its own client library; a call that fails for a moment is repeated."""

from __future__ import annotations

import contextlib
import logging
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar, cast

from typing_extensions import Protocol

from drum_core.errors import MissingExtraError
from drum_core.upload.errors import PushError, ServiceError
from drum_core.upload.files import StreamedFile
from drum_core.upload.refusals import explained, noted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drum_core.results.report import JSON
    from drum_core.upload.credentials import Credentials
    from drum_core.upload.files import FolderFiles
    from drum_core.upload.refusals import Reply

__all__ = ["Retries", "Service", "connected", "require_library"]

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")

_HELLO: Final = "Asking DataRobot for its version"

_CONNECT_SECONDS: Final = 10.0
_READ_SECONDS: Final = 60.0
_UPLOAD_SECONDS: Final = 600.0
"""How long the answer may take when all has been sent: the files are stored, and looked through."""


class _Session(Protocol):
    """What is used of the client library's session: a session of requests below an address."""

    hooks: dict[str, list[Callable[..., object]]]

    def request(self, method: str, url: str, **options: object) -> Reply:
        """Makes a call."""
        ...


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call is made, and how many seconds lie between; they double each time."""

    attempts: int = 4
    first_pause: float = 0.5
    longest_pause: float = 30.0

    def pause(self, attempt: int, asked: float | None) -> float:
        """The seconds after an attempt, counted from 1; what the service asks for goes first."""
        own = self.first_pause * 2.0 ** (attempt - 1)
        return min(own if asked is None else asked, self.longest_pause)

    def run(self, call: Callable[[], _T]) -> _T:
        """Makes a call until it succeeds, or it is no use to repeat it, or not any more."""
        for attempt in range(1, self.attempts):
            try:
                return call()
            except ServiceError as error:
                if not error.passing:
                    raise
                pause = self.pause(attempt, error.retry_after)
                _logger.warning(
                    "%s It is tried again in %.1f s (%d of %d).",
                    *(error, pause, attempt + 1, self.attempts),
                )
            time.sleep(pause)
        return call()


class Service:
    """Makes the calls. Its errors are `ServiceError`, and never have the token in their text."""

    def __init__(self, session: _Session, credentials: Credentials, retries: Retries) -> None:
        self._session = session
        self._credentials = credentials
        self._retries = retries

    def send(
        self, method: str, path: str, fields: Mapping[str, JSON], what: str, *, once: bool = False
    ) -> Reply:
        """Makes a call with a JSON body, if there are fields; a redirect is an answer."""

        def call() -> Reply:
            options: dict[str, object] = {"json": dict(fields)} if fields else {}
            return self._call(method, path, what, _READ_SECONDS, options)

        return call() if once else self._retries.run(call)

    def upload(
        self,
        path: str,
        fields: Mapping[str, JSON],
        files: FolderFiles,
        what: str,
        advance: Callable[[int], object],
    ) -> Reply:
        """Sends a form with files, as a stream; `advance` is told of each block of bytes.

        What is sent anew in another attempt is taken back from the progress first.
        """
        from requests_toolbelt import MultipartEncoder

        def call() -> Reply:
            sent = 0

            def count(size: int) -> None:
                nonlocal sent
                sent += size
                advance(size)

            form: list[tuple[str, object]] = [(name, str(text)) for name, text in fields.items()]
            with contextlib.ExitStack() as stack:
                for name, size in files.sizes.items():
                    stream = StreamedFile(files.folder / name, size, count)
                    stack.callback(stream.close)
                    form.append(("file", (name.rpartition("/")[2], stream)))
                    form.append(("filePath", name))
                encoder = MultipartEncoder(form)
                options = {"data": encoder, "headers": {"Content-Type": encoder.content_type}}
                try:
                    return self._call("POST", path, what, _UPLOAD_SECONDS, options)
                except ServiceError:
                    advance(-sent)
                    raise

        return self._retries.run(call)

    def _call(
        self, method: str, path: str, what: str, seconds: float, options: Mapping[str, object]
    ) -> Reply:
        problem: ServiceError
        try:
            with _warnings_logged():
                reply = self._session.request(
                    method,
                    path,
                    allow_redirects=False,
                    timeout=(_CONNECT_SECONDS, seconds),
                    **options,
                )
        except PushError:
            raise
        except Exception as error:
            problem = explained(error, what, self._credentials)
        else:
            return reply
        # Outside the handler: no traceback may show what the library says, it may have the token.
        raise problem


def require_library() -> None:
    """Raises `MissingExtraError` where the client library cannot be imported."""
    try:
        import datarobot  # noqa: F401 - whether it can be
        import requests_toolbelt  # noqa: F401
    except ModuleNotFoundError as error:
        package = error.name or "datarobot"
        raise MissingExtraError(package, extra="push", purpose="drum push") from error


@contextlib.contextmanager
def connected(credentials: Credentials, retries: Retries | None = None) -> Iterator[Service]:
    """A service that has answered, and whose version fits the client library.

    The library's settings in its file count too, such as `ssl_verify`. Its default client is as
    before at the end. Raises `ServiceError`, and `MissingExtraError` without the library.
    """
    require_library()
    from datarobot.client import client_configuration, get_client
    from urllib3 import Retry

    retries = retries or Retries()

    def entered() -> contextlib.AbstractContextManager[object]:
        configured = client_configuration(
            token=credentials.token,
            endpoint=credentials.endpoint,
            # The library repeats uploads from where their stream has got to, so it may not.
            max_retries=Retry(0, read=False),
            # It would send which function called it, with every call.
            enable_api_consumer_tracking=False,
        )
        problem: ServiceError
        try:
            with _warnings_logged():
                configured.__enter__()
        except Exception as error:
            problem = explained(error, _HELLO, credentials)
        else:
            return configured
        raise problem

    configured = retries.run(entered)
    try:
        session = cast("_Session", get_client())
        session.hooks["response"].append(noted)
        yield Service(session, credentials, retries)
    finally:
        configured.__exit__(None, None, None)


@contextlib.contextmanager
def _warnings_logged() -> Iterator[None]:
    """Logs what the library warns of, such as that it is newer than the service."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        _logger.warning("datarobot: %s", warning.message)
