"""Fetches the files of a model that are not in its folder, before anything of it is run."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from drum_core.errors import LazyLoadingError
from drum_core.progress import Advance, NoProgress, Progress
from drum_core.registry import import_object

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem, Callback

    from drum_core.model.lazy_files import LazyFile, LazyFiles, Repository, S3Secret

__all__ = ["fetch_lazy_files"]

_logger = logging.getLogger(__name__)

_AT_A_TIME: Final = 8


@dataclass(frozen=True, slots=True)
class _Download:
    source: str
    place: Path
    system: AbstractFileSystem


def fetch_lazy_files(lazy: LazyFiles, folder: Path, progress: Progress | None = None) -> list[Path]:
    """Fetches all files, several at a time; each appears whole, and none unless all are got.

    A file that is there already is replaced. `progress` is told the bytes that have come. Returns
    where they are, in the order of `lazy`.
    Raises `LazyLoadingError`, or `MissingExtraError` without the packages for it.
    """
    started = time.perf_counter()
    downloads = [
        _Download(_source(file, repository), folder / file.local_path, _system(repository, secret))
        for file, repository, secret in lazy.files
    ]
    parts: list[Path] = []
    try:
        parts += [_part(download.place) for download in downloads]
        with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="drum-lazy-loading") as pool:
            sizes = list(pool.map(_size, downloads))
            what = f"Fetching {len(downloads)} file{'' if len(downloads) == 1 else 's'}"
            with (progress or NoProgress()).task(what, sum(sizes), unit="bytes") as advance:
                list(pool.map(functools.partial(_fetch, advance), downloads, parts, sizes))
        for part, download in zip(parts, downloads, strict=True):
            _move(part, download.place)
    finally:
        _remove(parts)
    seconds = time.perf_counter() - started
    _logger.info("fetched %d files in %.2f s", len(downloads), seconds)
    return [download.place for download in downloads]


def _source(file: LazyFile, repository: Repository) -> str:
    return f"{repository.bucket_name}/{file.remote_path.lstrip('/')}"


def _system(repository: Repository, secret: S3Secret) -> AbstractFileSystem:
    """The bucket's file system, with nothing of it taken from the environment."""
    from fsspec import AbstractFileSystem

    client: dict[str, object] = {}
    if repository.endpoint_url is not None:
        client = {
            "endpoint_url": repository.endpoint_url,
            "verify": repository.verify_certificate,
        }
    token = secret.aws_session_token
    make = import_object("s3fs:S3FileSystem", purpose="Fetching files from S3")
    assert callable(make)
    system: object = make(
        key=secret.aws_access_key_id,
        secret=secret.aws_secret_access_key.get_secret_value(),
        token=token.get_secret_value() if token is not None else None,
        client_kwargs=client,
        skip_instance_cache=True,
    )
    assert isinstance(system, AbstractFileSystem)
    return system


def _part(place: Path) -> Path:
    """A new empty file beside the one that shall be."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.", suffix=".part")
    except OSError as error:
        raise _unwritable(place, error) from error
    os.close(handle)
    return Path(name)


def _size(download: _Download) -> int:
    with _explained(download):
        return int(download.system.info(download.source)["size"])


def _fetch(advance: Advance, download: _Download, part: Path, expected: int) -> None:
    with _explained(download):
        download.system.get_file(download.source, str(part), callback=_told(advance))
    size = part.stat().st_size
    if size != expected:
        raise LazyLoadingError(
            f"The file s3://{download.source} has {expected} bytes, but only {size} arrived."
        )


def _told(advance: Advance) -> Callback:
    from fsspec import Callback

    class Told(Callback):  # type: ignore[misc]  # fsspec has no types
        @override
        def relative_update(self, inc: int = 1) -> None:
            advance(inc)

    return Told()


@contextlib.contextmanager
def _explained(download: _Download) -> Iterator[None]:
    source = f"s3://{download.source}"
    try:
        yield
    except FileNotFoundError as error:
        raise LazyLoadingError(f"The file {source} was not found.") from error
    except PermissionError as error:
        raise LazyLoadingError(
            f"The file {source} may not be read with the credential given: {error}."
        ) from error
    except Exception as error:  # of the network and of the client, which have no common class
        said = str(error) or type(error).__name__
        raise LazyLoadingError(f"The file {source} cannot be fetched: {said}.") from error


def _move(part: Path, place: Path) -> None:
    try:
        part.chmod(0o644)
        part.replace(place)
    except OSError as error:
        raise _unwritable(place, error) from error


def _remove(parts: Sequence[Path]) -> None:
    for part in parts:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _unwritable(place: Path, error: OSError) -> LazyLoadingError:
    return LazyLoadingError(f"Cannot write {place}: {error.strerror}.")
