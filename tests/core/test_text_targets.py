"""Text, places and other targets of one column: names, values and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drum_core import ServerOptions, TargetType
from drum_core.errors import InputError, OptionConflictError, PredictionError
from drum_core.model.metadata import Metadata
from drum_core.model.target import (
    AnomalyTarget,
    GeoPointTarget,
    RegressionTarget,
    Target,
    TextTarget,
    TransformTarget,
    UnstructuredTarget,
    resolve_target,
)
from tests.core.served import get, post, serving
from tests.core.test_score import score
from tests.model_folders import REGRESSION, linear_model, make_folder

CSV = ("Content-Type", "text/csv")
TEXT_KINDS = ["textgeneration", "vectordatabase", "agenticworkflow"]
FREE_KINDS = [*TEXT_KINDS, "geopoint"]
"""Targets whose predictions are not made numbers."""

MIXED = """\
import pandas as pd

def score(data, model, **kwargs):
    return pd.DataFrame({"anything": ["a, b", 1, 2.5, True, None, "ü"][:len(data)]})
"""
"""A custom.py that predicts values of several types."""


def metadata_of(kind: str, name: str | None = "answer") -> str:
    """model-metadata.yaml of a model of that kind."""
    text = REGRESSION.replace("regression", kind)
    return text if name is None else f"{text}inferenceModel:\n  targetName: {name}\n"


def frame_of(**columns: list[object]) -> str:
    """A custom.py that predicts those columns, whatever it is given."""
    return (
        "import pandas as pd\n\ndef score(data, model, **kwargs):\n"
        f"    return pd.DataFrame({columns!r})\n"
    )


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (TargetType.REGRESSION, RegressionTarget()),
        (TargetType.ANOMALY, AnomalyTarget()),
        (TargetType.GEO_POINT, GeoPointTarget()),
        (TargetType.UNSTRUCTURED, UnstructuredTarget()),
        (TargetType.TRANSFORM, TransformTarget()),
        (TargetType.TEXT_GENERATION, TextTarget(TargetType.TEXT_GENERATION, "t")),
        (TargetType.VECTOR_DATABASE, TextTarget(TargetType.VECTOR_DATABASE, "t")),
        (TargetType.AGENTIC_WORKFLOW, TextTarget(TargetType.AGENTIC_WORKFLOW, "t")),
    ],
)
def test_targets_without_labels(tmp_path: Path, kind: TargetType, target: Target) -> None:
    """Each target type is resolved; those of texts have the name of their column."""
    options = ServerOptions(code_dir=tmp_path, target_type=kind, target_name="t")
    assert resolve_target(options, None) == target


class TestTargetName:
    """Where the name of the column comes from."""

    def target(
        self, path: Path, *, option: str | None = None, written: str | None = None
    ) -> Target:
        """The target of a text generation model."""
        content: dict[str, object] = {
            "name": "n",
            "type": "inference",
            "targetType": "textgeneration",
        }
        if written is not None:
            content["inferenceModel"] = {"targetName": written}
        options = ServerOptions(code_dir=path, target_name=option)
        return resolve_target(options, Metadata.model_validate(content))

    @pytest.mark.parametrize(
        ("option", "variable", "written", "name"),
        [
            ("option", "variable", "written", "option"),
            (None, "variable", "written", "variable"),
            (None, None, "written", "written"),
            (None, "", "written", "written"),
            (None, " ", "written", "written"),
            (None, '"quoted"', None, '"quoted"'),
        ],
    )
    def test_precedence(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        option: str | None,
        variable: str | None,
        written: str | None,
        name: str,
    ) -> None:
        """The option, else the variable, else the metadata; what is blank does not count."""
        if variable is not None:
            monkeypatch.setenv("TARGET_NAME", variable)
        target = self.target(tmp_path, option=option, written=written)
        assert target == TextTarget(TargetType.TEXT_GENERATION, name)

    @pytest.mark.parametrize("variable", [None, "", "  "])
    def test_nowhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
    ) -> None:
        """Without a name there is no text model."""
        if variable is not None:
            monkeypatch.setenv("TARGET_NAME", variable)
        with pytest.raises(OptionConflictError, match="textgeneration model needs the name"):
            self.target(tmp_path)


@pytest.mark.parametrize("kind", FREE_KINDS)
def test_values_stay_what_they_are(tmp_path: Path, kind: str) -> None:
    """Texts, numbers and truth values of a text or place model are not made numbers."""
    folder = make_folder(tmp_path / "m", metadata=metadata_of(kind), custom=MIXED)
    rows = "x\n1\n2\n3\n4\n5\n6\n"
    with serving(folder) as host:
        answer = post(host, rows, CSV)
        assert get(host, "/info/").json()["targetType"] == kind
    assert answer.body == '{"predictions":["a, b",1,2.5,true,null,"ü"]}'.encode()
    output = tmp_path / "out.csv"
    result = score(folder, rows, output=output)
    assert list(result.predictions.columns) == ["Predictions"]
    assert output.read_text("utf-8") == 'Predictions\n"a, b"\n1\n2.5\nTrue\n""\nü\n'


@pytest.mark.parametrize("kind", ["regression", "anomaly"])
def test_numbers_are_numbers(tmp_path: Path, kind: str) -> None:
    """Predictions that read as numbers are numbers for the server, and as given in a file."""
    custom = frame_of(p=["1", 1, 1.0, True])
    folder = make_folder(tmp_path / "m", metadata=metadata_of(kind, None), custom=custom)
    rows = "x\n1\n2\n3\n4\n"
    with serving(folder) as host:
        assert post(host, rows, CSV).body == b'{"predictions":[1.0,1.0,1.0,1.0]}'
    output = tmp_path / "out.csv"
    score(folder, rows, output=output)
    assert output.read_text() == "Predictions\n1\n1\n1.0\nTrue\n"


def test_number_model_of_places(tmp_path: Path) -> None:
    """A model of numbers can predict places."""
    folder = make_folder(tmp_path / "m", metadata=metadata_of("geopoint"), artifact=linear_model())
    frame = score(folder, "a,b\n1,1\n").predictions
    assert frame["Predictions"].tolist() == pytest.approx([4.0])


@pytest.mark.parametrize("kind", TEXT_KINDS)
def test_column_among_others(tmp_path: Path, kind: str) -> None:
    """Among several columns the one called as the target holds the texts; others are extra."""
    custom = frame_of(why=["x"], answer=["yes"], n=[1])
    folder = make_folder(tmp_path / "m", metadata=metadata_of(kind), custom=custom)
    frame = score(folder, "q\n1\n").predictions
    assert frame.to_dict(orient="list") == {"Predictions": ["yes"], "why": ["x"], "n": [1]}
    with serving(folder) as host:
        assert post(host, "q\n1\n", CSV).json() == {
            "predictions": ["yes"],
            "extraModelOutput": {"columns": ["why", "n"], "index": [0], "data": [["x", 1]]},
        }


@pytest.mark.parametrize(
    ("name", "columns", "text"),
    [
        ('"answer"', {"answer": ["yes"], "n": [1]}, "yes"),
        ('"answer"', {"answer": ["no"], '"answer"': ["yes"]}, "yes"),
        ("1", {1: ["yes"], "n": [1]}, "yes"),
        ("answer", {"other": ["yes"]}, "yes"),
    ],
)
def test_spellings_of_the_column(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    columns: dict[str, list[object]],
    text: str,
) -> None:
    """Quotes around the name go if no column has them; an only column may have any name."""
    monkeypatch.setenv("TARGET_NAME", name)
    custom = (
        "import pandas as pd\n\ndef score(data, model, **kwargs):\n"
        f"    return pd.DataFrame({columns!r})\n"
    )
    metadata = metadata_of("textgeneration", None)
    folder = make_folder(tmp_path / "m", metadata=metadata, custom=custom)
    assert score(folder, "q\n1\n").predictions["Predictions"].tolist() == [text]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [("textgeneration", "answer"), ("geopoint", "Predictions"), ("regression", "Predictions")],
)
def test_column_that_is_missing(tmp_path: Path, kind: str, wanted: str) -> None:
    """Of several columns one must be called as it should be; the error names all."""
    folder = make_folder(
        tmp_path / "m", metadata=metadata_of(kind), custom=frame_of(a=["x"], b=["y"])
    )
    with pytest.raises(PredictionError, match=f"columns '{wanted}'.*'a', 'b'"):
        score(folder, "q\n1\n")


def test_column_that_is_there_twice(tmp_path: Path) -> None:
    """Two columns of the name are an error."""
    custom = """
        import pandas as pd

        def score(data, model, **kwargs):
            return pd.DataFrame([["a", "b"]], columns=["answer", "answer"])
    """
    folder = make_folder(tmp_path / "m", metadata=metadata_of("agenticworkflow"), custom=custom)
    with pytest.raises(PredictionError, match="twice"):
        score(folder, "q\n1\n")


def test_post_process_of_texts(tmp_path: Path) -> None:
    """post_process sees the texts as Predictions, without the extra columns, which stay."""
    custom = frame_of(answer=["yes"], n=[1]) + (
        "\ndef post_process(predictions, model):\n"
        "    assert list(predictions.columns) == ['Predictions']\n"
        "    return predictions + '!'\n"
    )
    folder = make_folder(tmp_path / "m", metadata=metadata_of("textgeneration"), custom=custom)
    frame = score(folder, "q\n1\n").predictions
    assert frame.to_dict(orient="list") == {"Predictions": ["yes!"], "n": [1]}


@pytest.mark.parametrize("value", ["object()", "{1: object()}"])
def test_values_that_json_has_not(tmp_path: Path, value: str) -> None:
    """A prediction that JSON has no form for is 500, saying so."""
    custom = (
        "import pandas as pd\n\ndef score(data, model, **kwargs):\n"
        f"    return pd.DataFrame({{'p': [{value}]}})\n"
    )
    folder = make_folder(tmp_path / "m", metadata=metadata_of("geopoint"), custom=custom)
    with serving(folder) as host:
        answer = post(host, "q\n1\n", CSV)
    assert answer.status == 500
    assert "JSON" in str(answer.json()["message"])


class TestPrompts:
    """A text model that only chats, scored on prompts."""

    CHAT = """
        import json

        class Answer(dict):
            object = "chat.completion"

            def to_dict(self):
                return dict(self)

        def chat(params, model):
            text = params["messages"][-1]["content"].upper()
            return Answer(object="chat.completion", choices=[
                {"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": text}}
            ])
    """
    STREAM = """
        import json

        class Chunk:
            object = "chat.completion.chunk"

            def __init__(self, text):
                self.text = text

            def to_json(self, indent=None):
                return json.dumps({"choices": [{"index": 0, "delta": {"content": self.text}}]})

        async def chat(params, model):
            for word in params["messages"][-1]["content"].split():
                yield Chunk(word + ".")
    """

    def folder(self, path: Path, custom: str) -> Path:
        """A text model with that hook."""
        return make_folder(path / "m", metadata=metadata_of("textgeneration"), custom=custom)

    def test_answers_are_predictions(self, tmp_path: Path) -> None:
        """Each row is a prompt of its own, and its answer the prediction, in both modes."""
        folder = self.folder(tmp_path, self.CHAT)
        rows = "id,promptText\n1,hello\n2,\n3,wörld\n4,17\n"
        expected = ["HELLO", "", "WÖRLD", "17"]
        assert score(folder, rows).predictions["Predictions"].tolist() == expected
        with serving(folder) as host:
            assert post(host, rows, CSV).json() == {"predictions": expected}

    def test_prompts_stay_as_they_are(self, tmp_path: Path) -> None:
        """A prompt in a table without types is a text, also when it looks like a number."""
        rows = "id,promptText\n1,1\n2,\n3,1e3\n4,1.50\n5,007\n"
        frame = score(self.folder(tmp_path, self.CHAT), rows).predictions
        assert frame["Predictions"].tolist() == ["1", "", "1E3", "1.50", "007"]

    def test_prompt_is_the_only_column(self, tmp_path: Path) -> None:
        """In a table of prompts alone, an empty line is an empty prompt."""
        frame = score(self.folder(tmp_path, self.CHAT), "promptText\n1\n\ntrue\n").predictions
        assert frame["Predictions"].tolist() == ["1", "", "TRUE"]

    def test_missing_prompts_of_any_type(self, tmp_path: Path) -> None:
        """A missing prompt is an empty one, also of categories and of numbers."""
        hook = """
        def read_input_data(data):
            import pandas as pd

            frame = pd.read_csv(pd.io.common.BytesIO(data))
            frame["promptText"] = frame["promptText"].astype(frame["kind"][0])
            return frame
        """
        folder = self.folder(tmp_path, self.CHAT + hook)
        for kind, rows, expected in (
            ("category", ["a", "", "b"], ["A", "", "B"]),
            ("Int64", ["1", "", "2"], ["1", "", "2"]),
        ):
            text = "kind,promptText\n" + "".join(f"{kind},{row}\n" for row in rows)
            assert score(folder, text).predictions["Predictions"].tolist() == expected

    def test_streamed_answers(self, tmp_path: Path) -> None:
        """An answer in chunks is put together, also one of an asynchronous hook."""
        frame = score(self.folder(tmp_path, self.STREAM), "promptText\na b\nc\n").predictions
        assert frame["Predictions"].tolist() == ["a.b.", "c."]

    def test_column_by_parameter(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A runtime parameter names the column with the prompts."""
        content = json.dumps({"type": "string", "payload": "question"})
        monkeypatch.setenv("MLOPS_RUNTIME_PARAM_PROMPT_COLUMN_NAME", content)
        folder = self.folder(tmp_path, self.CHAT)
        assert score(folder, "question\nhow\n").predictions["Predictions"].tolist() == ["HOW"]

    def test_no_prompts(self, tmp_path: Path) -> None:
        """A table without the column is an error that names it, and how to name another."""
        with pytest.raises(InputError, match=r"'promptText'.*PROMPT_COLUMN_NAME"):
            score(self.folder(tmp_path, self.CHAT), "question\nhow\n")


