"""The options of limits: where their values come from, and which contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from drum_core import ServerOptions
from drum_core.cli.resolve import resolve
from drum_core.errors import OptionConflictError, OptionError
from drum_core.options.flag import options_of


def test_drum_parameters_set_the_limits() -> None:
    """DRUM's own timeout, as its platform gives it, and the other parameters have an effect."""
    environ = {
        "MLOPS_RUNTIME_PARAM_DRUM_CLIENT_REQUEST_TIMEOUT": '{"type":"numeric","payload":7}',
        "MLOPS_RUNTIME_PARAM_DRUM_MAX_CONCURRENT_REQUESTS": "3",
        "MLOPS_RUNTIME_PARAM_DRUM_MAX_QUEUE_DEPTH": "5",
        "MLOPS_RUNTIME_PARAM_DRUM_BACKPRESSURE_TIMEOUT": "9",
    }
    found = resolve(options_of(ServerOptions), {}, environ).values
    names = ("request_timeout", "max_concurrency", "max_waiting", "max_wait")
    assert [float(str(found[name])) for name in names] == [7, 3, 5, 9]


def test_threads_of_a_server_follow_the_limits(tmp_path: Path) -> None:
    """A server that gives each request a thread is told how many run or wait."""
    options = ServerOptions(code_dir=tmp_path, max_concurrency=4, max_waiting=10)
    assert options.settings().pending == 14


def test_all_bodies_are_no_less_than_one(tmp_path: Path) -> None:
    """A budget that not even the largest body fits in is refused before anything starts."""
    with pytest.raises(OptionConflictError, match="--max-bodies-size"):
        ServerOptions(code_dir=tmp_path, max_body_size=100, max_bodies_size=99)


def test_spool_dir_must_be_a_folder(tmp_path: Path) -> None:
    """A folder that is not there is found before a body needs it."""
    with pytest.raises(OptionError, match="spool_dir"):
        ServerOptions(code_dir=tmp_path, spool_dir=tmp_path / "absent")
