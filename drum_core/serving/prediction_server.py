"""Puts a model onto a web application: routes first, then the extension, then the loading."""

from __future__ import annotations

import dataclasses
import functools
import gc
import logging
import threading
import time
from collections.abc import Iterable

from drum_core.errors import DrumError
from drum_core.model.folder import ModelFolder, open_folder
from drum_core.model.load import mask_secrets
from drum_core.model.target import Target, resolve_target
from drum_core.monitoring.mlops import check_monitoring, monitored, start_monitoring
from drum_core.options.server import ServerOptions
from drum_core.protocols import Replaceable, WebApp, WorkerContext
from drum_core.security.policy import Security
from drum_core.serving.about import About
from drum_core.serving.chat_routes import chat_endpoints
from drum_core.serving.deployment_config import read_deployment_config
from drum_core.serving.deployment_json import deployment_json
from drum_core.serving.dispatch import Dispatcher
from drum_core.serving.endpoint import Endpoint
from drum_core.serving.lifecycle import Lifecycle
from drum_core.serving.limits import body_rules, deadlines, job_runner
from drum_core.serving.model_source import ModelSource
from drum_core.serving.observation import Observation, check_telemetry
from drum_core.serving.openapi.document import Served
from drum_core.serving.openapi.routes import docs_endpoints
from drum_core.serving.predict import AnswerJSON, PredictEndpoint
from drum_core.serving.prediction_json import prediction_json
from drum_core.serving.probes import Probes
from drum_core.serving.proxy import proxy_endpoint
from drum_core.serving.routes import model_endpoints
from drum_core.serving.served import ServedModel
from drum_core.serving.stats import Stats
from drum_core.serving.transform import TransformEndpoint
from drum_core.serving.unstructured import UnstructuredEndpoint
from drum_core.serving.watches import Journal
from drum_core.user.masking import TELLING, mask_output
from drum_core.user.settings import settings_here

__all__ = ["PredictionServer", "prepare_answers"]

_logger = logging.getLogger("drum.server")


def prepare_answers(options: ServerOptions, target: Target) -> AnswerJSON:
    """How predictions are answered; raises what is wrong with the options that say it."""
    check_monitoring(options, target)
    check_telemetry(options)
    if options.deployment_config is None:
        return prediction_json
    config = read_deployment_config(options.deployment_config, target)
    return lambda predictions, _target: deployment_json(predictions, config)


