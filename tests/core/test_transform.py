"""Transform models: hooks and scikit-learn transformers, dense and sparse, over HTTP and files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from drum_core.errors import ArtifactError, HookError, HookFailedError, InputError, PredictionError
from drum_core.serving.media_type import parse_media_type
from drum_core.serving.multipart import parse_form
from drum_core.testing import Answer, DictHost
from tests.core.served import form, get, post, serving
from tests.core.test_score import score
from tests.model_folders import DOUBLE, REGRESSION, make_folder

TRANSFORM = REGRESSION.replace("regression", "transform")
CSV = ("Content-Type", "text/csv")
X = 'name="X"; filename="X.csv"'
Y = 'name="y"; filename="y.csv"'

TWICE = """\
def transform(data, model):
    return data * 2
"""


def folder_of(path: Path, custom: str | None = None, artifact: object = None) -> Path:
    """A transform model."""
    return make_folder(path / "m", metadata=TRANSFORM, custom=custom, artifact=artifact)


def send(host: DictHost, *parts: tuple[str, bytes], target: str = "/transform/") -> Answer:
    """POSTs a form with those parts."""
    body, header = form(*parts)
    return post(host, body, header, target=target)


def parts_of(answer: Answer) -> Sequence[tuple[str, str | None, bytes]]:
    """Name, file name and data of each part of a form that was answered."""
    assert answer.status == 200, answer.body
    media_type = parse_media_type(answer.headers["Content-Type"])
    assert media_type.name == "multipart/form-data"
    return [(part.name, part.file_name, part.data) for part in parse_form(answer.body, media_type)]


@pytest.mark.parametrize("path", ["/transform", "/transform/"])
def test_dense_answer(tmp_path: Path, path: str) -> None:
    """A table comes back as a form of two parts, the CSV with CRLF and no line end at its end."""
    with serving(folder_of(tmp_path, TWICE)) as host:
        answer = post(host, "a,b\n1,x\n2,y\n", CSV, target=path)
    assert parts_of(answer) == [
        ("X.format", None, b"csv"),
        ("X.transformed", "X.transformed", b"a,b\r\n2,xx\r\n4,yy"),
    ]


def test_bytes_of_the_answer(tmp_path: Path) -> None:
    """The form is written as DRUM's clients know it, and the same each time."""
    with serving(folder_of(tmp_path, TWICE)) as host:
        answer = post(host, "a\n1\n", CSV, target="/transform/")
        again = post(host, "a\n1\n", CSV, target="/transform/")
    boundary = answer.headers["Content-Type"].partition("boundary=")[2]
    assert answer.body == again.body
    assert answer.body.decode() == (
        f'--{boundary}\r\nContent-Disposition: form-data; name="X.format"\r\n\r\ncsv\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="X.transformed"; '
        'filename="X.transformed"\r\nContent-Type: application/octet-stream\r\n\r\n'
        f"a\r\n2\r\n--{boundary}--\r\n"
    )


def test_target_comes_back_unchanged(tmp_path: Path) -> None:
    """A file y is given to the hook, and comes back as it was, after the table."""
    custom = """
        def transform(data, model, target):
            data["target"] = 0 if target is None else target["t"]
            return data
    """
    with serving(folder_of(tmp_path, custom)) as host:
        both = send(host, (Y, b"t\n5\n7\n"), (X, b"a\n1\n2\n"))
        alone = send(host, (X, b"a\n1\n2\n"))
    assert parts_of(both) == [
        ("X.format", None, b"csv"),
        ("X.transformed", "X.transformed", b"a,target\r\n1,5\r\n2,7"),
        ("y.format", None, b"csv"),
        ("y.transformed", "y.transformed", b"t\r\n5\r\n7"),
    ]
    assert parts_of(alone)[1][2] == b"a,target\r\n1,0\r\n2,0"
    assert len(parts_of(alone)) == 2


@pytest.mark.parametrize(
    "signature", ["data, model", "data, model, target=None", "X, transformer, y", "*args"]
)
def test_signatures(tmp_path: Path, signature: str) -> None:
    """The hook takes two or three arguments, whatever they are called."""
    first = "args[0]" if signature == "*args" else signature.partition(",")[0]
    custom = f"def transform({signature}):\n    return {first}\n"
    with serving(folder_of(tmp_path, custom)) as host:
        answer = send(host, (X, b"a\n1\n"), (Y, b"t\n5\n"))
    assert [name for name, _, _ in parts_of(answer)][-1] == "y.transformed"


