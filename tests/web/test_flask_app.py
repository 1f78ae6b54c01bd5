"""What is Flask's own: endpoints, blueprints, functions that read the body first."""

from __future__ import annotations

import pytest
from flask import Flask, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as WSGIResponse

from drum_core.messages import BodyRules, Headers, Request, Response, Route, RoutePolicy
from drum_web import FlaskApp
from tests.web.routes import echo_routes


def test_endpoints_are_named_as_drum_names_them() -> None:
    """`model_api.<name>`, and `model_api_2` for a second mount in the same application."""
    seen: list[str | None] = []
    app = Flask("theirs")
    app.before_request(lambda: seen.append(request.endpoint))
    host = FlaskApp(app)
    host.add_routes(echo_routes())
    host.add_routes(echo_routes(), prefix="/iris")
    client = app.test_client()
    for path in ("/", "/ping", "/iris", "/iris/", "/iris/ping"):
        assert client.get(path).status_code == 200
    assert seen == ["model_api.ping"] * 2 + ["model_api_2.ping"] * 3


@pytest.mark.parametrize("reader", ["get_data", "data", "get_json"])
def test_body_that_was_read_before_is_used(reader: str) -> None:
    """A before_request function may look at the body, as long as Flask keeps it."""
    app = Flask("theirs")

    @app.before_request
    def look() -> None:
        if reader == "get_data":
            assert request.get_data() == b"[1, 2]"
        elif reader == "data":
            assert request.data == b"[1, 2]"
        else:
            assert request.get_json(force=True) == [1, 2]

    FlaskApp(app).add_routes(echo_routes())
    answer = app.test_client().post("/predict/", data=b"[1, 2]")
    assert answer.get_json()["body"] == "[1, 2]"


def test_body_that_was_read_before_is_limited_too() -> None:
    """What Flask keeps counts against the limit of the route."""
    app = Flask("theirs")
    app.before_request(lambda: request.get_data() and None)
    sizes: list[tuple[int, bool]] = []

    def note(request: Request) -> Response:
        sizes.append((request.body.size, request.body.refusal is not None))
        return Response(status=413)

    route = Route(
        path="/p",
        methods=("POST",),
        handler=note,
        name="p",
        policy=RoutePolicy.PREDICT,
        bodies=BodyRules(limit=3),
    )
    FlaskApp(app).add_routes([route])
    app.test_client().post("/p", data=b"1234")
    assert sizes == [(0, True)]


@pytest.mark.parametrize("keeps", [False, True])
def test_form_that_was_parsed_before(keeps: bool) -> None:
    """A parsed form is lost unless the bytes were kept: an error says so."""
    app = Flask("theirs")

    @app.before_request
    def look() -> None:
        if keeps:
            request.get_data()
        assert request.form["a"] == "1"

    FlaskApp(app).add_routes(echo_routes())
    answer = app.test_client().post("/predict/", data={"a": "1"})
    if keeps:
        assert answer.get_json()["body"] == "a=1"
    else:
        assert answer.status_code == 400
        assert "request.get_data() before request.form" in answer.get_json()["message"]


def test_form_of_a_raw_body_is_harmless() -> None:
    """Asking for the form of a body that is none does not take it away."""
    app = Flask("theirs")

    @app.before_request
    def look() -> None:
        assert not request.form

    FlaskApp(app).add_routes(echo_routes())
    answer = app.test_client().post("/predict/", data=b"a,b\n", content_type="text/csv")
    assert answer.get_json()["body"] == "a,b\n"


def test_routes_beside_somebodys_own() -> None:
    """Somebody's application keeps its own routes, its own 404, and gets no headers on them."""
    app = Flask("theirs")
    app.add_url_rule("/theirs", view_func=lambda: "theirs", endpoint="theirs")
    app.register_error_handler(404, lambda error: ("their 404", 404))
    FlaskApp(app).add_routes(echo_routes(), prefix="/iris")
    client = app.test_client()
    assert client.get("/theirs").text == "theirs"
    assert "X-Drum-Version" not in client.get("/theirs").headers
    assert client.get("/nowhere").text == "their 404"
    assert client.post("/iris/predict").text == "their 404"
    assert client.post("/iris/predict/").status_code == 200


def test_taken_path_is_an_error() -> None:
    """A path that the application has already is not mounted over, and nothing else is."""
    app = Flask("theirs")
    app.add_url_rule("/ping", view_func=lambda: "theirs", endpoint="theirs")
    with pytest.raises(ValueError, match="/ping is taken already"):
        FlaskApp(app).add_routes(echo_routes())
    assert "model_api" not in app.blueprints


def test_after_request_may_change_the_answer() -> None:
    """An after_request function sees a Flask response that it can change."""
    app = Flask("theirs")

    @app.after_request
    def shout(response: WSGIResponse) -> WSGIResponse:
        response.headers["X-Shout"] = "yes"
        response.set_data(response.get_data().upper())
        return response

    FlaskApp(app).add_routes(echo_routes())
    answer = app.test_client().post("/predict/", data=b"abc")
    assert answer.headers["X-Shout"] == "yes"
    assert b'"BODY":"ABC"' in answer.data


def test_wrapped_wsgi_app_has_the_headers_too() -> None:
    """What an extension puts around `wsgi_app` is inside of the application all the same."""
    host = FlaskApp()
    host.add_routes(echo_routes())
    host.app.wsgi_app = NotFound()  # type: ignore[method-assign] # as Flask's documentation says
    assert host.app.test_client().get("/ping").headers["X-Drum-Version"]


def test_stream_is_closed_when_it_is_never_sent() -> None:
    """A stream whose answer is thrown away by an after_request function is closed."""

    class Stream:
        closed = 0

        def __iter__(self) -> Stream:
            return self

        def __next__(self) -> bytes:
            raise StopIteration

        def close(self) -> None:
            self.closed += 1

    stream = Stream()
    app = Flask("theirs")
    app.after_request(lambda response: WSGIResponse("instead"))
    route = Route(
        path="/s",
        methods=("GET",),
        handler=lambda request: Response(headers=Headers(), body=stream),
        name="s",
        policy=RoutePolicy.STREAM,
    )
    FlaskApp(app).add_routes([route])
    assert app.test_client().get("/s").text == "instead"
    assert stream.closed == 1
