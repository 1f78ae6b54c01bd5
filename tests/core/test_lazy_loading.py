"""Lazy loading: files fetched from a real S3-compatible server before the model is loaded."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
import s3fs
from moto.server import ThreadedMotoServer

from drum_core.cli import main
from drum_core.errors import LazyLoadingError
from drum_core.model.lazy_files import LazyFiles, read_lazy_files
from drum_core.model.lazy_loading import fetch_lazy_files
from drum_core.options import Language
from tests.core.served import CSV, post, serving
from tests.model_folders import linear_model, make_folder
from tests.progress_recorder import Recorder

KEY: Final = "AKIAEXAMPLE"
SECRET: Final = "very-secret-indeed"
BUCKET: Final = "models"
BIG: Final = bytes(range(256)) * 40_000


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """A server that speaks S3, with a bucket and three files in it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    bucket = s3fs.S3FileSystem(
        key=KEY, secret=SECRET, client_kwargs={"endpoint_url": url}, skip_instance_cache=True
    )
    bucket.mkdir(BUCKET)
    for name, content in (("a.txt", b"first"), ("deep/b.bin", BIG), ("empty", b"")):
        bucket.pipe_file(f"{BUCKET}/{name}", content)
    yield url
    server.stop()


def data(endpoint: str | None, *files: tuple[str, str], **repository: object) -> dict[str, object]:
    """The data object in snake_case, for files of (remote, local) path."""
    return {
        "files": [
            {"remote_path": remote, "local_path": local, "repository_id": "r1"}
            for remote, local in files
        ],
        "repositories": [
            {
                "repository_id": "r1",
                "bucket_name": BUCKET,
                "credential_id": "c1",
                "endpoint_url": endpoint,
                **repository,
            }
        ],
    }


def secret(**more: object) -> dict[str, object]:
    """The secret object in snake_case."""
    return {
        "credential_type": "s3",
        "aws_access_key_id": KEY,
        "aws_secret_access_key": SECRET,
        **more,
    }


def environ(content: Mapping[str, object], **more: object) -> dict[str, str]:
    """The variables that hold the data and the secret of the credential c1."""
    return {
        "MLOPS_LAZY_LOADING_DATA": json.dumps(content),
        "MLOPS_REPOSITORY_SECRET_C1": json.dumps(secret(**more)),
    }


def camel(value: object) -> object:
    """The same with keys in camelCase."""
    if isinstance(value, dict):
        return {
            "".join(part.title() if i else part for i, part in enumerate(key.split("_"))): camel(v)
            for key, v in value.items()
        }
    return [camel(item) for item in value] if isinstance(value, list) else value


def read(variables: Mapping[str, str]) -> LazyFiles:
    """What the variables say."""
    found = read_lazy_files(None, variables)
    assert found is not None
    return found


def test_files_are_fetched(endpoint: str, tmp_path: Path) -> None:
    """Files appear where they shall be, relative ones in the folder, with folders made for them."""
    elsewhere = tmp_path / "else" / "c"
    content = data(
        endpoint, ("a.txt", "a.txt"), ("/deep/b.bin", "x/y/b.bin"), ("empty", str(elsewhere))
    )
    folder = tmp_path / "m"
    places = fetch_lazy_files(read(environ(content, aws_session_token="t")), folder)
    assert places == [folder / "a.txt", folder / "x/y/b.bin", elsewhere]
    assert [place.read_bytes() for place in places] == [b"first", BIG, b""]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "a.txt",
        "b.bin",
        "c",
    ]


def test_the_bytes_that_come_are_told(endpoint: str, tmp_path: Path) -> None:
    """A download tells its progress how many bytes there are, and each part that has come."""
    content = data(endpoint, ("a.txt", "a.txt"), ("/deep/b.bin", "b.bin"), ("empty", "c"))
    recorder = Recorder()
    fetch_lazy_files(read(environ(content)), tmp_path, recorder)
    size = len(b"first") + len(BIG)
    assert recorder.done == {"Fetching 3 files": (size, size, "bytes")}
    assert recorder.ended == ["Fetching 3 files"]


