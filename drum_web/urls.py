"""URL paths and queries, read the same on every framework."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl

from drum_core.messages import Query, Route

__all__ = ["mounted_paths", "parse_query", "slash_siblings", "split_tail"]

_TAIL: Final = re.compile(r"(?P<head>/|/.*/)\{(?P<name>[A-Za-z_]\w*):path\}")


def mounted_paths(route: Route, prefix: str) -> tuple[str, ...]:
    """The paths at which `route` answers under `prefix`: two for `/`, else one."""
    if route.path == "/" and prefix:
        return prefix, f"{prefix}/"
    return (prefix + route.path,)


def split_tail(path: str) -> tuple[str, str | None]:
    """`/nim/{path:path}` as `("/nim/", "path")`; any other path as itself and `None`.

    Raises `ValueError` for a path that is no route's.
    """
    match = _TAIL.fullmatch(path)
    if match is not None:
        return match["head"], match["name"]
    if not path.startswith("/") or "{" in path or "<" in path:
        raise ValueError(f"a route's path is literal, or ends with {{name:path}}; got {path!r}")
    return path, None


def slash_siblings(paths: Iterable[str]) -> list[str]:
    """The paths that differ from one of `paths` by a final slash only, and are not among them.

    A framework may redirect them to it; here they are other paths, and nothing is there.
    """
    known = set(paths)
    literal = [path for path in known if path != "/" and "{" not in path]
    siblings = {path[:-1] if path.endswith("/") else f"{path}/" for path in literal}
    return sorted(siblings - known)


def parse_query(raw: bytes) -> Query:
    """Every pair of a query string, in order, blank values included."""
    if not raw:
        return Query()
    text = raw.decode("utf-8", "replace")
    return Query(parse_qsl(text, keep_blank_values=True, errors="replace"))