@pytest.mark.parametrize("signature", ["data", "a, b, c, d", ""])
def test_wrong_signatures(tmp_path: Path, signature: str) -> None:
    """A hook with another number of arguments does not load."""
    folder = folder_of(tmp_path, f"def transform({signature}):\n    return None\n")
    called = (
        r"called as transform\(data, model\), or transform\(data, model, target\) for transform"
    )
    with pytest.raises(HookError, match=called):
        score(folder, "a\n1\n")


def test_target_in_a_model_of_tables(tmp_path: Path) -> None:
    """The hook of a model that is no transform model cannot have a target."""
    custom = DOUBLE + "\ndef transform(data, model, target):\n    return data\n"
    with pytest.raises(HookError, match="the target is for transform models only"):
        score(make_folder(tmp_path / "m", custom=custom), "x\n1\n")


def test_read_input_data_reads_the_table_only(tmp_path: Path) -> None:
    """The hook read_input_data reads X; y is read as CSV."""
    custom = """
        import pandas as pd

        def read_input_data(input_binary_data):
            return pd.DataFrame({"size": [len(input_binary_data)]})

        def transform(data, model, target):
            return data.assign(t=target["t"])
    """
    with serving(folder_of(tmp_path, custom)) as host:
        answer = send(host, (X, b"\xff\xff\xff"), (Y, b"t\n5\n"))
    assert parts_of(answer)[1][2] == b"size,t\r\n3,5"


class TestScikitLearn:
    """Transformers without a hook."""

    DATA = pd.DataFrame({"a": [0.0, 2.0], "b": [1.0, 3.0]})

    def test_dense(self, tmp_path: Path) -> None:
        """An array comes back as columns numbered from 0; input columns are found by name."""
        folder = folder_of(tmp_path, artifact=StandardScaler().fit(self.DATA))
        with serving(folder) as host:
            answer = post(host, "b,id,a\n1,9,0\n3,9,2\n", CSV, target="/transform/")
            assert get(host, "/info/").json()["predictor"] is None
        assert parts_of(answer)[1][2] == b"0,1\r\n-1.0,-1.0\r\n1.0,1.0"

    def test_names_of_a_transformer(self, tmp_path: Path) -> None:
        """A transformer that gives a DataFrame names its columns."""
        model = make_pipeline(StandardScaler().set_output(transform="pandas")).fit(self.DATA)
        frame = score(folder_of(tmp_path, artifact=model), "a,b\n0,1\n").predictions
        assert frame.to_dict(orient="list") == {"a": [-1.0], "b": [-1.0]}

    def test_target_rows_are_not_compared(self, tmp_path: Path) -> None:
        """A transformer does not see the target, so its length is not looked at."""
        folder = folder_of(tmp_path, artifact=StandardScaler().fit(self.DATA))
        with serving(folder) as host:
            answer = send(host, (X, b"a,b\n1,2\n"), (Y, b"t\n1\n2\n3\n"))
        assert parts_of(answer)[-1][2] == b"t\r\n1\r\n2\r\n3"

    def test_sparse(self, tmp_path: Path) -> None:
        """A sparse matrix comes back as Matrix Market, with its column names apart."""
        rows = pd.DataFrame({"word": ["a", "b", "c"]})
        folder = folder_of(tmp_path, artifact=OneHotEncoder().fit(rows))
        with serving(folder) as host:
            parts = parts_of(post(host, "word\nc\na\n", CSV, target="/transform/"))
        assert [part[:2] for part in parts] == [
            ("X.format", None),
            ("X.transformed", "X.transformed"),
            ("X.colnames", "X.colnames"),
        ]
        assert parts[0][2] == b"sparse"
        matrix = scipy.sparse.coo_array(scipy.io.mmread(io.BytesIO(parts[1][2]), spmatrix=False))
        assert matrix.toarray().tolist() == [[0, 0, 1], [1, 0, 0]]
        assert parts[2][2] == b"0\n1\n2"

    def test_missing_column(self, tmp_path: Path) -> None:
        """A column the transformer was fitted on and that is missing is named."""
        folder = folder_of(tmp_path, artifact=StandardScaler().fit(self.DATA))
        with pytest.raises(InputError, match="lacks 'b'"):
            score(folder, "a\n1\n")

    def test_failure(self, tmp_path: Path) -> None:
        """What the transformer raises is told."""
        folder = folder_of(tmp_path, artifact=StandardScaler().fit(self.DATA))
        with pytest.raises(HookFailedError, match="transformer raised ValueError"):
            score(folder, "a,b\nx,1\n")

    @pytest.mark.parametrize("artifact", [LinearRegression(), {"a": 1}, [1]])
    def test_no_transformer(self, tmp_path: Path, artifact: object) -> None:
        """An object that does not transform does not load."""
        with pytest.raises(ArtifactError, match="needs a scikit-learn transformer"):
            score(folder_of(tmp_path, artifact=artifact), "a,b\n1,2\n")

    def test_no_artifact(self, tmp_path: Path) -> None:
        """Without a hook there must be an artifact."""
        with pytest.raises(ArtifactError, match="Could not find model artifact"):
            score(folder_of(tmp_path, "def init(code_dir): pass\n"), "a\n1\n")


