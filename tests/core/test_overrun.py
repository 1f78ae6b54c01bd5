"""Jobs that outlive their time: counted, shown once, and a reason to replace the worker."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, LocalWorker, ServerOptions
from drum_core.errors import MalformedRequestError
from drum_core.limit_errors import BusyError, DeadlineExceededError
from drum_core.messages import Body, Headers, Request, Response, RoutePolicy
from drum_core.serving.admission import Admission, AdmissionLimits
from drum_core.serving.deadlines import Deadline, Deadlines, Timeouts
from drum_core.serving.job_runner import JobRunner
from drum_core.serving.overrun import Overruns
from drum_core.testing import Call, DictHost, fetch
from tests.core.served import await_state, get
from tests.model_folders import make_folder

REQUEST = Request(method="POST", path="/x")
spoken_for = ContextVar("spoken_for", default="nobody")


class Gate:
    """Work that goes on until it is let go, and tells what it saw."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.began = threading.Event()
        self.saw: list[object] = []

    def wait_in_a_hook(self, request: Request) -> Response:
        """The work."""
        self.saw += [spoken_for.get(), threading.current_thread().name]
        self.began.set()
        assert self.opened.wait(20)
        self.saw.append(request.disconnected())
        return Response(body=b"done")


def runner(overruns: Overruns, running: int = 1) -> JobRunner:
    """A runner with a short queue."""
    return JobRunner(Admission(AdmissionLimits(running=running, waiting=2)), overruns)


def deadline(seconds: float, *, asked: float | None = None) -> Deadline:
    """From now on."""
    fields = [] if asked is None else [("X-Request-Timeout", str(asked))]
    request = Request(method="POST", path="/x", headers=Headers(fields), body=Body())
    return Deadlines(predict=Timeouts(answer=seconds)).begin(RoutePolicy.PREDICT, request)


def await_true(true: Callable[[], bool]) -> None:
    """Waits until it is so."""
    until = time.monotonic() + 10
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


def test_job_that_outlives_its_time(caplog: pytest.LogCaptureFixture) -> None:
    """It is counted, its stack is logged once, a limit is told once, and its end sets all right."""
    asked: list[str] = []
    overruns = Overruns(1, on_limit=asked.append)
    jobs = runner(overruns)
    gate = Gate()
    spoken_for.set("somebody")
    with caplog.at_level(logging.WARNING, logger="drum.server"):
        with pytest.raises(DeadlineExceededError, match=r"0\.1 s"):
            jobs.answer(gate.wait_in_a_hook, REQUEST, deadline(0.1), name="predict")
        assert (overruns.running, overruns.total, jobs.admission.running) == (1, 1, 1)
        assert overruns.reason() is not None
        assert len(asked) == 1
        with pytest.raises(DeadlineExceededError):  # the place is still taken
            jobs.answer(lambda request: Response(), REQUEST, deadline(0.1), name="predict")
        gate.opened.set()
        await_true(lambda: jobs.admission.running == 0)
    assert (overruns.running, overruns.total, overruns.reason()) == (0, 1, None)
    stacks = [record for record in caplog.records if "wait_in_a_hook" in record.getMessage()]
    assert len(stacks) == 1
    assert gate.saw == ["somebody", "drum-job-1", True]
    assert jobs.answer(lambda request: Response(body=b"ok"), REQUEST, deadline(9), name="x").body
    jobs.close()


def test_job_whose_client_asked_for_less_is_no_overrun_until_the_server_says_so() -> None:
    """504 by the client's time; an overrun by the server's only."""
    overruns = Overruns(1)
    jobs = runner(overruns)
    gate = Gate()
    with pytest.raises(DeadlineExceededError, match="X-Request-Timeout"):
        jobs.answer(gate.wait_in_a_hook, REQUEST, deadline(0.6, asked=0.1), name="predict")
    assert overruns.reason() is None
    await_true(lambda: overruns.running == 1)
    gate.opened.set()
    await_true(lambda: overruns.running == 0)
    jobs.close()


def test_request_whose_time_is_over_in_the_queue_is_not_run() -> None:
    """504 while it waits, and no work is done for it when its turn would have come."""
    jobs = runner(Overruns(1))
    gate = Gate()
    ran: list[int] = []
    first = threading.Thread(
        target=partial(jobs.answer, gate.wait_in_a_hook, REQUEST, deadline(20), name="x")
    )
    first.start()
    assert gate.began.wait(10)

    def work(request: Request) -> Response:
        ran.append(1)
        return Response()

    with pytest.raises(DeadlineExceededError):
        jobs.answer(work, REQUEST, deadline(0.1), name="x")
    assert jobs.admission.waiting == 0
    gate.opened.set()
    first.join(10)
    await_true(lambda: jobs.admission.running == 0)
    assert ran == []
    jobs.close()


