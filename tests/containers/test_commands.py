from __future__ import annotations

import os
import shlex
import socket
from pathlib import Path

import pytest

from drum_core.cli import main

IMAGE = ("--docker", "local/image:1", "--docker-dry-run")


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """The words of the only command that is shown."""
    status = main(list(words))
    out, err = capsys.readouterr()
    assert status == 0, err
    (line,) = out.splitlines()
    return shlex.split(line)


def values(words: list[str], flag: str) -> list[str]:
    """What follows each occurrence of a flag."""
    return [words[place + 1] for place, word in enumerate(words) if word == flag]


def inside(words: list[str]) -> list[str]:
    """The command in the container."""
    return words[words.index("local/image:1") + 1 :]


def test_score(capsys: pytest.CaptureFixture[str], model: Path, rows: Path, tmp_path: Path) -> None:
    """Model and input are mounted, and the folder of the output; as the user, and cleaned up."""
    output = tmp_path / "out put.csv"
    words = shown(
        capsys,
        *("score", "-cd", str(model), "--input", str(rows), "--output", str(output), *IMAGE),
    )
    assert words[:6] == ["docker", "run", "--rm", "--init", "--entrypoint", ""]
    assert values(words, "--user") == [f"{os.getuid()}:{os.getgid()}"]
    assert values(words, "-v") == [
        f"{model}:/opt/model",
        f"{rows}:/opt/input.csv:ro",
        f"{tmp_path}:/opt/output",
    ]
    assert inside(words) == [
        *("drum", "score", "--code-dir", "/opt/model", "--input", "/opt/input.csv"),
        *("--output", "/opt/output/out put.csv"),
    ]


@pytest.mark.parametrize(
    ("flag", "mode", "place"),
    [
        ("--sparse-column-file", "score", "/opt/sparse_column_file.txt"),
        ("--sparse-column-file", "fit", "/opt/sparse_column_file.txt"),
        ("--class-labels-file", "score", "/opt/class_labels_file.txt"),
        ("--lazy-loading-file", "score", "/opt/lazy_loading_file.txt"),
        ("--deployment-config", "server", "/opt/deployment_config.txt"),
        ("--ssl-certfile", "server", "/opt/ssl_certfile.txt"),
        ("--ssl-keyfile", "server", "/opt/ssl_keyfile.txt"),
        ("--server-token-file", "server", "/opt/server_token_file.txt"),
        ("--target-csv", "fit", "/opt/fit_target.txt"),
        ("--row-weights-csv", "fit", "/opt/fit_row_weights.txt"),
        ("--parameter-file", "fit", "/opt/parameter_file.txt"),
    ],
)
def test_every_file_is_mounted(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    rows: Path,
    tmp_path: Path,
    flag: str,
    mode: str,
    place: str,
) -> None:
    """Whatever option names a file, the container sees it, at the path that it is told."""
    file = tmp_path / "a file.txt"
    file.write_text("a\nb\n")
    needed = ["--address", "127.0.0.1:8080"] if mode == "server" else ["--input", str(rows)]
    if flag == "--ssl-keyfile":
        needed += ["--ssl-certfile", str(file)]
    if flag == "--ssl-certfile":
        needed += ["--ssl-keyfile", str(file)]
    words = shown(capsys, mode, "-cd", str(model), *needed, flag, str(file), *IMAGE)
    assert f"{file}:{place}:ro" in values(words, "-v")
    assert values(inside(words), flag) == [place]


