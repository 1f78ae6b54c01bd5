"""The process that checks: it loads the model once, and does one check after the other."""

from __future__ import annotations

import dataclasses
import faulthandler
import os
import pickle
import signal
import socket
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, cast

from drum_core.errors import DrumError
from drum_core.options.choices import ValidationCheck
from drum_core.own_process import end_with
from drum_core.process_end import end_process
from drum_core.user.masking import masked
from drum_core.validation.exchange import Loaded, NotLoaded, Unusable, Verdict
from drum_core.validation.judge import judge
from drum_core.validation.subject import UnfitError, load_subject
from drum_core.worker import LocalWorker

if TYPE_CHECKING:
    from drum_core.options.validation import ValidationOptions

__all__ = ["main"]


def main() -> None:
    """Runs until it is told to end. Its words are the parent's process id, a socket, a folder."""
    parent, descriptor, scratch = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    end_with(parent)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    faulthandler.enable()  # to the log, for who wants to know where we were
    faulthandler.register(signal.SIGUSR1, all_threads=False)
    with socket.socket(fileno=descriptor) as taken:
        connection = Connection(taken.detach())
    options = cast("ValidationOptions", pickle.loads((scratch / "options").read_bytes()))
    status = 0
    try:
        with LocalWorker() as worker:
            _work(options, worker, connection, scratch)
    except KeyboardInterrupt:
        status = 130
    except (EOFError, BrokenPipeError):  # whoever asked has gone
        status = 1
    end_process(status)


def _work(
    options: ValidationOptions, worker: LocalWorker, connection: Connection, scratch: Path
) -> None:
    try:
        subject = load_subject(options, worker)
    except UnfitError as error:
        connection.send(Unusable(masked(str(error))))
        return
    except Exception as error:
        connection.send(NotLoaded(masked(_told(error))))
        return
    connection.send(Loaded())
    while True:
        task: object = connection.recv()
        if not isinstance(task, ValidationCheck):
            return
        keep = None
        if options.keep_datasets is not None:
            keep = scratch / f"{os.getpid()}-{task.value}"
            keep.mkdir()
        connection.send(_masked(judge(task, subject, connection.send, keep)))


def _told(error: Exception) -> str:
    if isinstance(error, DrumError):
        return str(error)
    return f"{type(error).__name__}: {str(error) or '(no message)'}"


def _masked(verdict: Verdict) -> Verdict:
    findings = tuple(
        dataclasses.replace(finding, message=masked(finding.message))
        for finding in verdict.findings
    )
    return dataclasses.replace(verdict, details=masked(verdict.details), findings=findings)