def test_system_exit_of_a_job_ends_no_thread() -> None:
    """What a model's own code raises is answered, and the next job runs in the same thread."""
    jobs = runner(Overruns(1))

    def leave(request: Request) -> Response:
        raise SystemExit(3)

    with pytest.raises(Exception, match=r"called sys.exit\(3\)"):
        jobs.answer(leave, REQUEST, deadline(9), name="x")
    gate = Gate()
    gate.opened.set()
    jobs.answer(gate.wait_in_a_hook, REQUEST, deadline(9), name="x")
    assert gate.saw[1] == "drum-job-1"
    jobs.close()


def test_thread_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job without a thread is 503, and gives its slot back."""
    jobs = runner(Overruns(1))

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(BusyError, match="new thread"):
            jobs.answer(lambda request: Response(), REQUEST, deadline(9), name="x")
    assert jobs.admission.running == 0
    assert jobs.answer(lambda r: Response(body=b"ok"), REQUEST, deadline(9), name="x").body == b"ok"
    jobs.close()


@pytest.mark.parametrize("said", ["", "soon", "-1", "0", "nan", "inf", "1e999"])
def test_deadline_that_is_no_time(said: str) -> None:
    """What is no number of seconds above 0 is refused, and never taken for no deadline."""
    request = Request(method="POST", path="/x", headers=Headers([("X-Request-Timeout", said)]))
    with pytest.raises(MalformedRequestError, match="X-Request-Timeout"):
        Deadlines().begin(RoutePolicy.PREDICT, request)


def test_worker_is_asked_to_be_replaced(tmp_path: Path) -> None:
    """The hook of a supervisor is called once, with the reason that /readyz gives."""
    custom = (
        "import time\n\n\ndef load_model(code_dir):\n    return 1\n\n\n"
        "def score_unstructured(model, data, **kwargs):\n    time.sleep(float(data))\n"
        "    return 'slept'\n"
    )
    metadata = "name: slow\ntype: inference\ntargetType: unstructured\n"
    folder = make_folder(tmp_path / "m", metadata=metadata, custom=custom)
    host = DictHost()
    reasons: list[str] = []
    options = ServerOptions(code_dir=folder, request_timeout=1)
    with LocalWorker() as worker, DrumRuntime(options) as runtime:
        worker.on_replacement(reasons.append)
        CMRunner(runtime, app=host, worker_ctx=worker).run()
        await_state(host)
        call = Call("POST", "/predictUnstructured/", [("Content-Type", "text/plain")], b"1.6")
        assert fetch(host, call).status == 504
        assert reasons == [worker.replacement()]
        assert reasons[0] in str(get(host, "/readyz").json()["message"])
        await_true(lambda: get(host, "/readyz").status == 200)
    assert len(reasons) == 1


def test_job_that_never_had_its_turn_is_no_overrun() -> None:
    """A request that waited too long is sent away, and does not make the worker unready later."""
    told = Overruns(1)
    limits = AdmissionLimits(running=1, waiting=2, wait_seconds=0.05)
    jobs = JobRunner(Admission(limits), told)
    gate = Gate()

    async def ask() -> None:
        first = asyncio.create_task(
            jobs.answer_async(gate.wait_in_a_hook, REQUEST, deadline(30), name="predict")
        )
        await asyncio.to_thread(gate.began.wait, 10)
        with pytest.raises(BusyError):
            await jobs.answer_async(gate.wait_in_a_hook, REQUEST, deadline(0.2), name="predict")
        await asyncio.sleep(0.5)
        assert (told.running, told.total) == (0, 0)
        gate.opened.set()
        await first

    asyncio.run(ask())
    jobs.close()


class RaisesAtItsClose:
    """A stream whose generator raises, while it is closed, what is no `Exception`."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"one"

    def close(self) -> None:
        """Raises."""
        raise SystemExit(3)


def test_stream_that_cannot_be_closed_gives_its_slot_back(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever its code raises at the end, the client gets the end, and the next job runs."""
    jobs = runner(Overruns(1))
    for _ in range(2):
        response = jobs.answer(
            lambda request: Response(body=RaisesAtItsClose()), REQUEST, deadline(10), name="chat"
        )
        assert not isinstance(response.body, bytes)
        assert list(response.body) == [b"one"]
        response.body.close()
        await_true(lambda: jobs.admission.running == 0)
    assert "a response stream could not be closed" in caplog.text
    jobs.close()
