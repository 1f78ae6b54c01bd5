"""User secrets: their classes, where they come from, and that nobody gets to see them."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, LocalWorker, ScoreOptions, ServerOptions
from drum_core.protocols import WebApp
from drum_core.user import (
    AdlsGen2OauthSecret,
    ApiTokenSecret,
    AzureSecret,
    AzureServicePrincipalSecret,
    BasicSecret,
    DatabricksAccessTokenAccountSecret,
    GCPKey,
    GCPSecret,
    OauthSecret,
    S3Secret,
    Secret,
    SnowflakeKeyPairUserAccountSecret,
    SnowflakeOauthUserAccountSecret,
    TableauAccessTokenSecret,
)
from drum_core.user.errors import SecretError, UnsupportedSecretError
from drum_core.user.masking import mask_output
from drum_core.user.secret_sources import read_secrets
from drum_core.user.secrets import secret_from, values_of
from drum_web import FastAPIApp, FlaskApp
from tests.cli.conftest import drum as drum
from tests.cli.conftest import environ as environ
from tests.core.served import CSV, post, serving
from tests.model_folders import DOUBLE, make_folder

EVERY_KIND: list[tuple[type[Secret], dict[str, object]]] = [
    (BasicSecret, {"username": "u", "password": "p"}),
    (OauthSecret, {"token": "t", "refresh_token": "r"}),
    (S3Secret, {"aws_access_key_id": "i", "config_id": None}),
    (AzureSecret, {"azure_connection_string": "c"}),
    (
        AzureServicePrincipalSecret,
        {"client_id": "i", "client_secret": "s", "azure_tenant_id": "t"},
    ),
    (GCPSecret, {"gcp_key": {"type": "service_account", "private_key": "k"}}),
    (
        SnowflakeOauthUserAccountSecret,
        {"client_id": "i", "client_secret": "s", "snowflake_account_name": None},
    ),
    (SnowflakeKeyPairUserAccountSecret, {"username": "u", "private_key_str": None}),
    (AdlsGen2OauthSecret, {"client_id": "i", "client_secret": "s", "oauth_scopes": "o"}),
    (TableauAccessTokenSecret, {"token_name": "n", "personal_access_token": "t"}),
    (DatabricksAccessTokenAccountSecret, {"databricks_access_token": "t"}),
    (ApiTokenSecret, {"api_token": "t"}),
]


@pytest.mark.parametrize(("kind", "fields"), EVERY_KIND)
@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_every_kind(
    kind: type[Secret], fields: dict[str, object], spelling: Callable[[str], str]
) -> None:
    """Each credential type has its class, whatever its case; unknown fields are ignored."""
    content = {"credential_type": spelling(kind.credential_type), "new_field": 1, **fields}
    found = secret_from(content, source="S")
    assert type(found) is kind
    for name, value in fields.items():
        if name != "gcp_key":
            assert getattr(found, name) == value
    assert not found.is_partial_secret()
    for text in values_of(found):
        assert f"={text!r}" not in repr(found)


def test_repr_and_partial_secrets() -> None:
    """`repr` masks texts, also in the key of Google; a secret may be part of a configuration."""
    gcp = secret_from(
        {"credential_type": "gcp", "gcp_key": {"type": "a", "privateKey": "b"}}, source="S"
    )
    assert isinstance(gcp, GCPSecret)
    assert gcp.gcp_key == GCPKey(type="a", private_key="b")
    assert "GCPKey(type='*****', project_id=None" in repr(gcp)
    basic = BasicSecret("u", "p")
    assert repr(basic) == (
        "BasicSecret(username='*****', password='*****', snowflake_account_name=None)"
    )
    assert S3Secret(config_id="c").is_partial_secret()
    assert SnowflakeOauthUserAccountSecret("i", "s", None, oauth_config_id="c").is_partial_secret()


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("s3cret", SecretError, "expected JSON"),
        ('["s3cret"]', SecretError, "a JSON object"),
        ('{"password": "s3cret"}', SecretError, "'credential_type' is missing"),
        (
            '{"credential_type": "tarot", "card": "s3cret"}',
            UnsupportedSecretError,
            "type: 'tarot'; expected one of basic, oauth, s3",
        ),
        ('{"credential_type": 3}', UnsupportedSecretError, "type: 3"),
        (
            '{"credential_type": "basic", "username": "s3cret"}',
            SecretError,
            "'password' is missing",
        ),
        (
            '{"credential_type": "basic", "username": "s3cret", "password": 5}',
            SecretError,
            "'password' must be a text, got a int",
        ),
        ('{"credential_type": "api_token", "api_token": null}', SecretError, "got null"),
        ('{"credential_type": "gcp", "gcp_key": "s3cret"}', SecretError, "must be an object"),
        ('{"credential_type": "gcp", "gcp_key": {}}', SecretError, "'gcp_key.type' is missing"),
    ],
)
def test_wrong_secrets(
    monkeypatch: pytest.MonkeyPatch, text: str, error: type[SecretError], said: str
) -> None:
    """A secret that is malformed, or of an unknown kind, is an error that does not show it."""
    monkeypatch.setenv("MINE_ONE", text)
    with pytest.raises(error, match=said) as caught:
        read_secrets(None, "MINE")
    assert "MINE_ONE" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_mounted_files_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Variables and files are sources; a file wins, hidden ones are Kubernetes' own."""
    for name, token in (("ONE", "of variable"), ("TWO", "of variable")):
        content = json.dumps({"credential_type": "api_token", "api_token": token})
        monkeypatch.setenv(f"MINE_{name}", content)
    monkeypatch.setenv("MINERS", "no secret of ours")
    hidden = tmp_path / "..data"
    hidden.mkdir()
    (hidden / "TWO").write_text('{"credential_type": "api_token", "api_token": "of file"}')
    (tmp_path / "TWO").symlink_to(hidden / "TWO")
    (tmp_path / ".hidden").write_text("nothing")
    assert read_secrets(tmp_path, "MINE") == {
        "ONE": ApiTokenSecret("of variable"),
        "TWO": ApiTokenSecret("of file"),
    }
    assert read_secrets(None, None) == {}
    assert read_secrets(tmp_path / "nowhere", None) == {}
    assert "it is no folder" in caplog.text
    (tmp_path / "THREE").write_bytes(b"\xff")
    with pytest.raises(SecretError, match="not UTF-8"):
        read_secrets(tmp_path, None)


