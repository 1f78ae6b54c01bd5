"""`drum perf-test`: measures a model under load."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from drum_core.data.output import check_writable, write_whole
from drum_core.errors import DrumError
from drum_core.load_test.cases import planned_cases
from drum_core.load_test.chats import chat_workload
from drum_core.load_test.measure import measure_cases
from drum_core.load_test.measured_server import measured_server
from drum_core.load_test.memory import watched_memory
from drum_core.load_test.workload import Workload, read_workload
from drum_core.model.folder import open_folder
from drum_core.model.load import mask_secrets
from drum_core.model.target import resolve_target
from drum_core.monitoring.memory import memory_info
from drum_core.options.perf_test import ComparisonOptions, PerfTestOptions
from drum_core.registry import import_object
from drum_core.results import ComparisonResult, PerfTestResult
from drum_core.version import __version__

if TYPE_CHECKING:
    from drum_core.progress import Progress
    from drum_core.protocols import WorkerContext

__all__ = ["compare", "measure"]

_TITLE: Final = "DRUM performance test"


def measure(options: PerfTestOptions, worker: WorkerContext, progress: Progress) -> PerfTestResult:
    """Runs a server and sends it the cases that `options` ask for; writes the page, if asked for.

    A case that fails is part of the result. What keeps the test from beginning is found before the
    server is started, and raised as `DrumError`.
    """
    import_object("aiohttp:ClientSession", purpose="drum perf-test")
    _check_thread()
    if options.report is not None:
        check_writable(options.report)
    folder = open_folder(options)
    mask_secrets(folder, worker)
    target = resolve_target(options, folder.metadata)
    if options.chat:
        workload = chat_workload(options, folder.settings)
    else:
        workload = read_workload(options, target)
    cases = planned_cases(options, workload)
    _say(options, workload, progress)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with contextlib.ExitStack() as stack:
        with progress.phase("Starting the server"):
            server = stack.enter_context(measured_server(options))
        origin = time.perf_counter()
        memory = stack.enter_context(
            watched_memory(server.pid, lambda: time.perf_counter() - origin)
        )
        measured = asyncio.run(
            measure_cases(options, workload, cases, server, memory, progress, origin=origin)
        )
        result = PerfTestResult(
            code_dir=options.code_dir,
            input=options.input,
            target_type=target.type.value,
            server=measured.server or options.server or "",
            workers=None if options.url else options.workers(),
            url=options.url,
            started=started,
            seconds=time.perf_counter() - origin,
            host=_host(),
            cases=measured.cases,
            memory=memory.thinned(),
            total_memory=memory_info()["total"] or 0.0,
            container=_container(),
            in_server=options.in_server,
            chat=options.chat,
            remarks=measured.remarks,
            report_file=options.report,
        )
    if options.report is not None:
        from drum_core.load_test.page import write_page

        write_whole(options.report, lambda file: write_page(result, file))
    return result


def compare(options: ComparisonOptions) -> ComparisonResult:
    """Reads two reports and compares what they have in common. Raises `InputError`."""
    from drum_core.load_test.compare import compare_reports

    return compare_reports(*options.compare)


def _check_thread() -> None:
    """Raises `DrumError` in a thread whose event loop the run would stop for its whole time."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise DrumError(
        "A performance test blocks until it is done, and an event loop runs in this thread. Run it "
        "in another: await asyncio.to_thread(runner.run)."
    )


def _say(options: PerfTestOptions, workload: Workload, progress: Progress) -> None:
    """The lines that DRUM begins with."""
    progress.say(_TITLE)
    progress.say(f"Model:      {options.code_dir}")
    progress.say(f"Data:       {options.input}")
    if workload.features is not None:
        progress.say(f"# Features: {workload.features}")
    progress.say("Preparing test data...")


def _host() -> dict[str, str | int | float | None]:
    return {
        "drum": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
    }


def _container() -> tuple[float | None, float | None, float | None]:
    info = memory_info()
    return info["container_limit"], info["container_max_used"], info["container_used"]