def test_secrets_and_parameters(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Secrets and parameters are variables that are named, never shown; others stay outside."""
    (tmp_path / "secrets").mkdir()
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_SIZE", "5")
    monkeypatch.setenv("MY_SECRETS_DB", '{"password": "hidden"}')
    monkeypatch.setenv("MLOPS_REPOSITORY_SECRET_1", "hidden")
    monkeypatch.setenv("TARGET_NAME", "y")
    monkeypatch.setenv("UNRELATED", "hidden")
    words = shown(
        capsys,
        *("score", "-cd", str(model), "--input", str(rows), "--webserver", "https://x"),
        *("--api-token", "hidden", "--user-secrets-prefix", "MY_SECRETS"),
        *("--user-secrets-mount-path", str(tmp_path / "secrets"), *IMAGE),
    )
    assert values(words, "--env") == [
        *("API_TOKEN", "MLOPS_REPOSITORY_SECRET_1", "MLOPS_RUNTIME_PARAM_SIZE"),
        *("MY_SECRETS_DB", "TARGET_NAME"),
    ]
    assert f"{tmp_path / 'secrets'}:/opt/user_secrets_mount_path:ro" in values(words, "-v")
    assert not [word for word in words if "hidden" in word]


def test_parameters_of_a_file_are_only_in_the_file(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    rows: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file of parameters is mounted; what it sets is no variable too, other parameters are."""
    with (model / "model-metadata.yaml").open("a") as metadata:
        metadata.write("runtimeParameterDefinitions:\n- {fieldName: A, type: numeric}\n")
    (tmp_path / "values.yaml").write_text("A: 1\n")
    monkeypatch.setenv("MLOPS_RUNTIME_PARAM_B", "5")
    monkeypatch.setenv("RUNTIME_PARAMS_FILE", str(tmp_path / "values.yaml"))
    words = shown(capsys, "score", "-cd", str(model), "--input", str(rows), *IMAGE)
    assert f"{tmp_path / 'values.yaml'}:/opt/runtime_parameters.yaml:ro" in values(words, "-v")
    assert values(words, "--env") == ["MLOPS_RUNTIME_PARAM_B"]


@pytest.mark.parametrize(
    ("address", "published"),
    [
        ("127.0.0.1:8080", "127.0.0.1:8080:8080"),
        ("localhost:8080", "127.0.0.1:8080:8080"),
        ("0.0.0.0:8080", "0.0.0.0:8080:8080"),
        ("[::1]:8080", "[::1]:8080:8080"),
        ("127.0.0.1", "127.0.0.1:5000:5000"),
    ],
)
def test_server(
    capsys: pytest.CaptureFixture[str], model: Path, address: str, published: str
) -> None:
    """The port is the same outside, on the address that was asked for and on no other."""
    words = shown(
        capsys,
        *("server", "-cd", str(model), "--address", address, "--memory", "2g"),
        *("--target-type", "regression", "--max-workers", "2", "--server", "gunicorn", *IMAGE),
    )
    assert values(words, "-p") == [published]
    assert values(words, "--memory") == values(words, "--memory-swap") == ["2g"]
    port = published.rpartition(":")[2]
    assert values(inside(words), "--address") == [f"0.0.0.0:{port}"]
    assert values(inside(words), "--max-workers") == ["2"]
    assert values(inside(words), "--server") == ["gunicorn"]
    assert values(inside(words), "--target-type") == ["regression"]
    assert "--memory" not in inside(words)
    assert "--docker" not in inside(words)


def test_the_folder_for_large_bodies_can_be_written(
    capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path
) -> None:
    """The folder of a server for its temporary files is mounted, and not read only."""
    words = ["server", "-cd", str(model), "--address", "127.0.0.1:8080"]
    words = shown(capsys, *words, "--spool-dir", str(tmp_path), *IMAGE)
    assert f"{tmp_path}:/opt/spool_dir" in values(words, "-v")
    assert values(inside(words), "--spool-dir") == ["/opt/spool_dir"]


def test_a_free_port_is_found(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    """For port 0 a free one is chosen here, because it has to be the same on both sides."""
    words = shown(capsys, "server", "-cd", str(model), "--address", "127.0.0.1:0", *IMAGE)
    port = int(values(words, "-p")[0].rpartition(":")[2])
    assert values(inside(words), "--address") == [f"0.0.0.0:{port}"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", port))


def test_fit(capsys: pytest.CaptureFixture[str], model: Path, rows: Path, tmp_path: Path) -> None:
    """Training has its target, and the folder in which its output appears."""
    words = shown(
        capsys,
        *("fit", "-cd", str(model), "--input", str(rows), "--target", "x"),
        *("--output", str(tmp_path / "fitted"), *IMAGE),
    )
    assert inside(words)[:4] == ["drum", "fit", "--code-dir", "/opt/model"]
    assert values(inside(words), "--target") == ["x"]
    assert values(inside(words), "--output") == ["/opt/output/fitted"]
    assert f"{tmp_path}:/opt/output" in values(words, "-v")


def test_an_output_inside_of_the_model(
    capsys: pytest.CaptureFixture[str], model: Path, rows: Path
) -> None:
    """Where a fit may not write is found here, since the container does not see it."""
    words = ["fit", "-cd", str(model), "--input", str(rows), "--target", "x"]
    assert main([*words, "--output", str(model / "out"), *IMAGE]) == 1
    assert "it is inside the code directory" in capsys.readouterr().err


def test_labels(capsys: pytest.CaptureFixture[str], model: Path, rows: Path) -> None:
    """Labels are words of their own, as DRUM in an image needs them."""
    words = shown(
        capsys,
        *("score", "-cd", str(model), "--input", str(rows), "--target-type", "binary"),
        *("--positive-class-label=so so", "--negative-class-label=-1", *IMAGE),
    )
    assert values(words, "--positive-class-label") == ["so so"]
    assert "--negative-class-label=-1" in words
    words = shown(
        capsys,
        *("score", "-cd", str(model), "--input", str(rows), "--target-type", "multiclass"),
        *("--class-labels", "a", "b c", *IMAGE),
    )
    place = words.index("--class-labels")
    assert words[place : place + 3] == ["--class-labels", "a", "b c"]


def test_a_colon_in_a_path(capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path) -> None:
    """A path that -v cannot say is said by --mount."""
    rows = tmp_path / "12:30, rows.csv"
    rows.write_text("x\n1\n")
    words = shown(capsys, "score", "-cd", str(model), "--input", str(rows), *IMAGE)
    assert values(words, "--mount") == [f'type=bind,"source={rows}",target=/opt/input.csv,readonly']


@pytest.mark.parametrize("name", ["m.mtx", "rows.csv.gz", "rows.parquet"])
def test_the_extension_of_the_input_stays(
    capsys: pytest.CaptureFixture[str], model: Path, tmp_path: Path, name: str
) -> None:
    """The format of the input is told by its extension, in the container too."""
    (tmp_path / name).touch()
    words = shown(capsys, "score", "-cd", str(model), "--input", str(tmp_path / name), *IMAGE)
    assert values(inside(words), "--input") == ["/opt/input." + name.partition(".")[2]]


@pytest.mark.parametrize(("mode", "runs"), [("validation", "validation"), ("perf-test", "server")])
def test_modes_that_run_another(
    capsys: pytest.CaptureFixture[str], model: Path, rows: Path, mode: str, runs: str
) -> None:
    """A validation runs whole in the container; a performance test has its server there."""
    words = shown(capsys, mode, "-cd", str(model), "--input", str(rows), "--memory", "1g", *IMAGE)
    assert inside(words)[:4] == ["drum", runs, "--code-dir", "/opt/model"]
    assert values(words, "--memory") == ["1g"]
    assert bool(values(words, "-p")) == (runs == "server")


@pytest.mark.parametrize(("kind", "runs"), [("inference", "score"), ("training", "fit")])
def test_push(
    capsys: pytest.CaptureFixture[str], model: Path, rows: Path, kind: str, runs: str
) -> None:
    """A push has its local check in the container."""
    (model / "rows.csv").write_text("x,y\n1,2\n")
    (model / "model-metadata.yaml").write_text(
        f"name: m\ntype: {kind}\ntargetType: regression\nenvironmentID: e\n"
        "validation:\n  input: rows.csv\n  targetName: y\ninferenceModel:\n  targetName: y\n"
    )
    words = shown(capsys, "push", "-cd", str(model), *IMAGE)
    assert inside(words)[:2] == ["drum", runs]
    assert f"{model / 'rows.csv'}:/opt/input.csv:ro" in values(words, "-v")
    assert values(inside(words), "--target") == (["y"] if kind == "training" else [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--docker-dry-run"], "--docker-dry-run says nothing without --docker"),
        (["--skip-deps-install"], "--skip-deps-install says nothing without --docker"),
        (["--docker", "i", "--memory", "much"], "--memory: expected a size such as 512m"),
        (["--docker", " "], "--docker: expected an image"),
    ],
)
def test_wrong_usage(
    capsys: pytest.CaptureFixture[str], model: Path, rows: Path, words: list[str], said: str
) -> None:
    """Options that say nothing, or nothing sensible, are wrong usage."""
    assert main(["score", "-cd", str(model), "--input", str(rows), *words]) == 2
    assert said in capsys.readouterr().err


def test_memory_without_a_container(
    capfd: pytest.CaptureFixture[str], model: Path, rows: Path
) -> None:
    """DRUM takes --memory without --docker; a warning says that it has no effect."""
    assert main(["score", "-cd", str(model), "--input", str(rows), "--memory", "2g"]) == 0
    assert "--memory is for a container" in capfd.readouterr().err


def test_paths_that_cannot_be_mounted(
    capsys: pytest.CaptureFixture[str], model: Path, rows: Path, tmp_path: Path
) -> None:
    """What is not there cannot be mounted, which is told before an engine is asked."""
    start = ["score", "-cd", str(model), "--input", str(rows), *IMAGE]
    gone = str(tmp_path / "gone")
    assert main([*start, "--output", f"{gone}/o.csv"]) == 1
    assert f"The folder {gone}, for --output, is not there" in capsys.readouterr().err
    assert main([*start, "--user-secrets-mount-path", gone]) == 1
    assert f"--user-secrets-mount-path is {gone}, which is not there" in capsys.readouterr().err


def test_what_is_given_is_said_also_where_it_is_the_default(
    capsys: pytest.CaptureFixture[str],
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The image may have variables that say something else; a switch that is off is no flag."""
    monkeypatch.setenv("SHOW_STACKTRACE", "0")
    words = ("server", "-cd", str(model), "--address", "127.0.0.1:8080", "--max-workers", "1")
    command = inside(shown(capsys, *words, *IMAGE))
    assert "--max-workers=1" in command or values(command, "--max-workers") == ["1"]
    assert "--show-stacktrace" not in command
