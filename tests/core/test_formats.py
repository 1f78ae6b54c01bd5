"""Tables in every format: what is read, of which type, and from which file or media type."""

from __future__ import annotations

import datetime
import decimal
import gzip
import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from drum_core import CMRunner, DrumRuntime, ScoreOptions
from drum_core.data.formats import FORMATS, file_kind
from tests.core.served import form, get, post, serving
from tests.core.tables import (
    ARROW_STREAM,
    JSON,
    JSON_LINES,
    MTX,
    PARQUET,
    WRITERS,
    arrow_stream,
    matrix_market,
    parquet,
    read,
    zstd,
)
from tests.model_folders import DOUBLE, make_folder

ECHO = """
    import pandas as pd

    def load_model(code_dir):
        return 1

    def score(data, model, **kwargs):
        seen = {name: str(data[name].dtype) for name in data.columns}
        return pd.DataFrame({"Predictions": 0.0, "seen": [str(seen)] * len(data)})
"""
"""A custom.py that tells the columns and their types as an extra column."""

MIXED = pd.DataFrame(
    {
        "i": [1, -2, 2**62 + 1],
        "f": [0.1, float("nan"), 5e-324],
        "b": [True, False, True],
        "s": ["a, b", None, 'quoted " and\nü'],
        "m": [1, 2, 3],
    }
)
MIXED["m"] = MIXED["m"].where(MIXED["m"] != 2)


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_table(name: str) -> None:
    """Integers, floats, truth values, texts and missing values are the same from each format."""
    media_type, write = WRITERS[name]
    for limit in (None, 1 << 20):
        found = read(write(MIXED), media_type, max_bytes=limit)
        pd.testing.assert_frame_equal(found, MIXED, check_exact=True)


@pytest.mark.parametrize(
    ("name", "media_type", "coding"),
    [
        ("rows.csv", "text/csv", None),
        ("rows", "text/csv", None),
        ("rows.bin", "text/csv", None),
        ("ROWS.CSV.GZ", "text/csv", "gzip"),
        ("rows.gz", "text/csv", "gzip"),
        ("rows.Mtx", "text/mtx", None),
        ("rows.mtx.zst", "text/mtx", "zstd"),
        ("a.b.parquet", PARQUET, None),
        ("rows.feather", ARROW_STREAM, None),
        ("rows.ndjson", JSON_LINES, None),
        (".json", JSON, None),
    ],
)
def test_kind_of_a_file(name: str, media_type: str, coding: str | None) -> None:
    """Extensions count in any case, with a suffix of compression; any other name is CSV."""
    kind = file_kind(name)
    assert (kind.media_type, kind.coding) == (media_type, coding)


def test_media_types_and_extensions_belong_to_one_format() -> None:
    """No media type and no extension stands for two formats."""
    for names in (
        [name for item in FORMATS for name in item.media_types],
        [name for item in FORMATS for name in item.extensions],
    ):
        assert len(set(names)) == len(names)


