"""What workers count in memory that they share."""

from __future__ import annotations

import multiprocessing
import os

import pytest

from drum_core.scoreboard import Scoreboard
from drum_core.tally import TALLY_SIZE, Tally, read_tally

SERIES = ("some.name", ("POST", "/é/"))


def count_and_die(scoreboard: Scoreboard, slot: int) -> None:
    """A worker that counts, and is gone without a word."""
    tally = scoreboard.tally(slot)
    tally.add(SERIES, [(0, 1.0), (2, 0.5)], 3)
    tally.put(("gauge", ()), 7.0)
    os._exit(1)


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_the_next_worker_goes_on_from_the_last(way: str) -> None:
    """Counts outlive workers; what was true of one only is forgotten by the next."""
    scoreboard = Scoreboard(3)
    context = multiprocessing.get_context(way)
    for _ in range(2):
        process = context.Process(target=count_and_die, args=(scoreboard, 1))  # type: ignore[attr-defined] # a context by name has no type
        process.start()
        process.join(60)
        scoreboard.clear(1)
    empty, found, _ = scoreboard.tallies()
    assert empty == {}
    assert found == {SERIES: [2.0, 0.0, 1.0], ("gauge", ()): [7.0]}
    scoreboard.tally(1).forget(frozenset({"gauge"}))
    assert scoreboard.tallies()[1] == {SERIES: [2.0, 0.0, 1.0], ("gauge", ()): [0.0]}
    scoreboard.close()


def test_a_full_tally_keeps_what_it_has() -> None:
    """Series that find no room are dropped; those that are there are counted on."""
    memory = bytearray(TALLY_SIZE)
    tally = Tally(memory)
    for number in range(3000):
        tally.add((f"name {number:05}", ()), [(0, 1.0)], 20)
    tally.add(("name 00000", ()), [(0, 1.0)], 20)
    found = read_tally(memory)
    assert 300 < len(found) < 3000
    assert found["name 00000", ()][0] == 2.0
    assert set(Tally(memory).get(("name 00001", ())) or ()) == {0.0, 1.0}


def test_counting_goes_on_after_the_memory_is_gone() -> None:
    """A request that ends after its server is no error."""
    scoreboard = Scoreboard(1)
    tally = scoreboard.tally(0)
    tally.add(SERIES, [(0, 1.0)])
    scoreboard.close()
    tally.add(SERIES, [(0, 1.0)])
    tally.add(("new", ()), [(0, 1.0)])
    assert tally.get(SERIES) == [2.0]
