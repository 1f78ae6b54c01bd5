"""Input that is no table of its format: each gets one clear error."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drum_core.data.formats import FORMATS
from drum_core.errors import CompressionError, InputError, InputTooLargeError
from tests.core.served import form, post, serving
from tests.core.tables import (
    ARROW_FILE,
    ARROW_STREAM,
    JSON,
    JSON_LINES,
    MTX,
    PARQUET,
    TSV,
    WRITERS,
    arrow_file,
    arrow_stream,
    matrix_market,
    parquet,
    read,
)
from tests.core.test_formats import MIXED, score_file
from tests.model_folders import DOUBLE, linear_model, make_folder

HEAD = "%%MatrixMarket matrix coordinate real general\n"
ROWS = pa.table({"x": [1, 2]})
TWICE = pa.table([pa.array([1]), pa.array([2])], names=["x", "x"])


@pytest.mark.parametrize("media_type", [item.media_types[0] for item in FORMATS])
@pytest.mark.parametrize("data", [b"", b" \n\n"])
def test_empty(media_type: str, data: bytes) -> None:
    """Nothing at all is said to be nothing."""
    with pytest.raises(InputError, match="The input is empty"):
        read(data, media_type)


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        (TSV, b"x\ty\n"),
        (MTX, HEAD + "0 3 0\n"),
        (ARROW_STREAM, arrow_stream(ROWS.slice(0, 0))),
        (ARROW_FILE, arrow_file(ROWS.slice(0, 0))),
        (PARQUET, parquet(ROWS.slice(0, 0))),
        (JSON, "[]"),
        (JSON, '{"columns": ["x"], "data": []}'),
        (JSON, '{"inputs": {"x": []}}'),
        (JSON, '{"instances": []}'),
        (JSON, '{"dataframe_records": []}'),
    ],
)
def test_no_rows(media_type: str, data: bytes | str) -> None:
    """A table without rows has nothing to predict, whatever its format."""
    with pytest.raises(InputError, match="no rows"):
        read(data, media_type)
    if media_type != TSV:
        with pytest.raises(InputError, match="no rows"):
            read(data, media_type, max_bytes=1 << 20)


@pytest.mark.parametrize("data", ["[{}]", '{"columns": [], "data": [[]]}', '{"inputs": {}}'])
def test_no_columns(data: str) -> None:
    """A table without columns is none."""
    with pytest.raises(InputError, match="no columns"):
        read(data, JSON)


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in ("csv", "tsv")])
@pytest.mark.parametrize("limit", [None, 1 << 20])
def test_cut_short(name: str, limit: int | None) -> None:
    """Data that end too early are an error of their format, never fewer rows."""
    media_type, write = WRITERS[name]
    data = write(MIXED).rstrip()
    for size in {len(data) // 2, len(data) * 4 // 5, len(data) - 1 if media_type == JSON else 9}:
        with pytest.raises(InputError, match=r"cannot be read as|not valid JSON|cut short"):
            read(data[:size], media_type, max_bytes=limit)


@pytest.mark.parametrize("limit", [None, 1 << 20])
@pytest.mark.parametrize("media_type", [MTX, ARROW_STREAM, ARROW_FILE, PARQUET, JSON, JSON_LINES])
@pytest.mark.parametrize("data", [b"x,y\n1,2\n", b"PK\x03\x04" + bytes(99), bytes(range(256)) * 9])
def test_another_kind_of_data(media_type: str, data: bytes, limit: int | None) -> None:
    """Data of another kind are refused as what they are said to be."""
    with pytest.raises(InputError, match=r"cannot be read as|not valid JSON|must be UTF-8|empty"):
        read(data, media_type, max_bytes=limit)


@pytest.mark.parametrize("media_type", [ARROW_STREAM, ARROW_FILE, PARQUET])
@pytest.mark.parametrize("limit", [None, 1 << 20])
def test_damaged_bytes_never_crash(media_type: str, limit: int | None) -> None:
    """Any byte of a binary table may be wrong: the answer is a table or a clear error."""
    write = {ARROW_STREAM: arrow_stream, ARROW_FILE: arrow_file, PARQUET: parquet}[media_type]
    data = write(pa.Table.from_pandas(MIXED))
    for place in range(0, len(data), 7):
        broken = bytearray(data)
        broken[place] ^= 0xFF
        with contextlib.suppress(InputError):
            assert len(read(bytes(broken), media_type, max_bytes=limit).columns) > 0


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        (TSV, b"x\ty\n1\tcaf\xe9\n"),
        (JSON, b'[\n{"x": "caf\xe9"}]'),
        (JSON_LINES, b'{"x": "cafe"}\n{"x": "caf\xe9"}'),
    ],
)
def test_latin_1(media_type: str, data: bytes) -> None:
    """Bytes that are not UTF-8 are named."""
    with pytest.raises(InputError, match=r"must be UTF-8\. The byte 0xe9"):
        read(data, media_type)


def test_column_names_in_latin_1() -> None:
    """Names in a Parquet or Arrow file are UTF-8; others are refused."""
    data = arrow_stream(pa.table({"caf.": [1]})).replace(b"caf.", b"caf\xe9")
    with pytest.raises(InputError, match="cannot be read as an Arrow"):
        read(data, ARROW_STREAM)


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        (ARROW_STREAM, arrow_stream(TWICE)),
        (ARROW_FILE, arrow_file(TWICE)),
        (JSON, '{"columns": ["x", "x"], "data": [[1, 2]]}'),
    ],
)
def test_duplicate_columns(media_type: str, data: bytes | str) -> None:
    """Two columns of one name are named."""
    with pytest.raises(InputError, match="of one name: 'x'"):
        read(data, media_type)


def test_arrow_dictionary_of_structs() -> None:
    """A type that pandas cannot hold is refused, not an internal error."""
    structs = pa.array([{"a": 1}, {"a": 2}])
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), structs)
    with pytest.raises(InputError, match="cannot be read as an Arrow"):
        read(arrow_stream(pa.table({"x": column})), ARROW_STREAM)


def test_duplicate_columns_of_parquet() -> None:
    """Two columns of one name are refused in Parquet, too."""
    with pytest.raises(InputError, match="of one name: 'x'"):
        read(parquet(TWICE), PARQUET)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"x": 1,}]', r"not valid JSON \(line 1, column 9\)"),
        ("[NaN]", "not valid JSON"),
        ('[{"x": Infinity}]', "not valid JSON"),
        ('[{"x": 1e999}]', "not valid JSON"),
        ('[{"x": "\\ud800"}]', "not valid JSON"),
        ('[{"x": 1}] []', "not valid JSON"),
        ("[" * 3000, "not valid JSON"),
        ("3", "is a number; expected a list of records"),
        ("null", "is null; expected"),
        ('"x"', "is a text; expected"),
        ("true", "is a truth value; expected"),
        ("{}", "an object with no names; expected"),
        ('{"x": [1, 2]}', "an object with 'x'; expected a list of records"),
        ("[1, 2]", r"Row 0 \(counted from 0\) is a number; expected a record"),
        ('[{"x": 1}, null]', r"Row 1 .* is null; expected a record"),
        ("[[1, 2]]", "Row 0 .* is a list; expected a record"),
        ('[{"x": 1}, {"y": 1}]', "unequal columns: row 1 .* lacks 'x' and has 'y'"),
        ('[{"x": 1}, {"x": 1, "y": 1}]', "unequal columns: row 1 .* has 'y', which row 0 has not"),
        ('[{"x": 1}, {}]', "unequal columns: row 1 .* lacks 'x'"),
        ('[{"x": [1]}]', "column 'x' has a list in row 0"),
        ('[{"x": 1}, {"x": {"y": 1}}]', "column 'x' has an object in row 1"),
        ('[{"x": 1, "x": 2}]', "the name 'x' twice"),
        ('[{"x": {"y": 1, "y": 2}}]', "the name 'y' twice"),
        ('{"columns": ["x"], "columns": ["y"], "data": [[1]]}', "the name 'columns' twice"),
        ('{"columns": ["x"], "data": [[1], [1, 2]]}', "Row 1 .* has 2 values for 1 columns"),
        ('{"columns": ["x"], "data": [1]}', "Row 0 .* is a number; expected a list"),
        ('{"columns": ["x"], "data": 1}', "must be lists"),
        ('{"columns": [null], "data": [[1]]}', "a text or an integer, got None"),
        ('{"columns": ["x"], "data": [[1]], "index": [1, 2]}', "2 entries for 1 rows"),
        ('{"columns": ["x"], "data": [[1]], "dtype": 1}', "'dtype', which it does not know"),
        ('{"dataframe_split": [1]}', "pandas's split form"),
        ('{"dataframe_records": {"x": 1}}', "a list of records, got an object"),
        ('{"dataframe_records": [{"x": 1}], "params": {}}', "'params' beside 'dataframe_records'"),
        ('{"instances": {"x": 1}}', "a list of rows, got an object"),
        ('{"instances": [[[1]]]}', "column 0 has a list in row 0"),
        ('{"instances": [[1], 2]}', "Row 1 .* is a number; expected a list"),
        ('{"inputs": {"x": [1, 2], "y": [1]}}', "unequal length: 'x' has 2, 'y' has 1"),
        ('{"inputs": {"x": 1}}', "a number at 'x'; expected a list"),
        ('{"inputs": 7}', "a list of rows, got a number"),
        ('{"inputs": {"x": [1]}, "instances": [1]}', "'instances' beside 'inputs'"),
    ],
)
def test_json_that_is_no_table(text: str, expected: str) -> None:
    """What a table cannot be, or what is ambiguous, is said with the row and the name."""
    with pytest.raises(InputError, match=expected):
        read(text, JSON)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"x": 1}\n{"x": 1', r"not valid JSON \(line 2"),
        ('{"x": 1}\n\n[1]\n', "Line 3 of the JSON lines is no record"),
        ('{"x": 1}\n{"y": 1}', "row 1 .* lacks 'x'"),
        ('{"x": 1}\n{"x": 1, "x": 1}', "the name 'x' twice"),
        ('[\n{"x": 1}\n]', r"not valid JSON \(line 1"),
    ],
)
def test_json_lines_that_are_no_table(text: str, expected: str) -> None:
    """The line that is no record is named."""
    with pytest.raises(InputError, match=expected):
        read(text, JSON_LINES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", "cannot be read as Matrix Market"),
        ("%%MatrixMarket matrix coordinate real odd\n1 1 0\n", "expected a first line such as"),
        (HEAD + "2 2\n", "numbers of rows, columns and entries"),
        (HEAD + "two 2 2\n", "numbers of rows, columns and entries"),
        (HEAD.replace("coordinate", "array") + "1 1 1\n1\n", "numbers of rows and columns"),
        (HEAD.replace("general", "symmetric") + "1 2 0\n", "is square, this one has 1 x 2"),
        (HEAD + "2 2 2\n1 1 1.5\n", "announces 2 lines of numbers, but has 1"),
        (HEAD + "2 2 1\n1 1 1.5\n1 2 1\n", "announces 1 lines of numbers, but has 2"),
        (HEAD + "2 2 1\n3 1 1.5\n", "an entry outside the 2 rows"),
        (HEAD + "2 2 1\n1 0 1.5\n", "an entry outside the 2 columns"),
        (HEAD + "2 2 1\n1 1 x\n", "cannot be read as Matrix Market"),
        (HEAD + "2 2 1\n1 1 1.5x\n", "cannot be read as Matrix Market"),
        (HEAD + "2 2 1\n1 1 1.5e", "cannot be read as Matrix Market"),
        (HEAD + '2 2 1\n1 1 "1"\n', "cannot be read as Matrix Market"),
        (HEAD + "2 2 1\n1 1\n", "3 numbers in a line, the first has 2"),
        (HEAD.replace("coordinate", "array") + "99999999999 9999999\n1\n", "but has 1"),
        (HEAD + "2 2 1\n1 1e400 1\n", "cannot be read as Matrix Market"),
        (HEAD + "2 2 2\n1 1 1\n1 2\n", "cannot be read as Matrix Market"),
        (HEAD + "2 2 2\n1 1 1\n1 2 3 4\n", "cannot be read as Matrix Market"),
        (HEAD.replace("real", "complex") + "1 1 1\n1 1 1 2\n", "complex numbers"),
        (HEAD.replace("real", "integer") + "1 1 1\n1 1 99999999999999999999\n", "Overflow"),
        (HEAD.replace("real", "integer") + "1 1 1\n1 1 1.5\n", "cannot be read as Matrix Market"),
    ],
)
def test_matrix_that_is_none(text: str, expected: str) -> None:
    """A matrix that cannot be read says why."""
    with pytest.raises(InputError, match=expected):
        read(text, MTX)


def test_stream_without_its_end() -> None:
    """A stream whose writer never closed it may lack rows, though every message is whole."""
    with pytest.raises(InputError, match="no end mark"):
        read(arrow_stream(ROWS)[:-8], ARROW_STREAM)


def test_feather_version_1() -> None:
    """The first version of Feather is another format, which is named."""
    with pytest.raises(InputError, match="Feather of version 1"):
        read(b"FEA1" + bytes(100), ARROW_FILE)


class TestColumnNames:
    """The column names of a sparse matrix."""

    @pytest.mark.parametrize("names", ["a\n", "a\nb\nc\n"])
    def test_another_count(self, tmp_path: Path, names: str) -> None:
        """Both counts are named, in batch and in the server."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        data = matrix_market([[1, 2]])
        file = tmp_path / "names"
        file.write_text(names)
        count = len(names.split())
        expected = f"has 2 columns, but {count} column names"
        with pytest.raises(InputError, match=expected):
            score_file(folder, "rows.mtx", data, sparse_column_file=file)
        with serving(folder) as host:
            body, header = form(
                ('name="X"; filename="x.mtx"', data),
                ('name="X.colnames"; filename="n"', names.encode()),
            )
            answer = post(host, body, header)
        assert answer.status == 500
        assert expected in str(answer.json()["message"])

    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (b"a\n\nb\n", "empty line, line 2"),
            (b"a\na\n", "of one name: 'a'"),
            (b"a\ncaf\xe9\n", "column names input file encoding must be UTF-8"),
        ],
    )
    def test_names_that_are_none(self, tmp_path: Path, names: bytes, expected: str) -> None:
        """Empty names, names that occur twice and bytes that are no text are refused."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        file = tmp_path / "names"
        file.write_bytes(names)
        with pytest.raises(InputError, match=expected):
            score_file(folder, "rows.mtx", matrix_market([[1, 2]]), sparse_column_file=file)


class TestBombs:
    """A few bytes that stand for a lot of memory."""

    @pytest.mark.parametrize("kind", ["numbers", "texts"])
    @pytest.mark.parametrize("form", ["stream", "file", "parquet"])
    def test_packed_buffers(self, form: str, kind: str) -> None:
        """Buffers that unpack to more than the limit are refused before they are unpacked."""
        numbers = pa.table({"x": pa.array([0] * 4_000_000)})
        texts = pa.table({"x": pa.array(["x" * 10_000] * 4_000)})
        table = numbers if kind == "numbers" else texts
        data = {
            "stream": lambda: arrow_stream(table, "zstd"),
            "file": lambda: arrow_file(table, "zstd"),
            "parquet": lambda: parquet(table),
        }[form]()
        assert len(data) < 300_000
        before = pa.total_allocated_bytes()
        media_type = PARQUET if form == "parquet" else ARROW_STREAM
        with pytest.raises(InputTooLargeError, match="more than the 1000000 bytes"):
            read(data, media_type, max_bytes=1_000_000)
        assert pa.total_allocated_bytes() - before < 2_000_000

    def test_rows_of_nothing(self) -> None:
        """Rows that are stored as a count alone take memory all the same."""
        data = arrow_stream(pa.table({"x": pa.nulls(10_000_000)}))
        assert len(data) < 1000
        with pytest.raises(InputTooLargeError):
            read(data, ARROW_STREAM, max_bytes=1_000_000)

    @pytest.mark.parametrize("size", ["1000000000 1", "1 1000000000", "9" * 18 + " 1"])
    def test_empty_rows_and_columns(self, size: str) -> None:
        """A matrix may announce any number of empty rows and columns."""
        with pytest.raises(InputTooLargeError):
            read(f"{HEAD}% note\n{size} 0\n", MTX, max_bytes=1_000_000)

    def test_server_answers_413(self, tmp_path: Path) -> None:
        """The limit of the server's bodies is that of the table."""
        file = io.BytesIO()
        pq.write_table(pa.table({"x": pa.array([0] * 1_000_000)}), file)
        with serving(make_folder(tmp_path / "m", custom=DOUBLE), max_body_size=100_000) as host:
            answer = post(host, file.getvalue(), ("Content-Type", PARQUET))
        assert answer.status == 413
        assert "--max-body-size" in str(answer.json()["message"])


@pytest.mark.parametrize("name", WRITERS)
def test_column_missing(tmp_path: Path, name: str) -> None:
    """A column that the model needs is named, whatever the format."""
    folder = make_folder(tmp_path / "m", artifact=linear_model())
    media_type, write = WRITERS[name]
    with serving(folder) as host:
        answer = post(host, write(MIXED[["f", "i"]].head(1)), ("Content-Type", media_type))
    assert answer.status == 500
    assert "lacks 'a', 'b'" in str(answer.json()["message"])


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_compressed_file_that_is_none(tmp_path: Path, suffix: str) -> None:
    """A file that only is called compressed, or is cut short, says so."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    with pytest.raises(CompressionError, match="cannot be unpacked"):
        score_file(folder, f"rows.csv.{suffix}", b"x\n1\n")
