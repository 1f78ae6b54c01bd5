"""The page "Write a WebApp" shows the code that is tested."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "write-a-webapp.md"


def code_lines(text: str) -> list[str]:
    """The lines that are not blank."""
    return [line for line in text.splitlines() if line.strip()]


def test_page_shows_the_whole_file_in_order() -> None:
    """The Python blocks of the page, one after the other, are the shim and then its test."""
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)
    shown = [line for block in blocks for line in code_lines(block)]
    files = [HERE / "bottle_app.py", HERE / "test_bottle_app.py"]
    assert shown == [line for file in files for line in code_lines(file.read_text())]


def test_third_framework_takes_about_a_hundred_lines() -> None:
    """The promise of the page: about a hundred lines of code, docstrings and imports included."""
    assert len(code_lines((HERE / "bottle_app.py").read_text())) < 120


def test_third_framework_uses_the_public_core_only() -> None:
    """The shim imports nothing of ours but `drum_core`, and no private name of it."""
    text = (HERE / "bottle_app.py").read_text()
    imports = re.findall(r"^(?:from|import) (drum_\w+)\S*(?: import (.*))?$", text, re.MULTILINE)
    assert {package for package, _ in imports} == {"drum_core"}
    assert not [names for _, names in imports if re.search(r"\b_", names)]
