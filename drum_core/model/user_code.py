"""Imports the Python files of a model folder, without getting in the way of another folder.

User code imports its neighbours by their plain names (`import features`), and a pickle names
classes as `custom.Model`. So the modules of the first folder in a process are published in
`sys.modules` as Python would do it. A second folder with files of the same names gets modules of
its own, which are swapped in whenever its code imports something.
"""

from __future__ import annotations

import builtins
import dataclasses
import importlib.util
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Final
from weakref import WeakSet

from typing_extensions import override

from drum_core.user.settings import HOOKS_MARK, NEIGHBOUR_MARK, Settings, here
from drum_core.user.stand_in import install_stand_in

__all__ = ["UserCode"]

_ALIVE: Final[WeakSet[UserCode]] = WeakSet()
"""Who may have modules of a folder already: its extension is loaded before its hooks."""

_OWNER: Final = "__drum_folder__"


class UserCode:
    """The Python modules of one model folder.

    They get the folder's settings, and DRUM's import names, whether DRUM is installed or not.
    Closed by `forget`, when no code of the folder will run any more.
    """

    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        install_stand_in()
        self.folder: Path = folder.resolve()
        # An extension is loaded with those of the model it belongs to.
        given = settings or here()
        self.settings: Settings = dataclasses.replace(given, importable=self.importable)
        self._modules: dict[str, ModuleType] = {}
        self._others: dict[str, ModuleType] = {}
        self._paths = [str(self.folder)]
        self._names = self._importable_names()
        self._builtins: dict[str, object] = {**vars(builtins), "__import__": self._import}
        self._finder = _NeighbourFinder(self.folder, self._builtins)
        _ALIVE.add(self)

    def load(self, path: Path) -> ModuleType:
        """Runs the file at `path`; its own folder comes first on its import path.

        A module that a neighbour, such as an extension, has made of the file is taken as it is,
        unless it belongs to another model already. Raises whatever the file raises.
        """
        if str(path.parent) not in self._paths:
            self._paths.insert(0, str(path.parent))
            self._names = self._importable_names()
        for other in list(_ALIVE):
            if other.folder == self.folder and other is not self:
                self._modules.update(other._unclaimed())
        with self.importable():
            module = self._modules.get(path.stem)
            if module is None or module.__file__ != str(path):
                return self._run(path)
            module.__dict__[HOOKS_MARK] = self.settings
            return module

    @contextmanager
    def importable(self) -> Iterator[None]:
        """Inside, an import of a name that this folder has finds this folder's module.

        Any number of threads may be inside, but only of one folder at a time.
        """
        with _FLOOR.held(self):
            yield

    def enter(self) -> None:
        """Puts our modules in the place of another folder's."""
        # A copy is made at once; a list of items is not, when a finalizer runs in between.
        for name, module in sys.modules.copy().items():
            if name.partition(".")[0] in self._names:
                owner = getattr(module, _OWNER, None)
                if owner is not None and owner != str(self.folder):
                    self._others[name] = module
                    sys.modules.pop(name, None)
        sys.modules.update(self._modules)
        sys.path[:0] = self._paths
        sys.meta_path.insert(0, self._finder)

    def leave(self) -> None:
        """Leaves our modules where nobody was before us, and puts the others back."""
        sys.meta_path.remove(self._finder)
        for path in self._paths:  # by value: user code may have put its own before them
            if path in sys.path:
                sys.path.remove(path)
        self._keep()
        taken = {name.partition(".")[0] for name in self._others}
        for name in list(self._modules):
            if name.partition(".")[0] in taken:
                sys.modules.pop(name, None)
        sys.modules.update(self._others)
        self._others.clear()
        sys.path.extend(path for path in self._paths if path not in sys.path)

    def forget(self) -> None:
        """Takes the folder's modules and paths out of the process again; safe to repeat."""
        for name, module in self._modules.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        self._modules.clear()
        for path in self._paths:
            if path in sys.path:
                sys.path.remove(path)

    def _run(self, path: Path) -> ModuleType:
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path} is not a Python file", path=str(path))
        module = importlib.util.module_from_spec(spec)
        module.__dict__[HOOKS_MARK] = self.settings
        module.__dict__["__builtins__"] = self._builtins
        # While it runs, the file may be imported by its own neighbours.
        before = sys.modules.get(path.stem)
        sys.modules[path.stem] = self._modules[path.stem] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            self._modules.pop(path.stem, None)
            if before is None:
                sys.modules.pop(path.stem, None)
            else:
                sys.modules[path.stem] = before
            raise
        return module

    def _importable_names(self) -> frozenset[str]:
        """The top-level names that can be imported from the folder."""
        return frozenset(
            entry.stem
            for path in self._paths
            for entry in Path(path).iterdir()
            if entry.suffix == ".py" or (entry.is_dir() and entry.name.isidentifier())
        )

    def _unclaimed(self) -> dict[str, ModuleType]:
        """The modules that belong to no model, in a folder where no model is yet."""
        marked = [name for name, module in self._modules.items() if HOOKS_MARK in vars(module)]
        if "custom" in marked:
            return {}
        return {name: module for name, module in self._modules.items() if name not in marked}

    def _keep(self) -> None:
        for name, module in sys.modules.copy().items():
            if name.partition(".")[0] in self._names and _is_within(module, self.folder):
                vars(module)[_OWNER] = str(self.folder)
                vars(module)[NEIGHBOUR_MARK] = self.settings
                self._modules[name] = module

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """`__import__` as the folder's own files see it, also long after they were loaded."""
        if level or name.partition(".")[0] not in self._names:
            return builtins.__import__(name, globals, locals, fromlist, level)
        known = self._modules.get(name)
        if known is not None and "." not in name and _has_all(known, fromlist):
            return known  # as nearly always: without the search, and without waiting
        with self.importable():
            return builtins.__import__(name, globals, locals, fromlist, level)


