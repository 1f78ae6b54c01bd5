from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from drum_core.errors import OptionConflictError
from drum_core.upload.errors import PushError, ServiceError
from tests.push.conftest import INFERENCE
from tests.push.platform_service import TOKEN, Fault, Platform
from tests.push.test_push_model import push

VERSIONS = "POST customModels/model1/versions/"


def refused(folder: Path) -> ServiceError:
    """The error of a push that DataRobot does not take; its token is nowhere in it."""
    with pytest.raises(ServiceError) as caught:
        push(folder)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))
    assert TOKEN not in repr(caught.value)
    return caught.value


@pytest.mark.parametrize("call", ["GET version/", "POST customModels/"])
def test_an_expired_token_is_explained(platform: Platform, model: Path, call: str) -> None:
    """For 401 the error says where the token is from, and how to get another; it is not shown."""
    platform.faults[call] = [Fault(401, {"message": f"Invalid Authorization header {TOKEN}"})]
    error = refused(model)
    assert error.status == 401
    assert "DATAROBOT_API_TOKEN has expired" in str(error)
    assert "API keys and tools" in str(error)
    assert len(platform.names()) == (1 if call == "GET version/" else 2)


def test_what_the_account_may_not_do(platform: Platform, model: Path) -> None:
    """For 403 the error has the words of the service, and whom to ask."""
    platform.faults["POST customModels/"] = [Fault(403, {"message": "Not for guests"})]
    error = refused(model)
    assert error.status == 403
    assert "It says: Not for guests" in str(error)
    assert "administrator" in str(error)


def test_a_model_that_is_not_there(platform: Platform, model: Path) -> None:
    """For 404 the error says to look at the ids, and nothing that was not made is deleted."""
    (model / "model-metadata.yaml").write_text(INFERENCE + "modelID: gone\n")
    platform.faults["POST customModels/gone/versions/"] = [Fault(404, "<html>no</html>")]
    error = refused(model)
    assert error.status == 404
    assert "ids in model-metadata.yaml" in str(error)
    assert "html" not in str(error)
    assert not [name for name in platform.names() if name.startswith("DELETE")]


def test_fields_that_are_not_taken(platform: Platform, model: Path) -> None:
    """For 422 the error has what is said of the single fields; the empty model is deleted again."""
    said = {"message": "Invalid field data", "errors": {"baseEnvironmentId": "no such thing"}}
    platform.faults[VERSIONS] = [Fault(422, said)]
    error = refused(model)
    assert error.status == 422
    assert 'Invalid field data {"baseEnvironmentId": "no such thing"}' in str(error)
    assert "custom model model1, which was made for it, is deleted again" in str(error)
    assert platform.names()[-1] == "DELETE customModels/model1/"


def test_a_model_that_cannot_be_deleted_is_named(platform: Platform, model: Path) -> None:
    """Where the empty model is left, the error says how the next push uses it."""
    platform.faults[VERSIONS] = [Fault(422, {"message": "no"})]
    platform.faults["DELETE customModels/model1/"] = [Fault(403, {"message": "no"})]
    assert "set 'modelID: model1' in model-metadata.yaml" in str(refused(model))


@pytest.mark.parametrize(
    ("call", "status"),
    [
        ("GET version/", 503),
        (VERSIONS, 502),
        *(("POST customModels/", status) for status in (429, 500, 503, 504)),
    ],
)
def test_a_failure_that_passes_is_tried_again(
    platform: Platform, model: Path, call: str, status: int
) -> None:
    """After one answer of a kind that passes, the call is made once more, with all its files."""
    platform.faults[call] = [Fault(status, "busy")]
    assert push(model).version_id == "version1"
    assert platform.names().count(call) == 2
    assert set(platform.calls[-1].files) == {"custom.py", "model-metadata.yaml", "rows.csv"}


def test_a_failure_that_stays_ends_the_push(platform: Platform, model: Path) -> None:
    """A service that is down is asked four times in all, and then the error says so."""
    platform.faults["POST customModels/"] = [Fault(503, {"message": "maintenance"})] * 9
    error = refused(model)
    assert error.status == 503
    assert "It says: maintenance" in str(error)
    assert platform.names().count("POST customModels/") == 4


def test_a_connection_that_breaks_is_made_again(platform: Platform, model: Path) -> None:
    """A reset, in mid-upload too, costs nothing but time: all is sent anew."""
    for call in ("POST customModels/", VERSIONS):
        platform.faults[call] = [Fault(reset=True)]
    (model / "large.bin").write_bytes(os.urandom(2_000_000))
    assert push(model).version_id == "version1"
    assert platform.names().count(VERSIONS) == 2
    files = platform.calls[-1].files
    assert files["large.bin"] == (model / "large.bin").read_bytes()


def test_nobody_listens(platform: Platform, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing listens the error says so, with the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DATAROBOT_ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}/api/v2")
        error = refused(model)
    assert error.status is None
    assert "Connection refused" in str(error)