@pytest.mark.parametrize("spelling", ["camel", "snake"])
def test_both_spellings(endpoint: str, tmp_path: Path, spelling: str) -> None:
    """Keys may be in camelCase or in snake_case; keys that are not known are left alone."""
    content, opens = data(endpoint, ("a.txt", "a.txt"), something="else"), secret(extra=1)
    if spelling == "camel":
        content, opens = camel(content), camel(opens)  # type: ignore[assignment]  # of a dict
    variables = {
        "MLOPS_LAZY_LOADING_DATA": json.dumps(content),
        "MLOPS_REPOSITORY_SECRET_C1": json.dumps(opens),
    }
    fetch_lazy_files(read(variables), tmp_path)
    assert (tmp_path / "a.txt").read_bytes() == b"first"


def test_the_file_says_it_all(endpoint: str, tmp_path: Path) -> None:
    """A YAML file has data and credentials, beats the environment and leaves it as it is."""
    before = dict(os.environ)
    path = tmp_path / "lazy.yaml"
    content = data(endpoint, ("a.txt", "f.txt")) | {"credentials": [secret(id="c1")]}
    path.write_text(json.dumps(content))
    lazy = read_lazy_files(path, environ(data(endpoint, ("nowhere", "x"))))
    assert lazy is not None
    fetch_lazy_files(lazy, tmp_path)
    assert (tmp_path / "f.txt").read_bytes() == b"first"
    assert dict(os.environ) == before


def test_nothing_asked_for() -> None:
    """Without a file and without the variable there is nothing to fetch."""
    assert read_lazy_files(None, {"MLOPS_REPOSITORY_SECRET_C1": "{}"}) is None


def test_a_missing_file_leaves_nothing(endpoint: str, tmp_path: Path) -> None:
    """When one file is not there, no file appears, and what was there stays as it was."""
    (tmp_path / "a.txt").write_text("old")
    content = data(endpoint, ("a.txt", "a.txt"), ("deep/b.bin", "b.bin"), ("gone", "gone"))
    with pytest.raises(LazyLoadingError, match=r"s3://models/gone was not found"):
        fetch_lazy_files(read(environ(content)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    """An endpoint where nobody listens is an error that names the file."""
    content = data("http://127.0.0.1:9", ("a.txt", "a.txt"))
    with pytest.raises(LazyLoadingError, match=r"s3://models/a.txt cannot be fetched"):
        fetch_lazy_files(read(environ(content)), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(endpoint: str, tmp_path: Path) -> None:
    """A place below a file is an error before anything is fetched."""
    (tmp_path / "file").touch()
    content = data(endpoint, ("a.txt", "file/a.txt"))
    with pytest.raises(LazyLoadingError, match=r"Cannot write .*file/a\.txt"):
        fetch_lazy_files(read(environ(content)), tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (data(None), "'files'"),
        (data(None, ("", "b")), "files.0.remote"),
        (data(None, ("a", "")), "files.0.local"),
        (data(None, ("a", "b"), credential_id=""), "repositories.0.credential"),
        (data("", ("a", "b")), "endpoint_url must not be an empty string"),
        (data("minio:9000", ("a", "b")), "http:// or https://"),
        (
            data(None, ("a", "b"), repository_id="r2"),
            "in the repository 'r1'; expected one of 'r2'",
        ),
        (data(None, ("a", "b"), credential_id="c2"), "the variable MLOPS_REPOSITORY_SECRET_C2"),
        ({"files": []}, "Invalid lazy loading content"),
    ],
)
def test_data_that_make_no_sense(content: Mapping[str, object], said: str) -> None:
    """What is missing, empty or not known is an error that names it, in both spellings."""
    for spelling in (content, camel(content)):
        assert isinstance(spelling, Mapping)
        with pytest.raises(LazyLoadingError) as caught:
            read(environ(spelling))
        assert said in str(caught.value)


@pytest.mark.parametrize(
    "opens",
    [
        secret(credential_type="gcp"),
        secret(aws_access_key_id=""),
        secret(aws_secret_access_key=""),
        {"credential_type": SECRET},
        [SECRET],
        SECRET,
    ],
)
def test_secrets_that_make_no_sense(opens: object) -> None:
    """A secret that cannot be used is an error that does not show it."""
    variables = environ(data(None, ("a", "b")))
    variables["MLOPS_REPOSITORY_SECRET_C1"] = json.dumps(opens)
    with pytest.raises(LazyLoadingError) as caught:
        read(variables)
    assert "MLOPS_REPOSITORY_SECRET_C1" in str(caught.value)
    assert SECRET not in str(caught.value) + repr(caught.value.__cause__)


def test_certificates_are_verified_unless_refused() -> None:
    """A certificate is verified by default, in either spelling, and when null is given."""
    for more in ({}, {"verify_certificate": None}, {"verify_certificate": False}):
        content = data("https://minio", ("a", "b"), **more)
        for spelling in (content, camel(content)):
            assert isinstance(spelling, Mapping)
            repository = read(environ(spelling)).files[0][1]
            assert repository.verify_certificate is (more.get("verify_certificate") is not False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "Invalid lazy loading YAML file content."),
        ("- a", "Invalid lazy loading YAML file content."),
        ("files: []", "Invalid lazy loading content."),
    ],
)
def test_files_that_make_no_sense(tmp_path: Path, text: str, said: str) -> None:
    """A file that is no YAML, or not the right one, is an error that names it."""
    path = tmp_path / "lazy.yaml"
    path.write_text(text)
    with pytest.raises(LazyLoadingError) as caught:
        read_lazy_files(path, {})
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def lazy_folder(folder: Path) -> Path:
    """A folder whose custom.py reads a file that has to be fetched, when it is imported."""
    custom = (
        "from pathlib import Path\nimport pandas as pd\n\n"
        "FACTOR = len(Path(__file__).with_name('factor.txt').read_text())\n\n"
        "def score(data, model, **kwargs):\n"
        "    return pd.DataFrame({'Predictions': data['x'] * FACTOR})\n"
    )
    return make_folder(folder, custom=custom)


