"""The OpenAPI document: whole, valid, and true of what is answered."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from drum_core import CMRunner, DrumRuntime, LocalWorker, ServerOptions
from drum_core.messages import Route
from drum_core.testing import Answer, DictHost
from tests.core.served import form, get, post, serving
from tests.model_folders import DOUBLE, make_folder
from tests.openapi.folders import FOLDERS, folder_of

JSON = ("Content-Type", "application/json")
CHAT = b'{"messages": [{"role": "user", "content": "hi"}]}'
PREDICTED = [kind for kind in FOLDERS if kind not in ("unstructured", "transform")]


class Recorder(DictHost):
    """A host that remembers what was put on it."""

    def __init__(self) -> None:
        super().__init__()
        self.routes: list[Route] = []

    def add_routes(self, routes: Sequence[Route], /, *, prefix: str = "") -> None:
        """Takes them."""
        self.routes += routes
        super().add_routes(routes, prefix=prefix)


def document(host: DictHost, prefix: str = "") -> dict[str, object]:
    """What is at `/openapi.json`."""
    answer = get(host, f"{prefix}/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    return answer.json()


def operation(found: dict[str, object], path: str, method: str) -> dict[str, object]:
    """One operation of a document."""
    paths = cast("dict[str, dict[str, dict[str, object]]]", found["paths"])
    return paths[path][method]


def check(found: dict[str, object], path: str, method: str, answer: Answer) -> None:
    """Asserts that the document knows this answer: status, content type, body."""
    responses = cast("dict[str, object]", operation(found, path, method)["responses"])
    assert str(answer.status) in responses, (path, answer.status)
    told = cast("dict[str, dict[str, object]]", responses[str(answer.status)])
    kind = answer.headers["Content-Type"].partition(";")[0]
    content = cast("dict[str, dict[str, object]]", told["content"])
    assert kind in content, (path, kind)
    if kind == "application/json":
        schema = {**content[kind]["schema"], "components": found["components"]}  # type: ignore[dict-item]  # JSON
        Draft202012Validator(schema).validate(json.loads(answer.body))


@pytest.mark.parametrize("kind", FOLDERS)
def test_document_is_valid(kind: str, tmp_path: Path) -> None:
    """For every target type the document is OpenAPI 3.1, with no id used twice."""
    with serving(folder_of(kind, tmp_path / "m"), api_docs="on") as host:
        found = document(host)
    assert found["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(found).validate()


def test_every_route_of_the_table_is_described(tmp_path: Path) -> None:
    """Each path and method that was mounted is an operation with a summary and a 200."""
    host = Recorder()
    options = ServerOptions(code_dir=folder_of("text", tmp_path / "m"), api_docs="on")
    with LocalWorker() as worker, DrumRuntime(options) as runtime:
        CMRunner(runtime, app=host, worker_ctx=worker).run()
        found = document(host)
    plain = {"HEAD", "OPTIONS"}
    mounted = {
        (route.path.replace(":path}", "}"), method.lower())
        for route in host.routes
        for method in set(route.methods) - plain
    }
    paths = cast("dict[str, dict[str, object]]", found["paths"])
    methods = {"get", "post", "put", "delete", "patch"}
    described = {(path, key) for path, item in paths.items() for key in item if key in methods}
    assert described == mounted
    for path, method in sorted(described):
        said = operation(found, path, method)
        assert said["summary"] != "", path
        assert said["tags"] != ["More"], f"{path} is not described in the table of operations"


@pytest.mark.parametrize("deployment", [False, True])
@pytest.mark.parametrize("kind", PREDICTED)
def test_predictions_are_as_described(kind: str, deployment: bool, tmp_path: Path) -> None:
    """What each target type answers, plainly or as a deployment does, satisfies its schema."""
    config = tmp_path / "c.json"
    config.write_text('{"target": {"name": "t", "prediction_threshold": 0.4}}')
    chosen = config if deployment else None
    folder = folder_of(kind, tmp_path / "m")
    with serving(folder, api_docs="on", deployment_config=chosen) as host:
        found = document(host)
        answer = post(host, "x\n1\n2\n", ("Content-Type", "text/csv"))
        assert answer.status == 200, answer.body
        check(found, "/predict/", "post", answer)
        key = "data" if deployment else "predictions"
        rows = cast("list[object]", answer.json()[key])
        assert len(rows) == 2
        schemas = cast("dict[str, dict[str, dict[str, object]]]", found["components"])["schemas"]
        wrongs: list[dict[str, object]] = [{}, {key: [[]]}, {key: None}]
        for wrong in wrongs:
            schema = {**schemas["Predictions"], "components": found["components"]}
            free = kind in ("text", "geopoint") and wrong == {key: [[]]} and not deployment
            assert Draft202012Validator(schema).is_valid(wrong) == free


@pytest.mark.parametrize("kind", FOLDERS)
def test_what_it_says_of_itself_is_as_described(kind: str, tmp_path: Path) -> None:
    """Probes, info, capabilities and statistics satisfy their schemas, and so do refusals."""
    with serving(folder_of(kind, tmp_path / "m"), api_docs="on", show_perf=True) as host:
        found = document(host)
        for path in ("/", "/ping/", "/health/", "/livez", "/readyz", "/info/", "/stats/"):
            check(found, path, "get", get(host, path))
        check(found, "/capabilities/", "get", get(host, "/capabilities/"))
        check(found, "/models", "get", get(host, "/models"))
        for path in ("/predict/", "/transform/", "/predictUnstructured/", "/chat/completions"):
            check_refused = post(host, b"", JSON, target=path)
            if "*/*" not in str(operation(found, path, "post")["responses"]):
                check(found, path, "post", check_refused)


def test_transformed_form_is_as_described(tmp_path: Path) -> None:
    """A transform model is asked with a form, and answers with one."""
    with serving(folder_of("transform", tmp_path / "m"), api_docs="on") as host:
        body, header = form(('name="X"; filename="x.csv"', b"x\n1\n"))
        answer = post(host, body, header, target="/transform/")
        assert answer.status == 200
        check(document(host), "/transform/", "post", answer)


def test_chat_is_as_described(tmp_path: Path) -> None:
    """A completion, its stream, the models, and a request without messages."""
    with serving(folder_of("text", tmp_path / "m"), api_docs="on") as host:
        found = document(host)
        path = "/v1/chat/completions"
        for body in (CHAT, CHAT.replace(b"{", b'{"stream": true, ', 1), b"{}"):
            check(found, path, "post", post(host, body, JSON, target=path))
        check(found, "/v1/models", "get", get(host, "/v1/models"))


def test_token_is_a_security_scheme(tmp_path: Path) -> None:
    """With a token, all but the probes need it, the document too, and 401 is an answer."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    token = tmp_path / "token"
    token.write_text("a-token-of-some-length")
    with serving(folder, api_docs="on", server_token_file=token) as host:
        assert get(host, "/openapi.json").status == get(host, "/docs").status == 401
        bearer = ("Authorization", "Bearer a-token-of-some-length")
        found = get(host, "/openapi.json", bearer).json()
        check(found, "/info/", "get", get(host, "/info/"))
        page = get(host, "/docs", bearer).body.decode()
    assert found["security"] == [{"token": []}]
    assert operation(found, "/livez", "get")["security"] == []
    assert "security" not in operation(found, "/predict/", "post")
    assert "Needs a bearer token." in page


