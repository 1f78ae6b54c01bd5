"""Admission, whatever happens in whatever order: caps hold, no slot is lost, counts end at zero."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from drum_core.body import BodyRules, BodyWriter
from drum_core.body_budget import BodyBudget
from drum_core.limit_errors import BusyError
from drum_core.serving.admission import Admission, AdmissionLimits, Slot, Ticket


class Visit:
    """One request as a model of admission sees it."""

    def __init__(self) -> None:
        self.slot: Slot | None = None
        self.ticket: Ticket | None = None
        self.declines = False
        self.gone = False

    def turn(self, slot: Slot) -> bool:
        """A `Turn`."""
        assert self.slot is None
        assert not self.gone, "a request that had withdrawn got its turn"
        if self.declines:
            return False
        self.slot = slot
        return True


class AdmissionMachine(RuleBasedStateMachine):
    """Arrive, cancel, time out, finish, outlive, in any order; the clock is turned by hand."""

    visits: Bundle[Visit] = Bundle("visits")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.all: list[Visit] = []
        self.queue: list[Visit] = []

    @initialize(running=st.integers(1, 3), waiting=st.integers(0, 4))
    def begin(self, running: int, waiting: int) -> None:
        """The limits."""
        limits = AdmissionLimits(running=running, waiting=waiting, wait_seconds=10)
        self.admission = Admission(limits, clock=lambda: self.now)

    @rule(target=visits, declines=st.booleans())
    def arrive(self, declines: bool) -> Visit:
        """Runs, waits, or is refused with the time to come again."""
        visit = Visit()
        visit.declines = declines
        limits = self.admission.limits
        full = self.admission.waiting >= limits.waiting
        busy = self.admission.running >= limits.running
        if busy and full:
            with pytest.raises(BusyError) as caught:
                self.admission.enter(visit.turn)
            assert 1 <= (caught.value.retry_after or 0) <= 300
            visit.gone = True
            return visit
        visit.ticket = self.admission.enter(visit.turn)
        self.all.append(visit)
        if visit.ticket.waiting:
            self.queue.append(visit)
        return visit

    @rule(visit=visits)
    def cancel(self, visit: Visit) -> None:
        """The client leaves: it gives up its place, if it still has one."""
        waited = visit in self.queue
        if visit.ticket is not None:
            assert visit.ticket.withdraw() is waited
        if waited:
            self.queue.remove(visit)
            visit.gone = True

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        """Time passes, and those who have waited too long give up."""
        self.now += seconds
        for visit in list(self.queue):
            assert visit.ticket is not None
            if visit.ticket.patience() <= 0:
                assert visit.ticket.withdraw()
                self.queue.remove(visit)
                visit.gone = True

    @rule(visit=consumes(visits), again=st.booleans())
    def finish(self, visit: Visit, again: bool) -> None:
        """A job ends, in time or long after; its slot goes to the first who still wants one."""
        if visit.slot is None:
            return
        visit.slot.release()
        if again:
            visit.slot.release()
        self.queue = [other for other in self.queue if other.ticket and other.ticket.waiting]

    @invariant()
    def caps_hold(self) -> None:
        """Never more than may run or wait; none idle while one waits; first come, first served."""
        if not hasattr(self, "admission"):
            return
        limits = self.admission.limits
        assert self.admission.running <= limits.running
        assert self.admission.waiting <= limits.waiting
        assert self.admission.waiting == len(self.queue)
        if self.queue:
            assert self.admission.running == limits.running

    def teardown(self) -> None:
        """When every job has ended, nothing is held, and as many may run as before."""
        if not hasattr(self, "admission"):
            return
        for visit in self.all:
            if visit.slot is not None:
                visit.slot.release()
        while any(visit.slot and visit.ticket for visit in self.queue):
            for visit in list(self.queue):
                if visit.slot is not None:
                    self.queue.remove(visit)
                    visit.slot.release()
        for visit in self.all:
            if visit.slot is not None:
                visit.slot.release()
        assert (self.admission.running, self.admission.waiting) == (0, 0)
        fresh = [Visit() for _ in range(self.admission.limits.running)]
        for visit in fresh:
            self.admission.enter(visit.turn)
        assert all(visit.slot is not None for visit in fresh)


TestAdmissionMachine = AdmissionMachine.TestCase
TestAdmissionMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_turns_come_in_order_of_arrival() -> None:
    """First come, first served; one that declines makes way for the next at once."""
    admission = Admission(AdmissionLimits(running=1, waiting=5))
    visits = [Visit() for _ in range(4)]
    visits[1].declines = True
    for visit in visits:
        admission.enter(visit.turn)
    assert visits[0].slot is not None
    visits[0].slot.release()
    assert [visit.slot is not None for visit in visits] == [True, False, True, False]


def test_retry_after_follows_the_measured_service_time() -> None:
    """A moving average of service times, times the queue, over the slots; a hung job counts."""
    now = 0.0
    admission = Admission(AdmissionLimits(running=1, waiting=9), clock=lambda: now)
    first = Visit()
    admission.enter(first.turn)
    now = 10.0
    assert first.slot is not None
    first.slot.release()
    assert admission.service_seconds == 10
    running, *waiting = visits = [Visit() for _ in range(4)]
    for visit in visits:
        admission.enter(visit.turn)
    assert admission.retry_after() == 40
    now = 110.0
    assert admission.retry_after() == 130
    now = 10_000.0
    assert admission.retry_after() == 300
    assert running.slot is not None
    assert not any(visit.slot for visit in waiting)


def test_slots_under_threads() -> None:
    """Many threads at once: never more than may run, none lost at the end."""
    admission = Admission(AdmissionLimits(running=3, waiting=1000))
    most = 0
    inside = 0
    lock = threading.Lock()

    def visit(number: int) -> None:
        nonlocal most, inside
        for step in range(50):
            came = threading.Event()
            slots: list[Slot] = []

            def turn(slot: Slot, slots: list[Slot] = slots, came: threading.Event = came) -> bool:
                slots.append(slot)
                came.set()
                return True

            ticket = admission.enter(turn)
            if (number + step) % 5 == 0 and ticket.withdraw():
                continue
            assert came.wait(20)
            with lock:
                inside += 1
                most = max(most, inside)
            with lock:
                inside -= 1
            slots[0].release()

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert 1 <= most <= 3
    assert (admission.running, admission.waiting) == (0, 0)


@given(
    sizes=st.lists(st.lists(st.integers(1, 400), max_size=6), max_size=8),
    declared=st.lists(st.booleans(), min_size=8, max_size=8),
    seed=st.integers(0, 1000),
)
@settings(deadline=None)
def test_bodies_share_a_budget(sizes: list[list[int]], declared: list[bool], seed: int) -> None:
    """All bodies together stay within it, but for one that is alone; at the end none is held."""
    budget = BodyBudget(1000)
    rules = BodyRules(limit=1500, budget=budget, spool_bytes=300)
    writers = []
    for pieces, says in zip(sizes, declared, strict=False):
        writer = BodyWriter(rules, declared=sum(pieces) if says else None)
        for piece in pieces:
            writer.write(b"x" * piece)
        writers.append(writer)
    bodies = [writer.finish() for writer in writers]
    held = budget.held
    holders = sum(body.size > 0 for body in bodies)
    random.Random(seed).shuffle(bodies)
    for body in bodies:
        body.close()
        body.close()
    assert budget.held == 0
    assert held <= 1000 or (holders == 1 and held <= 1500)


def test_budget_of_a_body_that_was_forgotten() -> None:
    """A body that nobody closed gives its share back when it is collected."""
    budget = BodyBudget(10)
    BodyWriter(BodyRules(budget=budget)).write(b"12345")
    assert budget.held == 0
