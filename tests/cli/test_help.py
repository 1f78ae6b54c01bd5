from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest

from drum_core.cli import main
from drum_core.version import __version__


def test_no_words_print_help_and_fail(capsys: pytest.CaptureFixture[str]) -> None:
    """`drum` alone prints the main help on the standard output, with status 1."""
    assert main([]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("usage: drum [-h]")
    assert not err


def test_version(drum: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """`drum --version` prints name and version, and nothing else."""
    done = drum("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"drum {__version__}\n", "")


def test_new_without_what_prints_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`drum new` prints the help of `new`, with status 1."""
    assert main(["new"]) == 1
    assert capsys.readouterr().out.startswith("usage: drum new [-h] {model,env}")


def test_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown sub-command is wrong usage, in the words that DRUM's users look for."""
    assert main(["bogus"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "argument subparser_name: invalid choice: 'bogus'" in err


def test_help_names_variables_choices_and_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    """The help of an option says its choices, variable, runtime parameter and default."""
    assert main(["server", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "variable MAX_WORKERS; runtime parameter CUSTOM_MODEL_WORKERS; default 1" in text
    assert "one of binary, regression" in text
    assert "URL_PREFIX what every path starts with" in text
    assert "--docker" in text


def test_help_is_plain_in_a_pipe(drum: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Help has no escape codes when it does not go to a terminal."""
    assert "\x1b" not in drum("score", "--help").stdout


def test_help_is_coloured_on_a_terminal(drum_on_terminal: Callable[..., tuple[int, str]]) -> None:
    """Help has colours on a terminal, and square brackets are shown as they are."""
    status, shown = drum_on_terminal("server", "--help")
    assert status == 0
    assert "\x1b[" in shown
    assert "HOST[:PORT]" in shown


def test_no_color_is_honoured(drum_on_terminal: Callable[..., tuple[int, str]]) -> None:
    """With NO_COLOR help has no colours on a terminal either."""
    status, shown = drum_on_terminal("score", "--help", NO_COLOR="1")
    assert status == 0
    assert "\x1b[3" not in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--print-completion` prints a script that knows the flags, and offers each its choices."""
    assert main(["--print-completion", shell]) == 0
    script = capsys.readouterr().out
    choices = "(sklearn-regression sklearn-binary sklearn-multiclass sklearn-fit hooks)"
    found = [line for line in script.splitlines() if choices in line]
    assert found
    assert all("template" in line for line in found)
    assert "code-dir" in script


def test_completion_script_is_valid_bash(
    drum: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """bash accepts the completion script."""
    script = drum("--print-completion", "bash").stdout
    checked = subprocess.run(
        ["bash", "-n"], input=script, text=True, capture_output=True, timeout=30, check=False
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("words", ["score --help", "--print-completion zsh"])
def test_a_reader_that_goes_away_is_no_error(words: str, environ: Mapping[str, str]) -> None:
    """When the reader of a text is gone, nothing is said about it."""
    piped = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m drum_core {words} | true"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert piped.stderr == ""
