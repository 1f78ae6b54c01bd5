"""Packages as they are installed here: which one a module is of, and what each needs."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distribution,
    packages_distributions,
)

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

__all__ = ["closure", "distributions_of", "found_at", "installed", "public_version"]


@functools.cache
def _by_module() -> Mapping[str, Sequence[str]]:
    return packages_distributions()


def installed(name: str) -> Distribution | None:
    """The distribution of a name, if it is installed."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def distributions_of(module: str) -> set[str] | None:
    """The names of the distributions that a module with dots is of.

    None of the standard library; `None` for a module that is not installed. Of a name that
    several share, such as `google`, those that have the module itself, or its package.
    """
    top, *parts = module.split(".")
    if top in sys.stdlib_module_names or top == "__main__":
        return set()
    names: set[str] = {canonicalize_name(name) for name in _by_module().get(top, ())}
    if not names:
        return None
    for length in range(len(parts), 0, -1):
        path = "/".join([top, *parts[:length]])
        having = {name for name in names if len(names) > 1 and _has(name, path)}
        if having:
            return having
    return names


def _has(name: str, path: str) -> bool:
    files = distribution(name).files or ()
    return any(str(file).startswith((f"{path}/", f"{path}.")) for file in files)


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """The names of all that `requirements` need, and what that needs, as installed here."""
    found: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(requirements)
    while waiting:
        wanted = waiting.pop()
        name, extras = str(canonicalize_name(wanted.name)), frozenset(wanted.extras)
        if (name, extras) in seen or (found_here := installed(name)) is None:
            continue
        seen.add((name, extras))
        found.add(name)
        for text in found_here.requires or ():
            try:
                further = Requirement(text)
            except InvalidRequirement:  # of an old package: pip will say what it makes of it
                continue
            environments = [{"extra": extra} for extra in (*extras, "")]
            if further.marker is None or any(map(further.marker.evaluate, environments)):
                waiting.append(further)
    return found


def public_version(found: Distribution) -> str:
    """The version without what a build has added, such as `+cpu`, which no index knows."""
    return Version(found.version).public


def found_at(found: Distribution) -> str | None:
    """The address that a distribution was installed from, where that was no index."""
    text = found.read_text("direct_url.json")
    if text is None:
        return None
    content: object = json.loads(text)
    url = content.get("url") if isinstance(content, dict) else None
    return url if isinstance(url, str) else None
