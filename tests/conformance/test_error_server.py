"""A model that cannot be loaded, with `--with-error-server`: the same answers on each server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drum_core.testing import Call, HttpClient, fetch
from tests.model_folders import make_folder
from tests.security.live import SERVERS, operated
from tests.web.live import wait_until

BROKEN = {
    "hook": "def load_model(code_dir):\n    raise RuntimeError('no weights here')\n\n"
    "def score(data, model, **kwargs):\n    return data\n",
    "import": "import nothing_of_this_name\n",
}
SAID = {"hook": "no weights here", "import": "nothing_of_this_name"}
PROBES = ("/", "/ping", "/ping/", "/health/")
POSTED = (
    *("/predict/", "/predictions/", "/invocations", "/predictUnstructured/"),
    *("/predictionsUnstructured/", "/transform/"),
)
PREFIX = "/models/broken"


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("server", SERVERS)
def test_error_server_says_why(server: str, kind: str, tmp_path: Path) -> None:
    """513 with the reason on all of DRUM's routes, under the prefix; the process itself is well."""
    folder = make_folder(tmp_path / "m", custom=BROKEN[kind])
    words = ["--server", server, "--with-error-server"]
    with operated(folder, words, {"URL_PREFIX": PREFIX}, log=tmp_path / "log") as live:
        client = HttpClient(live.port)
        wait_until(lambda: fetch(client, Call("GET", f"{PREFIX}/health/")).status == 513, 60)
        calls = [Call("GET", PREFIX + path) for path in PROBES]
        calls += [Call("POST", PREFIX + path, [], b"x\n1\n") for path in POSTED]
        for call in calls:
            answer = fetch(client, call)
            message = json.loads(answer.body)["message"]
            assert (call.target, answer.status) == (call.target, 513)
            assert message.startswith("ERROR: ")
            assert SAID[kind] in message
            assert answer.headers["X-Drum-Version"]
        statuses = {
            path: fetch(client, Call("GET", PREFIX + path)).status
            for path in ("/livez", "/readyz", "/openapi.json", "/nim/v1/models")
        }
        assert statuses == {
            "/livez": 200,
            "/readyz": 503,
            "/openapi.json": 200,
            "/nim/v1/models": 513,
        }
        assert fetch(client, Call("GET", "/ping/")).status == 404
        assert live.process.poll() is None
