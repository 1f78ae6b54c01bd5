"""Unstructured models: text and bytes in and out, over HTTP and from files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, ScoreOptions, ScoreResult
from drum_core.errors import (
    HookError,
    HookFailedError,
    InputError,
    OptionConflictError,
    PredictionError,
)
from drum_core.testing import Answer, DictHost
from tests.core.served import get, post, serving
from tests.model_folders import DOUBLE, REGRESSION, make_folder

UNSTRUCTURED = REGRESSION.replace("regression", "unstructured")
TEXT = REGRESSION.replace("regression", "textgeneration") + (
    "inferenceModel:\n  targetName: answer\n"
)

TELL = """\
import json

def score_unstructured(model, data, query, **kwargs):
    told = {"type": type(data).__name__, "data": str(data), "query": dict(query)}
    told.update(mimetype=kwargs["mimetype"], charset=kwargs.get("charset"))
    told.update(agent=kwargs["headers"].get("X-Who"), headers=type(kwargs["headers"]).__name__)
    return json.dumps(told)
"""
"""A custom.py that answers with what it was given."""

RETURN = """\
import ast

def load_model(code_dir):
    return "model"

def score_unstructured(model, data, **kwargs):
    return ast.literal_eval(data)
"""
"""A custom.py that returns the Python literal it is sent."""


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[DictHost]:
    """A model that answers with what it was given."""
    with serving(make_folder(tmp_path / "m", metadata=UNSTRUCTURED, custom=TELL)) as host:
        yield host


@pytest.fixture
def returning(tmp_path: Path) -> Iterator[DictHost]:
    """A model that returns the Python literal it is sent."""
    with serving(make_folder(tmp_path / "m", metadata=UNSTRUCTURED, custom=RETURN)) as host:
        yield host


def ask(
    host: DictHost,
    body: bytes | str,
    content_type: str | None = None,
    target: str = "/predictUnstructured/",
) -> Answer:
    """POSTs `body` with that content type, or without one."""
    headers = [] if content_type is None else [("Content-Type", content_type)]
    return post(host, body, *headers, target=target)


def score(folder: Path, data: bytes | str, **options: object) -> ScoreResult:
    """Gives `data`, as a file, to the model in `folder`."""
    path = folder.parent / "input.txt"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    made = ScoreOptions(code_dir=folder, input=path, **options)  # type: ignore[arg-type]  # test data
    with DrumRuntime(made) as runtime:
        return CMRunner(runtime).run()


@pytest.mark.parametrize("path", ["/predictUnstructured", "/predictionsUnstructured"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_paths(telling: DictHost, path: str, slash: str) -> None:
    """Both names answer, with and without a slash."""
    assert ask(telling, "hello", "text/plain", path + slash).json()["data"] == "hello"


@pytest.mark.parametrize(
    ("content_type", "kind", "mimetype", "charset"),
    [
        (None, "str", "text/plain", "utf-8"),
        ("", "str", "text/plain", "utf-8"),
        ("text/plain", "str", "text/plain", "utf-8"),
        ("text/x-anything; charset=UTF-8", "str", "text/x-anything", "UTF-8"),
        ('application/json; charset="utf-8"', "str", "application/json", "utf-8"),
        ("application/json", "str", "application/json", "utf-8"),
        ("application/octet-stream", "bytes", "application/octet-stream", None),
        ("image/png; charset=latin-1", "bytes", "image/png", "latin-1"),
        ("Text/Plain", "bytes", "Text/Plain", None),
        ("application/JSON", "bytes", "application/JSON", None),
        ("multipart/form-data; boundary=b", "bytes", "multipart/form-data", None),
        (
            "application/x-www-form-urlencoded",
            "bytes",
            "application/x-www-form-urlencoded",
            None,
        ),
        ("nonsense", "bytes", "nonsense", None),
    ],
)
def test_content_type_decides_text_or_bytes(
    telling: DictHost, content_type: str | None, kind: str, mimetype: str, charset: str | None
) -> None:
    """Text and JSON come as str, decoded; everything else as bytes, whatever it looks like."""
    told = ask(telling, "a=b", content_type).json()
    assert told["type"] == kind
    assert told["data"] == ("a=b" if kind == "str" else "b'a=b'")
    assert (told["mimetype"], told["charset"]) == (mimetype, charset)


def test_charset_of_the_request(telling: DictHost) -> None:
    """A text is decoded with the charset it is sent with."""
    body = "größe".encode("latin-1")
    told = ask(telling, body, "text/plain; charset=latin-1").json()
    assert (told["data"], told["charset"]) == ("größe", "latin-1")


def test_empty_body(telling: DictHost) -> None:
    """An empty body is an empty text, or no bytes."""
    assert ask(telling, b"").json()["data"] == ""
    assert ask(telling, b"", "application/octet-stream").json()["data"] == "b''"


@pytest.mark.parametrize("charset", ["utf-8", "ascii", "no-such-charset"])
def test_undecodable_body(telling: DictHost, charset: str) -> None:
    """A body that is not in its charset, or in one nobody knows, is 500 and says which."""
    answer = ask(telling, b"caf\xe9", f"text/plain; charset={charset}")
    assert answer.status == 500
    assert charset in str(answer.json()["message"])


def test_headers_are_a_plain_dict(telling: DictHost) -> None:
    """A hook gets the header fields as a dict, in the spelling that is the same on every host."""
    headers = [("Content-Type", "text/plain"), ("x-who", "me")]
    told = post(telling, "", *headers, target="/predictUnstructured/").json()
    assert (told["agent"], told["headers"]) == ("me", "dict")


def test_query_has_first_and_all_values(tmp_path: Path) -> None:
    """The query is a dict of first values, with all of them on request."""
    custom = """
        import json

        def score_unstructured(model, data, query, **kwargs):
            return json.dumps({
                "first": query["a"], "all": query.getlist("a"), "none": query.getlist("z"),
                "dict": dict(query), "json": json.dumps(query), "missing": query.get("z", "no"),
                "number": query.get("a", type=int), "bad": query.get("b", 7, type=int),
                "lists": query.to_dict(flat=False), "in": "a" in query,
                "numbers": query.getlist("a", type=int), "items": list(query.items()),
            })
    """
    folder = make_folder(tmp_path / "m", metadata=UNSTRUCTURED, custom=custom)
    with serving(folder) as host:
        told = ask(host, "", target="/predictUnstructured/?a=1&b=x%20y&a=2").json()
    assert told == {
        "first": "1",
        "all": ["1", "2"],
        "none": [],
        "dict": {"a": "1", "b": "x y"},
        "json": json.dumps({"a": "1", "b": "x y"}),
        "missing": "no",
        "number": 1,
        "bad": 7,
        "lists": {"a": ["1", "2"], "b": ["x y"]},
        "in": True,
        "numbers": [1, 2],
        "items": [["a", "1"], ["b", "x y"]],
    }


@pytest.mark.parametrize(
    ("returned", "body", "content_type"),
    [
        ("'héllo'", "héllo".encode(), "text/plain; charset=utf-8"),
        ("''", b"", "text/plain; charset=utf-8"),
        ("None", b"", "text/plain; charset=utf-8"),
        (r"b'\x00\xff'", b"\x00\xff", "application/octet-stream"),
        ("('{}', {'mimetype': 'application/json'})", b"{}", "application/json; charset=utf-8"),
        ("('é', {'charset': 'latin-1'})", b"\xe9", "text/plain; charset=latin-1"),
        (
            "('é', {'mimetype': 'text/html; charset=latin-1'})",
            b"\xe9",
            "text/html; charset=latin-1",
        ),
        ("('x', None)", b"x", "text/plain; charset=utf-8"),
        ("('x', {})", b"x", "text/plain; charset=utf-8"),
        ("('x', {'mimetype': None, 'charset': None})", b"x", "text/plain; charset=utf-8"),
        ("(None, {'mimetype': 'a/b'})", b"", "a/b; charset=utf-8"),
        ("(b'x', {'mimetype': 'image/png'})", b"x", "image/png"),
        ("(b'x', {'charset': 'utf-8'})", b"x", "application/octet-stream; charset=utf-8"),
        ("(b'x', {'mimetype': 'a/b; c=d'})", b"x", "a/b; c=d"),
    ],
)
def test_answers(returning: DictHost, returned: str, body: bytes, content_type: str) -> None:
    """A text has a charset, bytes only the one that is returned; the dict says what it is."""
    answer = ask(returning, returned)
    assert answer.status == 200
    assert answer.body == body
    assert answer.headers["Content-Type"] == content_type


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("1", "got int"),
        ("[]", "got list"),
        ("{'a': 1}", "got dict"),
        ("('x',)", "tuple of 1"),
        ("('x', {}, 1)", "tuple of 3"),
        ("(1, {})", "got int"),
        ("('x', 'text/plain')", "got str"),
        ("('x', {'mimetype': 1})", "mimetype 1"),
        (r"('x', {'mimetype': 'a/b\r\nX-Y: 1'})", "Content-Type header"),
        ("('é', {'charset': 'ascii'})", "ascii"),
        ("('é', {'charset': 'nonsense'})", "nonsense"),
    ],
)
def test_answers_of_another_kind(returning: DictHost, returned: str, said: str) -> None:
    """What is no answer is 500, naming what came."""
    answer = ask(returning, returned)
    assert answer.status == 500
    assert str(answer.json()["message"]).startswith("ERROR: The ")
    assert said in str(answer.json()["message"])


def test_asynchronous_hook(tmp_path: Path) -> None:
    """A hook may be a coroutine."""
    custom = """
        import asyncio

        async def score_unstructured(model, data, **kwargs):
            await asyncio.sleep(0)
            return data.upper()
    """
    folder = make_folder(tmp_path / "m", metadata=UNSTRUCTURED, custom=custom)
    with serving(folder) as host:
        assert ask(host, "abc").body == b"ABC"


def test_hook_failures(tmp_path: Path) -> None:
    """An exception is 500 with hook and line; UserHTTPError chooses its answer."""
    custom = """
        from drum_core import UserHTTPError

        def score_unstructured(model, data, **kwargs):
            if data:
                raise UserHTTPError("no " + data, 415)
            raise ValueError("empty")
    """
    folder = make_folder(tmp_path / "m", metadata=UNSTRUCTURED, custom=custom)
    with serving(folder) as host:
        failed, refused = ask(host, ""), ask(host, "way")
    assert failed.status == 500
    assert "score_unstructured (custom.py, line 7) raised ValueError: empty" in str(failed.json())
    assert (refused.status, refused.json()["message"]) == (415, "no way")
    assert refused.headers["X-Drum-User-Http-Error"] == "true"


def test_model_object_reaches_the_hook(tmp_path: Path) -> None:
    """A model comes from load_model or an artifact; without either the hook gets None."""
    custom = "def score_unstructured(model, data, **kwargs):\n    return repr(model)\n"
    load = "def load_model(code_dir):\n    return 'loaded'\n"
    folders = {
        "None": make_folder(tmp_path / "1", metadata=UNSTRUCTURED, custom=custom),
        "'loaded'": make_folder(tmp_path / "2", metadata=UNSTRUCTURED, custom=custom + load),
        "[1]": make_folder(tmp_path / "3", metadata=UNSTRUCTURED, custom=custom, artifact=[1]),
    }
    for expected, folder in folders.items():
        with serving(folder) as host:
            assert ask(host, "").body == expected.encode()


@pytest.mark.parametrize(
    ("custom", "said"),
    [
        (None, "no custom.py"),
        ("def init(code_dir): pass\n", "needs the hook score_unstructured"),
        ("def score_unstructurd(m, d, **k): pass\n", "did you mean score_unstructured"),
        ("def score_unstructured(data): pass\n", r"score_unstructured\(model, data, \*\*kwargs\)"),
    ],
)
def test_missing_hook(tmp_path: Path, custom: str | None, said: str) -> None:
    """A folder without the hook, or with one that cannot be called, does not load."""
    folder = make_folder(tmp_path / "m", metadata=UNSTRUCTURED, custom=custom, artifact=[1])
    with pytest.raises(HookError, match=said):
        score(folder, "")


class TestEndpoints:
    """Which route is for which model."""

    TABLE = "ERROR: This model has target type 'regression', use the /predict/ or /predictions/ "

    @pytest.mark.parametrize("path", ["/predict/", "/predictions/", "/invocations", "/transform/"])
    def test_tables_are_refused(self, telling: DictHost, path: str) -> None:
        """A table for an unstructured model is 422, with the text that DRUM's clients match."""
        answer = ask(telling, "x\n1\n", "text/csv", path)
        assert answer.status == 422
        assert answer.json()["message"] == (
            "ERROR: This model has target type 'unstructured', use the /predictUnstructured/ or "
            "/predictionsUnstructured/ endpoint."
        )

    def test_other_models_refuse(self, tmp_path: Path) -> None:
        """An unstructured request to a model of tables is 422, naming its routes."""
        with serving(make_folder(tmp_path / "m", custom=DOUBLE)) as host:
            answer = ask(host, "x\n1\n", "text/csv")
        assert answer.status == 422
        assert answer.json()["message"] == self.TABLE + "endpoint."

    def test_text_generation_with_hook(self, tmp_path: Path) -> None:
        """A text model with the hook answers; one without is 500, saying what is missing."""
        with serving(make_folder(tmp_path / "1", metadata=TEXT, custom=TELL)) as host:
            assert ask(host, "hello").json()["data"] == "hello"
            assert ask(host, "x\n1\n", "text/csv", "/predict/").status == 500
        with serving(make_folder(tmp_path / "2", metadata=TEXT, custom=DOUBLE)) as host:
            answer = ask(host, "hello")
        assert answer.status == 500
        assert "no hook score_unstructured" in str(answer.json()["message"])

    @pytest.mark.parametrize("kind", ["vectordatabase", "agenticworkflow"])
    def test_other_text_models_refuse(self, tmp_path: Path, kind: str) -> None:
        """The other text models take tables only, whatever hooks they have."""
        metadata, custom = TEXT.replace("textgeneration", kind), DOUBLE + TELL
        with serving(make_folder(tmp_path / "m", metadata=metadata, custom=custom)) as host:
            answer = ask(host, "hello")
        assert answer.status == 422
        assert "use the /predict/ or /predictions/ endpoint" in str(answer.json()["message"])

    def test_info(self, telling: DictHost) -> None:
        """`/info/` tells the target type, and no predictor."""
        info = get(telling, "/info/").json()
        assert (info["targetType"], info["predictor"]) == ("unstructured", None)
        assert get(telling, "/capabilities/").json()["supported_methods"] == {"chat": False}


