from __future__ import annotations

import os
from pathlib import Path

import pytest

from drum_core.cli import main

docker = pytest.importorskip("docker")


@pytest.fixture
def real_image() -> str:
    """An image of a real engine that has drum in it."""
    if "DOCKER_HOST" not in os.environ and not Path("/var/run/docker.sock").exists():
        pytest.skip("no engine of Docker runs here: there is no /var/run/docker.sock")
    try:
        client = docker.from_env()
    except docker.errors.DockerException as error:
        pytest.skip(f"no engine of Docker runs here: {error}")
    found = [image.tags[0] for image in client.images.list(filters={"label": "drum"})]
    client.close()
    if not found:
        pytest.skip("no image of the engine has the label drum, so none is known to have it")
    return str(found[0])


def test_a_score_in_a_real_container(
    real_image: str, model: Path, rows: Path, tmp_path: Path
) -> None:
    """With an engine, and an image that has the label `drum`, a score in it writes its output."""
    output = tmp_path / "o.csv"
    words = ["score", "-cd", str(model), "--input", str(rows), "--output", str(output)]
    assert main([*words, "--docker", real_image]) == 0
    assert output.read_text() == "Predictions\n2\n4\n"
