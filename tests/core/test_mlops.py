"""MLOps monitoring, by the published client, to a spool file and to a local service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from drum_core import CMRunner, DrumRuntime, ScoreOptions, ServerOptions, TargetType
from drum_core.cli import main
from drum_core.cli.resolve import resolve
from drum_core.errors import MonitoringError, OptionConflictError
from drum_core.options.flag import options_of
from tests.core.mlops_service import Service, running_service, spool, spooled
from tests.core.served import CSV, post, serving
from tests.model_folders import BINARY, DOUBLE, binary_model, make_folder

# The packages use what later versions of pandas and urllib3 will not have.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The inplace keyword"),
    pytest.mark.filterwarnings("ignore:Using an empty collection for 'allowed_methods'"),
]

IDS: Final = {"deployment_id": "dep1", "model_id": "mod1"}
UNSTRUCTURED: Final = "name: u\ntype: inference\ntargetType: unstructured\n"
REPORTING: Final = """\
def load_model(code_dir):
    return 1

def score_unstructured(model, data, mlops=None, **kwargs):
    if mlops is None:
        return "not monitored"
    mlops.report_deployment_stats(7, 1.5)
    return "reported"
"""


@pytest.fixture
def service() -> Iterator[Service]:
    """The service, on a free port."""
    with running_service() as running:
        yield running


@pytest.mark.parametrize("kind", ["regression", "binary"])
def test_predictions_are_reported(tmp_path: Path, kind: str) -> None:
    """After each prediction its number and time are reported, then its rows and what came out."""
    folder = tmp_path / "m"
    if kind == "binary":
        make_folder(folder, metadata=BINARY, artifact=binary_model())
    else:
        make_folder(folder, custom=DOUBLE)
    settings = spool(tmp_path / "spool")
    with serving(
        folder, monitor=True, monitor_settings=settings, deployment_id="dep1", model_id="mod1"
    ) as host:
        assert post(host, "x\n3\n-4\n", *CSV).status == 200
    stats, data = spooled(tmp_path / "spool")
    assert (stats["modelId"], stats["numPredictions"]) == ("mod1", 2)
    assert data["features"] == {"x": [3, -4]}
    if kind == "binary":
        assert data["classNames"] == ["no", "yes"]
        assert isinstance(data["predictions"], list)
        assert [len(row) for row in data["predictions"]] == [2, 2]
    else:
        assert data["predictions"] == [6, -8]


def test_scores_are_reported(tmp_path: Path) -> None:
    """A score reports as a request does."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    (tmp_path / "in.csv").write_text("x\n1\n2\n3\n")
    options = ScoreOptions(
        code_dir=folder,
        input=tmp_path / "in.csv",
        monitor=True,
        monitor_settings=spool(tmp_path / "spool"),
        deployment_id="dep1",
        model_id="mod1",
    )
    with DrumRuntime(options) as runtime:
        assert CMRunner(runtime).run().rows == 3
    assert spooled(tmp_path / "spool")[0]["numPredictions"] == 3


