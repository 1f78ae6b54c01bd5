"""Hands the checks out to processes, and gathers what they find."""

from __future__ import annotations

import logging
import shutil
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final

from drum_core.errors import InputError
from drum_core.options.choices import ValidationCheck
from drum_core.progress import Advance
from drum_core.results.validation import CheckResult, CheckStatus, Finding
from drum_core.validation.catalogue import CATALOGUE
from drum_core.validation.children import Child, Children, processors
from drum_core.validation.exchange import AS_THEY_ARE, Loaded, NotLoaded, Step, Unusable, Verdict

if TYPE_CHECKING:
    from drum_core.options.validation import ValidationOptions

__all__ = ["Run", "process_count"]

_logger = logging.getLogger("drum.validation")

_LONG_ONES: Final = (
    ValidationCheck.BATCH,
    ValidationCheck.MEMORY,
    ValidationCheck.SERVER,
    ValidationCheck.RELOAD,
    ValidationCheck.ROW_BY_ROW,
)
"""What is begun first: the one that all depend on, and those that would be waited for."""

_MOST_PROCESSES: Final = 4


def process_count(options: ValidationOptions) -> int:
    """How many processes check at a time."""
    count = options.jobs or min(_MOST_PROCESSES, processors())
    return max(1, min(count, len(options.checks())))


@dataclass(slots=True)
class Run:
    """The checks of one run; `done` is called with 1 for each that is finished."""

    options: ValidationOptions
    children: Children
    done: Advance
    pending: deque[ValidationCheck] = field(default_factory=deque)
    results: dict[ValidationCheck, CheckResult] = field(default_factory=dict)

    def checks(self) -> Sequence[CheckResult]:
        """Does them all, in the order of the report. Raises `InputError` for a bad input."""
        wanted = self.options.checks()
        first = [check for check in _LONG_ONES if check in wanted]
        self.pending.extend([*first, *(check for check in wanted if check not in first)])
        for _ in range(process_count(self.options)):
            self.children.start()
        while len(self.results) < len(wanted):
            self._listen()
            for child in list(self.children.running):
                if child.is_idle and self.pending:
                    child.begin(self.pending.popleft())
        return [self.results[check] for check in wanted]

    def _listen(self) -> None:
        """Waits until a process says something, ends, or has taken too long."""
        running = self.children.running
        busy = [child for child in running if not child.is_idle]
        left = min((self.options.timeout - child.seconds() for child in busy), default=0.0)
        ready = wait([child.connection for child in running], max(0.0, left))
        for child in list(running):
            if child.connection in ready:
                self._hear(child)
            elif not child.is_idle and child.seconds() >= self.options.timeout:
                self._give_up(child)

    def _hear(self, child: Child) -> None:
        match child.reply():
            case Loaded():
                child.loaded = True
            case Step() as step:
                child.step = step
            case Verdict() as verdict:
                if child.check is not None:
                    self._finish(child, verdict)
            case Unusable(reason=reason):
                raise InputError(reason)
            case NotLoaded(reason=reason):
                self.children.forget(child)
                self._not_loaded(reason)
            case None:
                how = child.how_it_ended()
                self.children.forget(child)
                self._died(child, how)

    def _give_up(self, child: Child) -> None:
        where = child.where_it_hangs()
        self.children.end(child)
        limit = f"it took longer than {self.options.timeout} s, and was ended.{where}"
        self._died(child, limit, timed_out=True)

    def _died(self, child: Child, how: str, *, timed_out: bool = False) -> None:
        """A process is gone: what it did has failed, and another one goes on with the rest."""
        if not child.loaded:
            self._not_loaded(f"While the model was loaded, {how}")
            return
        if (check := child.check) is not None:
            finding = Finding(
                message=f"With {child.step.what}, {how}",
                feature=child.step.feature,
                dataset=child.step.dataset,
            )
            details = "The model did not come to an end." if timed_out else "The process ended."
            advice = _TOO_LONG if timed_out else _DEADLY
            self._finish(child, Verdict(CheckStatus.FAILED, details, (finding,), advice=advice))
            if child.step.what == AS_THEY_ARE:
                self._skip_rest(f"{details} It was with {AS_THEY_ARE}: see {check.value}.")
        if self.pending:
            self.children.start()

    def _not_loaded(self, reason: str) -> None:
        """Without any process left, nothing can be checked any more."""
        if self.children.running:
            _logger.warning("one of the processes that check could not load the model: %s", reason)
            return
        failed = ValidationCheck.BATCH
        for check in list(self.pending):
            if check is failed or failed not in (*self.pending, *self.results):
                failed = check
                verdict = Verdict(
                    CheckStatus.FAILED, "The model cannot be loaded.", (Finding(message=reason),)
                )
                self._record(check, verdict, 0.0)
            else:
                self._record(check, Verdict(CheckStatus.SKIPPED, "The model cannot be loaded."), 0)
        self.pending.clear()

    def _skip_rest(self, reason: str) -> None:
        """No check that is left would come further; each could take the whole time limit."""
        for check in self.pending:
            self._record(check, Verdict(CheckStatus.SKIPPED, reason), 0.0)
        self.pending.clear()

    def _finish(self, child: Child, verdict: Verdict) -> None:
        assert child.check is not None
        self._record(child.check, verdict, child.seconds())
        child.check = None

    def _record(self, check: ValidationCheck, verdict: Verdict, seconds: float) -> None:
        info = CATALOGUE[check]
        sound = verdict.status in (CheckStatus.PASSED, CheckStatus.SKIPPED)
        self.results[check] = CheckResult(
            check=check,
            title=info.title,
            status=verdict.status,
            did=info.did,
            details=verdict.details,
            advice="" if sound else verdict.advice or info.advice,
            findings=self._kept(check, verdict.findings),
            seconds=seconds,
        )
        self.done(1)

    def _kept(self, check: ValidationCheck, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """The findings with their inputs where the user wants them."""
        folder = self.options.keep_datasets
        kept = []
        for number, finding in enumerate(findings, start=1):
            if finding.dataset is None or folder is None or not finding.dataset.exists():
                kept.append(replace(finding, dataset=None))
                continue
            target = folder / f"{check.value}-{number}{finding.dataset.suffix}"
            try:
                shutil.copyfile(finding.dataset, target)
            except OSError as error:  # what the checks have found is worth more
                _logger.warning("%s cannot be kept: %s", target, error.strerror or error)
                kept.append(replace(finding, dataset=None))
                continue
            kept.append(replace(finding, dataset=target))
        return tuple(kept)


_TOO_LONG: Final = (
    "Bound the work for one request: no loop without an end, no wait without a timeout, no "
    "regular expression that goes back and forth. If the model is just slow, give more time with "
    "--timeout, or fewer rows with --sample-rows."
)
_DEADLY: Final = (
    "A server's worker would end in the same way, and take all its requests with it. Raise an "
    "exception instead of os._exit() or exit(); check what goes into native code; and look at the "
    "memory that the request needs if the signal is SIGKILL."
)
