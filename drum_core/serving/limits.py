"""The limits of a served model, as its options say them."""

from __future__ import annotations

import math
from collections.abc import Callable

from drum_core.body import BodyRules
from drum_core.body_budget import BodyBudget
from drum_core.options.limits import LimitOptions
from drum_core.serving.admission import Admission, AdmissionLimits
from drum_core.serving.deadlines import Deadlines, Timeouts
from drum_core.serving.job_runner import JobRunner
from drum_core.serving.overrun import Overruns

__all__ = ["body_rules", "deadlines", "job_runner"]


def job_runner(
    options: LimitOptions,
    *,
    on_overruns: Callable[[str], object],
    on_count: Callable[[int, int], object] = lambda count, limit: None,
    grace: float = 0.0,
) -> JobRunner:
    """What runs the jobs of a worker.

    `on_overruns` is told why when too many outlive their time, `on_count` how many do, and how
    many are too many. A job is not among them before its time is over by `grace` seconds.
    """
    limits = AdmissionLimits(
        running=options.max_concurrency,
        waiting=options.max_waiting,
        wait_seconds=options.max_wait,
    )
    most = options.max_overruns or options.max_concurrency
    return JobRunner(
        Admission(limits), Overruns(most, on_limit=on_overruns, on_count=on_count, grace=grace)
    )


def deadlines(options: LimitOptions) -> Deadlines:
    """The times of each kind of route."""
    answer = _seconds(options.request_timeout)
    idle, total = _seconds(options.stream_idle_timeout), _seconds(options.stream_timeout)
    return Deadlines(
        predict=Timeouts(answer=answer),
        stream=Timeouts(answer=answer, idle=idle, total=total),
        proxy=Timeouts(
            answer=options.proxy_timeout,
            idle=options.proxy_timeout,
            total=options.proxy_timeout,
            setting="NIM_DIRECT_ACCESS_REQUEST_TIMEOUT",
        ),
    )


def body_rules(options: LimitOptions, admission: Admission) -> BodyRules:
    """What a request body may be."""
    most = options.max_bodies_size or 2 * options.max_body_size
    return BodyRules(
        limit=options.max_body_size,
        budget=BodyBudget(most, retry_after=admission.retry_after),
        spool_bytes=options.spool_size,
        spool_dir=None if options.spool_dir is None else str(options.spool_dir),
        idle_seconds=options.body_idle_timeout or None,
        total_seconds=options.body_timeout or None,
    )


def _seconds(limit: int) -> float:
    return limit or math.inf