def test_a_report_that_fails_fails_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """When reports cannot be written the prediction is answered, and the log says why."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    place = tmp_path / "spool"
    settings = spool(place).replace("file_max_size=1048576", "file_max_size=100")
    with serving(
        folder, monitor=True, monitor_settings=settings, deployment_id="dep1", model_id="mod1"
    ) as host:
        for _ in range(3):
            assert post(host, "x\n3\n", *CSV).json() == {"predictions": [6.0]}
    assert "could not be reported" in caplog.text


def test_features_that_only_a_hook_reads(tmp_path: Path) -> None:
    """Where no table can be read again, the predictions are reported without features."""
    custom = (
        "import pandas as pd\n\n"
        "def read_input_data(data):\n    return pd.DataFrame({'x': [1.0]})\n\n"
        "def score(data, model, **kwargs):\n    return pd.DataFrame({'Predictions': data['x']})\n"
    )
    folder = make_folder(tmp_path / "m", custom=custom)
    settings = spool(tmp_path / "spool")
    with serving(
        folder, monitor=True, monitor_settings=settings, deployment_id="dep1", model_id="mod1"
    ) as host:
        answer = post(host, b"\x00\x01", ("Content-Type", "application/x-mine"))
        assert answer.json() == {"predictions": [1.0]}
    data = spooled(tmp_path / "spool")[1]
    assert data["predictions"] == [1.0]
    assert "features" not in data


def test_settings_that_make_no_sense(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A channel that the client does not know ends the run with its words."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    (tmp_path / "in.csv").write_text("x\n1\n")
    words = ["score", "-cd", str(folder), "--input", str(tmp_path / "in.csv"), "--monitor"]
    words += [
        "--deployment-id",
        "d",
        "--model-id",
        "m",
        "--monitor-settings",
        "spooler_type=pigeon",
    ]
    assert main(words) == 1
    assert "MLOps monitoring cannot be started" in capsys.readouterr().err


@pytest.mark.parametrize("to", ["api", "file"])
def test_unstructured_hooks_report_themselves(tmp_path: Path, service: Service, to: str) -> None:
    """The hook is given an object that reports to the service, or where the settings say."""
    folder = make_folder(tmp_path / "m", metadata=UNSTRUCTURED, custom=REPORTING)
    with serving(
        folder,
        monitor_embedded=True,
        monitor_settings=spool(tmp_path / "spool") if to == "file" else None,
        webserver=service.url,
        api_token="tok",
        deployment_id="dep1",
        model_id="mod1",
    ) as host:
        assert post(host, "x", target="/predictUnstructured/").body == b"reported"
    if to == "file":
        assert spooled(tmp_path / "spool")[0]["numPredictions"] == 7
        assert service.calls == []
        return
    [(method, path, token, body)] = service.calls
    assert (method, path) == ("POST", "/api/v2/deployments/dep1/predictionRequests/fromJSON/")
    assert token.split() == ["Bearer", "tok"]
    [reported] = json.loads(body)["data"]
    assert (reported["modelId"], reported["numPredictions"]) == ("mod1", 7)


def test_a_hook_without_monitoring_is_given_nothing(tmp_path: Path) -> None:
    """Without --monitor-embedded the hook has no keyword mlops."""
    folder = make_folder(tmp_path / "m", metadata=UNSTRUCTURED, custom=REPORTING)
    with serving(folder) as host:
        assert post(host, "x", target="/predictUnstructured/").body == b"not monitored"


@pytest.mark.parametrize("suffix", ["", "/", "/api/v2"])
def test_api_access(tmp_path: Path, service: Service, suffix: str) -> None:
    """The package datarobot is connected to the service, and asks for its version."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    with serving(
        folder, allow_dr_api_access=True, webserver=service.url + suffix, api_token="tok"
    ) as host:
        assert post(host, "x\n1\n", *CSV).status == 200
    assert {(call[0], call[1], call[2]) for call in service.calls} == {
        ("GET", "/api/v2/version/", "Token tok")
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"monitor": True}, "--deployment-id, --model-id, --monitor-settings"),
        ({"monitor": True, **IDS}, "--monitor also needs --monitor-settings"),
        ({"monitor_embedded": True, **IDS}, "--webserver, --api-token"),
        ({"allow_dr_api_access": True, "webserver": "http://x"}, "also needs --api-token"),
        (
            {"monitor": True, "target_type": TargetType.UNSTRUCTURED},
            "MLOps monitoring can not be used in unstructured mode",
        ),
    ],
)
def test_options_that_need_others(tmp_path: Path, options: dict[str, object], said: str) -> None:
    """Options that lack others are an error that lists them, before anything is loaded."""
    with pytest.raises(MonitoringError) as caught:
        ServerOptions(code_dir=tmp_path, **options)  # type: ignore[arg-type]  # test data
    assert said in str(caught.value)


def test_only_one_kind_of_monitoring(tmp_path: Path) -> None:
    """Both kinds at once are wrong usage."""
    with pytest.raises(OptionConflictError, match="exclude each other"):
        ServerOptions(code_dir=tmp_path, monitor=True, monitor_embedded=True)


@pytest.mark.parametrize("metadata", [UNSTRUCTURED, "name: r\ntype: x\ntargetType: regression\n"])
def test_the_metadata_count_too(
    tmp_path: Path, metadata: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kind of monitoring that the model's own target type does not have is an error as well."""
    folder = make_folder(tmp_path / "m", metadata=metadata, custom=REPORTING)
    words = ["server", "-cd", str(folder), "--address", "127.0.0.1:0", "--deployment-id", "d"]
    words += ["--model-id", "m"]
    if metadata == UNSTRUCTURED:
        words += ["--monitor", "--monitor-settings", "spooler_type=STDOUT"]
    else:
        words += ["--monitor-embedded", "--webserver", "http://x", "--api-token", "t"]
    assert main(words) == 1
    err = capsys.readouterr().err
    assert "unstructured" in err


def test_variables_stand_for_flags() -> None:
    """Each flag has its variable; ids have a second one, read where the first is not set."""
    environ = {
        "MONITOR": "yes",
        "MLOPS_DEPLOYMENT_ID": "second",
        "MODEL_ID": "first",
        "MLOPS_MODEL_ID": "second",
        "MONITOR_SETTINGS": "s",
        "EXTERNAL_WEB_SERVER_URL": "u",
        "API_TOKEN": "t",
        "ALLOW_DR_API_ACCESS_FOR_ALL_CUSTOM_MODELS": "1",
        "LAZY_LOADING_FILE": "l",
        "DEPLOYMENT_CONFIG": "c",
    }
    resolved = resolve(options_of(ServerOptions), {}, environ)
    assert resolved.values == {
        "monitor": True,
        "deployment_id": "second",
        "model_id": "first",
        "monitor_settings": "s",
        "webserver": "u",
        "api_token": "t",
        "allow_dr_api_access": True,
        "lazy_loading_file": "l",
        "deployment_config": "c",
    }
    assert resolved.sources["deployment_id"] == "MLOPS_DEPLOYMENT_ID"


def test_a_flag_silences_the_variable_of_the_other_kind() -> None:
    """With --monitor-embedded on the command line, MONITOR does not count."""
    environ = {"MONITOR": "1"}
    resolved = resolve(options_of(ServerOptions), {"monitor_embedded": True}, environ)
    assert resolved.values == {"monitor_embedded": True}


def test_the_token_is_not_shown(tmp_path: Path) -> None:
    """Options that are printed do not show the token."""
    options = ServerOptions(code_dir=tmp_path, api_token="very-secret")
    assert "very-secret" not in repr(options)
