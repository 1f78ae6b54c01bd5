"""An engine that goes away between two questions."""

from __future__ import annotations

import docker
import pytest

from drum_core.containers.engine import Engine
from drum_core.containers.errors import ContainerError


def test_an_engine_that_is_gone_is_told() -> None:
    """Asking for the version in an image ends with an error that says which image."""
    # Nothing listens on port 1; with a version that is given, the client does not ask for it.
    client = docker.DockerClient(base_url="tcp://127.0.0.1:1", version="1.44", timeout=2)
    try:
        with pytest.raises(ContainerError, match="local/image:1"):
            Engine(client).version("local/image:1")
    finally:
        client.close()
