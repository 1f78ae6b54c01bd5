"""The suite of worker contexts over each of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from fastapi import FastAPI

from drum_core.testing import AsgiClient, DrivenWorker, WorkerContextConformance
from drum_core.worker import LocalWorker, Worker
from drum_web import FastAPIWorkerCtx, WorkerCtx


def driven(worker: Worker) -> DrivenWorker:
    """A worker, driven by its own methods, as gunicorn's hooks do."""
    return DrivenWorker(worker, worker.start, worker.stop, worker.cleanup, worker.error)


class TestWorker(WorkerContextConformance):
    """What every server adapter shares."""

    @contextmanager
    def worker(self) -> Iterator[DrivenWorker]:
        """A worker without a server."""
        yield driven(Worker())


class TestLocalWorker(WorkerContextConformance):
    """The context where there is no server."""

    starts_running = True

    @contextmanager
    def worker(self) -> Iterator[DrivenWorker]:
        """A worker that is ended by its block."""
        with LocalWorker() as worker:
            yield DrivenWorker(worker, worker.start, worker.stop, worker.close, worker.error)


class TestWorkerCtx(WorkerContextConformance):
    """The context of a gunicorn worker, which its server's hooks drive."""

    @contextmanager
    def worker(self) -> Iterator[DrivenWorker]:
        """A context without an application."""
        yield driven(WorkerCtx())


class TestFastAPIWorkerCtxWithoutLifespan(WorkerContextConformance):
    """The context of an ASGI application that has not begun."""

    @contextmanager
    def worker(self) -> Iterator[DrivenWorker]:
        """A context without an application."""
        yield driven(FastAPIWorkerCtx())


class TestFastAPIWorkerCtx(WorkerContextConformance):
    """The context of an ASGI application, which its lifespan drives."""

    @contextmanager
    def worker(self) -> Iterator[DrivenWorker]:
        """A context, started and cleaned up by the lifespan of a real application."""
        worker = FastAPIWorkerCtx()
        with ExitStack() as stack:

            def start() -> None:
                stack.enter_context(AsgiClient(FastAPI(lifespan=worker.lifespan)))

            def cleanup() -> None:
                stack.close()
                worker.cleanup()  # where there was no lifespan to do it

            yield DrivenWorker(worker, start, worker.stop, cleanup, worker.error)
