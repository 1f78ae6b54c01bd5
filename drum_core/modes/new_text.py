"""The files of a new model folder: the texts in `drum_core/templates`, filled in."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from drum_core.options.choices import TargetType
from drum_core.version import __version__

if TYPE_CHECKING:
    from pandas import DataFrame

    from drum_core.modes.new_sklearn import Trained, TrainingData

__all__ = ["bare_hooks", "hooks_folder", "trained_folder", "training_folder"]


def trained_folder(trained: Trained, name: str, commands: Sequence[str]) -> dict[str, bytes]:
    """The files of a folder with a fitted model."""
    readme = _filled(
        "sklearn/README.md",
        name=name,
        data=trained.data,
        quality=trained.quality,
        **_numbered(commands),
    )
    return {
        "README.md": readme,
        "input.csv": _csv(trained.sample),
        "model-metadata.yaml": _metadata(trained, name),
        "model.pkl": trained.artifact,
        "requirements.txt": ("\n".join(trained.requirements) + "\n").encode(),
    }


def training_folder(training: TrainingData, name: str, commands: Sequence[str]) -> dict[str, bytes]:
    """The files of a folder with code and data to train on."""
    fit, score, serve, ask = commands
    return {
        "README.md": _filled(
            "training/README.md",
            name=name,
            data=training.data,
            target=training.target,
            fit=fit,
            score=score,
            serve=serve,
            ask=ask,
        ),
        "custom.py": _filled("training/custom.py.txt"),
        "input.csv": _csv(training.sample),
        "model-metadata.yaml": _filled("training/model-metadata.yaml", name=_yaml_text(name)),
        "requirements.txt": ("\n".join(training.requirements) + "\n").encode(),
        "train.csv": _csv(training.rows),
    }


def hooks_folder(name: str, commands: Sequence[str]) -> dict[str, bytes]:
    """The files of a folder whose model is a `custom.py`, which works as it is."""
    return {
        "README.md": _filled("hooks/README.md", name=name, **_numbered(commands)),
        "custom.py": _filled("hooks/custom.py.txt"),
        "input.csv": _filled("hooks/input.csv"),
        "model-metadata.yaml": _filled("hooks/model-metadata.yaml", name=_yaml_text(name)),
    }


def bare_hooks(language: str, name: str) -> dict[str, bytes]:
    """DRUM's own form: hooks in which every line is a comment."""
    file = "custom.R" if language == "r" else "custom.py"
    made = {
        "command": f"drum new model --language {language}",
        "version": __version__,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    return {
        "README.md": _filled(f"{language}/README.md", name=name, file=file, **made),
        file: _filled(f"{language}/{file}.txt", **made),
    }


def _filled(path: str, **values: str) -> bytes:
    text = (files("drum_core") / "templates" / path).read_text("utf-8")
    return Template(text).substitute(values).encode()


def _numbered(commands: Sequence[str]) -> dict[str, str]:
    return dict(zip(("score", "serve", "ask"), commands, strict=True))


def _csv(frame: DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


def _metadata(trained: Trained, name: str) -> bytes:
    import yaml

    about: dict[str, object] = {"targetName": trained.target_name}
    match trained.target_type:
        case TargetType.BINARY:
            negative = [label for label in trained.labels if label != trained.positive_label]
            about["positiveClassLabel"] = trained.positive_label
            about["negativeClassLabel"] = negative[0]
        case TargetType.MULTICLASS:
            about["classLabels"] = list(trained.labels)
        case _:
            pass
    content: Mapping[str, object] = {
        "name": name,
        "type": "inference",
        "targetType": trained.target_type.value,
        "inferenceModel": about,
    }
    return yaml.safe_dump(
        content, default_flow_style=False, sort_keys=False, allow_unicode=True
    ).encode()


def _yaml_text(text: str) -> str:
    import yaml

    return str(yaml.safe_dump(text, default_style="'", allow_unicode=True, width=10_000)).strip()
