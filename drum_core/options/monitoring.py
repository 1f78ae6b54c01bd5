"""The options of the modes that can report to the monitoring of a deployment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from drum_core.errors import MonitoringError, OptionConflictError
from drum_core.options.base import PredictingOptions
from drum_core.options.choices import TargetType
from drum_core.options.flag import Flag

__all__ = ["MonitoredOptions"]


@dataclass(frozen=True, kw_only=True)
class MonitoredOptions(PredictingOptions):
    """What is reported, for which deployment, and where to.

    Raises `MonitoringError` where an option needs another one.
    """

    monitor: Annotated[
        bool,
        Flag(
            names=("--monitor",),
            env="MONITOR",
            help="report each prediction to the deployment's monitoring",
        ),
    ] = False
    monitor_embedded: Annotated[
        bool,
        Flag(
            names=("--monitor-embedded",),
            env="MLOPS_REPORTING_FROM_UNSTRUCTURED_MODELS",
            help="unstructured: give the hook an object, mlops, to report with",
        ),
    ] = False
    deployment_id: Annotated[
        str | None,
        Flag(
            names=("--deployment-id",),
            env="DEPLOYMENT_ID",
            env_fallback="MLOPS_DEPLOYMENT_ID",
            help="monitoring: the deployment",
            metavar="ID",
        ),
    ] = None
    model_id: Annotated[
        str | None,
        Flag(
            names=("--model-id",),
            env="MODEL_ID",
            env_fallback="MLOPS_MODEL_ID",
            help="monitoring: the deployed model",
            metavar="ID",
        ),
    ] = None
    monitor_settings: Annotated[
        str | None,
        Flag(
            names=("--monitor-settings",),
            env="MONITOR_SETTINGS",
            help="monitoring: where reports go, such as "
            "spooler_type=filesystem;directory=/tmp/spool;max_files=1;file_max_size=1048576",
        ),
    ] = None
    webserver: Annotated[
        str | None,
        Flag(
            names=("--webserver",),
            env="EXTERNAL_WEB_SERVER_URL",
            help="the DataRobot service, for --monitor-embedded and --allow-dr-api-access",
            metavar="URL",
        ),
    ] = None
    api_token: Annotated[
        str | None,
        Flag(
            names=("--api-token",),
            env="API_TOKEN",
            help="what opens --webserver",
            metavar="TOKEN",
            secret=True,
        ),
    ] = field(default=None, repr=False)
    allow_dr_api_access: Annotated[
        bool,
        Flag(
            names=("--allow-dr-api-access",),
            env="ALLOW_DR_API_ACCESS_FOR_ALL_CUSTOM_MODELS",
            help="connect the package datarobot to --webserver, for the model's code to use",
        ),
    ] = False

    def __post_init__(self) -> None:
        PredictingOptions.__post_init__(self)
        if self.monitor and self.monitor_embedded:
            raise OptionConflictError(
                "--monitor and --monitor-embedded exclude each other: give one of them."
            )
        if self.monitor and self.target_type is TargetType.UNSTRUCTURED:
            raise MonitoringError(
                "MLOps monitoring can not be used in unstructured mode with --monitor: use "
                "--monitor-embedded, and report from the hook."
            )
        if self.monitor:
            self._need("monitor", "deployment_id", "model_id", "monitor_settings")
        if self.monitor_embedded:
            needed = ("deployment_id", "model_id", "webserver", "api_token")
            self._need("monitor_embedded", *needed)
        if self.allow_dr_api_access:
            self._need("allow_dr_api_access", "webserver", "api_token")

    def _need(self, asked: str, *others: str) -> None:
        missing = [_flag(name) for name in others if not getattr(self, name)]
        if missing:
            source = self.sources.get(asked, _flag(asked))
            raise MonitoringError(
                f"{source} also needs {', '.join(missing)}: give a value for each."
            )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
