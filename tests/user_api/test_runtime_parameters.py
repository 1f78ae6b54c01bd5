"""Runtime parameters: envelopes, the file of values, definitions, and who gets which."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

import flask
import pytest

from drum_core import CMRunner, DrumError, DrumRuntime, LocalWorker, ScoreOptions, ServerOptions
from drum_core.environment import environment
from drum_core.model.settings import read_settings
from drum_core.user import ApiTokenSecret, BasicSecret, RuntimeParameters
from drum_core.user.errors import (
    ParameterEmptyError,
    ParameterJSONError,
    ParameterLoadError,
    ParameterMissingError,
    ParameterPathError,
    ParameterValueError,
    ParameterYAMLError,
    RuntimeParameterError,
    SecretError,
    UnsupportedSecretError,
)
from drum_web import FlaskApp
from tests.cli.conftest import drum as drum
from tests.cli.conftest import environ as environ
from tests.core.served import CSV, get, post, serving
from tests.model_folders import REGRESSION, make_folder

Set = Callable[[str, object, object], None]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Sets the variable of a parameter, of some type, with some payload."""

    def give(name: str, kind: object, payload: object) -> None:
        text = json.dumps({"type": kind, "payload": payload})
        monkeypatch.setenv(f"MLOPS_RUNTIME_PARAM_{name}", text)

    return give


API_TOKEN = {"credentialType": "api_token", "apiToken": "t0ken"}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("string", "text"),
        ("string", None),
        ("boolean", True),
        ("boolean", None),
        ("numeric", 5),
        ("numeric", 5.5),
        ("numeric", "5"),
        ("numeric", True),
        ("numeric", None),
        ("credential", API_TOKEN),
        ("credential", None),
        ("deployment", "5f1a"),
        ("deployment", None),
    ],
)
def test_get_returns_what_was_given(given: Set, kind: str, payload: object) -> None:
    """`get` gives the payload unchanged, of every type, also null."""
    given("P", kind, payload)
    assert RuntimeParameters.has("P")
    assert RuntimeParameters.get("P") == payload
    assert type(RuntimeParameters.get("P")) is type(payload)


@pytest.mark.parametrize(
    ("kind", "payload", "said"),
    [
        ("string", "", "not empty"),
        ("string", 5, "got int"),
        ("boolean", "true", "value should be True or False"),
        ("boolean", 1, "value should be True or False"),
        ("numeric", "five", "value can't be converted to float"),
        ("numeric", [5], "value can't be converted to float"),
        ("credential", "token", "expected a mapping"),
        ("credential", {}, "'credentialType' is required"),
        ("credential", {"credentialType": ""}, "credentialType must be a text"),
        ("deployment", "", "not empty"),
        ("secret", "x", "the type 'secret' is not known"),
        (None, "x", "is not known"),
    ],
)
def test_wrong_payloads(given: Set, kind: object, payload: object, said: str) -> None:
    """A payload that its type does not allow is an error that says so; `has` is true."""
    given("P", kind, payload)
    assert RuntimeParameters.has("P")
    with pytest.raises(ParameterValueError, match=said):
        RuntimeParameters.get("P")


@pytest.mark.parametrize(
    ("kind", "payload", "got"),
    [
        ("boolean", "sk-s3cret", "got str"),
        ("boolean", ["sk-s3cret"], "got list"),
        ("boolean", 7, "got 7"),
        ("numeric", "sk-s3cret", "got str"),
        ("numeric", "0.53", "whole number, got str"),
        ("credential", {"credentialType": ["sk-s3cret"]}, "got list"),
    ],
)
def test_wrong_texts_are_not_shown(given: Set, kind: str, payload: object, got: str) -> None:
    """The error of a wrong value shows a number, but only the type of what may be a secret."""
    given("P", kind, payload)
    with pytest.raises(ParameterValueError, match=got) as caught:
        RuntimeParameters.get_int("P")
    assert "s3cret" not in str(caught.value)
    assert "0.53" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("s3cret", ParameterJSONError, "Invalid runtime parameter json payload"),
        ("", ParameterJSONError, "json payload"),
        ("[1]", ParameterValueError, "a JSON object"),
        ('{"type": "string"}', ParameterValueError, "'payload' is required"),
        ('{"payload": "s3cret"}', ParameterValueError, "'type' is required"),
        (
            '{"type": "string", "payload": "s3cret", "x": 1}',
            ParameterValueError,
            "'x' is not allowed key",
        ),
    ],
)
def test_malformed_envelopes(
    monkeypatch: pytest.MonkeyPatch, text: str, error: type[Exception], said: str
) -> None:
    """An envelope of another shape is an error, which does not show the value."""
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_P", text)
    with pytest.raises(error, match=said) as caught:
        RuntimeParameters.get("P")
    assert "s3cret" not in str(caught.value)


