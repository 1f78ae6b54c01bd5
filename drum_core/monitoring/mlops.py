"""Reports predictions to the monitoring of a DataRobot deployment, by its own client library."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from drum_core.data.predictions import PREDICTIONS
from drum_core.data.tables import read_table
from drum_core.errors import DrumError, MonitoringError
from drum_core.model.target import UnstructuredTarget
from drum_core.model.text_parameters import prompt_column
from drum_core.monitoring.chat import ChatMonitor, monitored_chat
from drum_core.monitoring.client import MLOps, ServiceAPI
from drum_core.monitoring.deployment import Deployment
from drum_core.monitoring.reporter import Reporter
from drum_core.registry import import_object

if TYPE_CHECKING:
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
    from drum_core.user.settings import Settings

__all__ = ["Monitoring", "check_monitoring", "connect_api", "monitored", "start_monitoring"]

_logger = logging.getLogger(__name__)

_API: Final = "/api/v2"
_SHUTDOWN_SECONDS: Final = 10


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """Where a model reports to; `chats` is `None` where its hook reports itself, by `client`.

    `lock` is held while the client works.
    """

    client: MLOps
    chats: ChatMonitor | None
    lock: threading.Lock


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
    options: MonitoredOptions, target: Target, settings: Settings, worker: WorkerContext
) -> Monitoring | None:
    """Starts the client, ready to report; `None` without monitoring. `worker` ends it.

    With `allow_dr_api_access` the package datarobot is connected as well. Raises
    `MonitoringError`, and `MissingExtraError` without the package.
    """
    check_monitoring(options, target)
    api = connect_api(options) if options.allow_dr_api_access else None
    if not options.monitor and not options.monitor_embedded:
        return None
    client = _start_client(options)
    worker.defer_cleanup(
        lambda: client.shutdown(_SHUTDOWN_SECONDS), order=-50, desc="send the last reports"
    )
    lock = threading.Lock()
    if options.monitor_embedded:
        return Monitoring(client=client, chats=None, lock=lock)
    reporter = Reporter()
    worker.defer_cleanup(reporter.close, order=-49, desc="make the last reports")
    chats = ChatMonitor(
        client=client,
        deployment=Deployment(options.deployment_id or "", api),
        reporter=reporter,
        prompt_column=prompt_column(settings),
        lock=lock,
    )
    return Monitoring(client=client, chats=chats, lock=lock)


def _start_client(options: MonitoredOptions) -> MLOps:
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
    return client


def monitored(model: Model, monitoring: Monitoring | None) -> Model:
    """The model, reporting its answers, or with the client for its hook to report with."""
    if monitoring is None:
        return model
    predict, unstructured, chat = model.predict, model.unstructured, model.chat
    if monitoring.chats is None:
        if unstructured is not None:
            unstructured = _with_client(unstructured, monitoring.client)
        return dataclasses.replace(model, unstructured=unstructured)
    return dataclasses.replace(
        model,
        predict=_reporting(predict, monitoring) if predict is not None else None,
        chat=monitored_chat(chat, monitoring.chats) if chat is not None else None,
    )


def _reporting(predict: Predict, monitoring: Monitoring) -> Predict:
    def reported(payload: Payload) -> Predictions:
        started = time.perf_counter()
        predictions = predict(payload)
        milliseconds = (time.perf_counter() - started) * 1000
        try:
            _report(monitoring, payload, predictions, milliseconds)
        except Exception:  # a prediction is worth more than its report
            _logger.exception("a prediction could not be reported to MLOps monitoring")
        return predictions

    return reported


def _report(
    monitoring: Monitoring, payload: Payload, predictions: Predictions, milliseconds: float
) -> None:
    try:
        features: DataFrame | None = read_table(payload)
    except DrumError as error:
        _logger.warning("monitoring has no features, only a hook can read them: %s", error)
        features = None
    is_column = predictions.columns == (PREDICTIONS,)
    values = predictions.values[:, 0] if is_column else predictions.values
    names = None if is_column else list(predictions.columns)
    with monitoring.lock:
        monitoring.client.report_deployment_stats(predictions.rows, milliseconds)
        monitoring.client.report_predictions_data(features, values.tolist(), class_names=names)


def _with_client(unstructured: Unstructured, client: MLOps) -> Unstructured:
    def answered(request: UnstructuredRequest) -> UnstructuredAnswer:
        return unstructured(dataclasses.replace(request, mlops=client))

    return answered


def connect_api(options: MonitoredOptions) -> ServiceAPI:
    """Connects the package datarobot for the model's code; asks the service for its version.

    Raises `MonitoringError`, and `MissingExtraError` without the package.
    """
    make = import_object("datarobot:Client", purpose="--allow-dr-api-access")
    url = (options.webserver or "").rstrip("/")
    try:
        return cast("Callable[..., ServiceAPI]", make)(
            token=options.api_token, endpoint=url if url.endswith(_API) else url + _API
        )
    except Exception as error:  # of the package, and of the network
        raise MonitoringError(
            f"The DataRobot API at {url} cannot be used (--allow-dr-api-access): {error}"
        ) from error