def test_prefix_is_the_server(tmp_path: Path) -> None:
    """Under a prefix the routes are described there, and the server's URL is the prefix."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    with serving(folder, url_prefix="/models/iris") as host:
        assert document(host, "/models/iris")["servers"] == [{"url": "/models/iris"}]
        assert 'href="/models/iris/openapi.json"' in get(host, "/models/iris/docs").body.decode()


@pytest.mark.parametrize(("choice", "status"), [("auto", 404), ("off", 404), ("on", 200)])
def test_docs_can_be_turned_off(choice: str, status: int, tmp_path: Path) -> None:
    """An application of yours, without a prefix, gets them only when it asks for them."""
    with serving(make_folder(tmp_path / "m", custom=DOUBLE), api_docs=choice) as host:
        assert {get(host, path).status for path in ("/openapi.json", "/docs", "/docs/")} == {status}


def test_page_loads_and_runs_nothing(tmp_path: Path) -> None:
    """The page has all routes, no script, no address of another host, and a policy that says so."""
    with serving(folder_of("text", tmp_path / "m"), api_docs="on") as host:
        answer = get(host, "/docs")
    text = answer.body.decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert re.search(r"<script|<link|<img|src=|https?:|@import|url\(|style=|\son\w+=", text) is None
    style = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    for path in ("/predict", "/chat/completions", "/livez", "/stats", "/openapi.json"):
        assert f"<code>{path}</code>" in text
    links = re.findall(r'href="#([^"]+)"', text)
    assert links
    assert all(f'id="{name}"' in text for name in links)


def test_name_of_a_model_is_text_on_the_page(tmp_path: Path) -> None:
    """A name that looks like HTML is shown as it is."""
    metadata = "name: <script>alert(1)</script>\ntype: inference\ntargetType: regression\n"
    folder = make_folder(tmp_path / "m", custom=DOUBLE, metadata=metadata)
    with serving(folder, api_docs="on") as host:
        text = get(host, "/docs").body.decode()
    assert "<script" not in text
    assert "&lt;script&gt;" in text
