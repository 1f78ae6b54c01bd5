"""`custom_flask.py` and `custom_fastapi.py`: found, loaded, obeyed, and refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from drum_core.errors import ExtensionError
from drum_core.protocols import WebApp
from drum_web import FastAPIApp, FlaskApp
from tests.web.routes import echo_routes

FLASK_AUTH = """
import hmac
from flask import jsonify, request
from secret import TOKEN

def init_app(app):
    @app.before_request
    def check():
        if request.endpoint in ("model_api.ping", "model_api_2.ping"):
            return None
        if not hmac.compare_digest(request.headers.get("X-Auth", ""), TOKEN):
            return jsonify(message="who are you?"), 401

    @app.route("/about")
    def about():
        return "about"
"""

FASTAPI_AUTH = """
from secret import TOKEN

class Auth:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        token = dict(scope.get("headers", ())).get(b"x-auth", b"").decode()
        if scope["type"] != "http" or scope["path"] in ("/", "/ping") or token == TOKEN:
            return await self.app(scope, receive, send)
        await send({"type": "http.response.start", "status": 401,
                    "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"who are you?"})

def init_app(app):
    app.add_middleware(Auth)

    @app.get("/about")
    def about() -> str:
        return "about"
"""

Answer = tuple[int, dict[str, str]]
AUTH = {"X-Auth": "t0k3n"}


def ask(host: WebApp, method: str, path: str, headers: dict[str, str] | None = None) -> Answer:
    """Status and headers, on either framework, names in lower case."""
    if isinstance(host, FlaskApp):
        flask = host.app.test_client().open(path, method=method, headers=headers)
        return flask.status_code, {name.lower(): value for name, value in flask.headers}
    assert isinstance(host, FastAPIApp)
    other = TestClient(host.app).request(method, path, headers=headers)
    return other.status_code, dict(other.headers)


@pytest.fixture(params=["flask", "fastapi"])
def host(request: pytest.FixtureRequest) -> WebApp:
    """Each framework, with routes mounted."""
    app: WebApp = FlaskApp() if request.param == "flask" else FastAPIApp()
    app.add_routes(echo_routes())
    return app


def write(folder: Path, host: WebApp, source: str) -> Path:
    """The extension of the framework, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"custom_{host.server_type()}.py"
    path.write_text(source)
    return path


def test_no_extension(host: WebApp, tmp_path: Path) -> None:
    """A folder without one is no error."""
    assert host.load_extension(tmp_path) is None


def test_authentication(host: WebApp, tmp_path: Path) -> None:
    """An extension guards every route, its own and unknown ones too, and lets probes pass."""
    source = FLASK_AUTH if host.server_type() == "flask" else FASTAPI_AUTH
    path = write(tmp_path / "deep" / "down", host, source)
    (path.parent / "secret.py").write_text("TOKEN = 't0k3n'\n")
    assert host.load_extension(tmp_path) == path
    for probe in ("/", "/ping"):
        assert ask(host, "GET", probe)[0] == 200
    for method, guarded in (("POST", "/predict/"), ("GET", "/about"), ("GET", "/nowhere")):
        assert ask(host, method, guarded)[0] == 401
        assert ask(host, method, guarded, {"X-Auth": "wrong"})[0] == 401
    assert ask(host, "POST", "/predict/", AUTH)[0] == 200
    assert ask(host, "GET", "/about", AUTH)[0] == 200
    assert ask(host, "GET", "/nowhere", AUTH)[0] == 404


def test_standard_headers_on_what_an_extension_answers(host: WebApp, tmp_path: Path) -> None:
    """Refusals and routes of an extension have the version and the client's request id, once."""
    source = FLASK_AUTH if host.server_type() == "flask" else FASTAPI_AUTH
    write(tmp_path, host, source)
    (tmp_path / "secret.py").write_text("TOKEN = 't0k3n'\n")
    host.load_extension(tmp_path)
    for sent in ({}, AUTH):
        headers = ask(host, "GET", "/about", {**sent, "X-Request-ID": "abc-1"})[1]
        assert headers["x-drum-version"]
        assert headers["x-request-id"] == headers["x_request_id"] == "abc-1"


def test_extension_error_is_500_in_the_envelope(host: WebApp, tmp_path: Path) -> None:
    """A route of an extension that raises is answered 500, without the text of its error."""
    decorator = "@app.route" if host.server_type() == "flask" else "@app.get"
    source = (
        f"def init_app(app):\n  {decorator}('/bad')\n  def bad():\n    raise KeyError('s3cret')"
    )
    write(tmp_path, host, source)
    host.load_extension(tmp_path)
    status, headers = ask(host, "GET", "/bad")
    assert status == 500
    assert headers["content-type"] == "application/json"
    assert headers["x-drum-version"]


def test_errors_of_an_extension_are_its_own(host: WebApp, tmp_path: Path) -> None:
    """A 404 that an extension raises, or handles, is not replaced by the core's."""
    flask = """
from flask import abort
def init_app(app):
    @app.route("/lost")
    def lost():
        abort(404, description="lost by me")
"""
    fastapi = """
from fastapi import HTTPException
def init_app(app):
    @app.get("/lost")
    def lost():
        raise HTTPException(404, "lost by me")
"""
    write(tmp_path, host, flask if host.server_type() == "flask" else fastapi)
    host.load_extension(tmp_path)
    if isinstance(host, FlaskApp):
        text = host.app.test_client().get("/lost").text
    else:
        assert isinstance(host, FastAPIApp)
        text = TestClient(host.app).get("/lost").text
    assert "lost by me" in text


@pytest.mark.parametrize("folder", [".git", "__pycache__", "venv", "lib/site-packages/x"])
def test_folders_not_looked_into(host: WebApp, tmp_path: Path, folder: str) -> None:
    """Hidden folders, caches, virtual environments and installed packages hold no extension."""
    write(tmp_path / folder, host, "raise RuntimeError")
    (tmp_path / "venv").mkdir(exist_ok=True)
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    assert host.load_extension(tmp_path) is None


def test_several_extensions(host: WebApp, tmp_path: Path) -> None:
    """Two files of one name are an error that lists both."""
    write(tmp_path / "a", host, "")
    write(tmp_path / "b", host, "")
    name = f"custom_{host.server_type()}.py"
    with pytest.raises(ExtensionError, match=f"'a/{name}', 'b/{name}'"):
        host.load_extension(tmp_path)


def test_foreign_extension_is_refused(host: WebApp, tmp_path: Path) -> None:
    """An extension for the other framework alone keeps the server from starting."""
    other = "fastapi" if host.server_type() == "flask" else "flask"
    (tmp_path / f"custom_{other}.py").write_text("def init_app(app): ...\n")
    with pytest.raises(ExtensionError, match=f"--server {other}, or port it to custom_"):
        host.load_extension(tmp_path)


def test_matching_one_of_two_extensions(host: WebApp, tmp_path: Path) -> None:
    """Where both frameworks have one, each takes its own and never imports the other."""
    path = write(tmp_path, host, "def init_app(app): ...\n")
    other = "fastapi" if host.server_type() == "flask" else "flask"
    (tmp_path / f"custom_{other}.py").write_text("raise RuntimeError\n")
    assert host.load_extension(tmp_path) == path


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\n", r"must define the function init_app\(app\).* it has none"),
        ("init_app = 3\n", "it has 3, which cannot be called"),
        ("\n\nimport no_such_thing\n", r"line 3: ModuleNotFoundError: .*no_such_thing"),
        ("def init_app(app)\n", r"line 1: SyntaxError: "),
        ("def init_app(app):\n  app.nothing()\n", r"init_app failed in .*line 2: AttributeError"),
        ("def init_app(): ...\n", r"init_app failed in .*TypeError"),
    ],
)
def test_broken_extension(host: WebApp, tmp_path: Path, source: str, said: str) -> None:
    """What is wrong with an extension is told with its file, and the line where there is one."""
    path = write(tmp_path, host, source)
    with pytest.raises(ExtensionError, match=said) as caught:
        host.load_extension(tmp_path)
    assert str(path) in str(caught.value)
