"""Data and predictions that are wrong: each gets one clear error."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from drum_core.errors import HookFailedError, InputError, PredictionError
from tests.core.test_score import score
from tests.model_folders import (
    BINARY,
    DOUBLE,
    MULTICLASS,
    linear_model,
    make_folder,
)


class TestInput:
    """The input file."""

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (b"", "The input is empty"),
            (b"\n \n", "The input is empty"),
            (b"x,y\n", "has a header \\('x', 'y'\\) but no rows"),
            (b"x\n", "has a header \\('x'\\) but no rows"),
            (b"x,y\n1,2\n1,2,3\n", "line 3"),
            (b"x,y\n1,2,3\n4,5,6\n", "more fields than its header: 3 and 2"),
            (b"x,y\n1,caf\xe9\n", "UTF-8. The byte 0xe9, line 2"),
            (b'x,y\n1,"2\n', "cannot be read as CSV"),
            (b"PK\x03\x04\x00\xff\xfe", "cannot be read as CSV|UTF-8|no rows"),
        ],
    )
    def test_unreadable(self, tmp_path: Path, data: bytes, expected: str) -> None:
        """What is no table says why, and where."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        with pytest.raises(InputError, match=expected):
            score(folder, data)

    def test_byte_order_mark(self, tmp_path: Path) -> None:
        """A byte-order mark is no part of the first column's name."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        assert score(folder, b"\xef\xbb\xbfx\n1\n").predictions["Predictions"].tolist() == [2]

    def test_duplicate_columns(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Of two columns with one name the second is renamed, with a warning."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        with caplog.at_level(logging.WARNING):
            assert score(folder, "x,x\n1,2\n").predictions["Predictions"].tolist() == [2]
        assert any(
            "twice" in record.message and "x.1" in record.message for record in caplog.records
        )

    def test_column_called_like_a_duplicate(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A column that is really called x.1 is no duplicate."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        score(folder, "x,x.1\n1,2\n")
        assert not caplog.records

    def test_infinity_is_named(self, tmp_path: Path) -> None:
        """A model that cannot take infinities names the columns that hold them."""
        folder = make_folder(tmp_path / "m", artifact=linear_model())
        with pytest.raises(
            HookFailedError, match=r"scikit-learn model raised.*infinite values: 'b'"
        ):
            score(folder, "a,b\n1,inf\n2,3\n")

    def test_all_missing_column_is_named(self, tmp_path: Path) -> None:
        """A model that cannot take missing values names the columns without any."""
        folder = make_folder(tmp_path / "m", artifact=linear_model())
        with pytest.raises(HookFailedError, match="Columns without any value: 'a'"):
            score(folder, "a,b\n,1\n,3\n")

    def test_text_in_a_number_column_is_named(self, tmp_path: Path) -> None:
        """Text where the model wants numbers names the column."""
        folder = make_folder(tmp_path / "m", artifact=linear_model())
        with pytest.raises(HookFailedError, match="Columns that hold text: 'b'"):
            score(folder, "a,b\n1,one\n2,3\n")

    def test_one_row(self, tmp_path: Path) -> None:
        """One row gives one prediction."""
        folder = make_folder(tmp_path / "m", artifact=linear_model())
        assert score(folder, "a,b\n1,1").rows == 1

    def test_type_of_a_column_is_that_of_the_whole_file(self, tmp_path: Path) -> None:
        """A column that turns into text in its last row is text in its first."""
        custom = DOUBLE.replace('data["x"] * model', "[type(v).__name__ for v in data['x']]")
        folder = make_folder(tmp_path / "m", custom=custom)
        rows = "x\n" + "1\n" * 300_000 + "one\n"
        assert set(score(folder, rows).predictions["Predictions"]) == {"str"}


def answering(expression: str, extra: str = "") -> str:
    """A custom.py whose score hook returns `expression`."""
    return (
        "import numpy as np\nimport pandas as pd\n\n"
        "def load_model(code_dir):\n    return 1\n\n"
        f"def score(data, model, **kwargs):\n    return {expression}\n{extra}"
    )


class TestScoreHook:
    """What a score hook may not return."""

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("None", "The hook score must return a pandas DataFrame, got NoneType"),
            ("data['x'].to_numpy()", "must return a pandas DataFrame, got ndarray"),
            ("data['x']", "must return a pandas DataFrame, got Series"),
            ("pd.DataFrame({'a': data['x'], 'b': 1})", "columns 'Predictions' among.*'a', 'b'"),
            ("pd.DataFrame({'p': [1]})", "gave 1 predictions for 2 rows"),
            ("pd.DataFrame()", "must contain only 1 column, got 0"),
        ],
    )
    def test_regression(self, tmp_path: Path, expression: str, expected: str) -> None:
        """An answer that is no column of one value a row says what was expected."""
        folder = make_folder(tmp_path / "m", custom=answering(expression))
        with pytest.raises(PredictionError, match=expected):
            score(folder, "x\n1\n2\n")

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("pd.DataFrame({'yes': [.5, .5], 'no': [.5, .4]})", "do not add up to 1.*row 1"),
            ("pd.DataFrame({'yes': [1.5, 0], 'no': [-.5, 1]})", "negative values.*row 0"),
            ("pd.DataFrame({'yes': [1.5, 0], 'no': [0, 1]})", "above 1.*row 0"),
            ("pd.DataFrame({'yes': [np.nan, 0], 'no': [0, 1]})", "do not add up to 1.*row 0"),
            ("pd.DataFrame({'yes': ['a', 'b'], 'no': [0, 1]})", "must be probabilities, but"),
            ("pd.DataFrame({'yes': [1, 0], 'maybe': [0, 1]})", "'no', 'yes'.*'yes', 'maybe'"),
            ("pd.DataFrame({'yes': [1, 0], 'a': [0, 1], 'b': 2})", "'no' missing"),
            ("pd.DataFrame({'yes': [2, 0]})", "negative values"),
        ],
    )
    def test_binary(self, tmp_path: Path, expression: str, expected: str) -> None:
        """Probabilities that are none name the rows, or the labels."""
        folder = make_folder(tmp_path / "m", metadata=BINARY, custom=answering(expression))
        with pytest.raises(PredictionError, match=expected):
            score(folder, "x\n1\n2\n")

    def test_multiclass_with_too_few_columns(self, tmp_path: Path) -> None:
        """A multiclass answer needs a column for each label."""
        custom = answering("pd.DataFrame({'setosa': [1.0]})")
        folder = make_folder(tmp_path / "m", metadata=MULTICLASS, custom=custom)
        with pytest.raises(PredictionError, match="'setosa', 'versicolor', 'virginica'"):
            score(folder, "x\n1\n")

    @pytest.mark.parametrize(
        ("expression", "yes"),
        [
            ("pd.DataFrame({'p': [.25, .5]})", [0.25, 0.5]),
            ("pd.DataFrame({'yes': [.25, .5]})", [0.25, 0.5]),
            ("pd.DataFrame({'no': [.25, .5]})", [0.75, 0.5]),
            ("pd.DataFrame([[.25, .75], [.5, .5]])", [0.75, 0.5]),
            ("pd.DataFrame({'yes': [.25, .5], 'no': [.75, .5]})", [0.25, 0.5]),
            ("pd.DataFrame({'YES': [.25, .5], 0: [.75, .5]})", [0.25, 0.5]),
        ],
    )
    def test_binary_without_names_follows_the_documentation(
        self, tmp_path: Path, expression: str, yes: list[float]
    ) -> None:
        """One column is the positive class's probability; of two, the first is the negative's."""
        folder = make_folder(tmp_path / "m", metadata=BINARY, custom=answering(expression))
        assert score(folder, "x\n1\n2\n").predictions["yes"].tolist() == yes

    def test_extra_columns_follow_the_predictions(self, tmp_path: Path) -> None:
        """Extra columns come after the prediction columns, in the hook's order."""
        expression = "pd.DataFrame({'z': 'a', 'yes': [1, 0], 'no': [0, 1], 'b': [1, 2]})"
        folder = make_folder(tmp_path / "m", metadata=BINARY, custom=answering(expression))
        assert list(score(folder, "x\n1\n2\n").predictions.columns) == ["yes", "no", "z", "b"]