class TestSparse:
    """Sparse tables of hooks."""

    def matrix_of(self, answer: Answer) -> tuple[list[list[float]], list[str]]:
        """The transformed matrix and the names of its columns."""
        parts = {name: data for name, _, data in parts_of(answer)}
        assert parts["X.format"] == b"sparse"
        matrix = scipy.sparse.coo_array(
            scipy.io.mmread(io.BytesIO(parts["X.transformed"]), spmatrix=False)
        )
        return matrix.toarray().tolist(), parts["X.colnames"].decode().split("\n")

    def test_sparse_frame(self, tmp_path: Path) -> None:
        """A frame of sparse columns is sparse; names are trimmed, and line ends escaped."""
        custom = r"""
            import pandas as pd

            def transform(data, model):
                frame = pd.DataFrame({" a ": [0.0, 0.1], "b\nc": [1.0, 0.0], 7: [0.0, 0.0]})
                return frame.astype(pd.SparseDtype("float", 0.0))
        """
        with serving(folder_of(tmp_path, custom)) as host:
            values, names = self.matrix_of(post(host, "x\n1\n2\n", CSV, target="/transform/"))
        assert values == [[0.0, 1.0, 0.0], [0.1, 0.0, 0.0]]
        assert names == ["a", r"b\nc", "7"]

    def test_cells_with_sparse_rows(self, tmp_path: Path) -> None:
        """Cells that hold SciPy rows make one sparse matrix, columns side by side."""
        custom = """
            import pandas as pd
            from scipy.sparse import csr_matrix

            def transform(data, model):
                one = [csr_matrix([[0, x]]) for x in data["x"]]
                two = [csr_matrix([[x, 0, 0]]) for x in data["x"]]
                return pd.DataFrame({"one": one, "two": two})
        """
        with serving(folder_of(tmp_path, custom)) as host:
            answer = post(host, "x\n1.5\n2\n", CSV, target="/transform/")
        assert self.matrix_of(answer) == (
            [[0, 1.5, 1.5, 0, 0], [0, 2.0, 2.0, 0, 0]],
            ["0", "1", "2", "3", "4"],
        )

    def test_full_precision(self, tmp_path: Path) -> None:
        """Numbers of a sparse table keep every digit."""
        custom = """
            import pandas as pd

            def transform(data, model):
                return data.astype(pd.SparseDtype("float", 0.0))
        """
        value = 0.1 + 0.2
        with serving(folder_of(tmp_path, custom)) as host:
            answer = post(host, f"x\n{value!r}\n0\n", CSV, target="/transform/")
        assert self.matrix_of(answer)[0] == [[value], [0.0]]

    def test_blank_name(self, tmp_path: Path) -> None:
        """A sparse column needs a name."""
        custom = """
            import pandas as pd

            def transform(data, model):
                return pd.DataFrame({" ": pd.arrays.SparseArray([0.0])})
        """
        with serving(folder_of(tmp_path, custom)) as host:
            answer = post(host, "x\n1\n", CSV, target="/transform/")
        assert answer.status == 500
        assert "blank name" in str(answer.json()["message"])

    def test_some_sparse_columns_are_dense(self, tmp_path: Path) -> None:
        """A frame of which only some columns are sparse is dense."""
        custom = """
            import pandas as pd

            def transform(data, model):
                return data.assign(s=pd.arrays.SparseArray([0.0]))
        """
        with serving(folder_of(tmp_path, custom)) as host:
            answer = post(host, "x\n1\n", CSV, target="/transform/")
        assert parts_of(answer)[1][2] == b"x,s\r\n1,0.0"

    def test_score_writes_it_dense(self, tmp_path: Path) -> None:
        """In a file a sparse table is an ordinary one."""
        model = ColumnTransformer([("words", CountVectorizer(), "text")])
        model.fit(pd.DataFrame({"text": ["a1 b1", "b1 c1"]}))
        output = tmp_path / "out.csv"
        result = score(folder_of(tmp_path, artifact=model), "text\nb1 b1\na1\n", output=output)
        assert result.predictions.to_numpy().tolist() == [[0, 2, 0], [1, 0, 0]]
        assert output.read_text() == "0,1,2\n0,2,0\n1,0,0\n"