class TestArrowTypes:
    """Types are those of the schema."""

    @pytest.mark.parametrize(
        ("column", "dtype"),
        [
            (pa.array([1, 2], pa.int8()), "int8"),
            (pa.array([1, 2], pa.uint64()), "uint64"),
            (pa.array([1, None], pa.int64()), "float64"),
            (pa.array([2**53 + 1, None], pa.int64()), "Int64"),
            (pa.array([2**63 + 1, None], pa.uint64()), "UInt64"),
            (pa.array([1.5, None], pa.float32()), "float32"),
            (pa.array([True, False]), "bool"),
            (pa.array([True, None]), "object"),
            (pa.nulls(2), "float64"),
            (pa.array([0, None], pa.date32()), "datetime64[ms]"),
            (pa.array([0, None], pa.timestamp("us")), "datetime64[us]"),
            (pa.array([0, 1], pa.timestamp("ns", tz="UTC")), "datetime64[ns, UTC]"),
            (pa.array([0, 1], pa.duration("s")), "timedelta64[s]"),
            (pa.array(["a", None]).dictionary_encode(), "category"),
            (pa.array([1, 2], pa.int32()).cast(pa.decimal128(12, 2)), "object"),
        ],
    )
    def test_type(self, column: pa.Array[pa.Scalar[pa.DataType]], dtype: str) -> None:
        """A column has the type of pandas that holds all its values."""
        table = pa.table({"x": column})
        assert str(read(arrow_stream(table), ARROW_STREAM)["x"].dtype) == dtype
        assert str(read(parquet(table), PARQUET)["x"].dtype).replace("[s]", "[ms]") == (
            dtype.replace("[s]", "[ms]")
        )

    def test_large_integers_keep_their_digits_beside_a_null(self) -> None:
        """No digit is lost because another row has no value."""
        found = read(parquet(pa.table({"x": [2**53 + 1, None]})), PARQUET)["x"]
        assert found[0] == 2**53 + 1
        assert found.isna().tolist() == [False, True]

    def test_values(self) -> None:
        """Truth values beside a null, decimals and dates keep their values."""
        table = pa.table(
            {
                "b": pa.array([True, None]),
                "d": pa.array([decimal.Decimal("1.10"), None]),
                "t": pa.array([datetime.date(2020, 2, 29), None]),
            }
        )
        frame = read(arrow_stream(table), ARROW_STREAM)
        assert frame["b"][0] is True
        assert np.isnan(frame["b"][1])
        assert frame["d"][0] == decimal.Decimal("1.10")
        assert frame["t"][0] == pd.Timestamp("2020-02-29")

    def test_nameless_index_is_no_column(self) -> None:
        """What pandas stores of a nameless index is left out; a named one is a column."""
        frame = pd.DataFrame({"x": [1, 2]}, index=["a", "b"])
        assert list(read(parquet(pa.Table.from_pandas(frame)), PARQUET)) == ["x"]
        frame.index.name = "id"
        assert list(read(parquet(pa.Table.from_pandas(frame)), PARQUET)) == ["x", "id"]


class TestJsonTypes:
    """JSON has numbers, texts, truth values and null, and so have its columns."""

    @pytest.mark.parametrize(
        ("values", "dtype"),
        [
            ("[1, 2]", "int64"),
            ("[1, 2.5]", "float64"),
            ("[1, null]", "float64"),
            ("[9007199254740993, null]", "Int64"),
            ("[18446744073709551615, null]", "UInt64"),
            ("[18446744073709551615, 0]", "uint64"),
            ("[true, false]", "bool"),
            ("[true, null]", "object"),
            ("[null, null]", "float64"),
            ('["1", 1]', "object"),
            ('["2020-01-01", null]', str(pd.Series(["a", None]).dtype)),
        ],
    )
    def test_type(self, values: str, dtype: str) -> None:
        """Nothing is guessed from names or texts: dates stay text, numbers in quotes too."""
        frame = read(f'{{"inputs": {{"date": {values}}}}}', JSON)
        assert str(frame["date"].dtype) == dtype

    def test_numbers_are_exact(self) -> None:
        """A float has the bits of the decimal, an integer all its digits."""
        frame = read('[{"f": 0.1, "i": 9007199254740993}, {"f": 1e-320, "i": -1}]', JSON)
        assert frame["f"].tolist() == [0.1, 1e-320]
        assert frame["i"].tolist() == [9007199254740993, -1]

    @pytest.mark.parametrize(
        "text",
        [
            '{"instances": [[1, "a"], [2, "b"]]}',
            '{"inputs": [[1, "a"], [2, "b"]]}',
            '{"columns": [0, 1], "data": [[1, "a"], [2, "b"]]}',
            '{"dataframe_split": {"index": [7, 8], "columns": [0, 1], "data": [[1,"a"],[2,"b"]]}}',
        ],
    )
    def test_rows_without_names(self, text: str) -> None:
        """Rows of lists have numbered columns; the index of the split form is no column."""
        frame = read(text, JSON)
        assert frame.to_dict("list") == {0: [1, 2], 1: ["a", "b"]}
        assert list(frame.index) == [0, 1]

    def test_one_value_a_row(self) -> None:
        """Instances that are values are one column."""
        assert read('{"instances": [1, 2]}', JSON).to_dict("list") == {0: [1, 2]}

    def test_names_are_taken_in_any_order(self) -> None:
        """The names of a record may come in another order, with texts that hold colons."""
        frame = read('\ufeff[{"a": "x:y", "b": 1}, {"b": 2, "a": "{\\"a\\": 1}"}]', JSON)
        assert frame.to_dict("list") == {"a": ["x:y", '{"a": 1}'], "b": [1, 2]}

    def test_empty_lines_count_for_nothing(self) -> None:
        """JSON lines may be followed by empty lines, and end in CR LF."""
        assert read('{"a": "x:y"}\r\n\r\n{"a": null}\n\n', JSON_LINES)["a"].isna().sum() == 1


