"""Scalable vector graphics, as little of SVG 2 as the charts need."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

__all__ = ["circle", "drawing", "element", "line", "path", "rectangle", "text"]


def element(name: str, content: str = "", **attributes: object) -> str:
    """An element; `class_` is its class, underscores in other names are hyphens."""
    words = [
        f' {key.rstrip("_").replace("_", "-")}="{_shown(value)}"'
        for key, value in attributes.items()
        if value is not None
    ]
    return f"<{name}{''.join(words)}>{content}</{name}>"


def drawing(width: int, height: int, name: str, description: str, parts: Iterable[str]) -> str:
    """A picture that fits the width it is given; `name` and `description` are read aloud."""
    key = "".join(letter for letter in name.lower() if letter.isalnum())
    head = element("title", html.escape(name), id=f"{key}-name")
    head += element("desc", html.escape(description), id=f"{key}-text")
    return element(
        "svg",
        head + "".join(parts),
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_labelledby=f"{key}-name {key}-text",
    )


def text(x: float, y: float, words: str, *, class_: str = "", anchor: str = "start") -> str:
    """A line of words."""
    return element("text", html.escape(words), x=x, y=y, class_=class_ or None, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def rectangle(x: float, y: float, width: float, height: float, class_: str) -> str:
    """A filled rectangle."""
    return element("rect", x=x, y=y, width=max(width, 0), height=max(height, 0), class_=class_)


def circle(x: float, y: float, radius: float, class_: str, tip: str) -> str:
    """A point, with what a mouse that rests on it is told."""
    return element(
        "circle", element("title", html.escape(tip)), cx=x, cy=y, r=radius, class_=class_
    )


def path(points: Sequence[tuple[float, float]], class_: str, *, floor: float | None = None) -> str:
    """A line through points; closed down to `floor`, where that is given, to be filled."""
    if not points:
        return ""
    drawn = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    if floor is not None:
        drawn += f"L{points[-1][0]:.1f} {floor:.1f}L{points[0][0]:.1f} {floor:.1f}Z"
    return element("path", d=drawn, class_=class_)


def _shown(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else html.escape(str(value), quote=True)
