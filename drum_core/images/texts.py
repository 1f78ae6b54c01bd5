"""The texts of the files of an image: the templates in `drum_core/templates/env`, filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import Final

__all__ = ["ImagePlan", "image_texts", "name_of"]

_FILES: Final = {
    ".dockerignore": "dockerignore",
    "Dockerfile": "Dockerfile",
    "README.md": "README.md",
    "compose.yaml": "compose.yaml",
    "health_check.py": "health_check.py.txt",
    "kubernetes.yaml": "kubernetes.yaml",
    "start_server.sh": "start_server.sh",
}
"""Which template a file is made of."""

_DRAIN: Final = 5
"""Seconds that balancers have to learn that a pod is ending."""
_GRACEFUL: Final = 30
"""Seconds for running requests; the server's own default."""
_MARGIN: Final = 15
"""Seconds for workers to give back what they hold."""
_STARTUP: Final = 600
"""Seconds that a model may take to load."""

_MIB: Final = 1024 * 1024
_PROCESS: Final = 300
"""MiB that a worker takes without a model."""

_LIBGOMP: Final = """\
# LightGBM links with it, and any version does.
# hadolint ignore=DL3008
RUN apt-get update \\
    && apt-get install --yes --no-install-recommends libgomp1 \\
    && rm -rf /var/lib/apt/lists/*
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePlan:
    """What is special of one image. `model_size` is in bytes."""

    name: str
    image: str
    python: str
    port: int
    workers: int
    server: str | None
    model_size: int
    has_wheel: bool
    needs_libgomp: bool


def name_of(folder: str) -> str:
    """The name of a model folder as image, compose and Kubernetes all take it."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")
    name = name if re.match(r"[a-z]", name) else f"model-{name}"
    return name[:50].strip("-")


def image_texts(plan: ImagePlan) -> dict[str, str]:
    """The text of each file, by its name."""
    server = f" \\\n    MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE={plan.server}" if plan.server else ""
    values: dict[str, object] = {
        "name": plan.name,
        "image": plan.image,
        "python": plan.python,
        "port": plan.port,
        "workers": plan.workers,
        "workers_text": f"{plan.workers} worker{'' if plan.workers == 1 else 's'}",
        "server": server,
        "wheels": "COPY wheels/ /opt/wheels/\n" if plan.has_wheel else "",
        "system": _LIBGOMP if plan.needs_libgomp else "",
        "memory": _memory(plan),
        "replicas": 2,
        "drain": _DRAIN,
        "graceful": _GRACEFUL,
        "margin": _MARGIN,
        "grace": _DRAIN + _GRACEFUL + _MARGIN,
        "compose_grace": _GRACEFUL + _MARGIN,
        "startup": _STARTUP,
        "startup_failures": _STARTUP // 5,
    }
    folder = files("drum_core") / "templates" / "env"
    return {
        name: Template((folder / template).read_text("utf-8")).substitute(values)
        for name, template in _FILES.items()
    }


def _memory(plan: ImagePlan) -> int:
    """MiB: for each worker the process, and the artifact as it is loaded, with data beside it."""
    each = _PROCESS + 4 * plan.model_size / _MIB
    return -int(-plan.workers * each // 256) * 256 + 256