def test_files_are_there_before_hooks_are_loaded(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A served model finds the files of the environment when its custom.py is imported."""
    for name, text in environ(data(endpoint, ("a.txt", "factor.txt"))).items():
        monkeypatch.setenv(name, text)
    with serving(lazy_folder(tmp_path / "m")) as host:
        assert post(host, "x\n2\n", *CSV).json() == {"predictions": [10.0]}


def test_an_artifact_may_be_fetched(endpoint: str, tmp_path: Path) -> None:
    """The artifact itself may be among the files."""
    bucket = s3fs.S3FileSystem(
        key=KEY, secret=SECRET, client_kwargs={"endpoint_url": endpoint}, skip_instance_cache=True
    )
    bucket.pipe_file(f"{BUCKET}/model.pkl", pickle.dumps(linear_model()))
    folder = make_folder(tmp_path / "m")
    (tmp_path / "lazy.yaml").write_text(
        json.dumps(data(endpoint, ("model.pkl", "model.pkl")) | {"credentials": [secret(id="c1")]})
    )
    with serving(
        folder, lazy_loading_file=tmp_path / "lazy.yaml", language=Language.PYTHON
    ) as host:
        assert post(host, "a,b\n1,1\n", *CSV).json()["predictions"] == pytest.approx([4.0])


def test_a_failure_ends_the_run(
    endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`drum score` ends with 1 and says which file was not there; custom.py is not run."""
    folder = lazy_folder(tmp_path / "m")
    (tmp_path / "in.csv").write_text("x\n1\n")
    (tmp_path / "lazy.yaml").write_text(
        json.dumps(data(endpoint, ("gone", "factor.txt")) | {"credentials": [secret(id="c1")]})
    )
    words = ["score", "-cd", str(folder), "--input", str(tmp_path / "in.csv")]
    assert main([*words, "--lazy-loading-file", str(tmp_path / "lazy.yaml")]) == 1
    err = capsys.readouterr().err
    assert "s3://models/gone was not found" in err
    assert "custom.py" not in err
