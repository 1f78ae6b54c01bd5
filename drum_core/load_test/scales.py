"""Scales of charts: values to places, and the ticks that a reader wants to see."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["Scale", "format_seconds", "linear", "logarithmic"]


@dataclass(frozen=True, slots=True)
class Scale:
    """Places values between two pixels; `ticks` are values that are round."""

    place: Callable[[float], float]
    ticks: tuple[float, ...]


def linear(
    low: float, high: float, pixels: tuple[float, float], *, most: int = 5, whole: bool = False
) -> Scale:
    """An even scale, with about `most` ticks at 1, 2 or 5 times a power of ten.

    A `whole` one goes on to the tick after `high`.
    """
    high = high if high > low else low + 1
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    if whole:
        high = math.ceil(high / step - 1e-9) * step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    begin, end = pixels

    def place(value: float) -> float:
        return begin + (value - low) / (high - low) * (end - begin)

    return Scale(place, tuple(number * step for number in range(first, last + 1)))


def logarithmic(values: Iterable[float], pixels: tuple[float, float]) -> Scale:
    """A scale of equal ratios around `values`, which are above 0, with ticks at 1, 2 and 5."""
    found = [value for value in values if value > 0] or [0.001, 1.0]
    low, high = min(found), max(found)
    low, high = low / 1.15, max(high * 1.15, low * 3)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    wide = math.log10(high / low) > 3
    factors = (1,) if wide else (1, 2, 5)
    ticks = [factor * 10.0**decade for decade in decades for factor in factors]
    begin, end = pixels

    def place(value: float) -> float:
        part = math.log(max(value, low) / low) / math.log(high / low)
        return begin + part * (end - begin)

    return Scale(place, tuple(tick for tick in ticks if low <= tick <= high))


def format_seconds(value: float) -> str:
    """`250 µs`, `12.5 ms`, `1.2 s`."""
    if value < 0.001:
        return f"{value * 1e6:.3g} µs"
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