def test_unknown_parameter(given: Set) -> None:
    """A parameter that is not set is a ValueError, with the one that may be meant."""
    given("temperature", "numeric", 1)
    assert not RuntimeParameters.has("temprature")
    with pytest.raises(ValueError, match="Did you mean 'temperature'") as caught:
        RuntimeParameters.get("temprature")
    assert isinstance(caught.value, ParameterMissingError)
    assert RuntimeParameters.namespaced_param_name("k") == "MLOPS_RUNTIME_PARAM_k"


def test_parameter_without_value(given: Set) -> None:
    """The error for a parameter that is known, but has no value, does not suggest its own name."""
    given("style", "string", None)
    with pytest.raises(ParameterMissingError, match=r"'style' is not set\. Set the variable"):
        RuntimeParameters.get_str("style")
    given("styles", "string", "a")
    with pytest.raises(ParameterMissingError, match="Did you mean 'styles'"):
        RuntimeParameters.get_str("style")


def test_typed_accessors(given: Set) -> None:
    """The typed methods convert, check the type, and take defaults, where null counts as unset."""
    for name, kind, payload in (
        ("text", "string", "a"),
        ("yes", "boolean", False),
        ("number", "numeric", "12345678901234567890"),
        ("half", "numeric", 0.5),
        ("token", "credential", API_TOKEN),
        ("where", "deployment", "5f1a"),
        ("null", "string", None),
    ):
        given(name, kind, payload)
    assert RuntimeParameters.get_str("text") == "a"
    assert RuntimeParameters.get_bool("yes") is False
    assert RuntimeParameters.get_int("number") == 12345678901234567890
    assert RuntimeParameters.get_float("half") == 0.5
    assert RuntimeParameters.get_credential("token") == API_TOKEN
    assert RuntimeParameters.get_secret("token", ApiTokenSecret).api_token == "t0ken"
    assert RuntimeParameters.get_deployment("where") == "5f1a"
    assert RuntimeParameters.get_str("null", "b") == "b"
    assert RuntimeParameters.get_float("absent", 0.2) == 0.2
    assert RuntimeParameters.get_int("absent", None) is None
    with pytest.raises(ParameterMissingError):
        RuntimeParameters.get_str("null")
    with pytest.raises(ParameterValueError, match=r"whole number, got 0\.5"):
        RuntimeParameters.get_int("half")
    with pytest.raises(ParameterValueError, match="expected the type boolean, got string"):
        RuntimeParameters.get_bool("text")
    with pytest.raises(ParameterValueError, match="credential of type basic, got api_token"):
        RuntimeParameters.get_secret("token", BasicSecret)


def test_credentials_of_unknown_kind(given: Set) -> None:
    """A credential is what it is to `get`; as a secret its kind must be known, its fields there."""
    given("P", "credential", {"credentialType": "horoscope", "sign": "s3cret"})
    assert RuntimeParameters.get("P") == {"credentialType": "horoscope", "sign": "s3cret"}
    with pytest.raises(UnsupportedSecretError, match="type: 'horoscope'"):
        RuntimeParameters.get_secret("P", ApiTokenSecret)
    given("P", "credential", {"credentialType": "basic", "username": "s3cret"})
    with pytest.raises(SecretError, match="the key 'password' is missing") as caught:
        RuntimeParameters.get_secret("P", BasicSecret)
    assert "s3cret" not in str(caught.value)


DEFINED = (
    REGRESSION
    + """\
runtimeParameterDefinitions:
  - fieldName: factor
    type: numeric
    defaultValue: 2
    minValue: 1
    maxValue: 10
  - fieldName: name
    type: string
    allowedValues:
      - a
      - b
  - fieldName: token
    type: credential
    credentialType: api_token
    defaultValue: hidden
  - fieldName: loud
    type: boolean
    defaultValue: true
  - fieldName: where
    type: deployment
"""
).replace("    defaultValue: hidden\n", "")

