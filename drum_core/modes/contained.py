"""What of a command runs in a container: all of it, or the run that it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drum_core.containers.errors import ContainerError
from drum_core.containers.translate import is_containable
from drum_core.options import FitOptions, ModelOptions, PerfTestOptions, PushOptions, ServerOptions
from drum_core.options.flag import options_of
from drum_core.training.output_folder import check_output

if TYPE_CHECKING:
    from drum_core.containers.translate import Containable

__all__ = ["contained_part", "refuse_container"]


def contained_part(options: ModelOptions) -> Containable:
    """The options of the command that a container is given, which may be those themselves.

    A performance test runs a server there, and a push the check before it. Raises `DrumError`.
    """
    if isinstance(options, FitOptions):
        # In the container both are mounted, and neither is seen to be inside of the other.
        check_output(options.output, options.code_dir)
    if is_containable(options):
        return options
    if isinstance(options, PushOptions):
        from drum_core.modes.push import local_check

        return local_check(options)
    if isinstance(options, PerfTestOptions):
        own = {option.name for option in options_of(type(options))}
        names = own & {option.name for option in options_of(ServerOptions)}
        values = {name: getattr(options, name) for name in names}
        return ServerOptions(**{**values, "address": "127.0.0.1:0"})
    raise ContainerError(f"drum {options.run_mode.value} does not run in a container.")


def refuse_container(options: ModelOptions) -> None:
    """Raises `ContainerError` for what only the command line does, for those who embed a run."""
    if options.docker_dry_run or (options.docker is not None and is_containable(options)):
        raise ContainerError(
            "CMRunner runs the model in this process; a container is for the command line. From "
            "Python, call drum_core.containers.rerun.rerun(options, …), or leave docker out."
        )
