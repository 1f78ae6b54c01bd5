"""Labels that look like numbers or truth values: what is the same, and how it is spelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from drum_core.errors import PredictionError
from tests.core.served import post, serving
from tests.core.test_score import score
from tests.model_folders import BINARY, MULTICLASS, binary_model, make_folder

CSV = ("Content-Type", "text/csv")


def binary(positive: str, negative: str) -> str:
    """model-metadata.yaml of a binary model with those labels, as they are written."""
    return BINARY.replace("yes\n", f"{positive}\n").replace("no\n", f"{negative}\n")


def multiclass(*labels: str) -> str:
    """model-metadata.yaml of a multiclass model with those labels, as they are written."""
    head = MULTICLASS.partition("    - setosa")[0]
    return head + "".join(f"    - {label}\n" for label in labels)


def frame_of(columns: list[object], row: list[float]) -> str:
    """A custom.py that predicts one row of those columns."""
    return (
        "import numpy as np\nimport pandas as pd\n\ndef score(data, model, **kwargs):\n"
        f"    return pd.DataFrame([{row!r}], columns={columns!r})\n"
    )


@pytest.mark.parametrize("written", [("1", "0"), ("1.0", "0.0"), ("True", "False"), ("yes", "no")])
@pytest.mark.parametrize(
    "classes", [("0", "1"), (0, 1), (0.0, 1.0), (False, True), ("no", "yes"), ("False", "True")]
)
def test_numbers_and_truth_values_are_the_same(
    tmp_path: Path, written: tuple[str, str], classes: tuple[object, object]
) -> None:
    """`1`, `1.0`, `True` and `yes` are one label; it is spelled as the metadata spell it."""
    folder = make_folder(tmp_path / "m", metadata=binary(*written), artifact=binary_model(classes))
    output = tmp_path / "out.csv"
    score(folder, "x\n3\n", output=output)
    assert output.read_text().splitlines()[0] == f"{written[1]},{written[0]}"
    with serving(folder) as host:
        predictions = post(host, "x\n3\n", CSV).json()["predictions"]
    assert isinstance(predictions, list)
    assert list(predictions[0]) == [written[1], written[0]]
    assert predictions[0][written[0]] > 0.9


@pytest.mark.parametrize(
    ("positive", "negative", "first"),
    [("0", "1", "0"), ("0.0", "1.0", "0.0"), ("False", "True", "False")],
)
def test_positive_class_zero(tmp_path: Path, positive: str, negative: str, first: str) -> None:
    """The order is the model's, whichever class is the positive one."""
    folder = make_folder(
        tmp_path / "m", metadata=binary(positive, negative), artifact=binary_model((0, 1))
    )
    frame = score(folder, "x\n3\n").predictions
    assert list(frame.columns) == [first, negative]
    assert frame[negative].iloc[0] > 0.9


@pytest.mark.parametrize(
    "columns", [[1, 0], ["1", "0"], [1.0, 0.0], [True, False], ["yes", "NO"], [np.int64(1), "off"]]
)
def test_columns_of_a_hook(tmp_path: Path, columns: list[object]) -> None:
    """The columns of a score hook are told by the same rule, in any order."""
    folder = make_folder(
        tmp_path / "m",
        metadata=binary("1", "0"),
        custom=frame_of(columns, [0.75, 0.25]),
    )
    frame = score(folder, "x\n3\n").predictions
    assert frame.to_dict(orient="list") == {"1": [0.75], "0": [0.25]}


@pytest.mark.parametrize(
    ("positive", "negative"),
    [("1", "0"), ("yes", "no"), ("True", "False"), ("cat", "dog"), ("0", "1")],
)
def test_column_that_pandas_has_numbered(tmp_path: Path, positive: str, negative: str) -> None:
    """One column without a name is the positive class, also where its number reads as a label."""
    custom = """
        import pandas as pd
        def score(data, model): return pd.DataFrame([0.25])
    """
    folder = make_folder(tmp_path / "m", metadata=binary(positive, negative), custom=custom)
    assert score(folder, "x\n1\n").predictions[positive].tolist() == [0.25]


