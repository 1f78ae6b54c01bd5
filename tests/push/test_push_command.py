from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drum_core.cli import main
from tests.push.platform_service import TOKEN, Fault, Platform, until


def run(*words: str) -> list[str]:
    """The words of a command in a process of its own."""
    return [sys.executable, "-m", "drum_core", "push", *words]


def test_a_push_says_where_the_model_is(
    platform: Platform, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a pipe, plain lines tell the check, the ids, the line to add, and the link."""
    assert main(["push", "-cd", str(model)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].startswith("The local check has succeeded")
    assert "The custom model model1 is created." in lines
    assert "  modelID: model1" in lines
    base = platform.endpoint.removesuffix("/api/v2")
    assert lines[-1] == f"{base}/model-registry/custom-models/model1"
    assert TOKEN not in out + err


def test_json_is_alone_on_stdout(
    platform: Platform, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--json` prints one report, with stable keys, and nothing beside it."""
    assert main(["push", "-cd", str(model), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model_id"] == "model1"
    assert report["version_id"] == "version1"
    assert report["file_count"] == 3
    assert [call["method"] for call in report["calls"]] == ["GET", "POST", "POST"]
    assert {file["path"] for file in report["calls"][2]["files"]} == {
        "custom.py",
        "model-metadata.yaml",
        "rows.csv",
    }


def test_a_dry_run_prints_what_would_be_sent(
    platform: Platform, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Calls, fields, and files with sizes are printed; nobody is contacted."""
    assert main(["push", "-cd", str(model), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert f"2. POST {platform.endpoint}/customModels/\n" in out
    assert '     name: "doubled"\n' in out
    assert "     file   6 bytes  rows.csv\n" in out
    assert platform.calls == []


def test_an_expired_token_is_not_shown(
    platform: Platform, model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the error, nor its traceback, nor the most talkative log has the token."""
    platform.faults["POST customModels/"] = [Fault(401, {"message": TOKEN})]
    words = ["push", "-cd", str(model), "--show-stacktrace", "--logging-level", "debug"]
    assert main(words) == 1
    out, err = capfd.readouterr()
    assert "has expired" in err
    assert "Traceback" in err
    assert TOKEN not in out + err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_upload_leaves_nothing(
    platform: Platform, model: Path, number: signal.Signals
) -> None:
    """Ctrl-C, or SIGTERM, during an upload takes the new model back, and ends with 130."""
    platform.seconds = 20
    process = subprocess.Popen(
        run("-cd", str(model)),
        env={**os.environ, "PYTHONWARNINGS": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert until(lambda: "POST customModels/model1/versions/" in platform.names())
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err == "drum push: interrupted\n"
    assert platform.names()[-1] == "DELETE customModels/model1/"
    assert TOKEN not in out + err


def test_the_package_is_optional(model: Path, platform: Platform) -> None:
    """Without the client library the error names the extra to install; a dry run needs none."""
    program = (
        "import sys; sys.modules['datarobot'] = None\n"
        "from drum_core.cli import main\n"
        f"assert main(['push', '-cd', {str(model)!r}, '--dry-run']) == 0\n"
        f"sys.exit(main(['push', '-cd', {str(model)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "pip install 'drum-runtime[push]'" in done.stderr
    assert platform.calls == []
