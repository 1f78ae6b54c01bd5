"""The options that put a server of the OpenAI API, which runs already, in the place of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from drum_core.errors import NotBuiltYetError, OptionConflictError, OptionError
from drum_core.options.base import OptionsBase, UpstreamSettings
from drum_core.options.flag import Flag

__all__ = ["SidecarOptions"]

_HEALTH: Final = {"nim": "/v1/health/ready", "vllm": "/health"}


@dataclass(frozen=True, kw_only=True)
class SidecarOptions(OptionsBase):
    """Which server answers, where it is, and how long it may take; times are in seconds."""

    gpu_predictor: Annotated[
        str | None,
        Flag(
            names=("--gpu-predictor",),
            env="GPU_PREDICTOR",
            help="what answers in the place of a model; with --sidecar only, for now",
            choices=("nim", "vllm", "triton"),
        ),
    ] = None
    sidecar: Annotated[
        bool,
        Flag(names=("--sidecar",), env="SIDECAR", help="it runs already, in a container beside"),
    ] = False
    openai_host: Annotated[
        str, Flag(env="OPENAI_HOST", help="the host of that server, without scheme or port")
    ] = "localhost"
    openai_port: Annotated[
        int, Flag(env="OPENAI_PORT", help="its port", minimum=1, maximum=65535)
    ] = 9999
    nim_host: Annotated[
        str | None, Flag(env="DR_NIM_SERVER_HOST", help="nim: goes before OPENAI_HOST")
    ] = None
    nim_port: Annotated[
        int | None,
        Flag(
            env="DR_NIM_SERVER_PORT", help="nim: goes before OPENAI_PORT", minimum=1, maximum=65535
        ),
    ] = None
    nim_health_route: Annotated[
        str | None,
        Flag(env="DR_NIM_HEALTH_ROUTE", help="nim: where to ask whether it is well"),
    ] = None
    openai_timeout: Annotated[
        int,
        Flag(
            parameter="DRUM_OPENAI_CLIENT_TIMEOUT",
            help="seconds that it may be silent in answering a chat",
            minimum=1,
            maximum=86400,
        ),
    ] = 3600

    def check_sidecar(self) -> None:
        """Raises `DrumError` for what does not go together, or is not built."""
        if self.gpu_predictor == "triton":
            raise NotBuiltYetError("--gpu-predictor triton")
        if self.gpu_predictor is not None and not self.sidecar:
            raise NotBuiltYetError(
                f"Starting the server of --gpu-predictor {self.gpu_predictor}",
                instead="start it yourself, and add --sidecar",
            )
        if self.sidecar and self.gpu_predictor is None:
            raise OptionConflictError("--sidecar needs --gpu-predictor nim, or vllm.")
        for name in ("openai_host", "nim_host"):
            host = getattr(self, name)
            if host is not None and (not host or set(host) & set("/@?#[] \t\r\n")):
                expected = "a host name or an address, such as localhost, without scheme or path"
                raise OptionError(self.sources.get(name, name), host, expected)
        route = self.nim_health_route
        if route is not None and not route.startswith("/"):
            label = self.sources.get("nim_health_route", "nim_health_route")
            raise OptionError(label, route, "a path such as /v1/health/ready")

    def upstream(self) -> UpstreamSettings | None:
        """The server that answers; `None` where a model does."""
        if self.gpu_predictor is None:
            return None
        is_nim = self.gpu_predictor == "nim"
        route = self.nim_health_route if is_nim else None
        return UpstreamSettings(
            kind=self.gpu_predictor,
            host=(self.nim_host if is_nim else None) or self.openai_host,
            port=(self.nim_port if is_nim else None) or self.openai_port,
            health_path=route or _HEALTH[self.gpu_predictor],
            timeout=self.openai_timeout,
        )
