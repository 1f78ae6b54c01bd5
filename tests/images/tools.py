"""Checkers of other people for the files of an image."""

from __future__ import annotations

import subprocess
from importlib.metadata import distribution
from pathlib import Path

import yaml


def run_tool(package: str, name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a program that an installed package has brought, wherever that put it."""
    files = distribution(package).files or ()
    program = next(
        file.locate() for file in files if Path(file).stem == name and "bin" in file.parts
    )
    return subprocess.run(
        [str(program), *words], capture_output=True, text=True, timeout=60, check=False
    )


def manifests(path: Path) -> dict[str, dict[str, object]]:
    """The documents of a file of Kubernetes, by kind."""
    return {item["kind"]: item for item in yaml.safe_load_all(path.read_text())}


def instructions(path: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile: word and rest, continued lines joined."""
    found, whole = [], ""
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            continue
        whole += line.removesuffix("\\")
        if line.endswith("\\") or not whole.strip():
            continue
        word, _, rest = whole.strip().partition(" ")
        found.append((word, " ".join(rest.split())))
        whole = ""
    return found
