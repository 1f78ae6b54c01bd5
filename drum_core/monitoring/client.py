"""What is used of DataRobot's own client libraries: its monitoring and its API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import Protocol

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["MLOps", "ServiceAPI", "ServiceAnswer"]


class MLOps(Protocol):
    """Protocol: what is used of `datarobot_mlops.mlops.MLOps`."""

    def set_deployment_id(self, deployment_id: str, /) -> MLOps:
        """Says which deployment the reports are about."""
        ...

    def set_model_id(self, model_id: str, /) -> MLOps:
        """Says which model the reports are about."""
        ...

    def set_channel_config(self, channel_config: str, /) -> MLOps:
        """Says where the reports go, as `--monitor-settings` does."""
        ...

    def set_api_spooler(self, mlops_service_url: str, mlops_api_token: str) -> MLOps:
        """Sends the reports to the service itself."""
        ...

    def set_async_reporting(self, async_reporting: bool, /) -> MLOps:
        """Sends the reports from a process of its own."""
        ...

    def init(self) -> MLOps:
        """Ends the preparations; reports are taken from now on."""
        ...

    def shutdown(self, timeout_sec: int, /) -> None:
        """Sends what is waiting, and ends."""
        ...

    def report_deployment_stats(self, num_predictions: int, execution_time_ms: float, /) -> None:
        """Reports a number of predictions and their time."""
        ...

    def report_predictions_data(
        self,
        features_df: DataFrame | None,
        predictions: list[object],
        *,
        association_ids: list[str] | None = None,
        class_names: list[str] | None = None,
    ) -> None:
        """Reports rows with their predictions."""
        ...


class ServiceAnswer(Protocol):
    """Protocol: what is used of an answer of the API."""

    def json(self) -> object:
        """Its content."""
        ...


class ServiceAPI(Protocol):
    """Protocol: what is used of what `datarobot.Client` returns."""

    def get(self, url: str, /) -> ServiceAnswer:
        """Waits for the answer; raises for one that is an error."""
        ...
