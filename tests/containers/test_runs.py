from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, ScoreOptions
from drum_core.cli import main
from drum_core.containers.errors import ContainerError
from tests.containers.engine_service import FakeEngine
from tests.push.platform_service import until

IMAGE = ("--docker", "local/image:1")


def test_a_score_in_a_container(
    engine: FakeEngine, model: Path, rows: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The command runs again in the container; its output is there, and the container is gone."""
    output = tmp_path / "out put.csv"
    words = ["score", "-cd", str(model), "--input", str(rows), "--output", str(output)]
    assert main([*words, *IMAGE, "--memory", "1g"]) == 0
    assert output.read_text() == "Predictions\n2\n4\n"
    assert "Wrote 2 rows" in capfd.readouterr().err
    (run,) = engine.runs
    assert run.config["Entrypoint"] == [""]
    assert run.config["User"] == f"{os.getuid()}:{os.getgid()}"
    assert run.host["Memory"] == run.host["MemorySwap"] == 1024**3
    assert run.host["Init"] is True
    assert run.mounts["/opt/input.csv"] == (str(rows), True)
    assert run.mounts["/opt/model"] == (str(model), False)
    assert all(container.removed for container in engine.containers)


def test_what_a_container_writes_is_passed_on(
    engine: FakeEngine, model: Path, rows: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Standard output and standard error stay apart, so predictions can be piped on."""
    (model / "custom.py").write_text("print('hello')\n" + (model / "custom.py").read_text())
    assert main(["score", "-cd", str(model), "--input", str(rows), *IMAGE]) == 0
    out, err = capfdbinary.readouterr()
    assert out == b"Predictions\n2\n4\n"
    assert b"hello" in err


def test_parameters_reach_the_model(
    engine: FakeEngine,
    model: Path,
    rows: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A hook in the container has the runtime parameters of this environment."""
    (model / "custom.py").write_text(
        "import pandas as pd\nfrom drum_core.user import RuntimeParameters\n"
        "def load_model(code_dir):\n    return RuntimeParameters.get('FACTOR')\n"
        "def score(data, model, **kwargs):\n"
        "    return pd.DataFrame({'Predictions': data['x'] * model})\n"
    )
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_FACTOR", '{"type": "numeric", "payload": 7}')
    assert main(["score", "-cd", str(model), "--input", str(rows), *IMAGE]) == 0
    assert capfd.readouterr().out == "Predictions\n7\n14\n"


def test_the_exit_status_is_that_of_the_command(
    engine: FakeEngine, model: Path, rows: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A command that fails in the container fails outside, in its own words."""
    (model / "custom.py").write_text("def load_model(code_dir):\n    raise ValueError('broken')\n")
    assert main(["score", "-cd", str(model), "--input", str(rows), *IMAGE]) == 1
    assert "broken" in capfd.readouterr().err
    assert all(container.removed for container in engine.containers)


def test_a_fit_in_a_container(
    engine: FakeEngine, model: Path, rows: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A training in the container leaves its folder here."""
    (model / "custom.py").write_text(
        "from pathlib import Path\n"
        "def fit(X, output_dir, **kwargs):\n    Path(output_dir, 'model.pkl').touch()\n"
        "def load_model(code_dir):\n    return 1\n"
    )
    output = tmp_path / "fit ted"
    words = ["fit", "-cd", str(model), "--input", str(rows), "--target-type", "anomaly"]
    (model / "model-metadata.yaml").unlink()
    assert main([*words, "--skip-predict", "--output", str(output), *IMAGE]) == 0
    assert (output / "model.pkl").exists()
    assert (output / "custom.py").exists()


def test_an_image_is_built_from_a_folder(
    engine: FakeEngine, model: Path, rows: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The folder is sent with a Dockerfile that installs the requirements, and its image is run."""
    context = tmp_path / "envs" / "Mine_"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM python:3.12\n")
    (context / "extra.txt").write_text("e")
    (model / "requirements.txt").write_text("scikit-learn\n")
    words = ["score", "-cd", str(model), "--input", str(rows), "--docker", str(context)]
    assert main(words) == 0
    out, err = capfd.readouterr()
    assert out == "Predictions\n2\n4\n"
    assert "Image successfully built; tag: envs/mine;" in err
    (files,) = engine.builds
    assert files["Dockerfile"] == b"FROM python:3.12\nRUN pip3 install scikit-learn\n"
    assert files["extra.txt"] == b"e"
    assert (context / "Dockerfile").read_text() == "FROM python:3.12\n"
    assert engine.runs[0].config["Image"] == "envs/mine"


def test_a_build_that_fails(
    engine: FakeEngine, model: Path, rows: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The last lines of the build are in the error, and nothing is run."""
    (tmp_path / "Dockerfile").write_text("FROM python:3.12\n")
    engine.build_error = "pip3 returned 1"
    words = ["score", "-cd", str(model), "--input", str(rows), "--docker", str(tmp_path)]
    assert main(words) == 1
    err = capfd.readouterr().err
    assert "Failed to build a docker image" in err
    assert err.endswith("Step 1/1 : FROM scratch\npip3 returned 1\n")
    assert engine.containers == []


def test_an_image_that_is_not_there(
    engine: FakeEngine, model: Path, rows: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An unknown image is one line that says how to get it."""
    words = ["score", "-cd", str(model), "--input", str(rows), "--docker", "no/such"]
    assert main(words) == 1
    err = capfd.readouterr().err
    assert "neither a folder nor a local image" in err
    assert "docker pull no/such" in err


def test_another_version_in_the_image_is_told(
    engine: FakeEngine, model: Path, rows: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """An image with another version of drum is run all the same, after a warning."""
    engine.drum_version = "drum 1.18.1"
    assert main(["score", "-cd", str(model), "--input", str(rows), *IMAGE]) == 0
    out, err = capfd.readouterr()
    assert out == "Predictions\n2\n4\n"
    assert "local/image:1 has 'drum 1.18.1'" in err


def test_a_container_without_memory(
    engine: FakeEngine, model: Path, rows: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A container that the kernel has killed for its memory is told as that."""
    engine.out_of_memory = True
    words = ["score", "-cd", str(model), "--input", str(rows), "--memory", "512m", *IMAGE]
    assert main(words) == 1
    assert "more than its memory of 512m" in capfd.readouterr().err


def test_no_engine(
    model: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without an engine, one line says what to do."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{free.getsockname()[1]}")
        assert main(["score", "-cd", str(model), "--input", str(rows), *IMAGE]) == 1
    err = capfd.readouterr().err
    assert "Docker's engine cannot be reached: Connection refused. Start it" in err
    assert len(err.splitlines()) == 1


def test_the_library_is_optional(model: Path, rows: Path) -> None:
    """Without the client library the error names the extra; a dry run needs none."""
    words = ["score", "-cd", str(model), "--input", str(rows), *IMAGE]
    program = (
        "import sys; sys.modules['docker'] = None\n"
        "from drum_core.cli import main\n"
        f"assert main([*{words!r}, '--docker-dry-run']) == 0\n"
        f"sys.exit(main({words!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "pip install 'drum-runtime[docker]'" in done.stderr


def test_an_embedded_run_does_not_pretend(model: Path, rows: Path) -> None:
    """From Python a container is refused, instead of running the model in this process."""
    options = ScoreOptions(code_dir=model, input=rows, docker="local/image:1")
    with DrumRuntime(options) as runtime, pytest.raises(ContainerError, match="command line"):
        CMRunner(runtime).run()


def started(engine: FakeEngine, *words: str) -> subprocess.Popen[str]:
    """The command as a process of its own, once its container runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "drum_core", *words, *IMAGE],
        env={**os.environ, "PYTHONWARNINGS": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert until(lambda: bool(engine.runs) and engine.runs[0].started.is_set())
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_score_leaves_no_container(
    engine: FakeEngine, model: Path, rows: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C, or SIGTERM, ends the container, takes it away, and ends with 130; no half output."""
    flag = tmp_path / "scoring"
    (model / "custom.py").write_text(
        "import time\nfrom pathlib import Path\n"
        "def load_model(code_dir):\n    return 1\n"
        "def score(data, model, **kwargs):\n"
        f"    Path({str(flag)!r}).touch()\n    time.sleep(60)\n"
    )
    output = tmp_path / "o.csv"
    words = ("score", "-cd", str(model), "--input", str(rows), "--output", str(output))
    process = started(engine, *words)
    try:
        assert until(flag.exists)
        process.send_signal(number)
        _, err = process.communicate(timeout=40)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err.endswith("drum score: interrupted\n")
    assert all(container.removed for container in engine.containers)
    assert not output.exists()


def test_a_server_in_a_container_serves_and_drains(engine: FakeEngine, model: Path) -> None:
    """It answers on the port outside; SIGTERM ends the server in the container, with its status."""
    process = started(engine, "server", "-cd", str(model), "--address", "127.0.0.1:0")
    try:
        (run,) = engine.runs
        bindings = run.host["PortBindings"]
        assert isinstance(bindings, dict)
        ((inner, (outer,)),) = bindings.items()
        assert outer["HostIp"] == "127.0.0.1"
        assert inner == f"{outer['HostPort']}/tcp"
        url = f"http://127.0.0.1:{outer['HostPort']}"
        assert until(lambda: answers(f"{url}/readyz"), seconds=60)
        request = urllib.request.Request(
            f"{url}/predict/", data=b"x\n5\n", headers={"Content-Type": "text/csv"}
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            assert json.load(reply) == {"predictions": [10.0]}
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert run.removed


def answers(url: str) -> bool:
    """Whether there is success at an address."""
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        time.sleep(0.05)
        return False
