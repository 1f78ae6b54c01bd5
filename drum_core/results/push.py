"""What `drum push` gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from drum_core.results.report import JSON, Report

__all__ = ["PushCall", "PushFile", "PushResult"]


@dataclass(frozen=True, slots=True)
class PushFile:
    """A file that is uploaded: its path in the model folder, with `/`, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PushCall:
    """A call of DataRobot's REST API.

    `url` is the whole address; it is relative in a dry run without an endpoint. What an earlier
    call answers, such as an id, is shown in angle brackets in a dry run. `multipart` says that
    fields and files are sent as a form; else the fields are the members of a JSON object.
    """

    method: str
    url: str
    purpose: str
    fields: Mapping[str, JSON]
    files: tuple[PushFile, ...] = ()
    multipart: bool = False

    def report(self) -> Report:
        """The same as JSON."""
        return {
            "method": self.method,
            "url": self.url,
            "purpose": self.purpose,
            "encoding": "multipart" if self.multipart else "json" if self.fields else None,
            "fields": self.fields,
            "files": [{"path": file.path, "size": file.size} for file in self.files],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PushResult:
    """What was uploaded, or what would be in a dry run.

    `kind` is `inference` or `training`. `model_id` is the custom model, or the custom task of a
    training folder; `created` says whether it is new. `blueprint_id` is the user blueprint of a
    task. `training_url` is where a training that was started can be watched. Ids and addresses
    are `None` where there is no such thing, and in a dry run.
    `check` says in words what was run locally before anything was sent; times are in seconds.
    """

    kind: str
    dry_run: bool
    endpoint: str | None
    check: str
    calls: tuple[PushCall, ...]
    left_out: tuple[str, ...] = ()
    created: bool = False
    model_id: str | None = None
    version_id: str | None = None
    blueprint_id: str | None = None
    project_blueprint_id: str | None = None
    trained_model_id: str | None = None
    url: str | None = None
    training_url: str | None = None
    check_seconds: float = 0.0
    upload_seconds: float = 0.0

    @property
    def files(self) -> tuple[PushFile, ...]:
        """All files that are uploaded."""
        return tuple(file for call in self.calls for file in call.files)

    @property
    def size(self) -> int:
        """The bytes of all files together."""
        return sum(file.size for file in self.files)

    def report(self) -> Report:
        """The same as JSON."""
        return {
            "kind": self.kind,
            "dry_run": self.dry_run,
            "endpoint": self.endpoint,
            "check": self.check,
            "created": self.created,
            "model_id": self.model_id,
            "version_id": self.version_id,
            "blueprint_id": self.blueprint_id,
            "project_blueprint_id": self.project_blueprint_id,
            "trained_model_id": self.trained_model_id,
            "url": self.url,
            "training_url": self.training_url,
            "file_count": len(self.files),
            "bytes": self.size,
            "left_out": list(self.left_out),
            "check_seconds": round(self.check_seconds, 3),
            "upload_seconds": round(self.upload_seconds, 3),
            "calls": [call.report() for call in self.calls],
        }
