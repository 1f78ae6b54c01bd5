"""What the processes of a server know of each other."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from drum_core.cpu_quota import available_processors
from drum_core.scoreboard import CardState, Scoreboard
from drum_web.servers.deaths import Deaths


def _begin_and_die(scoreboard: Scoreboard, slot: int) -> None:
    card = scoreboard.card(slot)
    card.take()
    card.turn(CardState.READY)
    card.began("first")
    card.ended()
    card.began("the-last")
    os._exit(7)


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_the_card_of_the_dead_can_be_read(way: str) -> None:
    """What a worker wrote is there after it died without a word, forked or spawned."""
    scoreboard = Scoreboard(3)
    context = multiprocessing.get_context(way)
    process = context.Process(target=_begin_and_die, args=(scoreboard, 1))  # type: ignore[attr-defined] # a context by name has no type
    process.start()
    process.join(60)
    record = scoreboard.record(1)
    assert process.exitcode == 7
    assert record.pid == process.pid
    assert (record.state, record.running, record.answered) == (CardState.READY, 1, 1)
    assert record.last_request_id == "the-last"
    assert record.last_request_at >= record.born > 0
    assert record.peak_memory > 1_000_000
    assert [found.slot for found in scoreboard.records()] == [1]
    scoreboard.clear(1)
    assert scoreboard.records() == []
    scoreboard.close()


def test_who_retires_is_not_ready_again() -> None:
    """A worker that asked to be replaced, or drains, does not turn back."""
    scoreboard = Scoreboard(1)
    card = scoreboard.card(0)
    card.take()
    card.turn(CardState.RETIRING)
    card.turn(CardState.READY)
    assert scoreboard.record(0).state is CardState.RETIRING
    card.turn(CardState.DRAINING)
    card.turn(CardState.READY)
    card.turn(CardState.RETIRING)
    assert scoreboard.record(0).state is CardState.DRAINING
    scoreboard.close()


def test_who_failed_before_its_start_has_failed() -> None:
    """A folder that is no model is found before the worker starts, which does not hide it."""
    scoreboard = Scoreboard(1)
    card = scoreboard.card(0)
    card.turn(CardState.FAILED)
    card.take()
    assert scoreboard.record(0).state is CardState.FAILED
    scoreboard.close()


def test_deaths_by_any_signal_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """A signal without a name is told too; however many die, the next start is not far away."""
    scoreboard = Scoreboard(1)
    deaths = Deaths(scoreboard, workers=2)
    for _ in range(40):
        deaths.tell(0, -40)
    assert '"signal": "signal 40"' in caplog.text
    assert deaths.delay == 8
    assert deaths.too_many
    scoreboard.close()


def test_counts_outlive_cards() -> None:
    """Deaths and replacements are counted for the server, not for a worker."""
    scoreboard = Scoreboard(1)
    scoreboard.count_death()
    scoreboard.count_replaced()
    scoreboard.count_death()
    scoreboard.clear(0)
    assert (scoreboard.deaths, scoreboard.replaced) == (2, 1)
    scoreboard.close()


def test_a_closed_scoreboard_is_written_in_vain() -> None:
    """A request that ends after the scoreboard is gone is no error."""
    scoreboard = Scoreboard(1)
    card = scoreboard.card(0)
    card.take()
    card.began("late")
    scoreboard.close()
    card.ended()
    assert card.answered == 1


def test_slots_are_bounded() -> None:
    """A slot that does not exist is an error, not another's card."""
    scoreboard = Scoreboard(2)
    with pytest.raises(IndexError, match="slot 2 of 2"):
        scoreboard.card(2)
    scoreboard.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("max 100000", None), ("50000 100000", 1), ("150000 100000", 2), ("nonsense", None)],
)
def test_processors_by_quota(tmp_path: Path, text: str, expected: int | None) -> None:
    """The quota of the control group bounds the processors, rounded up; without one, affinity."""
    (tmp_path / "cpu.max").write_text(f"{text}\n")
    affinity = len(os.sched_getaffinity(0))
    assert available_processors(tmp_path) == min(affinity, expected or affinity)


def test_processors_by_the_older_quota(tmp_path: Path) -> None:
    """Version 1 of control groups is read too; -1 says that there is no quota."""
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("40000\n")
    assert available_processors(tmp_path) == 1
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    assert available_processors(tmp_path) == len(os.sched_getaffinity(0))
