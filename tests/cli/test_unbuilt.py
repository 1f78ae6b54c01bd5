from __future__ import annotations

import pytest

from drum_core.cli import main
from drum_core.cli.planned import planned_flags
from drum_core.options import RunMode


@pytest.mark.parametrize("mode", ["fit", "perf-test", "validation", "push"])
@pytest.mark.parametrize(
    "words", [[], ["--code-dir", "x", "--input=y", "-s", "3", "--docker", "i", "word"]]
)
def test_planned_commands_say_so(
    mode: str, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A sub-command of DRUM that is not built names itself, whatever it is given."""
    assert main([mode, *words]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert err == f"drum {mode}: error: The mode {mode!r} is not built yet.\n"


@pytest.mark.parametrize("mode", [RunMode.SCORE, RunMode.SERVER])
def test_planned_flags_say_so(mode: RunMode, capsys: pytest.CaptureFixture[str]) -> None:
    """Each flag of DRUM that is not built is known, and an error that names it."""
    for flag in planned_flags(mode):
        words = [flag.name] if flag.switch else [flag.name, "value"]
        assert main([mode.value, "-cd", ".", *words]) == 1
        err = capsys.readouterr().err
        assert err == f"drum {mode.value}: error: {flag.name} is not built yet.\n"


def test_several_planned_flags_are_all_named(capsys: pytest.CaptureFixture[str]) -> None:
    """All flags that are not built are named at once, abbreviated ones in full."""
    assert main(["score", "--dock", "i", "--memory=4g", "--memory=5g"]) == 1
    assert "--docker --memory is not built yet" in capsys.readouterr().err


def test_flags_of_other_commands_are_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    """A flag that DRUM's sub-command does not have either is wrong usage."""
    assert main(["new", "model", "--docker", "i"]) == 2
    assert "unrecognized arguments: --docker i" in capsys.readouterr().err
