"""Requests that a fuzzer makes of the document, against each server as it is started."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.openapi.folders import folder_of
from tests.security.live import SERVERS, operated
from tests.web.live import wait_until

EXAMPLES = 5
CONFORMS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


def is_ready(port: int) -> bool:
    """Whether the model is there."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


def open_files(pid: int) -> int:
    """Open files and sockets of a server and its workers."""
    parent = psutil.Process(pid)
    return sum(item.num_fds() for item in (parent, *parent.children(recursive=True)))


@pytest.mark.parametrize("server", SERVERS)
def test_no_generated_request_gets_an_answer_that_is_not_described(
    server: str, tmp_path: Path
) -> None:
    """Every operation, asked by the fuzzer: described answers, no unexpected error, files closed.

    What cannot be read as a table is DRUM's 500, with a text that says so: there the check is that
    the text is one of ours.
    """
    folder = folder_of("text", tmp_path / "m")
    with operated(folder, ["--server", server], log=tmp_path / "log") as live:
        wait_until(lambda: is_ready(live.port), 60)
        before = open_files(live.process.pid)
        schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{live.port}/openapi.json")
        asked = 0
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            if operation.path != "/" and operation.path.endswith("/"):
                continue  # the same endpoint

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy())
            def ask(case: schemathesis.Case[Any]) -> None:
                nonlocal asked
                asked += 1
                answer = case.call(timeout=20)
                case.validate_response(answer, checks=CONFORMS)
                if case.operation.path in ("/predict", "/predictions", "/invocations"):
                    assert b"internal error" not in answer.content
                else:
                    assert answer.status_code != 500

            ask()
        assert asked > 30
        wait_until(lambda: open_files(live.process.pid) <= before + 2, 30)
        assert "Traceback" not in live.log
        with urllib.request.urlopen(f"http://127.0.0.1:{live.port}/info/", timeout=10) as answer:
            assert json.loads(answer.read())["targetType"] == "textgeneration"
