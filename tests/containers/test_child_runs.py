from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, PerfTestOptions, PushOptions, PushResult
from drum_core.child_server import child_server, server_arguments
from drum_core.upload.errors import PushError
from tests.containers.engine_service import FakeEngine
from tests.push.platform_service import TOKEN, running_platform

IMAGE = "local/image:1"


def test_the_server_of_a_performance_test(engine: FakeEngine, model: Path, rows: Path) -> None:
    """The server that is measured runs in the container, is asked from outside, and is gone."""
    options = PerfTestOptions(code_dir=model, input=rows, docker=IMAGE, memory="1g")
    words, variables = server_arguments(options)
    with child_server([f"--code-dir={model}", *words], variables=variables) as server:
        request = urllib.request.Request(
            f"{server.url}/predict/",
            data=b"x\n5\n",
            headers={"Content-Type": "text/csv", **server.headers},
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            assert json.load(reply) == {"predictions": [10.0]}
        (run,) = engine.runs
        assert run.host["Memory"] == 1024**3
        assert "DRUM_SERVER_TOKEN" in run.variables
        assert not run.removed
    assert run.removed


def pushed(model: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[PushResult, list[str]]:
    """A push whose check is in a container; what it gave, and the calls of the service."""
    (model / "rows.csv").write_text("x\n1\n")
    (model / "model-metadata.yaml").write_text(
        "name: m\ntype: inference\ntargetType: regression\nenvironmentID: e\n"
        "validation:\n  input: rows.csv\ninferenceModel:\n  targetName: y\n"
    )
    with running_platform() as platform:
        monkeypatch.setenv("DATAROBOT_ENDPOINT", platform.endpoint)
        monkeypatch.setenv("DATAROBOT_API_TOKEN", TOKEN)
        monkeypatch.delenv("DATAROBOT_CONFIG_FILE", raising=False)
        options = PushOptions(code_dir=model, docker=IMAGE)
        with DrumRuntime(options) as runtime:
            try:
                return CMRunner(runtime).run(), platform.names()
            except PushError:
                assert platform.calls == []
                raise


def test_the_check_of_a_push(
    engine: FakeEngine, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is tried in the container, and uploaded from here."""
    result, names = pushed(model, monkeypatch)
    assert result.check.endswith("in a container of local/image:1")
    assert names[-1] == "POST customModels/model1/versions/"
    (run,) = engine.runs
    assert run.words[:2] == ["drum", "score"]
    assert not [name for name in run.variables if name.startswith("DATAROBOT")]


def test_the_check_of_a_push_that_fails(
    engine: FakeEngine, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the container said is in the error, and nothing is sent."""
    (model / "custom.py").write_text("def load_model(code_dir):\n    raise ValueError('broken')\n")
    with pytest.raises(PushError, match=r"ended with 1\. It said:\n(.|\n)*broken"):
        pushed(model, monkeypatch)
