"""`drum_inline_predictor`: a model in this process, under DRUM's name."""

from __future__ import annotations

from pathlib import Path

import pytest

from drum_core.cli.inline import drum_inline_predictor
from drum_core.environment import environment
from drum_core.errors import DrumError
from tests.core.mlops_service import spool, spooled
from tests.model_folders import BINARY, DOUBLE, REGRESSION, binary_model, make_folder


def test_predicts(tmp_path: Path) -> None:
    """It predicts, tells of the model, and leaves the environment alone."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    before = dict(environment())
    with drum_inline_predictor("regression", str(folder), "target") as predictor:
        found = predictor.predict(binary_data=b"x\n1\n", mimetype="text/csv; charset=utf-8")
        assert found.predictions.to_dict("list") == {"Predictions": [2]}
        assert found.extra_model_output is None
        assert predictor.model_info()["targetType"] == "regression"
        assert predictor.get_supported_llm_models() == []
        with pytest.raises(DrumError, match="cannot transform"):
            predictor.transform(binary_data=b"x\n1\n")
        assert dict(environment()) == before


def test_labels_as_options(tmp_path: Path) -> None:
    """Options of `drum score` are taken, labels among them."""
    folder = make_folder(tmp_path / "m", metadata=None, artifact=binary_model())
    words = ("--positive-class-label", "yes", "--negative-class-label", "no")
    with drum_inline_predictor("binary", str(folder), "", *words) as predictor:
        found = predictor.predict(binary_data=b"x\n5\n").predictions
        assert list(found.columns) == ["no", "yes"]
        assert found["yes"].iloc[0] > 0.9


def test_text_target_name(tmp_path: Path) -> None:
    """The target name says which column of a text model is the prediction."""
    custom = """\
        import pandas as pd

        def load_model(code_dir):
            return 1

        def score(data, model, **kwargs):
            return pd.DataFrame({"said": data["x"].astype(str), "more": [1] * len(data)})
        """
    metadata = REGRESSION.replace("regression", "textgeneration")
    folder = make_folder(tmp_path / "m", metadata=metadata, custom=custom)
    with drum_inline_predictor("textgeneration", str(folder), "said") as predictor:
        found = predictor.predict(binary_data=b"x\nhi\n")
        assert found.predictions.to_numpy().tolist() == [["hi"]]
        assert found.extra_model_output is not None
        assert found.extra_model_output.to_dict("list") == {"more": [1]}


def test_unstructured(tmp_path: Path) -> None:
    """An unstructured model gives text for text, bytes for bytes, None for None."""
    custom = """\
        def load_model(code_dir):
            return 1

        def score_unstructured(model, data, **kwargs):
            return None if data in ("none", b"none") else data
        """
    metadata = REGRESSION.replace("regression", "unstructured")
    folder = make_folder(tmp_path / "m", metadata=metadata, custom=custom)
    with drum_inline_predictor("unstructured", str(folder), "") as predictor:
        assert predictor.predict_unstructured("hi") == "hi"
        binary = predictor.predict_unstructured(b"hi", mimetype="application/octet-stream")
        assert binary == b"hi"
        assert predictor.predict_unstructured("none") is None


@pytest.mark.parametrize("words", [("--nonsense",), ("--docker", "i"), ("--class-labels", "a")])
def test_wrong_options(
    tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong option ends with SystemExit, after saying what is wrong."""
    folder = make_folder(tmp_path / "m", metadata=BINARY, custom=DOUBLE)
    with (
        pytest.raises(SystemExit),
        drum_inline_predictor("binary", str(folder), "", *words),
    ):
        raise AssertionError("it must not start")
    assert words[0] in capsys.readouterr().err


CHAT = """\
def chat(params, model):
    said = params["messages"][-1]["content"]
    chunk = {"object": "chat.completion.chunk", "choices": [{"delta": {"content": said}}]}
    if params.get("stream"):
        return iter([chunk, chunk])
    return {"object": "chat.completion", "choices": [{"message": {"content": said.upper()}}]}
"""


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of the monitoring library
def test_chats_and_reports(tmp_path: Path) -> None:
    """A chat is answered whole or in chunks, and reported where the options ask for that."""
    folder = make_folder(tmp_path / "m", custom=CHAT)
    place = tmp_path / "spool"
    options = ["--monitor", "--monitor-settings", spool(place)]
    options += ["--deployment-id", "dep1", "--model-id", "mod1"]
    asked: dict[str, object] = {"messages": [{"role": "user", "content": "hi"}]}
    with drum_inline_predictor("regression", str(folder), "", *options) as predictor:
        whole = predictor.chat({**asked, "datarobot_association_id": "mine"})
        assert isinstance(whole, dict)
        assert whole["datarobot_association_id"] == "mine"
        chunks = predictor.chat({**asked, "stream": True})
        assert len(list(chunks)) == 2
    data = [item for item in spooled(place) if "predictions" in item]
    assert [item["predictions"] for item in data] == [["HI"], ["hihi"]]
    assert data[0]["associationIds"] == ["mine"]
    assert data[1]["associationIds"] != [""]