class TestKeywords:
    """What a score hook is told."""

    TELL = """
        import json
        import pandas as pd

        def score(data, model, **kwargs):
            told = {name: str(value) for name, value in sorted(kwargs.items())}
            return pd.DataFrame({"p": [json.dumps(told)] * len(data)})
    """

    def test_in_a_file_and_on_a_server(self, tmp_path: Path) -> None:
        """Both tell the bytes, the format and the target; only a server tells a charset."""
        folder = make_folder(tmp_path / "m", metadata=metadata_of("geopoint"), custom=self.TELL)
        frame = score(folder, "x\n1\n").predictions
        told = json.loads(str(frame["Predictions"].iloc[0]))
        assert told == {
            "binary_data": "b'x\\n1\\n'",
            "mimetype": "text/csv",
            "sparse_colnames": "None",
            "target_type": str(TargetType.GEO_POINT),
        }
        with serving(folder) as host:
            plain = post(host, "x\n1\n", CSV).json()["predictions"]
            named = post(host, "x\n1\n", ("Content-Type", "text/csv; charset=latin-1")).json()
        assert isinstance(plain, list)
        assert json.loads(plain[0]) == told | {"charset": "utf-8"}
        assert isinstance(named["predictions"], list)
        assert json.loads(named["predictions"][0])["charset"] == "latin-1"
