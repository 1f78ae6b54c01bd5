"""The audit of dependencies in `.ci`: it never passes for clean what it could not look at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[2] / ".ci" / "audit.py"
ADVISORY = {"id": "PYSEC-0", "fix_versions": ["2.0"], "aliases": []}
BAD = {"name": "bad", "version": "1.0", "vulns": [ADVISORY]}
GOOD = {"name": "good", "version": "1.0", "vulns": []}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found on PyPI"}

STAND_IN = """
import json, sys
known = "--requirement" in sys.argv
print(json.dumps({"dependencies": %r if known else %r}))
"""


@pytest.mark.parametrize(
    ("of_known", "of_installed", "status", "said"),
    [
        ([BAD], [GOOD, UNKNOWN], 0, "Audited 1 packages with pypi: 0 vulnerabilities."),
        ([BAD], [GOOD, BAD], 1, "VULNERABLE: bad 1.0: PYSEC-0, mended in 2.0"),
        ([UNKNOWN], [UNKNOWN], 0, "NOT AUDITED"),
        ([GOOD], [GOOD], 0, "NOT AUDITED"),
    ],
)
def test_what_the_audit_says(
    tmp_path: Path,
    of_known: list[dict[str, object]],
    of_installed: list[dict[str, object]],
    status: int,
    said: str,
) -> None:
    """A finding fails; a service that does not know what is known has not audited anything."""
    package = tmp_path / "pip_audit"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(STAND_IN % (of_known, of_installed))
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(AUDIT)], env=environ, capture_output=True, text=True, timeout=60
    )
    assert said in done.stdout, done.stderr
    assert done.returncode == status
    if said == "NOT AUDITED":
        strict = {**environ, "DRUM_AUDIT": "required"}
        assert subprocess.run([sys.executable, str(AUDIT)], env=strict, timeout=60).returncode == 1


def test_stand_in_speaks_as_the_tool(tmp_path: Path) -> None:
    """What stands in for pip-audit above has the shape of what the tool itself writes."""
    requirement = tmp_path / "none.txt"
    requirement.write_text("")
    words = ["--format", "json", "--no-deps", "--disable-pip", "--requirement", str(requirement)]
    done = subprocess.run(
        [sys.executable, "-m", "pip_audit", *words], capture_output=True, text=True, timeout=60
    )
    assert json.loads(done.stdout)["dependencies"] == []
