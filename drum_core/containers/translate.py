"""Options of this machine as words, mounts and variables of a container."""

from __future__ import annotations

import enum
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from typing_extensions import TypeIs

from drum_core.containers.errors import ContainerError
from drum_core.containers.plan import ContainerPlan, Mount, Port
from drum_core.environment import RUNTIME_PARAMETER_PREFIX, environment
from drum_core.options.address import parse_address
from drum_core.options.container import ContainerOptions
from drum_core.options.fit import FitOptions
from drum_core.options.flag import options_of
from drum_core.options.score import ScoreOptions
from drum_core.options.server import ServerOptions
from drum_core.options.validation import ValidationOptions

if TYPE_CHECKING:
    from drum_core.options.flag import Option

__all__ = ["Containable", "is_containable", "plan_for"]

Containable: TypeAlias = ScoreOptions | FitOptions | ServerOptions | ValidationOptions
"""The options of the commands that are run whole in a container."""

_PLACES: Final[Mapping[str, str]] = {
    "code_dir": "/opt/model",
    "input": "/opt/input",
    "output": "/opt/output",
    "target_csv": "/opt/fit_target",
    "row_weights_csv": "/opt/fit_row_weights",
    "runtime_params_file": "/opt/runtime_parameters",
}
"""Where DRUM has files in a container; another is in /opt by the name of its option."""

_WRITTEN: Final = frozenset({"output", "keep_datasets"})
"""Options whose path need not be there yet."""

_WRITABLE: Final = frozenset({"code_dir", "spool_dir"})
"""Options whose folder is there, and is written into too."""

_COMPRESSED: Final = (".gz", ".zst")

_LAZY_LOADING: Final = ("MLOPS_LAZY_LOADING_DATA", "MLOPS_REPOSITORY_SECRET_")

_OURS: Final = frozenset(option.name for option in options_of(ContainerOptions)) - {
    "verbose",
    "logging_level",
    "show_stacktrace",
}


@dataclass
class _Inside:
    """What is being put together."""

    words: list[str]
    mounts: list[Mount] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    port: Port | None = None


def is_containable(options: object) -> TypeIs[Containable]:
    """Whether a command with these options is run whole in a container."""
    return isinstance(options, (ScoreOptions, FitOptions, ServerOptions, ValidationOptions))


def plan_for(options: Containable, image: str) -> ContainerPlan:
    """The container in which `options` mean the same, run as the user of this process.

    Every path among the options is mounted, whichever option it is. The server's port is the
    same outside; for port 0 one is found that is free. Raises `ContainerError` for what cannot be
    said to a container, and what reading the runtime parameters raises.
    """
    inside = _Inside(["drum", options.run_mode.value])
    for option in options_of(type(options)):
        value = getattr(options, option.name)
        if option.name in _OURS or value is None:
            continue
        if option.name == "address" and isinstance(options, ServerOptions):
            inside.port = _port(options.address)
            inside.words += ["--address", f"0.0.0.0:{inside.port.number}"]
        elif option.name == "probe_address":
            raise ContainerError(
                "--probe-address: of a container only the port of --address can be reached. Leave "
                "it out, or run the container yourself."
            )
        elif isinstance(value, Path):
            _mount(inside, option, value)
        elif value != option.default or option.name in options.sources:
            _say(inside, option, value)
    inside.variables |= _forwarded(options)
    return ContainerPlan(
        image=image,
        command=tuple(inside.words),
        mounts=tuple(inside.mounts),
        variables=dict(sorted(inside.variables.items())),
        user=_user(),
        memory=options.memory,
        port=inside.port,
    )


def _mount(inside: _Inside, option: Option, path: Path) -> None:
    """Something to write appears by being renamed, so that the folder it is in must be there."""
    target = _PLACES.get(option.name, f"/opt/{option.name}")
    if option.name in _WRITTEN:
        if not path.parent.is_dir():
            raise ContainerError(
                f"The folder {path.parent}, for {option.flag.long}, is not there: make it first."
            )
        inside.mounts.append(Mount(path.parent, target, read_only=False))
        inside.words += [option.flag.long, f"{target}/{path.name}"]
        return
    if not path.exists():
        raise ContainerError(
            f"{option.flag.long} is {path}, which is not there to be mounted into the container."
        )
    if path.is_file():
        target += _extension(path)
    inside.mounts.append(Mount(path, target, read_only=option.name not in _WRITABLE))
    inside.words += [option.flag.long, target]


def _extension(path: Path) -> str:
    """It tells the format, so it stays: `.csv`, `.mtx`, `.csv.gz`."""
    if path.suffix.lower() in _COMPRESSED:
        return "".join(path.suffixes[-2:])
    return path.suffix


def _say(inside: _Inside, option: Option, value: object) -> None:
    """A secret, and what has no flag, goes into a variable, which no list of processes shows."""
    flag = option.flag
    texts = [_text(item) for item in value] if isinstance(value, tuple) else [_text(value)]
    if not flag.names or flag.secret or not texts:
        name = flag.env or RUNTIME_PARAMETER_PREFIX + (flag.parameter or "")
        inside.variables[name] = " ".join(texts)
    elif option.is_switch:
        if value:
            inside.words.append(flag.long)
        elif flag.env:  # which the image may have set
            inside.variables[flag.env] = "0"
    elif len(texts) == 1 and not option.is_list:
        # DRUM looks for the flags of labels as words of their own, so = only where it must be.
        inside.words += [f"{flag.long}={texts[0]}"] if texts[0][:1] == "-" else [flag.long, *texts]
    elif any(text.startswith("-") for text in texts):
        raise ContainerError(
            f"{flag.long} has a value that starts with '-', which a command line cannot say: "
            f"write it into model-metadata.yaml. Got {texts!r}."
        )
    else:
        inside.words += [flag.long, *texts]


def _text(value: object) -> str:
    return str(value.value if isinstance(value, enum.Enum) else value)


def _port(address: str) -> Port:
    """The address to listen on outside; Docker takes no names, and no port 0 that stays known."""
    host, number = parse_address(address, "--address")
    try:
        family, *_, found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ContainerError(f"--address: the host {host!r} is not known: {error}.") from error
    if not number:
        with socket.socket(family, socket.SOCK_STREAM) as free:
            free.bind((found[0], 0))
            number = free.getsockname()[1]
    return Port(str(found[0]), number)


def _user() -> str | None:
    """Files that the container writes are then the user's; Windows has no such numbers."""
    return f"{os.getuid()}:{os.getgid()}" if hasattr(os, "getuid") else None


def _forwarded(options: Containable) -> dict[str, str]:
    """The variables by which model code is given parameters and secrets, and nothing else."""
    prefixes = [RUNTIME_PARAMETER_PREFIX, *_LAZY_LOADING]
    if options.user_secrets_prefix:
        prefixes.append(f"{options.user_secrets_prefix}_")
    in_file = set(_of_the_file(options))
    return {
        name: text
        for name, text in environment().items()
        if name.startswith(tuple(prefixes)) and name not in in_file
    }


def _of_the_file(options: Containable) -> Iterator[str]:
    """Parameters whose values are in a file, which is mounted: they need not be variables too."""
    if options.runtime_params_file is not None:
        from drum_core.model.runtime_parameters import read_values

        values, _ = read_values(options.code_dir, options.runtime_params_file)
        yield from (RUNTIME_PARAMETER_PREFIX + name for name in values)
