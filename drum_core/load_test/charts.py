"""The charts of the report: how latencies are spread, what concurrency gives, what memory does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drum_core.load_test.scales import Scale, format_seconds, linear, logarithmic
from drum_core.load_test.svg import circle, drawing, line, path, rectangle, text
from drum_core.results.perf_test import MemorySample, PerfCase

__all__ = ["concurrency_charts", "latency_chart", "memory_chart"]

_WIDTH = 760
_LEFT = 96
_RIGHT = _WIDTH - 24


def latency_chart(cases: Sequence[PerfCase]) -> str:
    """A hill for each case over one logarithmic axis, with a mark at the median and at p99."""
    shown = [case for case in cases if case.latency is not None and case.histogram]
    if not shown:
        return ""
    rise, top = 46, 26
    height = top + rise * len(shown) + 44
    bounds = [bound for case in shown for low, high, _ in case.histogram for bound in (low, high)]
    scale = logarithmic(bounds, (_LEFT, _RIGHT))
    floor = top + rise * len(shown)
    parts = [*_x_axis(scale, top - 8, floor, [format_seconds(tick) for tick in scale.ticks])]
    for place, case in enumerate(shown):
        parts += _hill(case, scale, top + rise * (place + 1), rise - 10)
    parts.append(text((_LEFT + _RIGHT) / 2, height - 6, "latency", class_="axis", anchor="middle"))
    said = "; ".join(f"{case.name}: {_said(case)}" for case in shown)
    return drawing(_WIDTH, height, "Latency distribution", said, parts)


def _hill(case: PerfCase, scale: Scale, floor: float, rise: float) -> Iterator[str]:
    most = max(count for _, _, count in case.histogram)
    points: list[tuple[float, float]] = []
    for low, high, number in case.histogram:
        level = floor - rise * number / most
        if points and scale.place(low) - points[-1][0] > 1:
            points += [(points[-1][0], floor), (scale.place(low), floor)]
        points += [(scale.place(low), level), (scale.place(high), level)]
    points = [(points[0][0], floor), *points, (points[-1][0], floor)]
    yield line(_LEFT, floor, _RIGHT, floor, "grid")
    yield path(points, f"area {case.kind}", floor=floor)
    yield path(points, f"curve {case.kind}")
    yield text(_LEFT - 10, floor - 6, case.name, class_="label", anchor="end")
    latency = case.latency
    if latency is None:
        return
    for name, value in (("p50", latency.p50), ("p99", latency.p99 or latency.max)):
        x = scale.place(value)
        yield line(x, floor - rise, x, floor, f"mark {name}")
        tip = f"{case.name}, {name if value != latency.max else 'max'}: {format_seconds(value)}"
        yield circle(x, floor - rise, 3.5, f"dot {name}", tip)


def concurrency_charts(cases: Sequence[PerfCase]) -> str:
    """Two charts over the number of clients: requests a second, and latency."""
    shown = [case for case in cases if case.kind == "concurrency" and case.latency]
    if len(shown) < 2:
        return ""
    return _throughput(shown) + _latency_lines(shown)


def _throughput(cases: Sequence[PerfCase]) -> str:
    bottom = 240
    across = logarithmic([case.concurrency or 1 for case in cases], (_LEFT, _RIGHT))
    up = linear(0, max(case.throughput for case in cases), (bottom, 26), whole=True)
    parts = [*_frame(cases, across, up, bottom, [f"{tick:g}" for tick in up.ticks])]
    points = [(across.place(case.concurrency or 1), up.place(case.throughput)) for case in cases]
    parts.append(path(points, "area concurrency", floor=bottom))
    parts.append(path(points, "curve concurrency"))
    for (x, y), case in zip(points, cases, strict=True):
        parts.append(circle(x, y, 4.5, "dot p50", f"{case.name}: {case.throughput:.1f}/s"))
    parts.append(text(_LEFT, 14, "requests a second", class_="axis"))
    said = "; ".join(f"{case.name}: {case.throughput:.1f} a second" for case in cases)
    return drawing(_WIDTH, bottom + 44, "Throughput against concurrency", said, parts)


def _latency_lines(cases: Sequence[PerfCase]) -> str:
    bottom = 240
    across = logarithmic([case.concurrency or 1 for case in cases], (_LEFT, _RIGHT))
    curves = {
        "p50": [(case, case.latency.p50) for case in cases if case.latency],
        "p90": [(c, c.latency.p90) for c in cases if c.latency and c.latency.p90 is not None],
        "p99": [(c, c.latency.p99) for c in cases if c.latency and c.latency.p99 is not None],
    }
    curves = {name: curve for name, curve in curves.items() if curve}
    values = [value for curve in curves.values() for _, value in curve]
    up = logarithmic(values, (bottom, 30))
    parts = [*_frame(cases, across, up, bottom, [format_seconds(tick) for tick in up.ticks])]
    for name, curve in curves.items():
        points = [(across.place(case.concurrency or 1), up.place(v)) for case, v in curve]
        parts.append(path(points, f"curve {name}"))
        for (x, y), (case, value) in zip(points, curve, strict=True):
            tip = f"{case.name}, {name}: {format_seconds(value)}"
            parts.append(circle(x, y, 4, f"dot {name}", tip))
    parts += _legend(curves)
    said = "; ".join(f"{case.name}: {_said(case)}" for case in cases)
    return drawing(_WIDTH, bottom + 44, "Latency against concurrency", said, parts)


def _legend(names: dict[str, list[tuple[PerfCase, float]]]) -> Iterator[str]:
    yield text(_LEFT, 14, "latency", class_="axis")
    for place, name in enumerate(names):
        x = _RIGHT - 62 * (len(names) - place)
        yield line(x, 10, x + 20, 10, f"curve {name}")
        yield circle(x + 10, 10, 4, f"dot {name}", name)
        yield text(x + 26, 14, name, class_="label")


def _frame(
    cases: Sequence[PerfCase], across: Scale, up: Scale, bottom: float, labels: Sequence[str]
) -> Iterator[str]:
    for tick, label in zip(up.ticks, labels, strict=True):
        y = up.place(tick)
        yield line(_LEFT, y, _RIGHT, y, "grid")
        yield text(_LEFT - 10, y + 4, label, class_="tick", anchor="end")
    for case in cases:
        clients = case.concurrency or 1
        yield text(across.place(clients), bottom + 18, f"{clients}", class_="tick", anchor="middle")
    middle = (_LEFT + _RIGHT) / 2
    yield text(middle, bottom + 38, "clients at the same time", class_="axis", anchor="middle")


def memory_chart(samples: Sequence[MemorySample], cases: Sequence[PerfCase]) -> str:
    """Memory over the time of the test: all processes, each alone, and which case ran when."""
    if len(samples) < 2:
        return ""
    top, bottom = 34, 260
    most = max(sample.rss for sample in samples)
    across = linear(0, max(samples[-1].at, 0.1), (_LEFT, _RIGHT), most=8)
    up = linear(0, most, (bottom, top), whole=True)
    parts = [*_bands(cases, across, top, bottom)]
    for tick in up.ticks:
        parts.append(line(_LEFT, up.place(tick), _RIGHT, up.place(tick), "grid"))
        label = f"{tick:,.0f} MB"
        parts.append(text(_LEFT - 10, up.place(tick) + 4, label, class_="tick", anchor="end"))
    parts += [*_x_axis(across, bottom, bottom, [f"{tick:g} s" for tick in across.ticks])]
    used = [(across.place(sample.at), up.place(sample.used)) for sample in samples]
    parts += [path(used, "area memory", floor=bottom), path(used, "curve memory")]
    if samples[0].pss is not None and any(len(sample.processes) > 1 for sample in samples):
        resident = [(across.place(sample.at), up.place(sample.rss)) for sample in samples]
        parts.append(path(resident, "curve rss"))
    for pid in dict.fromkeys(pid for sample in samples for pid, _ in sample.processes):
        points = [
            (across.place(sample.at), up.place(size))
            for sample in samples
            for key, size in sample.processes
            if key == pid
        ]
        parts.append(path(points, "curve process"))
    peak = max(samples, key=lambda sample: sample.used)
    tip = f"{peak.used:,.0f} MB at {peak.at:.1f} s"
    parts.append(circle(across.place(peak.at), up.place(peak.used), 4, "dot p99", tip))
    said = f"from {samples[0].used:,.0f} MB to {samples[-1].used:,.0f} MB, at most {tip}"
    return drawing(_WIDTH, bottom + 34, "Memory over time", said, parts)


def _bands(cases: Sequence[PerfCase], across: Scale, top: float, bottom: float) -> Iterator[str]:
    """The time of each case, with its name where there is room."""
    for place, case in enumerate(cases):
        begin = across.place(case.started)
        end = min(across.place(case.started + case.seconds), _RIGHT)
        yield rectangle(begin, top, end - begin, bottom - top, f"band {'odd' if place % 2 else ''}")
        if end - begin > 7 * len(case.name):
            yield text((begin + end) / 2, top - 8, case.name, class_="tick", anchor="middle")


def _x_axis(scale: Scale, top: float, bottom: float, labels: Sequence[str]) -> Iterator[str]:
    previous = -100.0
    for tick, label in zip(scale.ticks, labels, strict=True):
        x = scale.place(tick)
        if top < bottom:
            yield line(x, top, x, bottom, "grid")
        if x - previous > 44:
            yield text(x, bottom + 18, label, class_="tick", anchor="middle")
            previous = x


def _said(case: PerfCase) -> str:
    latency = case.latency
    if latency is None:
        return "no answer"
    named = {"median": latency.p50, "p90": latency.p90, "p99": latency.p99, "max": latency.max}
    return ", ".join(f"{name} {format_seconds(v)}" for name, v in named.items() if v is not None)