class TestMatrixMarket:
    """Sparse matrices."""

    def test_columns_are_sparse_floats(self) -> None:
        """Columns are float64 with the fill value 0, numbered from 0 or called by the names."""
        data = matrix_market([[0, 1.5, 0], [2, 0, 0]])
        frame = read(data, MTX)
        assert list(frame.dtypes) == [pd.SparseDtype(np.float64, 0)] * 3
        assert frame.columns.equals(pd.RangeIndex(3))
        assert frame.to_numpy().tolist() == [[0, 1.5, 0], [2, 0, 0]]
        assert list(read(data, MTX, column_names=("a", "b", "c")).columns) == ["a", "b", "c"]

    @pytest.mark.parametrize(
        ("head", "rows", "expected"),
        [
            ("array real general", "2 2\n1\n0\n3\n4\n", [[1, 3], [0, 4]]),
            ("coordinate pattern symmetric", "% note\n2 2 1\n2 1\n", [[0, 1], [1, 0]]),
            ("coordinate integer general", "2 1 1\n1 1 7", [[7], [0]]),
            ("array real skew-symmetric", "2 2\n1.5\n", [[0, -1.5], [1.5, 0]]),
            ("array integer symmetric", "2 2\n1\n2\n3\n", [[1, 2], [2, 3]]),
            (
                "Coordinate Real General",
                "%\n\n%\n 2 1 2 \r\n1 1 -inf\r\n2\t1 1e-320 \r\n",
                [[-np.inf], [1e-320]],
            ),
            ("coordinate real general", "2 2 2\n1 1 1\n1 1 0.5\n", [[1.5, 0], [0, 0]]),
        ],
    )
    def test_kinds_of_matrices(self, head: str, rows: str, expected: list[list[float]]) -> None:
        """Dense, symmetric, pattern and integer matrices are read."""
        frame = read(f"%%MatrixMarket matrix {head}\n{rows}", MTX, max_bytes=1 << 20)
        assert frame.to_numpy().tolist() == expected

    def test_integers_that_lose_digits_are_warned_of(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The format has 64-bit integers, the table has floats."""
        text = "%%MatrixMarket matrix coordinate integer general\n1 1 1\n1 1 9007199254740993\n"
        with caplog.at_level(logging.WARNING):
            read(text, MTX)
        assert "lose their last digits" in caplog.text


def score_file(folder: Path, name: str, data: bytes, **options: object) -> pd.DataFrame:
    """Scores a file of that name."""
    path = folder.parent / name
    path.write_bytes(data)
    made = ScoreOptions(code_dir=folder, input=path, **options)  # type: ignore[arg-type]  # test data
    with DrumRuntime(made) as runtime:
        return CMRunner(runtime).run().predictions


EXTENSIONS = {
    "csv": "csv",
    "TSV": "tsv",
    "arrow": "arrow stream",
    "arrow.gz": "arrow file",
    "feather": "arrow file, lz4",
    "parquet": "parquet",
    "Parquet.ZST": "parquet",
    "json": "split",
    "jsonl": "json lines",
    "csv.gz": "csv",
}


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_score_reads_by_extension(tmp_path: Path, extension: str) -> None:
    """`drum score` tells the format, and the compression, by the extension in any case."""
    folder = make_folder(tmp_path / "m", custom=ECHO)
    _, write = WRITERS[EXTENSIONS[extension]]
    data = write(MIXED)
    if extension.lower().endswith(".gz"):
        data = gzip.compress(data)
    if extension.lower().endswith(".zst"):
        data = zstd.compress(data)
    seen = score_file(folder, f"rows.{extension}", data)["seen"][0]
    assert seen == str({str(name): str(dtype) for name, dtype in MIXED.dtypes.items()})


def test_score_takes_the_column_names_of_a_sparse_matrix(tmp_path: Path) -> None:
    """The file of --sparse-column-file names the columns, stripped, in order."""
    custom = """
        import pandas as pd

        def load_model(code_dir):
            return 1

        def score(data, model, sparse_colnames):
            assert list(data.columns) == sparse_colnames
            return pd.DataFrame({"Predictions": data["x y"].to_numpy() * 2})
    """
    folder = make_folder(tmp_path / "m", custom=custom)
    names = tmp_path / "rows.columns"
    names.write_text(" x y \r\nz\n\n")
    data = matrix_market([[1.5, 0], [0, 1]])
    frame = score_file(folder, "rows.MTX", data, sparse_column_file=names)
    assert frame["Predictions"].tolist() == [3.0, 0.0]


def test_column_names_for_another_format_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Names given for a format that has its own are not silently ignored."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    names = tmp_path / "names"
    names.write_text("x\n")
    score_file(folder, "rows.csv", b"x\n1\n", sparse_column_file=names)
    assert "rows.csv is none, and has its own" in caplog.text


def test_read_input_data_overrides_every_format(tmp_path: Path) -> None:
    """A model that reads its input itself gets the bytes of the file, and of the part, as sent."""
    custom = DOUBLE + (
        "def read_input_data(input_binary_data):\n"
        "    import gzip, io\n"
        "    return pd.read_csv(io.BytesIO(gzip.decompress(input_binary_data)))\n"
    )
    folder = make_folder(tmp_path / "m", custom=custom)
    packed = gzip.compress(b"x\n4\n")
    assert score_file(folder, "rows.parquet.gz", packed)["Predictions"].tolist() == [8]
    with serving(folder) as host:
        body, header = form(('name="X"; filename="rows.csv.gz"', packed))
        assert post(host, body, header).json() == {"predictions": [8.0]}
        answer = post(host, packed, ("Content-Type", "application/x-of-my-own"))
        assert answer.json() == {"predictions": [8.0]}


@pytest.mark.parametrize("name", WRITERS)
def test_server_reads_by_content_type(tmp_path: Path, name: str) -> None:
    """The server tells the format by the content type, in any case, with parameters."""
    media_type, write = WRITERS[name]
    with serving(make_folder(tmp_path / "m", custom=ECHO)) as host:
        header = ("Content-Type", media_type.upper() + "; charset=utf-8")
        answer = post(host, write(MIXED), header).json()
    extra = answer["extraModelOutput"]
    assert isinstance(extra, dict)
    seen = str({str(name): str(dtype) for name, dtype in MIXED.dtypes.items()})
    assert extra["data"] == [[seen]] * 3


def test_server_reads_a_form_by_file_name(tmp_path: Path) -> None:
    """The file X of a form is read by its extension; X.colnames names a sparse matrix's columns."""
    with serving(make_folder(tmp_path / "m", custom=DOUBLE)) as host:
        for file_name, data in {
            "rows.parquet": parquet(pa.table({"x": [1.5]})),
            "rows.JSON": json.dumps([{"x": 1.5}]).encode(),
            "rows.csv.gz": gzip.compress(b"x\n1.5\n"),
            "rows.mtx": matrix_market([[0, 1.5]]),
            "rows.unknown": b"x\n1.5\n",
        }.items():
            body, header = form(
                (f'name="X"; filename="{file_name}"\r\nContent-Type: image/png', data),
                ('name="X.colnames"; filename="names"', b"y\n x \n"),
            )
            assert post(host, body, header).body == b'{"predictions":[3.0]}', file_name


def test_capabilities_list_the_formats(tmp_path: Path) -> None:
    """`/capabilities/` has DRUM's keys and those of the formats added."""
    with serving(make_folder(tmp_path / "m", custom=DOUBLE)) as host:
        formats = get(host, "/capabilities/").json()["supported_payload_formats"]
    assert formats == dict.fromkeys(
        ["csv", "tsv", "mtx", "arrow", "parquet", "json", "jsonl"],
    )
