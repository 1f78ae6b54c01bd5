"""The class interface of custom.py: what its class `CustomTask` is derived from."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import Self, deprecated

from drum_core.user.errors import TaskSerializationError
from drum_core.user.secrets import Secret
from drum_core.user.settings import asking

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = [
    "TASK_ARTIFACT",
    "AnomalyEstimatorInterface",
    "BinaryEstimatorInterface",
    "CustomTaskInterface",
    "MulticlassEstimatorInterface",
    "RegressionEstimatorInterface",
    "Serializable",
    "TransformerInterface",
    "defines",
]

TASK_ARTIFACT: Final = "drum_artifact.pkl"

_SECRETS: Final = "_drum_secrets"
_logger = logging.getLogger("drum.task")


class Serializable:
    """How a task becomes a file, and comes back: by pickle, unless a subclass says otherwise."""

    def save(self, artifact_directory: str) -> Self:
        """Writes the task into a folder, and returns it.

        Override it for what cannot be pickled, or call `save_task` with the names to leave out.
        """
        self.save_task(artifact_directory)
        return self

    @classmethod
    def load(cls, artifact_directory: str) -> Self:
        """The task that `save` has written into a folder."""
        return cls.load_task(artifact_directory)

    def save_task(self, artifact_directory: str, exclude: Iterable[str] | None = None) -> Self:
        """Pickles the task to `drum_artifact.pkl`; the attributes in `exclude` are `None` in it.

        Raises `TaskSerializationError` for a name in `exclude` that is no attribute, and for
        what cannot be pickled or written.
        """
        path = Path(artifact_directory, TASK_ARTIFACT)
        with _without(self, exclude or ()):
            try:
                with asking().importable():
                    content = pickle.dumps(self)
                path.write_bytes(content)
            except Exception as error:
                raise TaskSerializationError(
                    f"The task {type(self).__name__} cannot be saved to {path}: "
                    f"{type(error).__name__}: {error}. Leave what cannot be pickled out: "
                    "save_task(artifact_directory, exclude=[…])."
                ) from error
        return self

    @classmethod
    def load_task(cls, artifact_directory: str) -> Self:
        """Unpickles the task from `drum_artifact.pkl`.

        Raises `TaskSerializationError` when it is not there or cannot be unpickled, and when it
        is no instance of the class.
        """
        path = Path(artifact_directory, TASK_ARTIFACT)
        try:
            content = path.read_bytes()
            with asking().importable():
                found: object = pickle.loads(content)  # the model folder is trusted, as its code
        except Exception as error:
            raise TaskSerializationError(
                f"The task {cls.__name__} cannot be loaded from {path}: "
                f"{type(error).__name__}: {error}."
            ) from error
        if not isinstance(found, cls):
            raise TaskSerializationError(
                f"{path} holds a {type(found).__name__}, expected an instance of {cls.__name__}."
            )
        return found


class CustomTaskInterface(Serializable):
    """The base of all tasks. A task is made without arguments, then fitted or loaded."""

    @property
    def secrets(self) -> Mapping[str, Secret]:
        """The user secrets by name; empty when there are none.

        It may be set, for tests of the task. Never pickled.
        """
        own: Mapping[str, Secret] | None = vars(self).get(_SECRETS)
        return asking().secrets if own is None else own

    @secrets.setter
    def secrets(self, secrets: Mapping[str, Secret]) -> None:
        vars(self)[_SECRETS] = secrets

    def fit(
        self,
        X: DataFrame,
        y: Series[Any],
        parameters: Mapping[str, object] | None = None,
        row_weights: Series[Any] | None = None,
        **kwargs: object,
    ) -> object:
        """Trains the task; what it returns is not used.

        `kwargs` has `output_dir`, and for classes `class_order`.
        """
        raise NotImplementedError

    @staticmethod
    @deprecated("use logging.getLogger(__name__).info()")
    def log_message(message: object) -> None:
        """Logs a text at level info."""
        _logger.info("%s", message)


class RegressionEstimatorInterface(CustomTaskInterface):
    """A task that predicts one value for each row."""

    def predict(self, X: DataFrame, **kwargs: object) -> DataFrame:
        """One column with the predictions, one row for each of `X`."""
        raise NotImplementedError


class AnomalyEstimatorInterface(RegressionEstimatorInterface):
    """A task that tells how unusual each row is; it is fitted without a target."""


class _ClassEstimatorInterface(CustomTaskInterface):
    """A task that predicts a probability for each label."""

    def predict_proba(self, X: DataFrame, **kwargs: object) -> DataFrame:
        """One column for each label, by its name, one row for each of `X`."""
        raise NotImplementedError


class BinaryEstimatorInterface(_ClassEstimatorInterface):
    """A task that tells two classes apart."""


class MulticlassEstimatorInterface(_ClassEstimatorInterface):
    """A task that tells several classes apart."""


class TransformerInterface(CustomTaskInterface):
    """A task that makes a table of a table."""

    def transform(self, X: DataFrame) -> DataFrame:
        """The transformed table, with as many rows as `X`."""
        raise NotImplementedError


def defines(task_class: type, method: str) -> bool:
    """Whether a task class has a method of its own, not only the one of its interface."""
    found = getattr(task_class, method, None)
    ours = (RegressionEstimatorInterface, _ClassEstimatorInterface, TransformerInterface)
    return callable(found) and all(found is not vars(kind).get(method) for kind in ours)


@contextmanager
def _without(task: object, names: Iterable[str]) -> Iterator[None]:
    """Inside, the attributes `names` are `None`; the secrets are left out."""
    attributes = vars(task)
    left_out = list(names)
    if unknown := [name for name in left_out if name not in attributes]:
        raise TaskSerializationError(
            f"The task {type(task).__name__} has no attribute {unknown[0]!r} to exclude; it has "
            f"{', '.join(map(repr, attributes)) or 'none'}."
        )
    before = {name: attributes[name] for name in left_out}
    secrets = attributes.pop(_SECRETS, None)
    attributes.update(dict.fromkeys(left_out))
    try:
        yield
    finally:
        attributes.update(before)
        if secrets is not None:
            attributes[_SECRETS] = secrets