TELL = """\
    import json
    import pandas as pd
    from datarobot_drum import RuntimeParameters

    AT_IMPORT = RuntimeParameters.get("factor")

    def load_model(code_dir):
        return RuntimeParameters.get("factor")

    def score(data, model, **kwargs):
        assert AT_IMPORT == model == RuntimeParameters.get("factor")
        return pd.DataFrame({"Predictions": data["x"] * model})
    """


def _values(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _score(folder: Path, values: Path | None) -> float:
    rows = folder.parent / "x.csv"
    rows.write_text("x\n1\n", encoding="utf-8")
    options = ScoreOptions(code_dir=folder, input=rows, runtime_params_file=values)
    with DrumRuntime(options) as runtime:
        return float(CMRunner(runtime).run().predictions["Predictions"].iloc[0])


def test_file_wins_over_environment_without_changing_it(tmp_path: Path, given: Set) -> None:
    """An embedded model gets the file's values; the environment stays as it is."""
    given("factor", "numeric", 9)
    before = dict(environment())
    folder = make_folder(tmp_path / "m", metadata=DEFINED, custom=TELL)
    assert _score(folder, _values(tmp_path / "v.yaml", "factor: 3\n")) == 3
    assert _score(folder, _values(tmp_path / "v.yaml", "name: a\n")) == 2
    assert _score(folder, None) == 9
    assert dict(environment()) == before


PROBLEMS = [
    ("factor: 11\n", ParameterLoadError, "'factor': value is greater than 10"),
    ("factor: 0.5\n", ParameterLoadError, "'factor': value is less than 1"),
    ("factor: .nan\n", ParameterLoadError, "'factor': value is less than 1"),
    ("factor: much\n", ParameterLoadError, "can't be converted to float"),
    ("name: c\n", ParameterLoadError, "'name': the value is not allowed; expected one of 'a', 'b'"),
    ("name: ''\n", ParameterLoadError, "'name': expected a text that is not empty"),
    ("name: 5\n", ParameterLoadError, "'name': expected a text"),
    ("loud: 1\n", ParameterLoadError, "'loud': value should be True or False"),
    ("token: x\n", ParameterLoadError, "'token': expected a mapping"),
    ("token: {apiToken: x}\n", ParameterLoadError, "'credentialType' is required"),
    ("token: {credentialType: s3}\n", ParameterLoadError, "credential of type 'api_token', got"),
    ("where: ''\n", ParameterLoadError, "'where': expected a text that is not empty"),
    ("", ParameterEmptyError, "is empty"),
    ("- a\n", ParameterYAMLError, "must be a mapping of names to values, got a list"),
    ("a: b: c\n", ParameterYAMLError, "line 1: it is no valid YAML"),
]


@pytest.mark.parametrize(("values", "error", "said"), PROBLEMS)
def test_wrong_values(tmp_path: Path, values: str, error: type[DrumError], said: str) -> None:
    """A value of the wrong type, out of bounds or not allowed is an error that names it."""
    folder = make_folder(tmp_path / "m", metadata=DEFINED, custom=TELL)
    with pytest.raises(error, match=said):
        _score(folder, _values(tmp_path / "v.yaml", values))


DEFINITIONS = "runtimeParameterDefinitions:\n"
WRONG_DEFINITIONS = [
    ("", ParameterYAMLError, "must contain at least one parameter definition"),
    ("- a\n", ParameterLoadError, "line 5: .*expected the keys fieldName and type, got 'a'"),
    ("- type: string\n", ParameterLoadError, "line 5: .*'fieldName' is required"),
    ("- type: string\n  fieldName: 7\n", ParameterLoadError, "line 6: .*'fieldName' .*got 7"),
    ("- fieldName: a\n", ParameterLoadError, "line 5: .*'a': 'type' is required"),
    ("- fieldName: a\n  type: text\n", ParameterLoadError, "line 6: .*'type' .*got 'text'"),
    (
        "- fieldName: a\n  type: string\n- type: string\n  fieldName: a\n",
        ParameterLoadError,
        "line 8: .*'a': duplicated definition",
    ),
    (
        "- fieldName: a\n  type: numeric\n  minValue: low\n",
        ParameterLoadError,
        "line 7: .*'minValue' must be a number, got 'low'",
    ),
    (
        "- fieldName: a\n  type: numeric\n  maxValue:\n    - 1\n",
        ParameterLoadError,
        r"line 7: .*'maxValue' must be a number, got \[1\]",
    ),
    (
        "- fieldName: a\n  type: string\n  allowEmpty: false\n",
        ParameterLoadError,
        r"line 5: .*'a': a value is required \(allowEmpty is false\)",
    ),
    (
        "- fieldName: a\n  type: string\n  allowEmpty: never\n",
        ParameterLoadError,
        "line 7: .*'allowEmpty' must be true or false, got 'never'",
    ),
    (
        "- fieldName: a\n  type: numeric\n  defaultValue: 7\n  maxValue: 5\n",
        ParameterLoadError,
        "line 7: .*'defaultValue' cannot be used: value is greater than 5",
    ),
    (
        "- fieldName: a\n  type: boolean\n  defaultValue: perhaps\n",
        ParameterLoadError,
        "line 7: .*'defaultValue' cannot be used: value should be True or False",
    ),
    (
        "- fieldName: a\n  type: string\n  allowedValues: none\n",
        ParameterLoadError,
        "line 7: .*'allowedValues' must be a list of values, got 'none'",
    ),
    (
        "- fieldName: a\n  type: credential\n  credentialType: 7\n",
        ParameterLoadError,
        "line 7: .*'credentialType' must be a text, got 7",
    ),
]


@pytest.mark.parametrize(("definitions", "error", "said"), WRONG_DEFINITIONS)
def test_wrong_definitions(
    tmp_path: Path, definitions: str, error: type[RuntimeParameterError], said: str
) -> None:
    """A wrong definition is an error with file, line and key; without a file it binds nobody."""
    text = REGRESSION + (DEFINITIONS + definitions if definitions else "")
    folder = make_folder(tmp_path / "m", metadata=text, custom=TELL)
    with pytest.raises(error, match=said) as caught:
        _score(folder, _values(tmp_path / "v.yaml", "b: c\n"))
    assert str(folder / "model-metadata.yaml") in str(caught.value)
    assert read_settings(ServerOptions(code_dir=folder)).defaults == {}


def test_file_needs_metadata(tmp_path: Path) -> None:
    """A file of values for a folder without model-metadata.yaml is an error."""
    from drum_core.model.runtime_parameters import read_values

    folder = make_folder(tmp_path / "m", metadata=None, custom=TELL)
    with pytest.raises(ParameterPathError, match="must exist to use runtime parameters"):
        read_values(folder, _values(tmp_path / "v.yaml", "a: b\n"))
    with pytest.raises(ParameterPathError, match="does not exist"):
        read_values(folder, tmp_path / "nowhere.yaml")


def test_undefined_name_in_the_file_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A name that is not defined is passed over, and a warning says what it may have meant."""
    folder = make_folder(tmp_path / "m", metadata=DEFINED, custom=TELL)
    with caplog.at_level(logging.WARNING):
        assert _score(folder, _values(tmp_path / "v.yaml", "facto: s3cret\n")) == 2
    assert "'facto' is not defined" in caplog.text
    assert "Did you mean 'factor'?" in caplog.text
    assert "s3cret" not in caplog.text


EVERYWHERE = """\
    import threading
    import pandas as pd
    from datarobot_drum import RuntimeParameters
    import asker

    def load_model(code_dir):
        return 0

    def score(data, model, **kwargs):
        found = [RuntimeParameters.get("factor"), asker.factor()]
        thread = threading.Thread(target=lambda: found.append(RuntimeParameters.get("factor")))
        thread.start()
        thread.join()
        found.append(next(factors()))
        assert len(set(found)) == 1
        return pd.DataFrame({"Predictions": [found[0]] * len(data)})

    def factors():
        yield RuntimeParameters.get("factor")
    """
ASKER = """\
def factor():
    from datarobot_drum import RuntimeParameters
    return RuntimeParameters.get("factor")
"""


def test_two_models_in_one_process(tmp_path: Path) -> None:
    """Each model sees its own values: in hooks, their threads, generators and neighbours."""
    hosts = []
    for number in (3, 4):
        folder = make_folder(tmp_path / str(number), metadata=DEFINED, custom=EVERYWHERE)
        (folder / "asker.py").write_text(ASKER, encoding="utf-8")
        hosts.append((folder, _values(tmp_path / f"{number}.yaml", f"factor: {number}\n")))
    (one, first), (two, second) = hosts
    with (
        serving(one, runtime_params_file=first) as three,
        serving(two, runtime_params_file=second) as four,
    ):
        for _ in range(3):
            assert post(three, "x\n1\n", *CSV).body == b'{"predictions":[3.0]}'
            assert post(four, "x\n1\n", *CSV).body == b'{"predictions":[4.0]}'


def test_one_folder_twice_in_one_process(tmp_path: Path) -> None:
    """The same folder may run with other values at the same time."""
    folder = make_folder(tmp_path / "m", metadata=DEFINED, custom=TELL)
    first = _values(tmp_path / "3.yaml", "factor: 3\n")
    second = _values(tmp_path / "4.yaml", "factor: 4\n")
    with (
        serving(folder, runtime_params_file=first) as three,
        serving(folder, runtime_params_file=second) as four,
    ):
        assert post(three, "x\n1\n", *CSV).body == b'{"predictions":[3.0]}'
        assert post(four, "x\n1\n", *CSV).body == b'{"predictions":[4.0]}'


def test_typed_accessors_know_the_defaults(tmp_path: Path) -> None:
    """Without a file `get` knows no default, as under DRUM, and the typed methods do."""
    custom = """\
        import pandas as pd
        from drum_core.user import RuntimeParameters

        def load_model(code_dir):
            assert not RuntimeParameters.has("factor")
            return RuntimeParameters.get_float("factor")

        def score(data, model, **kwargs):
            return pd.DataFrame({"Predictions": data["x"] * model})
        """
    assert _score(make_folder(tmp_path / "m", metadata=DEFINED, custom=custom), None) == 2


def test_info_shows_no_credential(tmp_path: Path) -> None:
    """`/info/` has the metadata, without the default of a credential."""
    metadata = REGRESSION + (
        "runtimeParameterDefinitions:\n  - fieldName: token\n    type: credential\n"
        "    defaultValue:\n      credentialType: api_token\n      apiToken: s3cret\n"
    )
    custom = TELL.replace('RuntimeParameters.get("factor")', "2")
    with serving(make_folder(tmp_path / "m", metadata=metadata, custom=custom)) as host:
        body = get(host, "/info/").body
        assert b"s3cret" not in body
        assert b'"defaultValue":"*****"' in body


def test_command_line(
    tmp_path: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """The flag and its variable give values, which reach child processes, and a bad one is told."""
    custom = TELL + (
        "\n    import subprocess, sys"
        "\n    subprocess.run([sys.executable, '-c', "
        "'import os; assert os.environ[\"MLOPS_RUNTIME_PARAM_factor\"]'], check=True)\n"
    )
    make_folder(tmp_path / "m", metadata=DEFINED, custom=custom)
    _values(tmp_path / "v.yaml", "factor: 3\n")
    _values(tmp_path / "bad.yaml", "factor: 30\n")
    (tmp_path / "x.csv").write_text("x\n1\n", encoding="utf-8")
    words = ("score", "-cd", "m", "--input", "x.csv")
    done = drum(*words, RUNTIME_PARAMS_FILE="v.yaml")
    assert (done.returncode, done.stdout) == (0, "Predictions\n3\n"), done.stderr
    done = drum(*words, "--runtime-params-file", "bad.yaml")
    assert done.returncode == 1
    assert "'factor': value is greater than 10" in done.stderr
    done = drum(*words, "--runtime-params-file", "none.yaml")
    assert done.returncode == 2
    assert "--runtime-params-file: expected an existing file" in done.stderr


def test_extensions_see_the_values(tmp_path: Path) -> None:
    """The extension of a model has its parameters, when it is imported and in its own routes."""
    folder = make_folder(tmp_path / "m", metadata=DEFINED, custom=TELL)
    (folder / "custom_flask.py").write_text(
        "from datarobot_drum import RuntimeParameters\n"
        "AT_IMPORT = RuntimeParameters.get('factor')\n"
        "def init_app(app):\n"
        "    @app.get('/factor')\n"
        "    def factor():\n"
        "        return [AT_IMPORT, RuntimeParameters.get('factor')]\n",
        encoding="utf-8",
    )
    app = flask.Flask("embedding")
    options = ServerOptions(
        code_dir=folder, runtime_params_file=_values(tmp_path / "v.yaml", "factor: 3\n")
    )
    with LocalWorker() as worker, DrumRuntime(options) as runtime:
        CMRunner(runtime, app=FlaskApp(app), worker_ctx=worker).run()
        assert app.test_client().get("/factor").json == [3, 3]