@pytest.mark.parametrize("body", ["<html>Sign in</html>", {"hello": 1}])
def test_an_address_that_is_something_else(platform: Platform, model: Path, body: object) -> None:
    """What is no API of DataRobot is told, whatever it answers."""
    platform.answers["GET version/"] = (200, {}, body)
    assert "no answer of its API" in str(refused(model))


def test_an_answer_without_an_id(platform: Platform, model: Path) -> None:
    """An answer that lacks what the next call needs is named."""
    platform.answers["POST customModels/"] = (201, {}, {"name": "x"})
    assert "answered with 201, but without 'id'" in str(refused(model))


@pytest.mark.parametrize(
    ("old", "missing"),
    [
        ("environmentID: env1\n", "environmentID"),
        ("validation:\n  input: rows.csv\n", "validation"),
        ("inferenceModel:\n  targetName: y\n", "inferenceModel"),
    ],
)
def test_missing_keys_are_named(platform: Platform, model: Path, old: str, missing: str) -> None:
    """What the metadata must say and do not is listed, before anything is run or sent."""
    (model / "model-metadata.yaml").write_text(INFERENCE.replace(old, ""))
    with pytest.raises(PushError, match=rf"Missing keys: \['{missing}'\]"):
        push(model)
    assert platform.calls == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("  targetName: y", "  classLabels:\n    - a"), "targetName"),
        (lambda text: text.replace("type: inference", "type: sculpture"), "only an 'inference'"),
        (lambda text: text.replace("regression", "transform"), "only regression, binary"),
        (lambda text: text + "modelID: ../users\n", "modelID must be an id"),
        (lambda text: text.replace("rows.csv", "gone.csv"), "gone.csv is no file"),
    ],
)
def test_metadata_that_cannot_be_pushed(
    platform: Platform, model: Path, change: Callable[[str], str], said: str
) -> None:
    """Each is one paragraph that says what was expected."""
    (model / "model-metadata.yaml").write_text(change(INFERENCE))
    with pytest.raises(PushError, match=said):
        push(model)
    assert platform.calls == []


def test_a_folder_without_metadata(platform: Platform, model: Path) -> None:
    """A push needs model-metadata.yaml."""
    (model / "model-metadata.yaml").unlink()
    with pytest.raises(PushError, match=r"needs a model-metadata\.yaml"):
        push(model)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.symlink_to(path.parent.parent), "link to a folder"),
        (lambda path: path.symlink_to("nothing"), "link to nothing"),
        (os.mkfifo, "neither a file nor a folder"),
    ],
)
def test_what_cannot_be_uploaded(
    platform: Platform, model: Path, make: Callable[[Path], object], said: str
) -> None:
    """Links to folders, dead links and pipes are found before anything is run or sent."""
    make(model / "odd")
    with pytest.raises(PushError, match=said):
        push(model)
    assert platform.calls == []


def test_labels_that_contradict_the_metadata(platform: Platform, model: Path) -> None:
    """Options are held against the metadata, as in every other mode."""
    with pytest.raises(OptionConflictError, match="binary"):
        push(model, target_type="binary")


def test_credentials_are_needed(nowhere: Path, model: Path) -> None:
    """Without an address and a token, the error says where both may be given."""
    with pytest.raises(PushError, match="Set DATAROBOT_ENDPOINT"):
        push(model)


def test_the_file_of_the_client_is_read(
    platform: Platform, model: Path, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without variables, address and token are those of drconfig.yaml, which an error names."""
    monkeypatch.delenv("DATAROBOT_ENDPOINT")
    monkeypatch.delenv("DATAROBOT_API_TOKEN")
    file = nowhere / ".config" / "datarobot" / "drconfig.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(f"endpoint: {platform.endpoint}\ntoken: {TOKEN}\n")
    assert push(model).version_id == "version1"
    platform.faults["GET version/"] = [Fault(401, {})]
    assert f"API token of {file} has expired" in str(refused(model))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("endpoint: https://x/api/v2\n", "gives no token"),
        (f"token: {TOKEN}\n", "gives no endpoint"),
        (f"endpoint: app.datarobot.com\ntoken: {TOKEN}\n", "starts with https://"),
        (f"endpoint: [\ntoken: {TOKEN}\n", "not YAML"),
        (f"{TOKEN}\n", "expected keys with values"),
    ],
)
def test_a_file_that_does_not_say_it(
    nowhere: Path, model: Path, content: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with a file of credentials is told without its content."""
    file = nowhere / "mine.yaml"
    file.write_text(content)
    monkeypatch.setenv("DATAROBOT_CONFIG_FILE", str(file))
    with pytest.raises(PushError, match=said) as caught:
        push(model)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


def test_half_of_the_credentials(
    nowhere: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token without an address is not sent to wherever a file says."""
    monkeypatch.setenv("DATAROBOT_API_TOKEN", TOKEN)
    with pytest.raises(PushError, match="only DATAROBOT_API_TOKEN is set") as caught:
        push(model)
    assert TOKEN not in str(caught.value)