@pytest.mark.parametrize(
    ("columns", "found"),
    [(["a", "b"], "'a', 'b'"), ([1, 2], "'1', '2'"), (["1", 1.0], "'1', '1.0'")],
)
def test_columns_with_other_names(tmp_path: Path, columns: list[object], found: str) -> None:
    """Columns that are not the labels are an error that names both sets."""
    folder = make_folder(
        tmp_path / "m", metadata=binary("1", "0"), custom=frame_of(columns, [0.75, 0.25])
    )
    with pytest.raises(PredictionError, match=rf"'0', '1'.*{found}"):
        score(folder, "x\n3\n")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("1", "2", "3"), (1, 2, 3)),
        (("1.0", "2.0", "3.0"), (1, 2, 3)),
        (("1", "2", "3"), ("1.0", "2.0", "3.0")),
        (("007", "8", "9"), (7, 8, 9)),
        (("no", "maybe", "YES"), (False, "maybe", True)),
        (("1", "TRUE", "x"), ("1", "TRUE", "x")),
        (("nan", "inf", "x"), ("nan", "inf", "x")),
        (("NaN", "INF", "x"), ("nan", "inf", "X")),
    ],
)
def test_several_classes(
    tmp_path: Path, labels: tuple[str, ...], classes: tuple[object, ...]
) -> None:
    """Labels of several classes match by meaning, and exactly where meanings collide."""
    custom = frame_of(list(classes), [0.5, 0.3, 0.2])
    folder = make_folder(tmp_path / "m", metadata=multiclass(*labels), custom=custom)
    frame = score(folder, "x\n3\n").predictions
    assert frame.to_dict(orient="list") == dict(zip(labels, ([0.5], [0.3], [0.2]), strict=True))


def test_labels_by_option(tmp_path: Path) -> None:
    """Labels of options are texts, spelled in the output as they are given."""
    folder = make_folder(tmp_path / "m", metadata=None, artifact=binary_model((0, 1)))
    frame = score(
        folder,
        "x\n3\n",
        target_type="binary",
        positive_class_label="1.0",
        negative_class_label="0.0",
    ).predictions
    assert list(frame.columns) == ["0.0", "1.0"]


def test_whole_number_classes_of_three(tmp_path: Path) -> None:
    """A classifier trained on integers has the labels as the metadata spell them."""
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
    model = LogisticRegression().fit(rows, np.array([1, 1, 2, 2, 3, 3]))
    folder = make_folder(tmp_path / "m", metadata=multiclass("3.0", "1.0", "2.0"), artifact=model)
    assert list(score(folder, "x\n3\n").predictions.columns) == ["1.0", "2.0", "3.0"]


class TestExtraColumns:
    """Classes among other columns of a score hook."""

    def test_exact_names_are_predictions(self, tmp_path: Path) -> None:
        """Columns called exactly as the labels are predictions, in the model's order."""
        custom = """
            import pandas as pd

            def score(data, model, **kwargs):
                return pd.DataFrame({"why": ["x"], "1": [0.75], 3: [7], "0": [0.25]})
        """
        folder = make_folder(tmp_path / "m", metadata=binary("1", "0"), custom=custom)
        frame = score(folder, "x\n3\n").predictions
        assert list(frame.columns) == ["1", "0", "why", "3"]
        assert frame.iloc[0].tolist() == [0.75, 0.25, "x", 7]

    def test_other_spellings_are_missing(self, tmp_path: Path) -> None:
        """Among other columns a label must be spelled exactly."""
        custom = frame_of(["1.0", "0.0", "why"], [0.75, 0.25, 1.0])
        folder = make_folder(tmp_path / "m", metadata=binary("1", "0"), custom=custom)
        with pytest.raises(PredictionError, match="'0', '1' missing"):
            score(folder, "x\n3\n")


class TestMissingProbabilities:
    """What is no number among probabilities."""

    @pytest.mark.parametrize("value", ["None", "np.nan", "pd.NA", "'x'", "pd.NaT"])
    def test_is_refused(self, tmp_path: Path, value: str) -> None:
        """A probability that is missing or a text is an error, not a crash."""
        custom = (
            "import numpy as np\nimport pandas as pd\n\ndef score(data, model, **kwargs):\n"
            f"    return pd.DataFrame({{'yes': [{value}], 'no': [0.5]}}, dtype=object)\n"
        )
        folder = make_folder(tmp_path / "m", metadata=BINARY, custom=custom)
        with pytest.raises(PredictionError, match=r"do not add up to 1|must be probabilities"):
            score(folder, "x\n3\n")

    def test_nullable_numbers(self, tmp_path: Path) -> None:
        """Probabilities of a nullable type are numbers."""
        custom = """
            import pandas as pd

            def score(data, model, **kwargs):
                return pd.DataFrame({"yes": [0.75], "no": [0.25]}, dtype="Float64")
        """
        folder = make_folder(tmp_path / "m", metadata=BINARY, custom=custom)
        with serving(folder) as host:
            answer = post(host, "x\n3\n", CSV)
        assert answer.body == b'{"predictions":[{"yes":0.75,"no":0.25}]}'

    def test_missing_numbers_are_null(self, tmp_path: Path) -> None:
        """A missing prediction of a regression model is null, whatever it is called."""
        custom = """
            import pandas as pd

            def score(data, model, **kwargs):
                return pd.DataFrame({"p": pd.array([1, None, 3], dtype="Int64")})
        """
        folder = make_folder(tmp_path / "m", custom=custom)
        with serving(folder) as host:
            assert post(host, "x\n1\n2\n3\n", CSV).body == b'{"predictions":[1.0,null,3.0]}'
