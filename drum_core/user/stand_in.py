"""Makes DRUM's import names work in model code when the package `datarobot_drum` is not there."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

from typing_extensions import override

from drum_core.registry import import_object

__all__ = ["get_drum_logger", "install_stand_in", "is_stand_in"]

_ROOT: Final = "datarobot_drum"

_ERRORS: Final = "drum_core.user.exceptions"
_TASKS: Final = "drum_core.user.tasks"
_SECRETS: Final = "drum_core.user.secrets"
_PARAMETERS: Final = {"RuntimeParameters": "drum_core.user.runtime_parameters:RuntimeParameters"}


def _from(module: str, *names: str) -> dict[str, str]:
    return {name: f"{module}:{name}" for name in names}


_SECRET_NAMES: Final = {
    "AbstractSecret": f"{_SECRETS}:Secret",
    **_from(
        _SECRETS,
        *("BasicSecret", "OauthSecret", "S3Secret", "AzureSecret", "AzureServicePrincipalSecret"),
        *("GCPKey", "GCPSecret", "SnowflakeOauthUserAccountSecret"),
        *("SnowflakeKeyPairUserAccountSecret", "AdlsGen2OauthSecret", "TableauAccessTokenSecret"),
        *("DatabricksAccessTokenAccountSecret", "ApiTokenSecret"),
    ),
}

_MODULES: Final[Mapping[str, Mapping[str, str]]] = {
    "": {**_PARAMETERS, **_from(_ERRORS, "CustomHTTPError")},
    ".runtime_parameters": _PARAMETERS,
    ".runtime_parameters.runtime_parameters": _PARAMETERS,
    ".runtime_parameters.exceptions": {
        name: f"drum_core.user.errors:{ours}"
        for name, ours in {
            "RuntimeParameterException": "RuntimeParameterError",
            "InvalidInputFilePath": "ParameterPathError",
            "InvalidEmptyYamlContent": "ParameterEmptyError",
            "InvalidYamlContent": "ParameterYAMLError",
            "ErrorLoadingRuntimeParameter": "ParameterLoadError",
            "InvalidJsonException": "ParameterJSONError",
            "InvalidRuntimeParam": "ParameterValueError",
        }.items()
    },
    ".drum": {},
    ".drum.exceptions": _from(
        _ERRORS,
        *("BaseCustomUserError", "CustomHTTPError", "DrumException", "DrumCommonException"),
        *("DrumSchemaValidationException", "DrumTransformException", "DrumSerializationError"),
        *("DrumPredException", "DrumFormatSchemaException", "DrumRootComponentException"),
        *("DrumPerfTestTimeout", "DrumPerfTestOOM", "UnrecoverableError"),
        "UnrecoverableConfigurationError",
    ),
    ".drum.enum": {"TargetType": "drum_core.options.choices:TargetType"},
    ".drum.common": {"get_drum_logger": "drum_core.user.stand_in:get_drum_logger"},
    ".drum.root_predictors": {},
    ".drum.root_predictors.drum_inline_utils": {
        "drum_inline_predictor": "drum_core.cli.inline:drum_inline_predictor"
    },
    ".custom_task_interfaces": {
        **_from(
            _TASKS,
            *("BinaryEstimatorInterface", "RegressionEstimatorInterface"),
            *("MulticlassEstimatorInterface", "AnomalyEstimatorInterface"),
            *("TransformerInterface", "CustomTaskInterface", "Serializable"),
        ),
        **_SECRET_NAMES,
    },
    ".custom_task_interfaces.custom_task_interface": _from(
        _TASKS, "CustomTaskInterface", "Serializable"
    ),
    ".custom_task_interfaces.user_secrets": {
        **_SECRET_NAMES,
        "UnsupportedSecretError": "drum_core.user.errors:UnsupportedSecretError",
    },
}
"""What each module of DRUM offers to model code, and what it is here."""


def get_drum_logger(logger_name: str) -> logging.Logger:
    """The logger `drum.<name>`."""
    return logging.getLogger(f"drum.{logger_name}")


class _StandIn(ModuleType):
    """A module whose names are found when they are asked for."""

    def __getattr__(self, name: str) -> object:
        names = _MODULES[self.__name__.removeprefix(_ROOT)]
        if name not in names:
            raise AttributeError(
                f"module {self.__name__!r} has no attribute {name!r}. The package datarobot-drum "
                "is not installed; in its place drum offers to models: "
                f"{', '.join(names) or 'nothing in this module'}."
            )
        return import_object(names[name], purpose=f"{self.__name__}.{name}")


class _StandInLoader(Loader):
    @override
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandIn(spec.name, "Stands in for DRUM's module; see docs/model-code.md.")

    @override
    def exec_module(self, module: ModuleType) -> None:
        vars(module)["__all__"] = list(_MODULES[module.__name__.removeprefix(_ROOT)])


class _StandInFinder(MetaPathFinder):
    """Comes last, so that the real package is found first where it is installed."""

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root, _, rest = fullname.partition(".")
        if root != _ROOT or fullname.removeprefix(_ROOT) not in _MODULES:
            return None
        if rest and not is_stand_in(_ROOT):
            return None
        return ModuleSpec(fullname, _StandInLoader(), origin="drum", is_package=True)


_FINDER: Final = _StandInFinder()


def install_stand_in() -> None:
    """Makes the names importable, from now on, unless the real package is there."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)


def is_stand_in(name: str) -> bool:
    """Whether the imported module of that name is one of ours."""
    return isinstance(sys.modules.get(name), _StandIn)
