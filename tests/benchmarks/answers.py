"""How long it takes to write 100,000 predictions of three classes as JSON, in each format.

python -m tests.benchmarks.answers
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from drum_core.data.predictions import Predictions
from drum_core.model.target import MulticlassTarget
from drum_core.serving.deployment_config import read_deployment_config
from drum_core.serving.deployment_json import deployment_json
from drum_core.serving.prediction_json import prediction_json

ROWS = 100_000
ROUNDS = 9
LABELS = ("a", "b", "c")


def seconds(make: Callable[[], bytes]) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    make()
    return time.perf_counter() - started


def main() -> int:
    """Prints the medians and their ratio."""
    values = np.random.default_rng(1).dirichlet((1, 1, 1), ROWS)
    predictions, target = Predictions(values=values, columns=LABELS), MulticlassTarget(LABELS)
    mapping = [[label, index] for index, label in enumerate(LABELS)]
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "config.json")
        path.write_text(json.dumps({"target": {"name": "y", "class_mapping": mapping}}))
        config = read_deployment_config(path, target)
    usual, configured = [], []
    for _ in range(ROUNDS):
        usual.append(seconds(lambda: prediction_json(predictions, target)))
        configured.append(seconds(lambda: deployment_json(predictions, config)))
    ratio = statistics.median(b / a for a, b in zip(usual, configured, strict=True))
    sys.stdout.write(
        f"{ROWS} rows: default {statistics.median(usual):.3f} s, by deployment configuration "
        f"{statistics.median(configured):.3f} s, ratio {ratio:.2f}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