class PredictionServer:
    """One model on one web application, in one worker.

    `materialize` is called before the application serves; the model is loaded when the worker
    runs, in a thread, so that the process listens at once and its probes tell the truth.

    `owns_process` says that the process is there for this model alone. Then what it has loaded is
    no longer looked at by the garbage collector: with a few packages imported, one pass over all
    of it holds every request, and every probe, for 100 ms and more.
    """

    def __init__(
        self,
        options: ServerOptions,
        *,
        app: WebApp,
        worker_ctx: WorkerContext,
        owns_process: bool = False,
    ) -> None:
        self._owns_process = owns_process
        self.options = options
        self.app = app
        self.worker_ctx = worker_ctx
        limits = (options.max_requests, options.max_requests_jitter)
        self._journal = Journal.of(worker_ctx, *limits)
        self.lifecycle: Lifecycle = Lifecycle(worker_ctx.running, self._journal.turned)
        self.security: Security = Security.of(options, on_tokens=self._mask)
        self._source = ModelSource(options, on_pause=self._journal.paused)
        self._runner = job_runner(
            options,
            on_overruns=self._hangs,
            on_count=self._journal.outlived,
            grace=self._source.grace,
        )
        self._observation = Observation(
            options, worker_ctx, self._runner, owns_process=owns_process
        )

    def materialize(self) -> WebApp:
        """Adds the routes, loads the extension, and has the worker load the model.

        Raises `DrumError` when the folder is not a model or its extension is broken; with
        `with_error_server` the routes then answer 513 with its text instead.
        """
        try:
            folder = open_folder(self.options)
            mask_secrets(folder, self.worker_ctx)
            target = resolve_target(self.options, folder.metadata)
            answer_json = prepare_answers(self.options, target)
        except DrumError as error:
            self._settle_for(error)
            self._mount(None, None)
            return self.app
        self._mount(folder, target, answer_json)
        try:
            with settings_here(folder.settings):
                self.app.load_extension(self.options.code_dir)
        except DrumError as error:
            self._settle_for(error)
            return self.app
        self.worker_ctx.defer_cleanup(self._runner.close, order=100, desc="end the job threads")
        self.worker_ctx.defer_stop(self.lifecycle.drain, order=-100, desc="turn unready")
        if self._owns_process and self.options.drain_delay:
            # A little longer than the server's own process lets connections begin.
            linger = functools.partial(time.sleep, self.options.drain_delay + 0.25)
            self.worker_ctx.defer_stop(linger, order=-90, desc="serve on until balancers know")
        thread = threading.Thread(target=self._load, args=(folder, target))
        self.worker_ctx.add_thread(thread, name="drum-load-model")
        return self.app

    def _mount(
        self,
        folder: ModelFolder | None,
        target: Target | None,
        answer_json: AnswerJSON = prediction_json,
    ) -> None:
        seen = self._observation
        kind = target.type.value if target else ""
        stats = Stats(seen.tally, seen.tallies, enabled=self.options.show_perf)
        served = ServedModel(
            lifecycle=self.lifecycle, target=target, stats=stats, clock=time.perf_counter
        )
        endpoints = model_endpoints(
            Probes(self.lifecycle, self._unusable, self._runner.admission),
            About(
                lifecycle=self.lifecycle,
                folder=folder,
                target=target,
                server_type=self.app.server_type(),
                stats=stats,
                pids=seen.pids,
            ),
            PredictEndpoint(served, answer_json),
            TransformEndpoint(served),
            UnstructuredEndpoint(served),
        )
        endpoints += chat_endpoints(self.lifecycle, target)
        endpoints.append(proxy_endpoint(self.lifecycle))
        metrics = self._metrics(seen, folder, target)
        if self.options.has_api_docs(owned=self._owns_process):
            described = self._described(folder, target)
            endpoints += docs_endpoints([*endpoints, *metrics], described)
        dispatcher = Dispatcher(
            runner=self._runner,
            deadlines=deadlines(self.options),
            bodies=body_rules(self.options, self._runner.admission),
            security=self.security,
            watches=(self._journal.watch, *seen.watches(endpoints, kind)),
            tells_times=self.options.show_perf,
        )
        apart = dataclasses.replace(dispatcher, security=seen.security(self.security))
        routes = [*dispatcher.routes(endpoints), *apart.routes(metrics)]
        self.app.add_routes(routes, prefix=self.options.url_prefix)

    def _metrics(
        self, seen: Observation, folder: ModelFolder | None, target: Target | None
    ) -> list[Endpoint]:
        if self.options.metrics == "off":
            return []
        name = folder.metadata.name if folder and folder.metadata else ""
        kind = target.type.value if target else ""
        name = name or self.options.code_dir.name
        return [seen.endpoint(name, kind, self.app.server_type(), self.lifecycle)]

    def _described(self, folder: ModelFolder | None, target: Target | None) -> Served:
        found = None if folder is None else folder.metadata
        return Served(
            title=self.options.code_dir.name if found is None else found.name,
            target=target,
            prefix=self.options.url_prefix,
            deployment=self.options.deployment_config is not None,
            tokens=self.security.tokens is not None,
            hosts=self.security.hosts is not None,
        )

    def _mask(self, tokens: Iterable[str]) -> None:
        """Keeps the server's tokens out of what the process, a hook included, prints and logs."""
        told = [token for token in tokens if len(token) >= TELLING]
        self.worker_ctx.defer_cleanup(mask_output(told), order=-200, desc="end masking of tokens")

    def _settle_for(self, error: DrumError) -> None:
        """Goes on with the error server, or not at all."""
        if not self.options.with_error_server:
            raise error
        _logger.error("answering 513, because the model cannot be served: %s", error)
        self.lifecycle.failed(error)

    def _unusable(self) -> str | None:
        """Why a model that is there cannot be used now."""
        return self._runner.overruns.reason() or self._source.reason()

    def _hangs(self, reason: str) -> None:
        """Too many jobs run on after their time: another worker is needed."""
        _logger.error("the worker is no longer ready: %s", reason)
        if isinstance(self.worker_ctx, Replaceable):
            self.worker_ctx.ask_replacement(reason)

    def _load(self, folder: ModelFolder, target: Target) -> None:
        started = time.perf_counter()
        try:
            self._observation.loading(target.type)
            monitoring = start_monitoring(self.options, target, folder.settings, self.worker_ctx)
            model = self._source.load(folder, target, self.worker_ctx)
            model = self._observation.observed(monitored(model, monitoring))
        except BaseException as error:  # also what a hook may do, such as sys.exit()
            known = isinstance(error, DrumError)
            trace = error if self.options.show_stacktrace or not known else None
            _logger.error("the model failed to load: %s", error, exc_info=trace)
            self.lifecycle.failed(error)
            if not self.options.with_error_server:
                self.worker_ctx.fail(error)
            return
        if self._owns_process:
            gc.collect()
            gc.freeze()
        self.lifecycle.loaded(model)
        seconds = time.perf_counter() - started
        self._observation.model_loaded(seconds)
        _logger.info("the model is ready after %.2f s", seconds)
