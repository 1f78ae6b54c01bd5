"""Makes the example model, scores it, serves it on every server, and compares value by value."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

SERVERS = ("flask", "gunicorn", "fastapi")
TEMPLATES = ("sklearn-regression", "sklearn-binary", "sklearn-multiclass")
DEADLINE = 60.0


def drum(*words: str) -> None:
    """Runs a drum command; its failure ends this program."""
    subprocess.run(["drum", *words], check=True, timeout=DEADLINE)


def scored(path: Path) -> list[object]:
    """What `drum score` wrote, in the shape of the server's answer."""
    with path.open(newline="") as file:
        rows = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]
    if set(rows[0]) == {"Predictions"}:
        return [row["Predictions"] for row in rows]
    return list(rows)


def await_ready(server: subprocess.Popen[bytes], log: Path) -> str:
    """The address of the server, once its model is ready."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until and server.poll() is None:
        if found := re.search(r"Listening on (http://\S+)", log.read_text()):
            try:
                with urllib.request.urlopen(f"{found[1]}/readyz", timeout=5):
                    return found[1]
            except (urllib.error.URLError, ConnectionError):
                pass
        time.sleep(0.05)
    raise SystemExit(f"the server did not become ready:\n{log.read_text()}")


def served(folder: Path, name: str, workers: int) -> list[object]:
    """What the server answers for the sample of the folder; it must end with status 0."""
    log = folder.with_suffix(f".{name}.log")
    command = ["drum", "server", "--code-dir", str(folder), "--address", "127.0.0.1:0"]
    command += ["--server", name, "--max-workers", str(workers)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stderr=output, env=os.environ)
    try:
        body = (folder / "input.csv").read_bytes()
        url = f"{await_ready(server, log)}/predict/"
        request = urllib.request.Request(url, body, {"Content-Type": "text/csv"})
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            predictions: list[object] = json.load(answer)["predictions"]
    finally:
        server.send_signal(signal.SIGTERM)
        status = server.wait(DEADLINE)
    if status != 0:
        raise SystemExit(f"{name} ended with {status}:\n{log.read_text()}")
    return predictions


def main() -> int:
    """Compares; the exit status is 0 when all agree."""
    with tempfile.TemporaryDirectory() as scratch:
        for template in TEMPLATES:
            folder, output = Path(scratch, template), Path(scratch, f"{template}.csv")
            drum("new", "model", "--template", template, "--code-dir", str(folder))
            sample = str(folder / "input.csv")
            drum("score", "--code-dir", str(folder), "--input", sample, "--output", str(output))
            expected = scored(output)
            for name in SERVERS:
                for workers in (1, 2):
                    if served(folder, name, workers) != expected:
                        sys.stderr.write(f"{template}: {name} does not answer what score wrote\n")
                        return 1
            sys.stdout.write(f"{template}: {len(expected)} rows the same on {', '.join(SERVERS)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