def test_masking(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """While active, values are masked in what is printed and logged, the longest first."""
    stream = sys.stdout
    end = mask_output(["abc", "abcdef", "", " "])
    other = mask_output(["xyz"])
    try:
        sys.stdout.write("1 abcdef abc d xyz\n")
        sys.stderr.writelines(["2 abc\n", "abcdef\n"])
        logger = logging.getLogger("test.masking")
        logger.warning("%s and %d", "abcdef", 7)
        try:
            raise ValueError("the abc")
        except ValueError:
            logger.exception("failed")
    finally:
        end()
        end()
    sys.stdout.write("3 abc xyz\n")
    other()
    sys.stdout.write("4 abc xyz\n")
    assert sys.stdout is stream
    out, err = capsys.readouterr()
    assert out == "1 ***** ***** d *****\n3 abc *****\n4 abc xyz\n"
    assert err == "2 *****\n*****\n"
    assert "***** and 7" in caplog.text
    handler_text = logging.Formatter().format(caplog.records[-1])
    assert "ValueError: the *****" in handler_text
    assert "abc" not in handler_text


def test_masking_ends_though_another_has_replaced_the_stream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stream that was replaced meanwhile stays; what wraps the masked one gets all again."""
    first = io.StringIO()
    monkeypatch.setattr(sys, "stdout", first)
    end = mask_output(["abc"])
    masked = sys.stdout
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    end()
    masked.write("abc")
    assert first.getvalue() == "abc"


USES = """\
    import logging
    import pandas as pd
    from drum_core.user import ApiTokenSecret, user_secrets

    def load_model(code_dir):
        secret = user_secrets()["ONE"]
        assert isinstance(secret, ApiTokenSecret)
        print("printed", secret.api_token)
        logging.getLogger("mine").warning("logged %s", secret.api_token)
        return secret.api_token

    def score(data, model, **kwargs):
        if data["x"].iloc[0] < 0:
            raise ValueError(f"with {model}")
        return pd.DataFrame({"Predictions": [len(model)] * len(data)})
    """
ONE = '{"credential_type": "api_token", "api_token": "s3cret-t0ken"}'


def test_hooks_get_secrets_and_leak_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A served model has its secrets; the log has none of them, not even of its tracebacks."""
    monkeypatch.setenv("MINE_ONE", ONE)
    factory = logging.getLogRecordFactory()
    with serving(make_folder(tmp_path / "m", custom=USES), user_secrets_prefix="MINE") as host:
        assert post(host, "x\n1\n", *CSV).body == b'{"predictions":[12.0]}'
        answer = post(host, "x\n-1\n", *CSV)
        assert answer.status == 500
        assert b"ValueError: with *****" in answer.body
    logged = "".join(logging.Formatter().format(record) for record in caplog.records)
    assert "logged *****" in logged
    assert "ValueError: with *****" in logged
    assert "s3cret-t0ken" not in logged
    assert logging.getLogRecordFactory() is factory


KEY = '-----BEGIN PRIVATE KEY-----\nMIIEvQ"IBA/Dä+Nbg\nkqhkiG9w0BAQ\n=\n-----END PRIVATE KEY-----\n'
SHOWS = """\
    import json
    import pandas as pd
    from drum_core.user import user_secrets

    def load_model(code_dir):
        return user_secrets()["ONE"].api_token

    def score(data, model, **kwargs):
        shown = {0: str, 1: repr, 2: json.dumps, 3: str.splitlines}[data["x"].iloc[0]](model)
        raise ValueError(f"at A with {shown}")
    """


@pytest.mark.parametrize("form", [0, 1, 2, 3])
def test_secret_of_several_lines_is_masked_in_each_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, form: int
) -> None:
    """A key is masked as it is, as `repr` and JSON show it, and line by line."""
    monkeypatch.setenv("MINE_ONE", json.dumps({"credential_type": "api_token", "api_token": KEY}))
    with serving(make_folder(tmp_path / "m", custom=SHOWS), user_secrets_prefix="MINE") as host:
        answer = post(host, f"x\n{form}\n", *CSV)
    logged = "".join(logging.Formatter().format(record) for record in caplog.records)
    for text in (answer.body.decode(), logged):
        assert "at A with " in text
        assert "*****" in text
        for part in ("MIIEvQ", "Nbg", "kqhkiG9w0BAQ"):
            assert part not in text


