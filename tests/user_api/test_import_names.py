"""DRUM's import names in model code, without the package datarobot-drum and with it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import drum_core.user
from drum_core.environment import environment
from drum_core.user.stand_in import install_stand_in
from tests.core.served import CSV, post, serving
from tests.model_folders import REGRESSION, make_folder

EVERY_LINE = """\
import pandas as pd
from datarobot_drum import RuntimeParameters
from datarobot_drum import CustomHTTPError
from datarobot_drum.drum.exceptions import (
    BaseCustomUserError, DrumException, DrumCommonException, DrumSchemaValidationException,
    DrumTransformException, DrumSerializationError, DrumPredException,
    DrumFormatSchemaException, DrumRootComponentException, DrumPerfTestTimeout,
    DrumPerfTestOOM, UnrecoverableError, UnrecoverableConfigurationError,
)
from datarobot_drum.custom_task_interfaces import (
    BinaryEstimatorInterface, RegressionEstimatorInterface, MulticlassEstimatorInterface,
    AnomalyEstimatorInterface, TransformerInterface,
    BasicSecret, OauthSecret, S3Secret, AzureSecret, AzureServicePrincipalSecret, GCPSecret,
    SnowflakeOauthUserAccountSecret, SnowflakeKeyPairUserAccountSecret, AdlsGen2OauthSecret,
    TableauAccessTokenSecret, DatabricksAccessTokenAccountSecret, ApiTokenSecret,
)
from datarobot_drum.custom_task_interfaces.custom_task_interface import (
    CustomTaskInterface, Serializable,
)
from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.common import get_drum_logger
from datarobot_drum.drum.root_predictors.drum_inline_utils import drum_inline_predictor
from datarobot_drum.runtime_parameters.exceptions import (
    RuntimeParameterException, InvalidInputFilePath, InvalidEmptyYamlContent, InvalidYamlContent,
    ErrorLoadingRuntimeParameter, InvalidJsonException, InvalidRuntimeParam,
)
import datarobot_drum.drum.exceptions as named

assert issubclass(CustomHTTPError, BaseCustomUserError)
assert issubclass(DrumSerializationError, DrumException)
assert issubclass(InvalidRuntimeParam, RuntimeParameterException)
assert issubclass(BinaryEstimatorInterface, CustomTaskInterface)
assert issubclass(CustomTaskInterface, Serializable)
assert named.CustomHTTPError is CustomHTTPError
assert get_drum_logger("mine").name == "drum.mine"
assert RuntimeParameters.PARAM_PREFIX == "MLOPS_RUNTIME_PARAM"

def load_model(code_dir):
    return 1

def score(data, model, **kwargs):
    from datarobot_drum import RuntimeParameters as late
    import neighbour
    assert kwargs["target_type"] == TargetType.REGRESSION
    assert late is RuntimeParameters and neighbour.parameters() is late
    return pd.DataFrame({"Predictions": data["x"]})
"""

NEIGHBOUR = """\
def parameters():
    from datarobot_drum import RuntimeParameters
    return RuntimeParameters
"""


def test_every_import_line_works(tmp_path: Path) -> None:
    """Each documented import works, at the top of custom.py and late, in a neighbour as well."""
    folder = make_folder(tmp_path / "m", custom=EVERY_LINE)
    (folder / "neighbour.py").write_text(NEIGHBOUR, encoding="utf-8")
    with serving(folder) as host:
        assert post(host, "x\n1\n", *CSV).body == b'{"predictions":[1.0]}'


def test_unknown_names_are_told(tmp_path: Path) -> None:
    """A name or a module that DRUM does not offer to models is an import error."""
    install_stand_in()
    with pytest.raises(ImportError, match="cannot import name 'Nothing'"):
        exec("from datarobot_drum.drum.common import Nothing", {})
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("datarobot_drum.drum.push")
    with pytest.raises(AttributeError, match="in its place drum offers to models: get_drum_logger"):
        importlib.import_module("datarobot_drum.drum.common").Nothing  # noqa: B018  # it raises
    everything: dict[str, object] = {}
    exec("from datarobot_drum.custom_task_interfaces import *", everything)
    assert "BasicSecret" in everything


def test_nothing_is_installed_before_a_model_is_loaded() -> None:
    """A program that embeds drum has no module datarobot_drum until it loads a model."""
    program = (
        "import drum_core, drum_core.user, importlib.util as u; "
        "assert u.find_spec('datarobot_drum') is None; "
        "from pathlib import Path; from drum_core.model.user_code import UserCode; "
        "UserCode(Path('.')); assert u.find_spec('datarobot_drum') is not None"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


REAL_EXCEPTIONS = """\
class BaseCustomUserError(Exception):
    pass
class CustomHTTPError(BaseCustomUserError):
    def __init__(self, message="real", status_code=400):
        super().__init__(message)
        self.message, self.status_code = message, status_code
"""
REAL_ENUM = "import enum\nclass TargetType(enum.Enum):\n    REGRESSION = 'regression'\n"
WITH_REAL = """\
import pandas as pd
from datarobot_drum.drum.exceptions import CustomHTTPError
from datarobot_drum.drum.enum import TargetType

def load_model(code_dir):
    return 1

def score(data, model, **kwargs):
    assert kwargs["target_type"] is TargetType.REGRESSION
    raise CustomHTTPError("too hot", 418)
"""
SERVE = """\
from pathlib import Path
import sys
from tests.core.served import CSV, post, serving
with serving(Path(sys.argv[1])) as host:
    answer = post(host, "x\\n1\\n", *CSV)
    print(int(answer.status), answer.headers["X-Drum-User-Http-Error"], answer.body.decode())
"""


def test_the_real_package_is_respected(tmp_path: Path) -> None:
    """Where datarobot-drum is installed model code gets its classes, and they work."""
    package = tmp_path / "site" / "datarobot_drum"
    (package / "drum").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "drum" / "__init__.py").touch()
    (package / "drum" / "exceptions.py").write_text(REAL_EXCEPTIONS, encoding="utf-8")
    (package / "drum" / "enum.py").write_text(REAL_ENUM, encoding="utf-8")
    folder = make_folder(tmp_path / "m", custom=WITH_REAL, metadata=REGRESSION)
    root = Path(drum_core.user.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SERVE, str(folder)],
        env={**environment(), "PYTHONPATH": f"{package.parent}:{root}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith('418 true {"message":"too hot"'), done.stderr
