"""The whole URL surface of a served model, as one table."""

from __future__ import annotations

from drum_core.messages import RoutePolicy
from drum_core.serving.about import About
from drum_core.serving.content_encoding import decoding
from drum_core.serving.endpoint import Endpoint
from drum_core.serving.predict import PredictEndpoint
from drum_core.serving.probes import Probes
from drum_core.serving.transform import TransformEndpoint
from drum_core.serving.unstructured import UnstructuredEndpoint

__all__ = ["model_endpoints"]


def model_endpoints(
    probes: Probes,
    about: About,
    predict: PredictEndpoint,
    transform: TransformEndpoint,
    unstructured: UnstructuredEndpoint,
) -> list[Endpoint]:
    """Every endpoint of a model, with its paths and aliases, each with and without a slash."""
    return [
        *_probe_endpoints(probes),
        *_about_endpoints(about),
        *_data_endpoints(predict, transform, unstructured),
    ]


def _probe_endpoints(probes: Probes) -> list[Endpoint]:
    policy = RoutePolicy.PROBE
    return [
        Endpoint(name="ping", paths=("/", *_both("/ping")), answer=probes.ping, policy=policy),
        Endpoint(name="health", paths=_both("/health"), answer=probes.health, policy=policy),
        Endpoint(name="livez", paths=_both("/livez"), answer=probes.live, policy=policy),
        Endpoint(name="readyz", paths=_both("/readyz"), answer=probes.ready, policy=policy),
        Endpoint(name="startupz", paths=_both("/startupz"), answer=probes.started, policy=policy),
    ]


def _about_endpoints(about: About) -> list[Endpoint]:
    policy = RoutePolicy.MANAGEMENT
    return [
        Endpoint(name="info", paths=_both("/info"), answer=about.info, policy=policy),
        Endpoint(
            name="capabilities",
            paths=_both("/capabilities"),
            answer=about.capabilities,
            policy=policy,
        ),
        Endpoint(name="stats", paths=_both("/stats"), answer=about.statistics, policy=policy),
    ]


def _data_endpoints(
    predict: PredictEndpoint, transform: TransformEndpoint, unstructured: UnstructuredEndpoint
) -> list[Endpoint]:
    """What runs the model."""
    policy = RoutePolicy.PREDICT
    return [
        Endpoint(
            name="predict",
            paths=(*_both("/predict"), *_both("/predictions"), *_both("/invocations")),
            answer=decoding(predict.answer),
            policy=policy,
            method="POST",
        ),
        Endpoint(
            name="transform",
            paths=_both("/transform"),
            answer=decoding(transform.answer),
            policy=policy,
            method="POST",
        ),
        Endpoint(
            name="predict_unstructured",
            paths=(*_both("/predictUnstructured"), *_both("/predictionsUnstructured")),
            answer=unstructured.answer,
            policy=policy,
            method="POST",
        ),
    ]


def _both(path: str) -> tuple[str, str]:
    return path, f"{path}/"