@pytest.mark.parametrize("kind", ["flask", "fastapi"])
def test_extension_shows_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """What an extension prints is masked as well, though it runs before the model is loaded."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    (folder / f"custom_{kind}.py").write_text(
        "from drum_core.user import user_secrets\n\ndef init_app(app):\n"
        "    print('extended with', user_secrets()['ONE'].api_token)\n"
    )
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "ONE").write_text(ONE, encoding="utf-8")
    options = ServerOptions(code_dir=folder, user_secrets_mount_path=tmp_path / "mounted")
    app: WebApp = FlaskApp() if kind == "flask" else FastAPIApp()
    stream = sys.stdout
    with LocalWorker() as worker, DrumRuntime(options) as runtime:
        CMRunner(runtime, app=app, worker_ctx=worker).run()
    assert capsys.readouterr().out == "extended with *****\n"
    assert sys.stdout is stream


def test_short_texts_of_secrets_are_not_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text of a letter or two is all over any output, so it is left alone."""
    secret = {"credential_type": "basic", "username": "e", "password": "s3cret-t0ken"}
    monkeypatch.setenv("MINE_ONE", json.dumps(secret))
    custom = """\
        from drum_core.user import user_secrets

        def load_model(code_dir):
            return user_secrets()["ONE"].password

        def score(data, model, **kwargs):
            raise ValueError(f"the end of {model}")
        """
    with serving(make_folder(tmp_path / "m", custom=custom), user_secrets_prefix="MINE") as host:
        assert b"ValueError: the end of *****" in post(host, "x\n1\n", *CSV).body


def test_bad_secret_stops_before_the_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An embedder gets the error of a bad secret at once."""
    monkeypatch.setenv("MINE_ONE", "{}")
    folder = make_folder(tmp_path / "m", custom=USES)
    options = ScoreOptions(code_dir=folder, input=folder / "custom.py", user_secrets_prefix="MINE")
    with DrumRuntime(options) as runtime, pytest.raises(SecretError, match="MINE_ONE"):
        CMRunner(runtime).run()


def test_command_line(
    tmp_path: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """Flags and variables say where secrets are; what the model prints and logs is masked."""
    make_folder(tmp_path / "m", custom=USES)
    (tmp_path / "x.csv").write_text("x\n1\n", encoding="utf-8")
    (tmp_path / "mounted").mkdir()
    (tmp_path / "mounted" / "ONE").write_text(ONE, encoding="utf-8")
    words = ("score", "-cd", "m", "--input", "x.csv")
    for done in (
        drum(*words, "--user-secrets-mount-path", "mounted"),
        drum(*words, USER_SECRETS_MOUNT_PATH=str(tmp_path / "mounted")),
        drum(*words, "--user-secrets-prefix", "MINE", MINE_ONE=ONE),
        drum(*words, USER_SECRETS_PREFIX="MINE", MINE_ONE=ONE),
    ):
        assert (done.returncode, done.stdout) == (0, "Predictions\n12\n"), done.stderr
        assert "printed *****" in done.stderr
        assert "logged *****" in done.stderr
        assert "s3cret" not in done.stderr


def test_errors_on_the_command_line_are_masked(
    tmp_path: Path, drum: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """An error that ends a score shows no secret, nor does its traceback."""
    make_folder(tmp_path / "m", custom=USES)
    (tmp_path / "x.csv").write_text("x\n-1\n", encoding="utf-8")
    words = ("score", "-cd", "m", "--input", "x.csv", "--user-secrets-prefix", "MINE")
    for more in ((), ("--show-stacktrace",)):
        done = drum(*words, *more, MINE_ONE=ONE)
        assert done.returncode == 1
        assert "ValueError: with *****" in done.stderr
        assert "s3cret" not in done.stderr
