"""The reference of the command line: made from the options, and never stale."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from drum_core import cli
from drum_core.cli.reference.manual import manual
from drum_core.cli.reference.markdown import markdown
from drum_core.cli.reference.pages import Reference, reference
from drum_core.options import (
    FitOptions,
    NewEnvOptions,
    NewModelOptions,
    PerfTestOptions,
    PushOptions,
    ScoreOptions,
    ServerOptions,
    ValidationOptions,
)
from drum_core.options.flag import options_of

DOCS = Path(__file__).parent.parent.parent / "docs"
CLASSES = (
    *(FitOptions, NewEnvOptions, NewModelOptions, PerfTestOptions, PushOptions),
    *(ScoreOptions, ServerOptions, ValidationOptions),
)


@pytest.fixture(scope="module")
def found() -> Reference:
    """The command line as it is."""
    return reference()


@pytest.mark.parametrize(
    ("form", "name", "make"), [("markdown", "cli.md", markdown), ("manual", "drum.1", manual)]
)
def test_the_documentation_is_not_stale(
    form: str, name: str, make: Callable[[Reference], str], found: Reference
) -> None:
    """What lies in docs is what the options say now."""
    renewed_by = f"python -m drum_core.cli.reference {form} > docs/{name}"
    assert (DOCS / name).read_text("utf-8") == make(found), f"stale; renew it with: {renewed_by}"


@pytest.mark.parametrize("options_class", CLASSES, ids=lambda item: item.__name__)
def test_every_option_is_there(options_class: type[object], found: Reference) -> None:
    """Each spelling, variable and runtime parameter of each option is on both pages."""
    page, man = markdown(found), manual(found).replace("\\-", "-")
    for option in options_of(options_class):
        for word in (*option.flag.names, option.flag.env, option.flag.parameter):
            if word:
                assert word in page
                assert word in man


def test_an_option_is_told_once(found: Reference) -> None:
    """An option that several commands have is in one table, with the commands."""
    page = markdown(found)
    assert page.count("`--target-type TYPE`") == 1
    assert page.count("| `--verbose` |") == 1
    (line,) = [line for line in page.splitlines() if "`--sparse-column-file FILE`" in line]
    assert line.endswith("| score, fit, validation |")


def test_every_command_has_a_section(found: Reference) -> None:
    """So do commands that are within others, and those that take the options of another."""
    page = markdown(found)
    for name in ("drum score", "drum new model", "drum new env", "drum explain-config"):
        assert f"\n## {name}\n" in page
    assert "It takes the options of [drum server](#drum-server)." in page


def test_tables_are_whole(found: Reference) -> None:
    """Each line of a table has as many cells as its head, whatever a help text has in it."""
    width = 0
    for line in markdown(found).splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        cells = line.replace("\\|", "").count("|")
        width = width or cells
        assert cells == width, line


def test_the_manual_is_well_formed() -> None:
    """mandoc finds no error in the page, and shows each option with its dashes."""
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    page = str(DOCS / "drum.1")
    checked = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "error", page],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (checked.returncode, checked.stdout) == (0, "")
    shown = subprocess.run(
        ["mandoc", "-T", "ascii", "-O", "width=120", page],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    # Bold letters are struck twice.
    plain = re.sub(r".\x08", "", shown)
    assert "--graceful-timeout N" in plain
    assert plain.startswith("DRUM(1)")


def test_the_command_prints_its_manual(capsys: pytest.CaptureFixture[str]) -> None:
    """`drum --print-manual` prints the page that the package installs."""
    assert cli.main(["--print-manual"]) == 0
    assert capsys.readouterr().out == (DOCS / "drum.1").read_text("utf-8")
