"""ASGI messages and header fields, to and from those of the core."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Message, Scope, Send

from drum_core.messages import AsyncResponse, Headers, Response
from drum_core.security.proxies import FORWARDED_HEADERS, TrustedProxies

__all__ = ["believed", "raw_headers", "received_headers", "send_whole", "start_message"]


def received_headers(scope: Scope) -> Headers:
    """The request's header fields, as a WSGI application would see them.

    Names with an underscore are left out, since they could pass for others in WSGI.
    """
    return Headers.received(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in scope["headers"]
        if b"_" not in name and (value or name != b"content-type")
    )


def believed(scope: Scope, proxies: TrustedProxies) -> Scope:
    """The scope with client and scheme as a listed proxy tells them; anybody else's word is cut."""
    peer: str = (scope.get("client") or ("", 0))[0]
    pairs = scope["headers"]
    if peer not in proxies:
        kept = [pair for pair in pairs if pair[0].decode("latin-1") not in FORWARDED_HEADERS]
        return {**scope, "headers": kept}
    told = Headers((name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs)
    forwarded = ",".join(told.getlist("X-Forwarded-For"))
    scheme = ",".join(told.getlist("X-Forwarded-Proto"))
    client = proxies.client(forwarded, peer) if forwarded else peer
    found = {"client": scope["client"] if client == peer else (client, 0)}
    return {**scope, **found, "scheme": proxies.scheme(scheme, scope["scheme"])}


def raw_headers(fields: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Header fields as ASGI sends them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]


def start_message(response: Response | AsyncResponse) -> Message:
    """Status and header fields."""
    return {
        "type": "http.response.start",
        "status": response.status,
        "headers": raw_headers(response.headers.multi_items()),
    }


async def send_whole(send: Send, response: Response | AsyncResponse) -> None:
    """Sends a response whose body is bytes."""
    await send(start_message(response))
    await send({"type": "http.response.body", "body": response.body, "more_body": False})
