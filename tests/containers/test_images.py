from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from drum_core import Language, ScoreOptions
from drum_core.containers.errors import ContainerError
from drum_core.containers.image import Build, planned_build, tag_of


def planned(model: Path, rows: Path, context: Path, **options: object) -> Build:
    """How an image of a folder is built for a score."""
    made = ScoreOptions(code_dir=model, input=rows, docker=str(context), **options)  # type: ignore[arg-type]  # test data
    build = planned_build(made)
    assert build is not None
    return build


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A folder with a Dockerfile."""
    folder = tmp_path / "images" / "python sklearn"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM python:3.12\nRUN true")
    return folder


@pytest.mark.parametrize(
    ("folder", "tag"),
    [
        ("envs/python3_sklearn", "envs/python3_sklearn"),
        ("_Envs_/__My_Env__", "envs/my_env"),
        ("envs/my env (2)", "envs/my-env-2"),
        ("envs/a..b", "envs/a-b"),
        ("e n v s/ümlaut", "e-n-v-s/mlaut"),
    ],
)
def test_tags(folder: str, tag: str) -> None:
    """The tag is the last two folders, in lower case, without what Docker does not take."""
    assert tag_of(Path("/", folder)) == tag


def test_requirements_are_installed(model: Path, rows: Path, context: Path) -> None:
    """The requirements of the model become one line of the Dockerfile, safe for a shell."""
    (model / "requirements.txt").write_text(
        "# what it needs\nscikit-learn>=1.5  # newer is fine\n\n"
        "pandas ; python_version < '4'\n--extra-index-url https://example.org/simple\n"
        "numpy \\\n  ==2.0\n"
    )
    build = planned(model, rows, context)
    line = build.dockerfile.splitlines()[-1]
    said = subprocess.run(
        ["sh", "-c", f'pip3() {{ printf "%s\\n" "$@"; }}; {line.removeprefix("RUN ")}'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == [
        *("install", "scikit-learn>=1.5", "pandas ; python_version < '4'"),
        *("--extra-index-url", "https://example.org/simple", "numpy    ==2.0"),
    ]
    assert build.dockerfile.startswith("FROM python:3.12\nRUN true\nRUN pip3 install ")


def test_requirements_are_not_installed(model: Path, rows: Path, context: Path) -> None:
    """They are left to the Dockerfile when asked for, or where there are none."""
    assert planned(model, rows, context).installs == ""
    (model / "requirements.txt").write_text("# none\n")
    assert planned(model, rows, context).installs == ""
    (model / "requirements.txt").write_text("scikit-learn\n")
    assert planned(model, rows, context, skip_deps_install=True).installs == ""


def test_requirements_of_r(model: Path, rows: Path, context: Path) -> None:
    """Packages of R come from CRAN, and a warning is a failure."""
    (model / "requirements.txt").write_text("dplyr\ncaret\n")
    line = planned(model, rows, context, language=Language.R).installs
    assert "http://cran.rstudio.com/" in line
    assert "warn = 2" in line
    assert "install.packages(c(" in line
    assert "dplyr" in line
    assert "caret" in line


def test_requirements_of_another_language(model: Path, rows: Path, context: Path) -> None:
    """Where no line can install them, a remark says so in the words of DRUM."""
    (model / "requirements.txt").write_text("x\n")
    build = planned(model, rows, context, language=Language.JAVA)
    assert build.installs == ""
    assert "Dependencies management is not supported for the 'java' language" in build.remark


@pytest.mark.parametrize("line", ["-r other.txt", "-e .", "./wheels/a.whl", "-c limits.txt", "."])
def test_requirements_in_other_files(model: Path, rows: Path, context: Path, line: str) -> None:
    """A line that names a file is an error, since the file is not in the image."""
    (model / "requirements.txt").write_text(f"numpy\n{line}\n")
    with pytest.raises(ContainerError, match=r"line 2: .* names a file"):
        planned(model, rows, context)


def test_a_folder_without_a_dockerfile(model: Path, rows: Path, tmp_path: Path) -> None:
    """A folder has to have a Dockerfile."""
    with pytest.raises(ContainerError, match="has no Dockerfile"):
        planned(model, rows, tmp_path)


@pytest.mark.parametrize("name", ["Dockerfile", "requirements.txt"])
def test_files_that_are_no_text(model: Path, rows: Path, context: Path, name: str) -> None:
    """A Dockerfile, or requirements, that cannot be read are named."""
    ((context if name == "Dockerfile" else model) / name).write_bytes(b"\xff\xfe")
    with pytest.raises(ContainerError, match=f"{name} is not UTF-8 text"):
        planned(model, rows, context)


def test_the_command_of_a_build(model: Path, rows: Path, context: Path) -> None:
    """The command that is shown gives the same Dockerfile to a build of the same folder."""
    (model / "requirements.txt").write_text("a'b\n")
    build = planned(model, rows, context)
    fake = 'docker() { printf "%s\\n" "$@"; cat; }; '
    said = subprocess.run(
        ["sh", "-c", fake + build.shell()], capture_output=True, text=True, check=True
    )
    words, _, dockerfile = said.stdout.partition(f"{context}\n")
    assert words.split() == ["build", "--tag", "images/python-sklearn", "--file", "-"]
    assert dockerfile == build.dockerfile
