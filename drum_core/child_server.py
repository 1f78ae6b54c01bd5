"""A `drum server` of our own, as it runs in production, for as long as a run needs it."""

from __future__ import annotations

import http.client
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from drum_core.environment import RUNTIME_PARAMETER_PREFIX, environment
from drum_core.errors import OptionError, ServerError
from drum_core.options import ModelOptions, ServerOptions
from drum_core.options.flag import Option, options_of
from drum_core.options.monitoring import MonitoredOptions
from drum_core.options.tls import TLSOptions

__all__ = ["ChildServer", "child_server", "server_arguments"]

_LISTENING: Final = re.compile(rb'Listening on (http://[^\s"]+)')
"""In a log of either form."""
_CODE: Final = """\
import sys
from drum_core.own_process import end_with
from drum_core.cli import main
end_with(int(sys.argv.pop(1)))
sys.exit(main())
"""
_POLL_SECONDS: Final = 0.02
_QUIET: Final = {"OTEL_SDK_DISABLED": "true"}
"""It is no instance of the service that a collector hears of."""
_TAIL_BYTES: Final = 20_000
_OF_AN_EMBEDDED_RUN: Final = frozenset({"verbose", "show_stacktrace", "logging_level"})
_NOT_FOR_A_CHILD: Final = frozenset(
    {"address", "url_prefix", "with_error_server", "deployment_config", "production"}
    | {"probe_address"}
)


@dataclass(frozen=True, slots=True)
class ChildServer:
    """A server that is ready, at `url`, which has no slash at its end.

    Every request but a probe needs `headers`: the port is open to whoever is on this machine, so
    the server asks for a token. `log` is what the server has written, until it has ended.
    """

    url: str
    pid: int
    log: Path
    headers: Mapping[str, str] = field(repr=False)
    _process: subprocess.Popen[bytes] = field(repr=False)

    def exit_status(self) -> int | None:
        """The status it has ended with, negative for a signal; `None` while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """Raises `ServerError` with the server's last words where it has ended."""
        status = self.exit_status()
        if status is not None:
            raise _dead(status, self.log)

    def last_words(self, lines: int = 12) -> str:
        """The last lines that the server has written, for an error text."""
        return _tail(self.log, lines)


def server_arguments(
    options: ModelOptions, code_dir: Path | None = None
) -> tuple[list[str], dict[str, str | None]]:
    """Words and variables that start a server of the same model as `options` are about.

    Labels, runtime parameters, secrets, and whatever else a server has in common with the run;
    `code_dir` is another folder. What has no flag, or is secret, becomes a variable. One that is
    `None` must not be set: this process has it, and `options` say something else. Raises
    `OptionError` for class labels that neither words nor a variable can say.
    """
    words: list[str] = [] if code_dir is None else [f"--code-dir={code_dir}"]
    variables: dict[str, str | None] = {}
    own = {option.name for option in options_of(type(options))}
    left_out = _OF_AN_EMBEDDED_RUN | _NOT_FOR_A_CHILD | ({"code_dir"} if code_dir else set())
    for option in options_of(ServerOptions):
        if option.name not in own or option.name in left_out:
            continue
        value = getattr(options, option.name)
        source = options.sources.get(option.name)
        is_off = value is None or (option.is_switch and not value)
        is_said = not is_off and (source is not None or value != option.default)
        for name in _others(option, source) if is_said else _variables(option):
            if name in environment():
                variables[name] = None
        if is_said:
            _put(option, value, words, variables)
    return words, variables


def _variables(option: Option) -> list[str]:
    """Where an option is read from, besides its flag."""
    flag = option.flag
    parameter = f"{RUNTIME_PARAMETER_PREFIX}{flag.parameter}" if flag.parameter else None
    return [name for name in (flag.env, flag.env_fallback, parameter) if name]


def _others(option: Option, source: str | None) -> list[str]:
    """The variable that would win over the flag, unless it is where the value comes from."""
    flag = option.flag
    name = f"{RUNTIME_PARAMETER_PREFIX}{flag.parameter}"
    return [name] if flag.parameter_wins and source != name else []


