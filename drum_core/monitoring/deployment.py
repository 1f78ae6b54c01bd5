"""What the service says of a deployment: what it takes, and how its prompts are called."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from drum_core.monitoring.client import ServiceAPI

__all__ = ["Deployment"]

_logger = logging.getLogger(__name__)


class Deployment:
    """A deployment as the service describes it, asked again after `fresh_seconds` at the earliest.

    Without `api`, and until the service has answered, it takes everything and names no prompt
    column. Its methods may wait for the network, and raise nothing. For one thread.
    """

    def __init__(
        self, deployment_id: str, api: ServiceAPI | None, *, fresh_seconds: float = 60.0
    ) -> None:
        self._path = f"deployments/{deployment_id}/"
        self._api = api
        self._fresh_seconds = fresh_seconds
        self._asked: float | None = None
        self._settings: Mapping[object, object] = {}
        self._model: Mapping[object, object] | None = None

    def takes_predictions(self) -> bool:
        """Whether feature drift is tracked or predictions are collected."""
        self._refresh()
        sections = ("featureDrift", "predictionsDataCollection")
        return any(_mapping(self._settings.get(name)).get("enabled", True) for name in sections)

    def prompt_column(self) -> str | None:
        """The name of the column of prompts, where the deployed model has one."""
        self._refresh()
        prompt = (self._model or {}).get("prompt")
        return prompt if isinstance(prompt, str) and prompt else None

    def _refresh(self) -> None:
        if self._api is None:
            return
        if self._asked is not None and time.monotonic() < self._asked + self._fresh_seconds:
            return
        try:
            self._settings = _mapping(self._api.get(f"{self._path}settings/").json())
            if self._model is None:  # which does not change
                self._model = _mapping(_mapping(self._api.get(self._path).json()).get("model"))
        except Exception as error:  # of the package, and of the network
            _logger.warning("the settings of the deployment cannot be read: %s", error)
        self._asked = time.monotonic()


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}
