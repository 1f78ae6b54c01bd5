"""Makes the calls of a push, one after another, and takes back what an unfinished one has made."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from drum_core.upload.errors import PushError, ServiceError

if TYPE_CHECKING:
    from drum_core.progress import Progress
    from drum_core.results.push import PushCall
    from drum_core.upload.plan import Call
    from drum_core.upload.refusals import Reply
    from drum_core.upload.service import Service

__all__ = ["Run"]

_logger = logging.getLogger(__name__)

_MODEL: Final = ("modelId", "taskId")


@dataclass
class Run:
    """A push under way: what has been answered so far, and the calls that were made."""

    service: Service
    endpoint: str
    progress: Progress
    answers: dict[str, str] = field(default_factory=dict)
    made: list[PushCall] = field(default_factory=list)

    def make(self, calls: Sequence[Call]) -> None:
        """Makes the calls.

        When no version could be uploaded, a custom model or task that was made for it is taken
        back, so that the next push does not make a second one beside it; that it was, or what is
        left, is in the text of the error. Raises `PushError`.
        """
        problem: PushError
        try:
            for call in calls:
                self._make(call)
        except PushError as error:
            problem = error
        except BaseException:
            self._take_back()
            raise
        else:
            return
        remark = self._remark()
        if isinstance(problem, ServiceError):
            raise ServiceError(f"{problem}{remark}", status=problem.status) from None
        raise PushError(f"{problem}{remark}") from None

    def _make(self, call: Call) -> None:
        path, fields = call.address(self.answers), call.body(self.answers)
        what = f"DataRobot: {call.purpose}"
        if call.files is None:
            with self.progress.phase(what):
                reply = self.service.send(call.method, path, fields, _gerund(call.purpose))
        else:
            size = sum(call.files.sizes.values())
            with self.progress.task(what, size, unit="bytes") as advance:
                reply = self.service.upload(
                    path, fields, call.files, _gerund(call.purpose), advance
                )
        shown = call.shown(self.endpoint, self.answers)
        if call.gives:
            self.answers[call.gives] = _found(reply, call)
        self.made.append(shown)

    def _remark(self) -> str:
        """What has become of the model or task, if this push made it; empty where it did not."""
        name = next((name for name in _MODEL if name in self.answers), None)
        if name is None:
            return ""
        kind = "task" if name == "taskId" else "model"
        identifier = self.answers[name]
        if "versionId" not in self.answers:
            if self._take_back():
                return f" The custom {kind} {identifier}, which was made for it, is deleted again."
            return (
                f" The custom {kind} {identifier}, which was made for it, is left empty: set "
                f"'modelID: {identifier}' in model-metadata.yaml for the next push, or delete it."
            )
        return (
            f" The custom {kind} {identifier} and its version {self.answers['versionId']} are "
            f"there: set 'modelID: {identifier}' in model-metadata.yaml before the next push."
        )

    def _take_back(self) -> bool:
        """Deletes the model or task that was made for a version that did not come."""
        for name, path in (("modelId", "customModels"), ("taskId", "customTasks")):
            if name in self.answers and "versionId" not in self.answers:
                identifier = self.answers[name]
                try:
                    what = f"deleting {path}/{identifier}"
                    self.service.send("DELETE", f"{path}/{identifier}/", {}, what, once=True)
                except PushError as error:
                    _logger.warning("%s is left, because %s", identifier, error)
                    return False
                return True
        return False


def _gerund(purpose: str) -> str:
    return f"The call to {purpose}"


def _found(reply: Reply, call: Call) -> str:
    """What an answer gives. Raises `ServiceError` where it does not."""
    if call.at == "Location":
        found: object = reply.headers.get("Location", "").rstrip("/").rpartition("/")[2]
    elif call.at == "modelId" and reply.status_code == 303:  # trained already
        found = reply.headers.get("Location", "").rstrip("/").rpartition("/")[2]
    elif call.at == "blueprintId":
        found = _added(reply)
    else:
        content = _content(reply)
        found = content.get(call.at) if isinstance(content, dict) else None
    if isinstance(found, (str, int)) and str(found):
        return str(found)
    raise ServiceError(
        f"The call to {call.purpose} was answered with {reply.status_code}, but without "
        f"{call.at!r}, which the next step needs.",
        status=reply.status_code,
    )


def _added(reply: Reply) -> object:
    """The blueprint in the project, or why it could not be added."""
    content = _content(reply)
    if not isinstance(content, dict):
        return None
    for refused in content.get("notAddedToMenu") or ():
        raise ServiceError(
            f"The blueprint could not be added to the project: {refused.get('error')}",
            status=reply.status_code,
        )
    added = content.get("addedToMenu") or ()
    return added[0].get("blueprintId") if added else None


def _content(reply: Reply) -> object:
    try:
        return reply.json()
    except ValueError:
        return None
