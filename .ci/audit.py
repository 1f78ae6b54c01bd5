"""Looks for known vulnerabilities in what is installed beside this interpreter.

    python .ci/audit.py

Fails when there is one that is not in `ACCEPTED`. A vulnerability service that cannot be reached
is no failure, unless `DRUM_AUDIT=required` is set, but it is said in so many words that nothing
was audited: some indexes answer pip-audit with "not found" for each package, which it counts as
clean. So a release is asked about first that is known to be vulnerable.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

SERVICES: Final = ("pypi", "osv")
KNOWN: Final = "jinja2==2.10"
"""Has several advisories, the first of 2019 (CVE-2019-10906)."""

ACCEPTED: Final[dict[str, str]] = {}
"""Advisory to the reason why it does not concern this project."""


class Found(NamedTuple):
    """What a service said of some packages."""

    audited: int
    skipped: list[str]
    vulnerable: list[str]


def ask(service: str, words: Sequence[str]) -> Found | str:
    """What pip-audit finds, or why it finds nothing out."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--vulnerability-service", service, "--timeout", "15", *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        packages = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return "no answer in ten minutes"
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines()
        return lines[-1] if lines else f"pip-audit ended with status {done.returncode}"
    vulnerable = [
        f"{package['name']} {package['version']}: {advisory['id']}, mended in "
        f"{', '.join(advisory['fix_versions']) or 'no release'}"
        for package in packages
        for advisory in package.get("vulns", ())
        if not {advisory["id"], *advisory.get("aliases", ())} & set(ACCEPTED)
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    return Found(len(packages) - len(skipped), skipped, vulnerable)


def knows(service: str) -> str:
    """Why a service cannot be relied on; empty for one that knows what is known."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "known.txt")
        file.write_text(f"{KNOWN}\n")
        found = ask(service, ["--no-deps", "--disable-pip", "--requirement", str(file)])
    if isinstance(found, str):
        return found
    return "" if found.vulnerable else f"it does not know that {KNOWN} is vulnerable"


def main() -> int:
    """Audits, and says what came of it."""
    reasons = {}
    for service in SERVICES:
        reasons[service] = knows(service)
        if not reasons[service]:
            return report(service)
    sys.stdout.write("NOT AUDITED: no vulnerability service can be asked from here.\n")
    for service, reason in reasons.items():
        sys.stdout.write(f"  {service}: {reason}\n")
    sys.stdout.write(
        "Vulnerabilities of the dependencies, if there are any, were NOT looked for.\n"
    )
    return 1 if os.environ.get("DRUM_AUDIT") == "required" else 0


def report(service: str) -> int:
    """Audits with a service that answers."""
    found = ask(service, ["--local", "--skip-editable"])
    if isinstance(found, str):
        sys.stdout.write(f"The audit broke off: {found}\n")
        return 1
    for line in found.vulnerable:
        sys.stdout.write(f"VULNERABLE: {line}\n")
    if found.skipped:
        sys.stdout.write(f"Not known to {service}: {', '.join(sorted(found.skipped))}\n")
    count = len(found.vulnerable)
    sys.stdout.write(f"Audited {found.audited} packages with {service}: {count} vulnerabilities.\n")
    return 1 if found.vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
