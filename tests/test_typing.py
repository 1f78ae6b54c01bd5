"""The type checkers accept what users should write, and refuse what they should not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
REJECTED = ROOT / "tests" / "typing" / "rejected" / "embedding.py"


def mypy(*paths: Path) -> str:
    """What mypy says of the files, under the project's own settings."""
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", *map(str, paths)]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert not ran.stderr, ran.stderr
    return ran.stdout


@pytest.mark.timeout(300)
def test_mypy_takes_the_examples(tmp_path: Path) -> None:
    """Each Python block of docs/embedding.md is right under the project's strict settings."""
    text = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 5
    files = [tmp_path / f"block_{number}.py" for number in range(len(blocks))]
    for file, block in zip(files, blocks, strict=True):
        file.write_text(block, encoding="utf-8")
    said = mypy(*files)
    assert "Success: no issues found" in said, said


@pytest.mark.timeout(300)
def test_mypy_refuses_what_is_wrong() -> None:
    """Each marked line gives exactly the error it is marked with, and no other line gives any."""
    expected = {
        (number, code)
        for number, line in enumerate(REJECTED.read_text().splitlines(), 1)
        for code in re.findall(r"# E: ([a-z-]+)", line)
    }
    found = {
        (int(number), code)
        for number, code in re.findall(
            r"rejected/embedding\.py:(\d+): error: .*\[([a-z-]+)\]", mypy(REJECTED)
        )
    }
    assert found == expected