class TestScore:
    """`drum score` of an unstructured model."""

    def folder(self, path: Path, custom: str = TELL) -> Path:
        """An unstructured model."""
        return make_folder(path / "m", metadata=UNSTRUCTURED, custom=custom)

    def test_default_content_type(self, tmp_path: Path) -> None:
        """A file is text in utf8, as DRUM spells it, unless an option says otherwise."""
        result = score(self.folder(tmp_path), "größe")
        assert result.unstructured is not None
        told = json.loads(result.unstructured.data)
        assert (told["type"], told["data"], told["query"]) == ("str", "größe", {})
        assert (told["mimetype"], told["charset"]) == ("text/plain", "utf8")

    @pytest.mark.parametrize(
        ("content_type", "kind", "charset"),
        [
            ("text/plain; charset=latin-1", "str", "latin-1"),
            ("application/json", "str", "utf8"),
            ("application/octet-stream", "bytes", None),
            ('text/plain; charset="latin-1"', "str", "latin-1"),
        ],
    )
    def test_content_type(
        self, tmp_path: Path, content_type: str, kind: str, charset: str | None
    ) -> None:
        """`--content-type` decides as the header of a request does, quotes included."""
        data = "größe".encode(charset or "utf-8")
        result = score(self.folder(tmp_path), data, content_type=content_type)
        assert result.unstructured is not None
        told = json.loads(result.unstructured.data)
        assert (told["type"], told["charset"]) == (kind, charset)
        assert told["data"] == ("größe" if kind == "str" else str(data))

    def test_query(self, tmp_path: Path) -> None:
        """`--query` is a query string, of which the last of two values counts."""
        result = score(self.folder(tmp_path), "", query='a=1&b=%22"&a=2&c=')
        assert result.unstructured is not None
        assert json.loads(result.unstructured.data)["query"] == {"a": "2", "b": '""', "c": ""}

    @pytest.mark.parametrize(
        ("returned", "written"),
        [
            ("'é'", "é".encode()),
            ("('é', {'charset': 'latin-1'})", b"\xe9"),
            (r"b'\x00\xff\r\n'", b"\x00\xff\r\n"),
            ("'a\\nb'", b"a\nb"),
            ("None", b"The hook score_unstructured returned None.\n"),
        ],
    )
    def test_output_file(self, tmp_path: Path, returned: str, written: bytes) -> None:
        """The output has the answer as it is, in its charset; or says that there is none."""
        output = tmp_path / "out"
        result = score(self.folder(tmp_path, RETURN), returned, output=output)
        assert output.read_bytes() == written
        assert (result.output, result.rows) == (output, 0)

    def test_bad_answer_leaves_the_old_output(self, tmp_path: Path) -> None:
        """An answer of another kind is an error, and the output file stays."""
        (tmp_path / "out").write_text("old")
        with pytest.raises(PredictionError, match="got int"):
            score(self.folder(tmp_path, RETURN), "1", output=tmp_path / "out")
        assert (tmp_path / "out").read_text() == "old"

    def test_undecodable_file(self, tmp_path: Path) -> None:
        """A file that is not in its charset is an error."""
        with pytest.raises(InputError, match="utf8"):
            score(self.folder(tmp_path), b"caf\xe9")

    def test_hook_failure(self, tmp_path: Path) -> None:
        """What the hook raises is reported with hook and line."""
        with pytest.raises(HookFailedError, match=r"score_unstructured \(custom.py, line \d+\)"):
            score(self.folder(tmp_path, RETURN), "1 +")

    @pytest.mark.parametrize("option", ["query", "content_type"])
    def test_options_of_other_models(self, tmp_path: Path, option: str) -> None:
        """`--query` and `--content-type` are for unstructured models only."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        with pytest.raises(OptionConflictError, match="unstructured models only"):
            score(folder, "x\n1\n", **{option: "a=b"})