def _put(option: Option, value: object, words: list[str], variables: dict[str, str | None]) -> None:
    flag = option.flag
    if isinstance(value, tuple):
        texts = [str(item) for item in value]
        if not any(text.startswith("-") for text in texts):
            words += [flag.long, *texts]
            return
        # A command line takes it for a flag. A variable is split at white space.
        if flag.env is None or any(text.split() != [text] for text in texts):
            raise OptionError(
                flag.long,
                " ".join(map(repr, texts)),
                "values without white space where one begins with '-', for a server is given them "
                "in a variable: write them into a file with one label a line, and give that with "
                "--class-labels-file",
            )
        variables[flag.env] = " ".join(texts)
        return
    text = str(getattr(value, "value", value))
    if not flag.names or flag.secret:
        variables[flag.env or RUNTIME_PARAMETER_PREFIX + (flag.parameter or "")] = text
    else:
        words.append(flag.long if option.is_switch else f"{flag.long}={text}")


@contextmanager
def child_server(
    words: Sequence[str],
    *,
    variables: Mapping[str, str | None] | None = None,
    ready_seconds: float = 60.0,
    stop_seconds: float = 10.0,
) -> Iterator[ChildServer]:
    """Runs `drum server` with `words` on a free port of 127.0.0.1; gives it once it is ready.

    `variables` are added to the environment, or taken out of it where they are `None`; the child
    gets all of it but what would make it monitored, encrypted, or answer elsewhere. It is a
    process in a session of its own: Ctrl-C is ours to handle. On exit it has `stop_seconds` to end
    after SIGTERM; then it and all that it started is killed. On Linux it ends with this process,
    however that ends.
    Raises `ServerError` with its last words where it ends, or is not ready in `ready_seconds`.
    """
    token = secrets.token_urlsafe(24)
    with tempfile.TemporaryDirectory(prefix="drum-server-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*_command(), "server", *words, "--address=127.0.0.1:0"],
                env={**_environment(variables or {}), **_QUIET, "DRUM_SERVER_TOKEN": token},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            url = _url_when_ready(process, log, ready_seconds)
            headers = {"Authorization": f"Bearer {token}"}
            yield ChildServer(url, process.pid, log, headers, process)
        finally:
            _stop(process, stop_seconds)


def _command() -> list[str]:
    return [sys.executable, "-c", _CODE, str(os.getpid())]


def _environment(variables: Mapping[str, str | None]) -> dict[str, str]:
    environ: dict[str, str | None] = dict(environment())
    shared = {option.name for option in options_of(ModelOptions)}
    dropped = {option.name for option in (*options_of(MonitoredOptions), *options_of(TLSOptions))}
    for option in options_of(ServerOptions):
        if option.name in _NOT_FOR_A_CHILD or option.name in dropped - shared:
            environ |= dict.fromkeys(_variables(option))
    environ |= variables
    return {name: text for name, text in environ.items() if text is not None}


def _url_when_ready(process: subprocess.Popen[bytes], log: Path, seconds: float) -> str:
    url = ""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise _dead(process.returncode, log, " before it was ready")
        found = None if url else _LISTENING.search(log.read_bytes())
        url = found[1].decode() if found else url
        if url and _is_ready(url):
            return url
        time.sleep(_POLL_SECONDS)
    raise ServerError(
        f"The server that was started was not ready within {seconds:g} s. {_said(log)}"
    )


def _dead(status: int, log: Path, when: str = "") -> ServerError:
    how = f"ended with status {status}"
    if status < 0:
        with suppress(ValueError):
            how = f"was ended by {signal.Signals(-status).name}"
    return ServerError(f"The server that was started {how}{when}. {_said(log)}")


def _is_ready(url: str) -> bool:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _said(log: Path) -> str:
    text = _tail(log, 12)
    return f"It said last:\n{text}" if text else "It said nothing."


def _tail(log: Path, lines: int) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:  # it has been stopped
        return ""
    return "\n".join(text.strip().splitlines()[-lines:])


def _stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Asks nicely, then ends the whole session: also when interrupted while it waits."""
    try:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
