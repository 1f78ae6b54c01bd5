"""Which modules an artifact needs to be loaded, found without loading it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import mmap
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from drum_core.environment import environment
from drum_core.errors import ModelFolderError

__all__ = ["artifact_modules"]

_BY_NAME: Final[Mapping[str, tuple[str, ...]]] = {
    ".cbm": ("catboost",),
    ".h5": ("keras", "h5py"),
    ".json": ("xgboost",),
    ".keras": ("keras", "h5py"),
    ".onnx": ("onnxruntime",),
    ".pmml": ("sklearn_pmml_model",),
    ".pt": ("torch",),
    ".pth": ("torch",),
    ".txt": ("lightgbm",),
    ".ubj": ("xgboost",),
    "MLmodel": ("mlflow",),
}
_PICKLED: Final = (".pkl", ".joblib", ".pth", ".pt")

_NAME: Final = rb"[A-Za-z_][A-Za-z0-9_]*"
_DOTTED: Final = _NAME + rb"(?:\." + _NAME + rb")*"
_GLOBALS: Final = (
    # Protocols up to 3: c, the module, the name; each on a line.
    re.compile(rb"c(" + _DOTTED + rb")\n" + _DOTTED + rb"\n"),
    # From 4 on: two short texts, each perhaps noted in the memo, or the second taken from it.
    re.compile(
        rb"\x8c.(" + _DOTTED + rb")\x94?(?:\x8c." + _DOTTED + rb"|h.|j....)\x94?\x93", re.DOTALL
    ),
)
"""How a pickle names the classes and functions it needs; see `pickletools` of Python."""

_UNPACK: Final[Mapping[bytes, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"x\x01": zlib.decompress,
    b"x^": zlib.decompress,
    b"x\x9c": zlib.decompress,
    b"x\xda": zlib.decompress,
}
"""How files begin that joblib has compressed."""

_WITH_SKLEARN: Final = frozenset({"lightgbm", "xgboost"})
"""Frameworks whose estimators are classes of scikit-learn, which they do not require."""

_KERAS_BACKENDS: Final = ("tensorflow", "torch", "jax")


def artifact_modules(path: Path) -> set[str]:
    """The modules that a file names, with dots: all of them for a pickle, else the framework.

    May hold names that are no modules, where bytes of data look like one. Raises
    `ModelFolderError` for a file that cannot be read, or is compressed and damaged.
    """
    found = set(_BY_NAME.get(path.name, _BY_NAME.get(path.suffix.lower(), ())))
    if path.suffix.lower() in _PICKLED:
        try:
            found |= set(_named_in_pickle(path))
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            raise ModelFolderError(
                f"{path} cannot be read to see which packages it needs: {error}. Write it anew."
            ) from error
    if path.suffix.lower() == ".joblib":
        found.add("joblib")
    tops = {name.partition(".")[0] for name in found}
    if tops & _WITH_SKLEARN:
        found.add("sklearn")
    if "keras" in tops:
        found |= {environment().get("KERAS_BACKEND") or _installed_backend()} - {""}
    return found


def _named_in_pickle(path: Path) -> Iterator[str]:
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data[:6]
        for magic, unpack in _UNPACK.items():
            if start.startswith(magic):
                yield from _named(unpack(data[:]))
                return
        yield from _named(data)


def _named(data: bytes | mmap.mmap) -> Iterator[str]:
    for pattern in _GLOBALS:
        for match in pattern.finditer(data):
            yield match[1].decode("ascii")


def _installed_backend() -> str:
    from importlib.util import find_spec

    return next((name for name in _KERAS_BACKENDS if find_spec(name) is not None), "")
