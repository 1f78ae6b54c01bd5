"""What the options of all run modes have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from drum_core.errors import OptionConflictError
from drum_core.options.checks import validate
from drum_core.options.choices import LOGGING_LEVELS, Language, RunMode, TargetType
from drum_core.options.container import ContainerOptions, check_container
from drum_core.options.flag import Flag

__all__ = ["ModelOptions", "OptionsBase", "PredictingOptions", "UpstreamSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamSettings:
    """A server of the OpenAI API that answers in the place of a model.

    `timeout` is how long, in seconds, it may be silent.
    """

    kind: str
    host: str
    port: int
    health_path: str
    timeout: float


@dataclass(frozen=True, kw_only=True)
class OptionsBase:
    """The base of all options. Frozen and picklable; checked when built.

    `sources` says, for error texts, where a value came from: `--target-type`, `CODE_DIR`; an
    option that is not in it was set from Python or is the default.
    Raises `OptionError` for a value that an option cannot have.
    """

    run_mode: ClassVar[RunMode]

    verbose: Annotated[bool, Flag(names=("--verbose",), help="say what is being done")] = False
    logging_level: Annotated[
        str,
        Flag(
            names=("--logging-level",),
            help="least severe log records shown",
            choices=LOGGING_LEVELS,
        ),
    ] = "warning"
    show_stacktrace: Annotated[
        bool,
        Flag(
            names=("--show-stacktrace",),
            env="SHOW_STACKTRACE",
            help="show the traceback of an error, not only its text",
        ),
    ] = False
    sources: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True, kw_only=True)
class ModelOptions(ContainerOptions, OptionsBase):
    """The options that say which model a run is about, and where it runs."""

    code_dir: Annotated[
        Path,
        Flag(
            names=("-cd", "--code-dir"),
            env="CODE_DIR",
            help="the model folder: artifact, custom.py, model-metadata.yaml",
            required=True,
            path="directory",
        ),
    ]
    target_type: Annotated[
        TargetType | None,
        Flag(
            names=("--target-type",),
            env="TARGET_TYPE",
            help="what the model predicts; by default as model-metadata.yaml says",
        ),
    ] = None
    positive_class_label: Annotated[
        str | None,
        Flag(
            names=("--positive-class-label",),
            env="POSITIVE_CLASS_LABEL",
            help="binary: the class whose probability a single column is",
        ),
    ] = None
    negative_class_label: Annotated[
        str | None,
        Flag(
            names=("--negative-class-label",),
            env="NEGATIVE_CLASS_LABEL",
            help="binary: the other class",
        ),
    ] = None
    class_labels: Annotated[
        tuple[str, ...] | None,
        Flag(
            names=("--class-labels",),
            env="CLASS_LABELS",
            help="multiclass, multilabel: two labels or more, separated by spaces",
        ),
    ] = None
    class_labels_file: Annotated[
        Path | None,
        Flag(
            names=("--class-labels-file",),
            env="CLASS_LABELS_FILE",
            help="multiclass, multilabel: a file with one label a line",
            path="file",
        ),
    ] = None
    target_name: Annotated[
        str | None,
        Flag(env="TARGET_NAME", help="text targets: the column that holds the predictions"),
    ] = None
    language: Annotated[
        Language | None,
        Flag(names=("--language",), help="the model's language; found by its files by default"),
    ] = None
    runtime_params_file: Annotated[
        Path | None,
        Flag(
            names=("--runtime-params-file",),
            env="RUNTIME_PARAMS_FILE",
            help="YAML with values of the runtime parameters that model-metadata.yaml defines",
            path="file",
        ),
    ] = None
    lazy_loading_file: Annotated[
        Path | None,
        Flag(
            names=("--lazy-loading-file",),
            env="LAZY_LOADING_FILE",
            help="YAML that says which files to fetch, and from where, before the model is loaded",
            path="file",
        ),
    ] = None
    user_secrets_mount_path: Annotated[
        Path | None,
        Flag(
            names=("--user-secrets-mount-path",),
            env="USER_SECRETS_MOUNT_PATH",
            help="a folder with one JSON file for each secret of the user",
            metavar="DIR",
        ),
    ] = None
    user_secrets_prefix: Annotated[
        str | None,
        Flag(
            names=("--user-secrets-prefix",),
            env="USER_SECRETS_PREFIX",
            help="variables that start with this prefix and _ hold a secret as JSON",
        ),
    ] = None

    def upstream(self) -> UpstreamSettings | None:
        """The server that answers in the place of a model, if one does."""
        return None

    def __post_init__(self) -> None:
        OptionsBase.__post_init__(self)
        check_container(self, self.sources)
        if (self.positive_class_label is None) != (self.negative_class_label is None):
            raise OptionConflictError(
                "--positive-class-label and --negative-class-label belong together: "
                "give both, or neither."
            )
        if self.class_labels is not None and self.class_labels_file is not None:
            raise OptionConflictError(
                "--class-labels and --class-labels-file say the same thing: give one of them."
            )
        if self.class_labels is not None and len(self.class_labels) < 2:
            raise OptionConflictError(
                f"--class-labels needs at least 2 labels, got {list(self.class_labels)!r}."
            )


@dataclass(frozen=True, kw_only=True)
class PredictingOptions(ModelOptions):
    """The options of the modes that ask the model something."""

    query: Annotated[
        str | None,
        Flag(names=("--query",), help="unstructured: URL parameters for the model, as a=1&b=2"),
    ] = None
    content_type: Annotated[
        str | None,
        Flag(
            names=("--content-type",),
            help="unstructured: what the input is; 'text/plain; charset=utf8' by default",
        ),
    ] = None