class TestBadTransforms:
    """Hooks that return something else, and requests that are none."""

    @pytest.mark.parametrize(
        ("returned", "said"),
        [
            ("data, target", "Transformation of the target variable is not supported by DRUM."),
            ("data.head(1)", "2 rows in, 1 out"),
            ("None", "got NoneType"),
            ("'text'", "got str"),
            ("data['x']", "got Series"),
        ],
    )
    def test_returned(self, tmp_path: Path, returned: str, said: str) -> None:
        """What is no table of as many rows is 500, and says what came."""
        custom = f"def transform(data, model, target):\n    return {returned}\n"
        with serving(folder_of(tmp_path, custom)) as host:
            answer = send(host, (X, b"x\n1\n2\n"), (Y, b"t\n1\n2\n"))
        assert answer.status == 500
        assert said in str(answer.json()["message"])

    def test_target_of_another_length(self, tmp_path: Path) -> None:
        """A target with more or fewer rows than the table is an error for a hook."""
        custom = "def transform(data, model, target):\n    return data\n"
        with serving(folder_of(tmp_path, custom)) as host:
            answer = send(host, (X, b"x\n1\n2\n"), (Y, b"t\n1\n"))
        assert answer.status == 500
        assert "y has 1 rows, the data X have 2" in str(answer.json()["message"])

    def test_nothing_sent(self, tmp_path: Path) -> None:
        """A request without a table is 422."""
        with serving(folder_of(tmp_path, TWICE)) as host:
            assert post(host, b"", target="/transform/").status == 422
            assert send(host, (Y, b"t\n1\n")).status == 422

    @pytest.mark.parametrize("path", ["/predict/", "/predictions/", "/invocations"])
    def test_predictions_are_refused(self, tmp_path: Path, path: str) -> None:
        """A prediction of a transform model is 422, naming its route."""
        with serving(folder_of(tmp_path, TWICE)) as host:
            answer = post(host, "x\n1\n", CSV, target=path)
        assert answer.status == 422
        assert answer.json()["message"] == (
            "ERROR: This model has target type 'transform', use the /transform/ endpoint."
        )

    def test_other_models_refuse(self, tmp_path: Path) -> None:
        """A transform request to another model is 422."""
        with serving(make_folder(tmp_path / "m", custom=DOUBLE)) as host:
            assert send(host, (X, b"x\n1\n")).status == 422

    def test_score_reports_it(self, tmp_path: Path) -> None:
        """In batch scoring the same errors end the run."""
        with pytest.raises(PredictionError, match="got NoneType"):
            score(folder_of(tmp_path, "def transform(data, model): pass\n"), "x\n1\n")


def test_server_and_score_agree(tmp_path: Path) -> None:
    """What the server answers is what `drum score` writes, but for line ends."""
    rows = pd.DataFrame({"a": np.linspace(0, 1, 7), "b": np.linspace(3, 11, 7)})
    folder = folder_of(tmp_path, artifact=StandardScaler().fit(rows))
    output = tmp_path / "out.csv"
    score(folder, rows.to_csv(index=False), output=output)
    with serving(folder) as host:
        answer = post(host, rows.to_csv(index=False), CSV, target="/transform/")
    assert parts_of(answer)[1][2].replace(b"\r\n", b"\n") + b"\n" == output.read_bytes()
