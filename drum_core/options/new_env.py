"""The options of `drum new env`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final

from drum_core.errors import OptionError
from drum_core.options.choices import RunMode
from drum_core.options.flag import Flag
from drum_core.options.report import ReportOptions

__all__ = ["NewEnvOptions"]

_PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")

_PART: Final = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_IMAGE: Final = re.compile(
    rf"(?:[A-Za-z0-9.-]+(?::\d+)?/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?"
)
"""The name of an image with a tag, as Docker's distribution specification has it."""


@dataclass(frozen=True, kw_only=True)
class NewEnvOptions(ReportOptions):
    """Makes a folder to build a container image of a model from, and to run it."""

    run_mode: ClassVar[RunMode] = RunMode.NEW

    code_dir: Annotated[
        Path,
        Flag(
            names=("-cd", "--code-dir"),
            env="CODE_DIR",
            help="the model folder, which is copied",
            required=True,
            path="directory",
        ),
    ]
    output: Annotated[
        Path | None,
        Flag(
            names=("--output",),
            help="the folder to make; it must not exist. By default beside the model folder, with "
            "-env after its name",
            path="absent",
            metavar="DIR",
        ),
    ] = None
    image: Annotated[
        str | None,
        Flag(
            names=("--image",),
            help="what the image is called; by default as the model folder, with the tag 1",
            metavar="NAME[:TAG]",
        ),
    ] = None
    python_version: Annotated[
        str | None,
        Flag(
            names=("--python-version",),
            help="the Python in the image, by default the one that runs here; a pickle wants the "
            "one it was made with",
            choices=_PYTHONS,
        ),
    ] = None
    server: Annotated[
        str | None,
        Flag(
            names=("--server",),
            help="the server in the image; by default as drum server chooses it for the folder",
            choices=("fastapi", "gunicorn"),
        ),
    ] = None
    max_workers: Annotated[
        int,
        Flag(
            names=("--max-workers",),
            help="processes in a container, each with a model of its own",
            minimum=1,
            maximum=199,
        ),
    ] = 1
    port: Annotated[
        int,
        Flag(
            names=("--port",),
            help="where the server listens in the container",
            # Lower ones are for root.
            minimum=1024,
            maximum=65535,
        ),
    ] = 8080
    wheel: Annotated[
        Path | None,
        Flag(
            names=("--wheel",),
            help="a wheel of drum-runtime to install, instead of the one of an index",
            path="file",
        ),
    ] = None

    def __post_init__(self) -> None:
        ReportOptions.__post_init__(self)
        if self.image is not None and not _IMAGE.fullmatch(self.image):
            raise OptionError(
                self.sources.get("image", "image"),
                self.image,
                "a name such as registry.example.com/models/iris:1, in lower case",
            )
        if self.wheel is not None and not re.fullmatch(
            r"drum_runtime-[\w.+!]+(?:-\d\w*)?-py3-none-any\.whl", self.wheel.name
        ):
            raise OptionError(
                self.sources.get("wheel", "wheel"),
                str(self.wheel),
                "a wheel called drum_runtime-VERSION-py3-none-any.whl, which `pip wheel --no-deps "
                "FOLDER` makes of a source tree",
            )
