"""`drum push`: checks a model folder on this machine, and uploads it to DataRobot."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drum_core.model.metadata import read_metadata
from drum_core.model.target import resolve_target
from drum_core.modes.push_check import check_locally, check_options, described
from drum_core.options.push import PushOptions
from drum_core.progress import Progress
from drum_core.protocols import WorkerContext
from drum_core.results import PushResult
from drum_core.upload.credentials import find_credentials, find_endpoint
from drum_core.upload.files import files_of
from drum_core.upload.plan import calls_of, check_metadata
from drum_core.upload.run import Run
from drum_core.upload.service import connected, require_library
from drum_core.user.masking import mask_output

if TYPE_CHECKING:
    from drum_core.model.metadata import Metadata
    from drum_core.options.fit import FitOptions
    from drum_core.options.score import ScoreOptions
    from drum_core.upload.files import FolderFiles
    from drum_core.upload.plan import Call

__all__ = ["local_check", "push"]

_logger = logging.getLogger("drum.push")


def push(options: PushOptions, worker: WorkerContext, progress: Progress) -> PushResult:
    """Finds out what is to be sent, runs the model once, then sends it.

    What is wrong with the folder, or missing of the credentials, is found before the model is
    run; nobody is contacted before the model has passed. A dry run ends before the model is run,
    and contacts nobody. Raises `PushError`, and what the local run raises.
    """
    prepared = _prepare(options)
    if options.dry_run:
        return prepared.result(find_endpoint())
    require_library()
    credentials = find_credentials()
    unmask = mask_output([credentials.token])
    worker.defer_cleanup(unmask, desc="stop masking the API token")
    started = time.perf_counter()
    _logger.info("checking the model first: %s", described(prepared.check))
    check_locally(prepared.check, progress)
    checked = time.perf_counter()
    progress.say(f"The local check has succeeded ({described(prepared.check)}).")
    with ExitStack() as stack:
        with progress.phase(f"DataRobot: {prepared.calls[0].purpose}"):
            service = stack.enter_context(connected(credentials))
        run = Run(service, credentials.endpoint, progress)
        run.make(prepared.calls[1:])
    result = prepared.result(credentials.endpoint, run)
    return replace(
        result,
        check_seconds=checked - started,
        upload_seconds=time.perf_counter() - checked,
    )


def local_check(options: PushOptions) -> ScoreOptions | FitOptions:
    """What a push runs before it sends anything. Raises `PushError`."""
    return _prepare(options).check


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A push before anything is run or sent."""

    metadata: Metadata
    check: ScoreOptions | FitOptions
    files: FolderFiles
    calls: tuple[Call, ...]

    def result(self, endpoint: str | None, run: Run | None = None) -> PushResult:
        """What was done; without a run, what would be."""
        answers = run.answers if run else {}
        hello = self.calls[0].shown(endpoint, {})
        made = run.made if run else [call.shown(endpoint, {}) for call in self.calls[1:]]
        model = answers.get("modelId") or answers.get("taskId") or self.metadata.model_id
        base = (endpoint or "").rstrip("/").removesuffix("/api/v2")
        trained, section = answers.get("trainedModelId"), self.metadata.training_model
        project = section.train_on_project if section else None
        return PushResult(
            kind=self.metadata.type,
            dry_run=run is None,
            endpoint=endpoint,
            check=described(self.check),
            calls=(hello, *made),
            left_out=self.files.left_out,
            created=run is not None and self.metadata.model_id is None,
            model_id=model,
            version_id=answers.get("versionId"),
            blueprint_id=answers.get("userBlueprintId"),
            project_blueprint_id=answers.get("blueprintId"),
            trained_model_id=trained,
            url=f"{base}/model-registry/custom-models/{model}" if run else None,
            training_url=f"{base}/projects/{project}/models/{trained}/log" if trained else None,
        )


def _prepare(options: PushOptions) -> _Prepared:
    read = read_metadata(options.code_dir)
    metadata = check_metadata(read[0] if read else None)
    # Of a task, the labels are found when it is trained.
    training = metadata.type == "training"
    target = None if training else resolve_target(options, metadata)
    files = files_of(options.code_dir)
    return _Prepared(
        metadata=metadata,
        check=check_options(options, metadata),
        files=files,
        calls=calls_of(metadata, target, files),
    )
