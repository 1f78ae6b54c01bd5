"""How far a case is, as it is told while it runs."""

from __future__ import annotations

import asyncio

from drum_core.load_test.measure import _told
from drum_core.load_test.record import Record


def test_what_ends_last_is_told_too() -> None:
    """At the end of a case every request that has ended has been told, once."""
    steps: list[int] = []

    async def case() -> None:
        record = Record()
        async with _told(record, steps.append):
            record.ends += [0.1, 0.2]
            await asyncio.sleep(0.3)
            record.ends.append(0.3)
            record.fail("timeout", "late")

    asyncio.run(case())
    assert sum(steps) == 4