class _Floor:
    """Whose modules are in `sys.modules`: those of one folder, for any number of its threads.

    A thread that is inside for one folder may go inside for another: a model that loads a model.
    """

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._holder: UserCode | None = None
        self._threads: Counter[int] = Counter()

    @contextmanager
    def held(self, by: UserCode) -> Iterator[None]:
        me = threading.get_ident()
        with self._change:
            nested = me in self._threads
            self._change.wait_for(lambda: nested or self._holder in (None, by))
            before = self._holder
            if before is not by:
                by.enter()
                self._holder = by
            self._threads[me] += 1
        try:
            yield
        finally:
            with self._change:
                self._threads[me] -= 1
                if not self._threads[me]:
                    del self._threads[me]
                if not self._threads or (nested and before is not by):
                    by.leave()
                    self._holder = before if nested else None
                    self._change.notify_all()


_FLOOR: Final = _Floor()


def _has_all(module: ModuleType, names: Sequence[str] | None) -> bool:
    """Whether a module has run to its end, and has the names that are imported from it."""
    running = getattr(module.__spec__, "_initializing", False)
    return not running and all(hasattr(module, name) for name in names or ())


def _is_within(module: ModuleType, folder: Path) -> bool:
    """Whether a module is of a folder itself, and not of a package installed below it."""
    places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
    return any(place and _is_own_file(Path(place), folder) for place in places)


def _is_own_file(path: Path, folder: Path) -> bool:
    """Whether a file is in a folder or below it, but not in an environment that lies there."""
    return path.is_relative_to(folder) and "site-packages" not in path.relative_to(folder).parts


class _NeighbourFinder(MetaPathFinder):
    """Finds the files of one folder, and has them import through that folder too."""

    def __init__(self, folder: Path, builtins_of_folder: dict[str, object]) -> None:
        self._folder = folder
        self._builtins = builtins_of_folder

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return None
        if not _is_own_file(Path(spec.loader.path), self._folder):
            return None
        spec.loader = _NeighbourLoader(fullname, spec.loader.path, self._builtins)
        return spec


class _NeighbourLoader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, builtins_of_folder: dict[str, object]) -> None:
        super().__init__(fullname, path)
        self._builtins = builtins_of_folder

    @override
    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = self._builtins
        super().exec_module(module)
