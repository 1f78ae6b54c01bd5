"""Reports predictions to the monitoring of a DataRobot deployment, by its own client library."""

from __future__ import annotations

import dataclasses
import logging
import time
from typing import TYPE_CHECKING, Final, cast

from typing_extensions import Protocol

from drum_core.data.predictions import PREDICTIONS
from drum_core.data.tables import read_table
from drum_core.errors import DrumError, MonitoringError
from drum_core.model.target import UnstructuredTarget
from drum_core.registry import import_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from pandas import DataFrame

    from drum_core.data.payload import Payload
    from drum_core.data.predictions import Predictions
    from drum_core.model.exchange import (
        Predict,
        Unstructured,
        UnstructuredAnswer,
        UnstructuredRequest,
    )
    from drum_core.model.model import Model
    from drum_core.model.target import Target
    from drum_core.options.monitoring import MonitoredOptions
    from drum_core.protocols import WorkerContext

__all__ = ["MLOps", "check_monitoring", "monitored", "start_monitoring"]

_logger = logging.getLogger(__name__)

_API: Final = "/api/v2"
_SHUTDOWN_SECONDS: Final = 10


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
        class_names: list[str] | None,
    ) -> None:
        """Reports rows with their predictions."""
        ...


def check_monitoring(options: MonitoredOptions, target: Target) -> None:
    """Raises `MonitoringError` for a kind of monitoring that the target type does not have."""
    is_unstructured = isinstance(target, UnstructuredTarget)
    if options.monitor and is_unstructured:
        raise MonitoringError(
            "MLOps monitoring can not be used in unstructured mode with --monitor: use "
            "--monitor-embedded, and report from the hook."
        )
    if options.monitor_embedded and not is_unstructured:
        raise MonitoringError(
            "--monitor-embedded is for unstructured models; this one has the target type "
            f"{target.type.value}. Use --monitor."
        )


def start_monitoring(
    options: MonitoredOptions, target: Target, worker: WorkerContext
) -> MLOps | None:
    """The client, ready to report; `None` without monitoring. `worker` ends it.

    With `allow_dr_api_access` the package datarobot is connected as well. Raises
    `MonitoringError`, and `MissingExtraError` without the package.
    """
    check_monitoring(options, target)
    if options.allow_dr_api_access:
        _connect(options)
    if not options.monitor and not options.monitor_embedded:
        return None
    make = import_object("datarobot_mlops.mlops:MLOps", purpose="MLOps monitoring")
    try:
        client = cast("Callable[[], MLOps]", make)()
        client.set_deployment_id(options.deployment_id or "")
        client.set_model_id(options.model_id or "")
        if options.monitor_settings:
            client.set_channel_config(options.monitor_settings)
        else:
            client.set_api_spooler(options.webserver or "", options.api_token or "")
            client.set_async_reporting(True)
        client.init()
    except Exception as error:  # of the library, whose exceptions are many
        raise MonitoringError(f"MLOps monitoring cannot be started: {error}") from error
    worker.defer_cleanup(
        lambda: client.shutdown(_SHUTDOWN_SECONDS), order=-50, desc="send the last reports"
    )
    return client


def monitored(model: Model, client: MLOps | None, options: MonitoredOptions) -> Model:
    """The model, reporting its predictions, or with the client for its hook to report with."""
    if client is None:
        return model
    predict, unstructured = model.predict, model.unstructured
    if options.monitor and predict is not None:
        return dataclasses.replace(model, predict=_reporting(predict, client))
    if options.monitor_embedded and unstructured is not None:
        return dataclasses.replace(model, unstructured=_with_client(unstructured, client))
    return model


def _reporting(predict: Predict, client: MLOps) -> Predict:
    def reported(payload: Payload) -> Predictions:
        started = time.perf_counter()
        predictions = predict(payload)
        milliseconds = (time.perf_counter() - started) * 1000
        try:
            _report(client, payload, predictions, milliseconds)
        except Exception:  # a prediction is worth more than its report
            _logger.exception("a prediction could not be reported to MLOps monitoring")
        return predictions

    return reported


def _report(client: MLOps, payload: Payload, predictions: Predictions, milliseconds: float) -> None:
    client.report_deployment_stats(predictions.rows, milliseconds)
    try:
        features: DataFrame | None = read_table(payload)
    except DrumError as error:
        _logger.warning("monitoring has no features, only a hook can read them: %s", error)
        features = None
    is_column = predictions.columns == (PREDICTIONS,)
    values = predictions.values[:, 0] if is_column else predictions.values
    client.report_predictions_data(
        features, values.tolist(), class_names=None if is_column else list(predictions.columns)
    )


def _with_client(unstructured: Unstructured, client: MLOps) -> Unstructured:
    def answered(request: UnstructuredRequest) -> UnstructuredAnswer:
        return unstructured(dataclasses.replace(request, mlops=client))

    return answered


def _connect(options: MonitoredOptions) -> None:
    """Connects the package datarobot for the model's code; asks the service for its version."""
    make = import_object("datarobot:Client", purpose="--allow-dr-api-access")
    url = (options.webserver or "").rstrip("/")
    try:
        cast("Callable[..., object]", make)(
            token=options.api_token, endpoint=url if url.endswith(_API) else url + _API
        )
    except Exception as error:  # of the package, and of the network
        raise MonitoringError(
            f"The DataRobot API at {url} cannot be used (--allow-dr-api-access): {error}"
        ) from error
