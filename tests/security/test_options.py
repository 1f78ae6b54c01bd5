"""What the options of security take, and how they refuse the rest without showing a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from drum_core import ServerOptions
from drum_core.cli.resolve import resolve
from drum_core.errors import OptionConflictError, OptionError
from drum_core.options.flag import options_of


def made(folder: Path, environ: dict[str, str], **given: str | list[str] | bool) -> ServerOptions:
    """The options of `drum server` with these variables and flags."""
    found = resolve(options_of(ServerOptions), given, environ)
    return ServerOptions(**{"code_dir": folder, **found.values}, sources=found.sources)  # type: ignore[arg-type]  # validated there


@pytest.mark.parametrize("empty", ["", " ", "\n", ","])
def test_empty_token_is_an_error(tmp_path: Path, empty: str) -> None:
    """A variable whose value did not arrive must not leave the server open."""
    with pytest.raises(OptionError, match="DRUM_SERVER_TOKEN: expected a token"):
        made(tmp_path, {"DRUM_SERVER_TOKEN": empty})


def test_bad_token_is_not_shown(tmp_path: Path) -> None:
    """The error says what is wrong with it, and not what it is."""
    with pytest.raises(OptionError, match="not printable ASCII") as caught:
        made(tmp_path, {"DRUM_SERVER_TOKEN": "sesam\xe9-sesam"})
    assert "sesam" not in str(caught.value)
    assert "sesam" not in str(caught.value.value)


@pytest.mark.parametrize("text", ["", "# only a note\n", None])
def test_token_file_without_tokens_is_an_error(tmp_path: Path, text: str | None) -> None:
    """Found before anything listens."""
    file = tmp_path / "tokens"
    if text is not None:
        file.write_text(text)
    with pytest.raises(OptionError, match="--server-token-file: expected a file with a token"):
        made(tmp_path, {}, server_token_file=str(file))


def test_empty_token_file_variable_is_an_error(tmp_path: Path) -> None:
    """As for the token itself."""
    with pytest.raises(OptionError, match="DRUM_SERVER_TOKEN_FILE"):
        made(tmp_path, {"DRUM_SERVER_TOKEN_FILE": ""})


def test_flag_for_the_file_silences_the_variable(tmp_path: Path) -> None:
    """A flag beats a variable that says the same thing; two variables are a conflict."""
    file = tmp_path / "tokens"
    file.write_text("from-the-file")
    options = made(tmp_path, {"DRUM_SERVER_TOKEN": "x-1"}, server_token_file=str(file))
    assert (options.server_token, options.server_token_file) == (None, file)
    both = {"DRUM_SERVER_TOKEN": "x-1", "DRUM_SERVER_TOKEN_FILE": str(file)}
    with pytest.raises(OptionConflictError, match="give one of them"):
        made(tmp_path, both)


def test_secrets_are_not_in_the_repr(tmp_path: Path) -> None:
    """Neither of the options, nor of what a server is told."""
    (tmp_path / "cert").write_text("")
    options = ServerOptions(
        code_dir=tmp_path,
        server_token="very-secret",
        ssl_certfile=tmp_path / "cert",
        ssl_keyfile_password="very-secret",
        api_token="very-secret",
    )
    assert "very-secret" not in repr(options)
    assert "very-secret" not in repr(options.settings())


def test_secret_options_are_marked(tmp_path: Path) -> None:
    """Whoever shows options masks these, and no flag takes those that are new here."""
    secret = {item.name: item.flag for item in options_of(ServerOptions) if item.flag.secret}
    assert set(secret) == {"server_token", "ssl_keyfile_password", "api_token"}
    assert secret["server_token"].names == secret["ssl_keyfile_password"].names == ()
    assert secret["server_token"].shown("x") == "*****"
    assert secret["server_token"].shown(None) is None


def test_secret_on_the_command_line_is_warned_of(tmp_path: Path) -> None:
    """Every user of the machine can read it there; the warning does not repeat it."""
    fields = options_of(ServerOptions)
    (warning,) = resolve(fields, {"api_token": "very-secret"}, {}).warnings
    assert "--api-token on the command line" in warning
    assert "API_TOKEN" in warning
    assert "very-secret" not in warning
    assert resolve(fields, {}, {"API_TOKEN": "very-secret"}).warnings == []


def test_lists_from_everywhere(tmp_path: Path) -> None:
    """Flags, variables and runtime parameters take the same lists, by spaces or commas."""
    options = made(
        tmp_path,
        {
            "DRUM_TRUSTED_HOSTS": "a.example,*.b.example",
            "MLOPS_RUNTIME_PARAM_DRUM_CORS_ORIGINS": "https://a.example http://b.example:8080",
            "FORWARDED_ALLOW_IPS": "10.0.0.0/8, ::1",
        },
    )
    assert options.trusted_hosts == ("a.example", "*.b.example")
    assert options.cors_origins == ("https://a.example", "http://b.example:8080")
    assert options.trusted_proxies == ("10.0.0.0/8", "::1")
    flags = made(tmp_path, {}, trusted_hosts=["a.example,b.example", "[::1]"])
    assert flags.trusted_hosts == ("a.example", "b.example", "[::1]")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trusted_hosts", "*"),
        ("trusted_hosts", "a.example:80"),
        ("trusted_hosts", "https://a.example"),
        ("trusted_proxies", "proxy.example"),
        ("trusted_proxies", "10.0.0.1/8"),
        ("cors_origins", "app.example"),
        ("cors_origins", "https://app.example/"),
        ("cors_origins", "null"),
        ("cors_origins", "https://*.example"),
    ],
)
def test_wrong_items_are_named(tmp_path: Path, name: str, value: str) -> None:
    """An item that would never match is an error, not a list that is silently shorter."""
    with pytest.raises(OptionError, match=name) as caught:
        ServerOptions(code_dir=tmp_path, **{name: (value,)})  # type: ignore[arg-type]  # test data
    assert value in str(caught.value)


def test_credentials_for_every_page_are_refused(tmp_path: Path) -> None:
    """A star and cookies together are no setting."""
    with pytest.raises(OptionConflictError, match="--cors-credentials"):
        ServerOptions(code_dir=tmp_path, cors_origins=("*",), cors_credentials=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ssl_keyfile": "cert"}, "also needs --ssl-certfile"),
        ({"ssl_cert_reqs": "none"}, "also needs --ssl-certfile"),
        ({"ssl_certfile": "cert", "ssl_cert_reqs": "required"}, "also needs --ssl-ca-certs"),
        ({"ssl_certfile": "nowhere"}, "an existing file"),
        ({"ssl_certfile": "cert", "ssl_minimum_version": "1.1"}, "one of 1.2, 1.3"),
        (
            {
                "ssl_certfile": "cert",
                "ssl_keyfile_password": "a",
                "ssl_keyfile_password_file": "cert",
            },
            "say the same thing",
        ),
    ],
)
def test_tls_options_that_do_not_go_together(
    tmp_path: Path, given: dict[str, str], message: str
) -> None:
    """Each is explained."""
    (tmp_path / "cert").write_text("")
    paths = ("ssl_certfile", "ssl_keyfile", "ssl_keyfile_password_file")
    values = {name: tmp_path / text if name in paths else text for name, text in given.items()}
    with pytest.raises(OptionError, match=message):
        ServerOptions(code_dir=tmp_path, **values)  # type: ignore[arg-type]  # test data