class TestOtherHooks:
    """read_input_data, transform and post_process."""

    def test_order_and_arguments(self, tmp_path: Path) -> None:
        """The hooks are called in DRUM's order, each with what the one before made."""
        custom = """
            import io
            import pandas as pd

            calls = []

            def init(code_dir):
                calls.append("init")

            def load_model(code_dir):
                calls.append("load_model")
                return 10

            def read_input_data(input_binary_data):
                calls.append("read_input_data")
                return pd.read_csv(io.BytesIO(input_binary_data), sep=";")

            def transform(data, model):
                calls.append("transform")
                return data + model

            async def score(data, model, target_type, mimetype, binary_data):
                assert (target_type.value, mimetype) == ("regression", "text/csv")
                assert binary_data == b"x;y\\n1;2\\n"
                calls.append("score")
                return pd.DataFrame({"p": data["x"], "q": 5}).rename(columns={"p": "Predictions"})

            def post_process(predictions, model):
                calls.append("post_process")
                assert list(predictions.columns) == ["Predictions"]
                return predictions * 2 + len(calls)
        """
        folder = make_folder(tmp_path / "m", custom=custom)
        frame = score(folder, "x;y\n1;2\n").predictions
        assert frame.to_dict("list") == {"Predictions": [28], "q": [5]}

    @pytest.mark.parametrize(
        ("hook", "expected"),
        [
            ("def transform(data, model): return None", "transform must return a pandas DataFrame"),
            ("def transform(data, model): return data.head(1)", "1 predictions for 2 rows"),
            (
                "def post_process(p, model): return p.to_numpy()",
                "post_process must return a pandas",
            ),
            ("def post_process(p, model): return p.head(1)", "post_process gave 1 predictions"),
            ("def post_process(p, model): return p.assign(q=1)", "must not add columns"),
            ("def read_input_data(b): raise ValueError('odd')", r"read_input_data.*line \d+.*odd"),
        ],
    )
    def test_wrong_answers(self, tmp_path: Path, hook: str, expected: str) -> None:
        """A hook that returns the wrong thing is named, with what was expected."""
        folder = make_folder(tmp_path / "m", custom=f"{DOUBLE}\n{hook}\n")
        with pytest.raises(PredictionError, match=expected):
            score(folder, "x\n1\n2\n")
