"""`drum new env`: makes a folder that a container image of a model is built from."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drum_core.errors import DrumError, ModelFolderError, OptionError
from drum_core.modes.server import choose_server
from drum_core.modes.whole_folder import as_typed, made_whole
from drum_core.options.base import ModelOptions
from drum_core.options.server import ServerOptions
from drum_core.results.new_env import NewEnvResult
from drum_core.version import __version__

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from drum_core.images.requirements import Requirements
    from drum_core.model.folder import ModelFolder
    from drum_core.options.new_env import NewEnvOptions
    from drum_core.progress import Progress

__all__ = ["make_environment"]

_EXTRAS: Final = {"fastapi": "fastapi", "uvicorn": "fastapi", "gunicorn": "flask"}
_RUNNING: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
_PRIVATE: Final = (".env", ".git", "__pycache__", ".venv", "venv", ".DS_Store")
"""What is beside a model and no part of it, and perhaps not for everybody."""


def make_environment(options: NewEnvOptions, progress: Progress) -> NewEnvResult:
    """Looks through the model folder without running it, and makes the folder for its image.

    Raises `ModelFolderError` and `HookError` for a folder that cannot be used, `OptionError`
    where the output is there already, `OutputError` when it cannot be written; nothing is left
    behind then.
    """
    from drum_core.images.requirements import find_requirements
    from drum_core.images.texts import ImagePlan, image_texts, name_of
    from drum_core.model.folder import open_folder

    output = _output(options)
    model = ModelOptions(code_dir=options.code_dir)
    folder = open_folder(model)
    name = name_of(options.code_dir.name)
    image = options.image or f"{name}:1"
    python = options.python_version or _RUNNING
    with progress.phase("Looking for what the model needs"):
        found = find_requirements(folder, _runtime(options), transitive=python == _RUNNING)
    if python != _RUNNING:
        found.notes.append(
            f"The versions are those for Python {_RUNNING}, which runs here; whether they are "
            f"there for {python}, the build will show."
        )
    found.notes.extend(_notes(options, folder))
    plan = ImagePlan(
        name=name,
        image=image,
        python=python,
        port=options.port,
        workers=options.max_workers,
        server=options.server,
        model_size=sum(path.stat().st_size for path in folder.artifacts),
        has_wheel=options.wheel is not None,
        needs_libgomp=any(line.startswith("lightgbm") for line in found.lines),
    )
    texts = {**image_texts(plan), "requirements.txt": found.text()}
    with made_whole(output) as unfinished, progress.phase("Copying the model"):
        left_out = _fill(unfinished, options, texts)
    return _result(output, image, texts, found, left_out)


def _output(options: NewEnvOptions) -> Path:
    code_dir = options.code_dir
    output = options.output or code_dir.with_name(f"{code_dir.name}-env")
    label = options.sources.get("output", "output")
    if output.exists() or output.is_symlink():
        raise OptionError(label, str(output), "a path that does not exist yet")
    if output.resolve().is_relative_to(code_dir):
        raise OptionError(label, str(output), "a path outside of the model folder")
    return output


def _runtime(options: NewEnvOptions) -> Requirement:
    """This program with the extra of the server, from the wheel if there is one."""
    from packaging.requirements import Requirement

    server = choose_server(ServerOptions(code_dir=options.code_dir, server=options.server))
    extra = _EXTRAS[server]
    if options.wheel is not None:
        return Requirement(f"drum-runtime[{extra}] @ file:///opt/wheels/{options.wheel.name}")
    return Requirement(f"drum-runtime[{extra}]=={__version__}")


def _notes(options: NewEnvOptions, folder: ModelFolder) -> list[str]:
    from drum_core.model.target import resolve_target

    notes = []
    if options.wheel is None and _is_from_a_folder():
        notes.append(
            f"drum-runtime {__version__} was installed here from a folder; if your index does not "
            "have this version, give a wheel with --wheel (pip wheel --no-deps FOLDER makes one)."
        )
    try:
        resolve_target(ModelOptions(code_dir=options.code_dir), folder.metadata)
    except DrumError as error:
        notes.append(
            "model-metadata.yaml does not say all that the server has to know, so the container "
            f"needs variables such as TARGET_TYPE: {error}"
        )
    if folder.lazy_files is not None:
        notes.append("Files are fetched before the model is loaded: they need a volume to be in.")
    return notes


def _is_from_a_folder() -> bool:
    try:
        return distribution("drum-runtime").read_text("direct_url.json") is not None
    except PackageNotFoundError:
        return True


def _fill(folder: Path, options: NewEnvOptions, texts: dict[str, str]) -> tuple[str, ...]:
    """Writes everything; returns what of the model was left out."""
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "start_server.sh").chmod(0o755)
    if options.wheel is not None:
        (folder / "wheels").mkdir()
        shutil.copyfile(options.wheel, folder / "wheels" / options.wheel.name)
    left_out: list[str] = []
    copied = folder / "model"
    try:
        shutil.copytree(
            options.code_dir,
            copied,
            ignore=_private(options.code_dir, left_out),
            copy_function=shutil.copy,  # with its mode: a program stays one
        )
    except shutil.Error as error:  # has a list of what went wrong, each with where
        source, _, reason = error.args[0][0]
        raise ModelFolderError(f"{source} cannot be copied: {reason}.") from error
    for path in (copied, *copied.rglob("*")):
        # The server runs as another user, who must be able to read them.
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    return tuple(left_out)


def _private(code_dir: Path, left_out: list[str]) -> Callable[[str, list[str]], list[str]]:
    def ignored(folder: str, names: list[str]) -> list[str]:
        found = [name for name in names if name in _PRIVATE or name.endswith(".pyc")]
        left_out.extend(
            (Path(folder, name).relative_to(code_dir)).as_posix() for name in sorted(found)
        )
        return found

    return ignored


def _result(
    output: Path,
    image: str,
    texts: dict[str, str],
    found: Requirements,
    left_out: tuple[str, ...],
) -> NewEnvResult:
    shown = as_typed(output)
    return NewEnvResult(
        output=output,
        image=image,
        files=tuple(output / name for name in sorted(texts)),
        requirements=found.lines,
        left_out=left_out,
        notes=tuple(found.notes),
        next_commands=(
            shlex.join(["docker", "build", "--tag", image, str(shown)]),
            shlex.join(["docker", "compose", "--file", str(shown / "compose.yaml"), "up"]),
            shlex.join(["kubectl", "apply", "--filename", str(shown / "kubernetes.yaml")]),
        ),
    )
