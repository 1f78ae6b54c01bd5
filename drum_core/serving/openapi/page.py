"""The document as a page: one answer, which loads nothing else and runs no script."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files

import orjson

from drum_core.messages import RoutePolicy
from drum_core.serving.endpoint import Endpoint
from drum_core.serving.openapi.document import Served, answers_of, components_of, operation_of
from drum_core.serving.openapi.operation import Content, Operation, Schema
from drum_core.serving.openapi.operations import operations
from drum_core.version import __version__

__all__ = ["page"]

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def page(endpoints: Sequence[Endpoint], served: Served) -> tuple[str, str]:
    """The HTML, and the `Content-Security-Policy` under which it works.

    The policy (CSP level 3) allows the style in the page, by its hash, and nothing else.
    """
    style = files("drum_core.serving.openapi").joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    body = "\n".join(_parts(endpoints, served))
    return _PAGE.format(title=html.escape(served.title), style=style, body=body), policy


def _parts(endpoints: Sequence[Endpoint], served: Served) -> Iterator[str]:
    table = operations(served.target)
    prefix = html.escape(served.prefix)
    yield f"<header><h1>{html.escape(served.title)}</h1>"
    kind = "a model" if served.target is None else f"target type {served.target.type.value}"
    yield f"<p>{html.escape(kind)}, served by drum {__version__}. For programs: "
    yield f'<a href="{prefix}/openapi.json">openapi.json</a>, OpenAPI 3.1.</p></header>'
    group = ""
    for endpoint in sorted(endpoints, key=lambda item: _place(item, endpoints, table)):
        said = operation_of(endpoint, table)
        if said.group != group:
            group = said.group
            yield f"<h2>{html.escape(group)}</h2>"
        yield from _operation(endpoint, said, served)
    yield "<h2>Schemas</h2>"
    for name, schema in components_of(served).items():
        yield f'<details id="{html.escape(name)}"><summary>{html.escape(name)}</summary>'
        yield f"{_json(schema)}</details>"


def _place(
    endpoint: Endpoint, endpoints: Sequence[Endpoint], table: Mapping[str, Operation]
) -> int:
    """Where its group begins, so that a group is in one place."""
    groups = [operation_of(item, table).group for item in endpoints]
    return groups.index(operation_of(endpoint, table).group)


def _operation(endpoint: Endpoint, said: Operation, served: Served) -> Iterator[str]:
    path, *others = dict.fromkeys(
        served.prefix + (path.rstrip("/") or "/") for path in endpoint.paths
    )
    methods = " ".join(name for name in endpoint.methods if name not in ("HEAD", "OPTIONS"))
    yield f"<details><summary><b>{methods}</b> <code>{html.escape(path)}</code> "
    yield f"<span>{html.escape(said.summary)}</span></summary>"
    if others:
        yield f"<p>Also {', '.join(f'<code>{html.escape(name)}</code>' for name in others)}.</p>"
    if said.description:
        yield f"<p>{html.escape(said.description)}</p>"
    if served.tokens:
        free = endpoint.policy is RoutePolicy.PROBE
        yield "<p>Needs no token.</p>" if free else "<p>Needs a bearer token.</p>"
    if said.takes:
        yield f"<h3>Takes</h3>{_bodies(said.takes)}"
    yield "<h3>Answers</h3><table>"
    for status, answer in answers_of(endpoint, said, served).items():
        yield f"<tr><th>{status}</th><td>{html.escape(answer.when)} {_bodies(answer.content)}</td>"
        yield "</tr>"
    yield "</table></details>"


def _bodies(content: Content) -> str:
    items = "".join(
        f"<li><code>{html.escape(kind)}</code> {_schema(schema)}</li>"
        for kind, schema in content.items()
    )
    return f"<ul>{items}</ul>" if items else ""


def _schema(schema: Schema) -> str:
    """A link to a component, else the schema; nothing where anything goes."""
    match schema:
        case {"$ref": str(target)}:
            name = html.escape(target.rpartition("/")[2])
            return f'<a href="#{name}">{name}</a>'
        case {"type": "string"} if "description" not in schema:
            return ""
        case _:
            return _json(schema) if schema else ""


def _json(schema: Schema) -> str:
    text = orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()
    return f"<pre>{html.escape(text)}</pre>"
