"""The suite of worker contexts over each of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from drum_core.testing import DrivenWorker, WorkerContextConformance
from drum_core.worker import LocalWorker, Worker


class TestWorker(WorkerContextConformance):
    """What every server adapter shares."""

    @contextmanager
    def worker(self) -> Iterator[DrivenWorker]:
        """A worker, driven by its own methods."""
        worker = Worker()
        yield DrivenWorker(worker, worker.start, worker.stop, worker.cleanup, worker.error)


class TestLocalWorker(WorkerContextConformance):
    """The context where there is no server."""

    starts_running = True

    @contextmanager
    def worker(self) -> Iterator[DrivenWorker]:
        """A worker that is ended by its block."""
        with LocalWorker() as worker:
            yield DrivenWorker(worker, worker.start, worker.stop, worker.close, worker.error)
