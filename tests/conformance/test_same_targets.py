"""Unstructured, transform and text models: the same answers on every host, byte by byte."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, LocalWorker, ServerOptions, WebApp
from drum_core.testing import Answer, AsgiClient, Call, Client, DictHost, WsgiClient, fetch
from drum_web import FastAPIApp, FlaskApp
from tests.conformance.bottle_app import BottleApp
from tests.conformance.test_same_answers import told
from tests.model_folders import REGRESSION, make_folder

ECHO = """
    import json

    def score_unstructured(model, data, query, headers, **kwargs):
        if data == "fail":
            raise ValueError("failed")
        if isinstance(data, bytes):
            return data, {"mimetype": kwargs["mimetype"]}
        own = {name: value for name, value in headers.items() if name.startswith("X-")}
        return json.dumps([data, query.to_dict(flat=False), own, kwargs["charset"]])
"""
DENSE = """
    def transform(data, model, target):
        return data * 2 if target is None else data.assign(t=target["t"])
"""
SPARSE = """
    import pandas as pd

    def transform(data, model):
        return data.astype(pd.SparseDtype("float", 0.0))
"""
TEXT = """
    import pandas as pd

    def score(data, model, **kwargs):
        return pd.DataFrame({"answer": data["q"].str.upper(), "n": range(len(data))})
"""

FORM = ("Content-Type", "multipart/form-data; boundary=b")
CSV = ("Content-Type", "text/csv")
PLAIN = ("Content-Type", "text/plain; charset=latin-1")


def file_of(name: str, data: str) -> bytes:
    """A part of a form."""
    said = f'Content-Disposition: form-data; name="{name}"; filename="{name}.csv"'
    return f"--b\r\n{said}\r\n\r\n{data}\r\n".encode()


TABLE = file_of("X", "a,b\n1,0\n0.1,2\n")
BOTH = TABLE + file_of("y", "t\n5\n6\n") + b"--b--\r\n"
ROUTES = ("/predict/", "/transform", "/transform/", "/predictUnstructured", "/predictUnstructured/")

CALLS = [
    *(Call("POST", path, [CSV], b"a,b\n1,0\n") for path in ROUTES),
    *(Call("OPTIONS", path) for path in ROUTES),
    *(Call("GET", path) for path in (*ROUTES, "/info/", "/capabilities/")),
    Call("POST", "/transform/", [FORM], TABLE + b"--b--\r\n"),
    Call("POST", "/transform/", [FORM], BOTH),
    Call("POST", "/transform/", [FORM], file_of("y", "t\n5\n") + b"--b--\r\n"),
    Call("POST", "/transform/", [CSV], b""),
    Call("POST", "/predictUnstructured/?a=1&b=&a=%C3%BC+x", [PLAIN], b"caf\xe9"),
    Call("POST", "/predictUnstructured/", [], b"no type"),
    Call("POST", "/predictUnstructured/", [("Content-Type", "")], b"empty type"),
    Call("POST", "/predictUnstructured/", [PLAIN, ("x-one", "1"), ("X-ONE", "2")], b"x"),
    Call("POST", "/predictUnstructured/", [("Content-Type", "Image/PNG")], b"\x00\xff"),
    Call("POST", "/predictUnstructured/", [FORM], TABLE),
    Call("POST", "/predictUnstructured/", [("Content-Type", "text/plain")], b"caf\xe9"),
    Call("POST", "/predictUnstructured/", [], b"fail"),
    Call("POST", "/predictionsUnstructured", [], b""),
    Call("POST", "/predictionsUnstructured/", [PLAIN], [b"in ", b"chunks"]),
    Call("POST", "/predict/", [CSV], "q\nhow\nwörld\n".encode()),
    Call("POST", "/predict/", [FORM], file_of("X", "q\nhow\n") + b"--b--\r\n"),
]

MODELS = {
    "unstructured": ("unstructured", ECHO),
    "dense": ("transform", DENSE),
    "sparse": ("transform", SPARSE),
    "text": ("textgeneration", TEXT),
}


@contextmanager
def dict_host(_app: WebApp) -> Iterator[Client]:
    """The reference."""
    assert isinstance(_app, DictHost)
    yield _app


@contextmanager
def flask_app(app: WebApp) -> Iterator[Client]:
    """Flask, in this process."""
    assert isinstance(app, FlaskApp)
    yield WsgiClient(app.app)


@contextmanager
def bottle_app(app: WebApp) -> Iterator[Client]:
    """Bottle, in this process."""
    assert isinstance(app, BottleApp)
    yield WsgiClient(app.app)


@contextmanager
def fastapi_app(app: WebApp) -> Iterator[Client]:
    """FastAPI, in this process."""
    assert isinstance(app, FastAPIApp)
    with AsgiClient(app.app) as client:
        yield client


Host = tuple[Callable[[], WebApp], Callable[[WebApp], AbstractContextManager[Client]]]
HOSTS: dict[str, Host] = {
    "flask": (FlaskApp, flask_app),
    "fastapi": (FastAPIApp, fastapi_app),
    "bottle": (BottleApp, bottle_app),
}


def answers(folder: Path, host: Host) -> list[Answer]:
    """Every call, answered by the model in `folder` on that host."""
    app = host[0]()
    with LocalWorker() as worker, DrumRuntime(ServerOptions(code_dir=folder)) as runtime:
        CMRunner(runtime, app=app, worker_ctx=worker).run()
        with host[1](app) as client:
            until = time.monotonic() + 30
            while fetch(client, Call("GET", "/readyz")).status != 200:
                assert time.monotonic() < until, "the model is not ready"
                time.sleep(0.01)
            same_id = ("X-Request-ID", "r-1")
            return [
                fetch(client, Call(call.method, call.target, [*call.headers, same_id], call.body))
                for call in CALLS
            ]


@pytest.mark.parametrize("model", MODELS)
def test_answers_are_the_same(model: str, tmp_path: Path) -> None:
    """Status, header fields and bytes are those of the host without a framework."""
    kind, custom = MODELS[model]
    metadata = REGRESSION.replace("regression", kind) + "inferenceModel:\n  targetName: answer\n"
    folder = make_folder(tmp_path / "m", metadata=metadata, custom=custom)
    expected = answers(folder, (DictHost, dict_host))
    statuses = [answer.status for answer in expected]
    assert statuses.count(200) >= 8
    assert {405, 422} <= set(statuses)
    for name, host in HOSTS.items():
        for call, found, wanted in zip(CALLS, answers(folder, host), expected, strict=True):
            assert told(call, found) == told(call, wanted), f"{name}: {call.method} {call.target}"
