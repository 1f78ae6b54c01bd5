"""The rows of an input as requests."""

from __future__ import annotations

from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest

from drum_core.errors import InputError, OptionConflictError
from drum_core.load_test.cases import planned_cases
from drum_core.load_test.workload import Body, Workload, read_workload
from drum_core.model.target import RegressionTarget, TransformTarget, UnstructuredTarget
from drum_core.options import PerfTestOptions
from tests.model_folders import DOUBLE, make_folder


def options_for(path: Path, data: bytes, name: str = "rows.csv", **more: object) -> PerfTestOptions:
    """The options of a test on a file with `data`."""
    folder = make_folder(path / "model", custom=DOUBLE)
    (path / name).write_bytes(data)
    return PerfTestOptions(code_dir=folder, input=path / name, **more)  # type: ignore[arg-type] # a test's keywords


def workload_of(path: Path, data: bytes, name: str = "rows.csv") -> Workload:
    """The workload of a regression model."""
    return read_workload(options_for(path, data, name), RegressionTarget())


def field(body: Body) -> bytes:
    """The content of the field X of a form."""
    head = f"Content-Type: {body.content_type}\r\n\r\n".encode()
    form = BytesParser().parsebytes(head + body.data)
    part = form.get_payload(0)
    assert isinstance(part, Message)
    assert part.get_param("name", header="content-disposition") == "X"
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


def test_rows_are_repeated_and_cut(tmp_path: Path) -> None:
    """Five samples of a file with three rows are all of them, then two again."""
    body = workload_of(tmp_path, b"x,y\n1,2\n3,4\n5,6").bodies(5)[0]
    assert field(body) == b"x,y\n1,2\n3,4\n5,6\n1,2\n3,4\n"
    assert body.rows == 5


def test_small_requests_vary(tmp_path: Path) -> None:
    """Requests of one row have different rows, so that a cache does not flatter the server."""
    bodies = workload_of(tmp_path, b"x\n1\n2\n3\n").bodies(1)
    assert [field(body) for body in bodies] == [b"x\n1\n", b"x\n2\n", b"x\n3\n"]


def test_line_ends_inside_quotes_belong_to_a_row(tmp_path: Path) -> None:
    """A quoted text over three lines is one row; empty lines are none."""
    workload = workload_of(tmp_path, b'a,b\r\n\r\n"one\r\n""two""\r\n",1\r\n"x",2\r\n\r\n')
    assert workload.rows == 2
    assert workload.features == 2
    assert workload.lines[0] == b'"one\r\n""two""\r\n",1\r\n'


def test_requests_are_about_as_large_as_asked(tmp_path: Path) -> None:
    """The number of rows for a size gives a request of that size."""
    workload = workload_of(tmp_path, b"x,y\n" + b"12345,67890\n" * 10)
    body = workload.bodies(workload.samples_for(100_000))[0]
    assert abs(len(body.data) - 100_000) < 1000
    assert workload.samples_for(1) == 1


def test_json_lines_have_no_header(tmp_path: Path) -> None:
    """Each line of a JSON Lines file is a row."""
    body = workload_of(tmp_path, b'{"x": 1}\n{"x": 2}\n', "rows.jsonl").bodies(3)[0]
    assert field(body) == b'{"x": 1}\n{"x": 2}\n{"x": 1}\n'


def test_other_formats_are_sent_whole(tmp_path: Path) -> None:
    """A matrix cannot be cut: it is one request, and --samples is refused."""
    matrix = b"%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 2.0\n"
    options = options_for(tmp_path, matrix, "rows.mtx", samples=2)
    workload = read_workload(options, RegressionTarget())
    assert field(workload.bodies(None)[0]) == matrix
    with pytest.raises(OptionConflictError, match="can only be sent whole"):
        planned_cases(options, workload)


def test_routes_follow_the_target(tmp_path: Path) -> None:
    """A transform model is asked at /transform/, an unstructured one gets the file as it is."""
    options = options_for(tmp_path, b"x\n1\n")
    assert read_workload(options, TransformTarget()).path == "/transform/"
    asked = options_for(tmp_path, b"hello", query="a=1", content_type="text/plain")
    workload = read_workload(asked, UnstructuredTarget())
    assert workload.path == "/predictUnstructured/?a=1"
    assert workload.bodies(None) == [Body(b"hello", "text/plain", None)]


@pytest.mark.parametrize("data", [b"", b"x,y\n", b"\n\n"])
def test_input_without_rows(data: bytes, tmp_path: Path) -> None:
    """A file without a row is refused with what to give instead."""
    with pytest.raises(InputError, match="has no rows"):
        workload_of(tmp_path, data)


def test_default_cases_are_those_of_drum(tmp_path: Path) -> None:
    """One row, 0.1 MB, 10 MB and 50 MB, as often as DRUM sends them; then growing concurrency."""
    options = options_for(tmp_path, b"x,y\n" + b"12345,67890\n" * 10)
    cases = planned_cases(options, read_workload(options, RegressionTarget()))
    sizes = [(case.name, case.iterations) for case in cases if case.kind == "size"]
    assert sizes == [("16 bytes", 100), ("0.1MB", 50), ("10MB", 5), ("50MB", 1)]
    assert [case.concurrency for case in cases if case.kind == "concurrency"] == [1, 2, 4, 8, 16]


def test_samples_or_iterations_make_one_case(tmp_path: Path) -> None:
    """-s and -i replace the cases; one that is not given is one request, or all rows."""
    data = b"x\n1\n2\n3\n"
    for samples, iterations, expected in (
        (7, None, (7, 1)),
        (None, 4, (3, 4)),
        (7, 4, (7, 4)),
    ):
        options = options_for(tmp_path, data, samples=samples, iterations=iterations)
        [case] = planned_cases(options, read_workload(options, RegressionTarget()))
        assert (case.samples, case.iterations) == expected
