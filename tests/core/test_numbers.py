"""Numbers in, numbers out: batch and server give the same predictions, to the last bit."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drum_core import CMRunner, DrumRuntime, ScoreOptions
from drum_core.data.predictions import Predictions
from drum_core.errors import PredictionError
from drum_core.serving.prediction_json import prediction_json
from drum_core.testing import DictHost
from tests.core.served import post, serving
from tests.core.tables import ARROW_STREAM, PARQUET, WRITERS, arrow_stream, parquet, read
from tests.model_folders import make_folder

COPY = """
    import pandas as pd

    def load_model(code_dir):
        return 1

    def score(data, model, **kwargs):
        return data.rename(columns={"x": "Predictions"})
"""
"""A custom.py that gives back the column x, and the others as extra columns."""

BOUNDED: Final = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from(
    [-0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3]
)
texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1, max_size=12
) | st.sampled_from(['"', '""', "a,b", "a\nb", "ü€😀", "'", " x ", "1e5x", "%s", "2020-01-01"])


def bits(value: object) -> bytes | str:
    """What makes two numbers the same: every bit, though every NaN is one, and a float an integer
    that is as large.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "missing"
    if isinstance(value, (int, np.integer)) and float(value) != int(value):
        return str(value)
    assert isinstance(value, (int, float, np.integer)), value
    return struct.pack("<d", float(value))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that gives back what it is given."""
    return make_folder(tmp_path_factory.mktemp("numbers") / "m", custom=COPY)


@pytest.fixture(scope="module")
def host(folder: Path) -> Iterator[DictHost]:
    """The same model, served."""
    with serving(folder) as host:
        yield host


def batch(folder: Path, data: bytes, name: str = "rows.csv") -> tuple[pd.DataFrame, str]:
    """What `drum score` gives for a file: the table, and the file it writes."""
    path = folder.parent / name
    output = folder.parent / "predictions.csv"
    path.write_bytes(data)
    with DrumRuntime(ScoreOptions(code_dir=folder, input=path, output=output)) as runtime:
        return CMRunner(runtime).run().predictions, output.read_text(encoding="utf-8")


def served(host: DictHost, data: bytes, media_type: str = "text/csv") -> dict[str, object]:
    """What the server answers for the same rows."""
    answer = post(host, data, ("Content-Type", media_type))
    assert answer.status == 200, answer.body
    found: dict[str, object] = json.loads(answer.body)
    return found


def numbers(answer: dict[str, object]) -> list[object]:
    """The predictions of an answer."""
    found = answer["predictions"]
    assert isinstance(found, list)
    return found


@BOUNDED
@given(values=st.lists(floats, min_size=1, max_size=20))
def test_floats(folder: Path, host: DictHost, values: list[float]) -> None:
    """Every finite float is the same in the file, in the answer and in the input."""
    data = pd.DataFrame({"x": values, "y": 1}).to_csv(index=False).encode()
    frame, written = batch(folder, data)
    wanted = [bits(value) for value in values]
    assert [bits(value) for value in frame["Predictions"]] == wanted
    rows = written.splitlines()[1:]
    assert [bits(float(row.split(",")[0] or "nan")) for row in rows] == wanted
    answered = [bits(value) for value in numbers(served(host, data))]
    assert answered == [bits(value if math.isfinite(value) else None) for value in values]


@BOUNDED
@given(values=st.lists(integers, min_size=1, max_size=20))
def test_integers(folder: Path, host: DictHost, values: list[int]) -> None:
    """Integers keep every digit, also beyond 2**53, in the file and in the answer."""
    data = pd.DataFrame({"x": values}).to_csv(index=False).encode()
    frame, written = batch(folder, data)
    assert frame["Predictions"].tolist() == values
    assert [int(row) for row in written.splitlines()[1:]] == values
    assert numbers(served(host, data)) == values


@BOUNDED
@given(
    rows=st.lists(
        st.tuples(integers, floats, st.booleans(), texts, st.none() | texts, st.dates()),
        min_size=2,
        max_size=8,
    )
)
def test_extra_columns(
    folder: Path, host: DictHost, rows: list[tuple[int, float, bool, str, str | None, object]]
) -> None:
    """Columns of every type come out of the server as they went in, exactly."""
    names = ["i", "f", "b", "s", "m", "d"]
    frame = pd.DataFrame(rows, columns=names)
    frame["m"] = frame["m"].astype(object)
    frame["d"] = frame["d"].astype("datetime64[s]")
    frame["c"] = frame["s"].astype("category")
    frame.insert(0, "x", 0.5)
    answer = served(host, parquet(pa.Table.from_pandas(frame)), PARQUET)
    extra = answer["extraModelOutput"]
    assert isinstance(extra, dict)
    assert extra["columns"] == [*names, "c"]
    assert extra["index"] == list(range(len(rows)))
    for found, (i, f, b, s, m, d) in zip(extra["data"], rows, strict=True):
        assert found[0] == i
        assert bits(found[1]) == bits(f if math.isfinite(f) else None)
        assert found[2] is b
        assert (found[3], found[4], found[6]) == (s, m, s)
        assert found[5] == f"{d}T00:00:00"


table_cells = st.fixed_dictionaries(
    {
        "i": integers,
        "f": st.floats(allow_nan=False, allow_infinity=False),
        "n": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "b": st.booleans(),
        "s": texts,
        "o": st.none() | texts,
    }
)


def written_as_text(cells: list[dict[str, object]]) -> bool:
    """Whether CSV, which has no types, would read the texts as something else."""
    words = {"", "nan", "null", "none", "na", "n/a", "<na>", "true", "false", "inf", "infinity"}
    for name in ("s", "o"):
        column = [str(row[name]) for row in cells if row[name] is not None]
        if any(text.strip().lower().lstrip("+-#1.") in words for text in column):
            return False
        for text in column:
            try:
                float(text)
            except ValueError:
                continue
            return False
    return True


@BOUNDED
@given(cells=st.lists(table_cells, min_size=1, max_size=6))
def test_one_table_in_every_format(cells: list[dict[str, object]]) -> None:
    """A table is the same from every format that can carry it, in types and to the last bit."""
    source = pa.table(
        {
            "i": pa.array([row["i"] for row in cells], pa.int64()),
            "f": pa.array([row["f"] for row in cells], pa.float64()),
            "n": pa.array([row["n"] for row in cells], pa.float64()),
            "b": pa.array([row["b"] for row in cells], pa.bool_()),
            "s": pa.array([row["s"] for row in cells], pa.string()),
            "o": pa.array([row["o"] for row in cells], pa.string()),
        }
    )
    first = read(arrow_stream(source), ARROW_STREAM)
    empty = [name for name in ("n", "o") if first[name].isna().all()]
    for name, (media_type, write) in WRITERS.items():
        if name in ("csv", "tsv") and not written_as_text(cells):
            continue
        found = read(write(first), media_type).drop(columns=empty)
        pd.testing.assert_frame_equal(found, first.drop(columns=empty), check_exact=True, obj=name)
        for column in {"f", "n"} - set(empty):
            got = [bits(value) for value in found[column]]
            assert got == [bits(value) for value in first[column]]


@BOUNDED
@given(
    values=st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda pair: sum(pair) > 0.1),
        min_size=1,
        max_size=10,
    )
)
def test_probabilities(values: list[tuple[float, float]]) -> None:
    """The objects of a model with classes hold every probability to the last bit."""
    array = np.array(values)
    labels = ('say "no"', "100 % ü")
    answer = json.loads(prediction_json(Predictions(values=array, columns=labels)))
    found = [(row[labels[0]], row[labels[1]]) for row in answer["predictions"]]
    assert [list(map(bits, row)) for row in found] == [list(map(bits, row)) for row in values]


class TestPredictionJson:
    """Predictions of odd types."""

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (np.array([1, 2]), "[1.0,2.0]"),
            (np.array([True, False]), "[1.0,0.0]"),
            (np.array([2**53 + 1, 1]), "[9007199254740993,1]"),
            (np.array([2**64 - 1], dtype=np.uint64), "[18446744073709551615]"),
            (np.array([-(2**63)]), "[-9223372036854775808]"),
            (np.array([0.1], dtype=np.float32), "[0.10000000149011612]"),
            (np.array([1.5], dtype=np.float16), "[1.5]"),
            (np.array([np.nan, np.inf, -np.inf, -0.0]), "[null,null,null,-0.0]"),
            (np.array([None, 1.5, pd.NA], dtype=object), "[null,1.5,null]"),
            (np.array([2**53 + 1, 2], dtype=object), "[9007199254740993,2]"),
            (np.array(["1.5", "2"]), "[1.5,2.0]"),
        ],
    )
    def test_numbers(
        self, values: np.ndarray[tuple[int], np.dtype[np.generic]], expected: str
    ) -> None:
        """Whatever holds numbers is written as numbers, in full."""
        made = Predictions(values=values.reshape(-1, 1), columns=("Predictions",))
        assert prediction_json(made).decode() == f'{{"predictions":{expected}}}'

    @pytest.mark.parametrize(
        "values",
        [
            np.array(["a"]),
            np.array([1j]),
            np.array(["2020-01-01"], dtype="datetime64[D]"),
            np.array([[1]], dtype=object)[:, 0].astype(object),
        ],
    )
    def test_no_numbers(self, values: np.ndarray[tuple[int], np.dtype[np.generic]]) -> None:
        """What is no number says so, instead of becoming one."""
        if values.dtype == object:
            values[0] = [1, 2]
        made = Predictions(values=values.reshape(-1, 1), columns=("Predictions",))
        with pytest.raises(PredictionError, match="must be numbers"):
            prediction_json(made)

    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            (pd.Series([2**70, None], dtype=object), [2**70, None]),
            (pd.Series([2**53 + 1, None], dtype="Int64"), [2**53 + 1, None]),
            (pd.Series([True, None], dtype="boolean"), [True, None]),
            (pd.Series([0.1, np.inf], dtype="float32"), [0.10000000149011612, None]),
            (pd.Series(["a", None]), ["a", None]),
            (pd.Series([b"a", "b"], dtype=object), ["a", "b"]),
            (pd.Series(["a", None], dtype="category"), ["a", None]),
            (pd.Series(pd.arrays.SparseArray([0.0, 1.5])), [0.0, 1.5]),
            (
                pd.Series([pd.Timestamp("2020-01-01T01:02:03.5"), None]),
                ["2020-01-01T01:02:03.500000", None],
            ),
            (pd.Series([pd.Timedelta("1D"), None]), ["P1DT0H0M0S", None]),
            (
                pd.Series([[1, np.float32(0.5)], {"k": (None, pd.NaT)}], dtype=object),
                [[1, 0.5], {"k": [None, None]}],
            ),
            (pd.Series([np.array([1.5, np.nan]), np.int8(3)], dtype=object), [[1.5, None], 3]),
            (
                pd.Series([pd.Period("2020-01", "M"), pd.Interval(0, 1)], dtype=object),
                ["2020-01", "(0, 1]"],
            ),
        ],
    )
    def test_extra_values(self, column: pd.Series, expected: list[object]) -> None:
        """Extra columns may hold what Python and pandas have; JSON has a form for most of it."""
        made = Predictions(
            values=np.zeros((2, 1)), columns=("Predictions",), extra=pd.DataFrame({"e": column})
        )
        answer = json.loads(prediction_json(made))
        assert answer["extraModelOutput"]["data"] == [[value] for value in expected]

    @pytest.mark.parametrize("value", [1j, object(), b"\xff", "\ud800", {"a": [print]}])
    def test_extra_values_without_a_form(self, value: object) -> None:
        """What JSON has no form for is named."""
        made = Predictions(
            values=np.zeros((1, 1)),
            columns=("Predictions",),
            extra=pd.DataFrame({"e": pd.Series([value], dtype=object)}),
        )
        with pytest.raises(PredictionError, match=r"JSON|surrogate"):
            prediction_json(made)

    def test_decimals_are_exact(self) -> None:
        """A decimal is written with its own digits."""
        import decimal

        extra = pd.DataFrame({"e": [decimal.Decimal("1.10"), decimal.Decimal("NaN")]})
        made = Predictions(values=np.zeros((2, 1)), columns=("Predictions",), extra=extra)
        assert b'"data":[[1.10],[null]]' in prediction_json(made)

    def test_no_rows(self) -> None:
        """No predictions are an empty list."""
        made = Predictions(values=np.zeros((0, 2)), columns=("a", "b"))
        assert orjson.loads(prediction_json(made)) == {"predictions": []}


def test_float32_is_the_same_number_in_the_file_and_in_the_answer(tmp_path: Path) -> None:
    """A float of 32 bits is written as the number it is, not as the shortest that rounds to it."""
    custom = COPY.replace("data.rename", "data.astype('float32').rename")
    folder = make_folder(tmp_path / "m", custom=custom)
    frame, written = batch(folder, b"x,e\n0.1,0.2\n")
    with serving(folder) as host:
        answer = served(host, b"x,e\n0.1,0.2\n")
    file = read(written, "text/csv")
    assert file["Predictions"].tolist() == numbers(answer) == [float(np.float32(0.1))]
    assert frame["Predictions"].tolist() == numbers(answer)
    extra = answer["extraModelOutput"]
    assert isinstance(extra, dict)
    assert [file["e"].tolist()] == extra["data"] == [[float(np.float32(0.2))]]
