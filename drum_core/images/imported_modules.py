"""Which modules the Python code of a model folder imports, found without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from drum_core.errors import HookError

__all__ = ["ImportedModules", "imported_modules"]


@dataclass(frozen=True, slots=True)
class ImportedModules:
    """Modules by name, with dots, each with a file that imports it.

    The code runs without an `optional` one: it is imported within `try`, or for checkers only.
    """

    needed: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)


def imported_modules(folder: Path, files: Iterator[Path]) -> ImportedModules:
    """What `files`, which are in `folder`, import; without the modules of the folder itself.

    Raises `HookError` for a file that is no Python.
    """
    found = ImportedModules()
    paths = list(files)
    # Python looks for modules in the folder itself: what is in one below has that one's name first.
    own = {path.relative_to(folder).parts[0].removesuffix(".py") for path in paths}
    for path in paths:
        shown = path.relative_to(folder).as_posix()
        try:
            tree = ast.parse(path.read_bytes(), filename=str(path))
        except (SyntaxError, ValueError) as error:
            raise HookError(f"{path} cannot be read as Python: {error}.") from error
        for name, optional in _imports(tree, optional=False):
            if name.partition(".")[0] not in own:
                (found.optional if optional else found.needed).setdefault(name, shown)
    return found


def _imports(node: ast.AST, *, optional: bool) -> Iterator[tuple[str, bool]]:
    for child in ast.iter_child_nodes(node):
        may_fail = optional or isinstance(child, ast.Try) or _is_for_checkers(child)
        match child:
            case ast.Import(names=names):
                yield from ((alias.name, optional) for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                # `from google.cloud import storage` may mean a module of that name.
                yield from ((f"{module}.{alias.name}", optional) for alias in names)
            case _:
                yield from _imports(child, optional=may_fail)


def _is_for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
