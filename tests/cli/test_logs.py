from __future__ import annotations

import logging
import re
import warnings

import pytest

from drum_core.logs import log_level, logs_shown
from drum_core.options.choices import LOGGING_LEVELS
from drum_core.serving.request_id import current_request_id


@pytest.mark.parametrize("word", LOGGING_LEVELS)
def test_every_level_word_has_a_level(word: str) -> None:
    """Each word that `--logging-level` takes is known, DRUM's own ones too."""
    known = {"all": 0, "warn": logging.WARNING, "fatal": logging.CRITICAL}
    assert log_level(word) == known.get(word, logging.getLevelNamesMapping().get(word.upper()))


def test_a_record_has_time_level_name_and_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A record is one line on the standard error."""
    with logs_shown("warning"):
        logging.getLogger("some.name").warning("hm %d", 7)
    out, err = capsys.readouterr()
    assert not out
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING some.name: hm 7\n", err)


def test_the_request_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Within a request its id follows the text."""
    token = current_request_id.set("abc-1")
    try:
        with logs_shown("warning"):
            logging.getLogger("x").warning("hm")
    finally:
        current_request_id.reset(token)
    assert capsys.readouterr().err.endswith("x: hm [request abc-1]\n")


@pytest.mark.parametrize(
    ("word", "verbose", "shown"),
    [
        ("warning", False, {"drum.server"}),
        ("warning", True, {"drum", "drum.server", "drum_core.model"}),
        ("error", False, set()),
        ("info", False, {"drum", "drum.server", "drum_core.model", "other"}),
        ("all", False, {"drum", "drum.server", "drum_core.model", "other"}),
    ],
)
def test_which_loggers_are_shown_at_info(
    word: str, verbose: bool, shown: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The address of a server is seen by default; `--verbose` shows our own loggers only."""
    with logs_shown(word, verbose=verbose):
        for name in ("drum", "drum.server", "drum_core.model", "other"):
            logging.getLogger(name).info("here")
    lines = capsys.readouterr().err.splitlines()
    assert {line.split()[3].rstrip(":") for line in lines} == shown


def test_python_warnings_are_log_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """A Python warning is one log line that says its category and place."""
    with warnings.catch_warnings(), logs_shown("warning"):
        warnings.simplefilter("always")
        warnings.warn("old ways", FutureWarning, stacklevel=1)
    err = capsys.readouterr().err
    assert "WARNING py.warnings: FutureWarning: old ways (" in err
    assert "test_logs.py" in err
    assert err.count("\n") == 1


def test_all_is_undone_at_the_end() -> None:
    """Handlers, levels and the showing of warnings are as before."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers), warnings.showwarning)
    with logs_shown("debug", verbose=True):
        assert root.level == logging.DEBUG
    assert (root.level, list(root.handlers), warnings.showwarning) == before
