"""The public surface: what is exported is listed, documented and importable."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import types
import warnings
from collections.abc import Iterator

import pytest

import drum_core
import drum_web

OPTIONAL = {"drum_core.__main__"}


def module_names(package: types.ModuleType) -> Iterator[str]:
    """The package and every module below it."""
    yield package.__name__
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".templates" not in found.name and found.name not in OPTIONAL:
            yield found.name


@pytest.mark.parametrize("name", [*module_names(drum_core), *module_names(drum_web)])
def test_all_is_true(name: str) -> None:
    """Every name in `__all__` exists, sorted without repetition, and is documented."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a framework says when it is imported is not ours
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            pytest.skip(f"{error.name} is not installed")
    public = getattr(module, "__all__", [])
    assert list(public) == sorted(set(public), key=public.index)
    for exported in public:
        value = getattr(module, exported)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"{name}.{exported} has no docstring"


def test_core_exports_everything_it_imports() -> None:
    """`drum_core.__all__` is exactly what its first module brings in."""
    public = {
        name
        for name, value in vars(drum_core).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert public | {"__version__"} == set(drum_core.__all__)


@pytest.mark.parametrize("package", [drum_core, drum_web])
def test_listed_names_can_be_got(package: types.ModuleType) -> None:
    """Every public name of the packages is there when asked for, lazily or not."""
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
