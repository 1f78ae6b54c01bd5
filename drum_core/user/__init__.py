"""What the code of a model folder may import: parameters, secrets, tasks, and user errors.

The same names are found where DRUM has them (`from datarobot_drum import RuntimeParameters`), also
when the package datarobot-drum is not installed.
"""

from drum_core.errors import UserHTTPError
from drum_core.options.choices import TargetType
from drum_core.user.runtime_parameters import RuntimeParameters
from drum_core.user.secrets import (
    AdlsGen2OauthSecret,
    ApiTokenSecret,
    AzureSecret,
    AzureServicePrincipalSecret,
    BasicSecret,
    DatabricksAccessTokenAccountSecret,
    GCPKey,
    GCPSecret,
    OauthSecret,
    S3Secret,
    Secret,
    SnowflakeKeyPairUserAccountSecret,
    SnowflakeOauthUserAccountSecret,
    TableauAccessTokenSecret,
)
from drum_core.user.settings import user_secrets
from drum_core.user.tasks import (
    AnomalyEstimatorInterface,
    BinaryEstimatorInterface,
    CustomTaskInterface,
    MulticlassEstimatorInterface,
    RegressionEstimatorInterface,
    Serializable,
    TransformerInterface,
)

__all__ = [
    "AdlsGen2OauthSecret",
    "AnomalyEstimatorInterface",
    "ApiTokenSecret",
    "AzureSecret",
    "AzureServicePrincipalSecret",
    "BasicSecret",
    "BinaryEstimatorInterface",
    "CustomTaskInterface",
    "DatabricksAccessTokenAccountSecret",
    "GCPKey",
    "GCPSecret",
    "MulticlassEstimatorInterface",
    "OauthSecret",
    "RegressionEstimatorInterface",
    "RuntimeParameters",
    "S3Secret",
    "Secret",
    "Serializable",
    "SnowflakeKeyPairUserAccountSecret",
    "SnowflakeOauthUserAccountSecret",
    "TableauAccessTokenSecret",
    "TargetType",
    "TransformerInterface",
    "UserHTTPError",
    "user_secrets",
]
