"""What the command loads before it does anything."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

FORBIDDEN = {
    "numpy",
    "pandas",
    "pydantic",
    "flask",
    "werkzeug",
    "starlette",
    "fastapi",
    "uvicorn",
    "gunicorn",
    "rich",
    "rich_argparse",
    "shtab",
    "yaml",
    "orjson",
}
REPORT = """
import json, sys
print("@" + json.dumps(sorted(sys.modules)))
"""
COMMAND = """
from drum_core.cli import main
main({words!r})
"""


def _modules(program: str, environ: Mapping[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", program + REPORT],
        # A coverage run starts itself in every process, and its modules are not ours.
        env={name: text for name, text in environ.items() if not name.startswith("COVERAGE")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    modules: list[str] = json.loads(done.stdout.rpartition("@")[2])
    return modules


PROGRAMS = ["import drum_core\n"] + [
    COMMAND.format(words=words)
    for words in (
        ["--version"],
        ["--help"],
        ["score", "--help"],
        ["server", "--help"],
        ["new", "model", "--help"],
        ["fit", "--help"],
        ["score"],
    )
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_heavy_is_loaded_before_there_is_work(
    program: str, environ: Mapping[str, str]
) -> None:
    """Importing the package, version, help and wrong usage stay light: few, small modules."""
    modules = _modules(program, environ)
    assert not FORBIDDEN & {name.partition(".")[0] for name in modules}
    assert len(modules) < 250


def test_help_in_colour_stays_light_too(environ: Mapping[str, str]) -> None:
    """On a terminal help needs rich, and a few more modules for it, but not numpy."""
    pretend = "import sys; sys.stdout.isatty = lambda: True\n"
    modules = _modules(pretend + COMMAND.format(words=["score", "--help"]), environ)
    assert "rich_argparse" in modules
    assert not {"numpy", "pandas", "pydantic", "fastapi", "flask"} & set(modules)
    assert len(modules) < 250
