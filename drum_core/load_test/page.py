"""The report as a page: one file that needs no network, in light and dark, on screen and paper."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import IO, TYPE_CHECKING, Final

from drum_core.load_test.charts import concurrency_charts, latency_chart, memory_chart
from drum_core.load_test.scales import format_seconds

if TYPE_CHECKING:
    from drum_core.results.perf_test import PerfCase, PerfTestResult

__all__ = ["write_page"]

_HEAD: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
"""


def write_page(result: PerfTestResult, file: IO[str]) -> None:
    """Writes the page. Whatever came from the input or the server is escaped."""
    style = files("drum_core.load_test").joinpath("page.css").read_text(encoding="utf-8")
    name = result.code_dir.name
    file.write(_HEAD.format(title=html.escape(f"{name} under load"), style=style))
    for part in _parts(result, name):
        file.write(part + "\n")
    file.write("</main>\n</body>\n</html>\n")


def _parts(result: PerfTestResult, name: str) -> Iterator[str]:
    yield f"<header><h1>{html.escape(name)} <span>under load</span></h1>{_about(result)}</header>"
    yield _tiles(result)
    yield from _problems(result)
    sizes = [case for case in result.cases if case.kind == "size"]
    loads = [case for case in result.cases if case.kind != "size"]
    if chart := concurrency_charts(result.cases):
        yield _section("Throughput and latency against concurrency", _CONCURRENCY, chart)
    if chart := latency_chart(result.cases):
        yield _section("Latency distribution", _LATENCY, chart)
    if chart := memory_chart(result.memory, result.cases):
        yield _section("Memory over time", _memory_note(result), chart)
    if loads:
        yield _section("Requests at the same time", _PERCENTILES, _table(loads, result))
    if sizes:
        yield _section("Requests one after another", "", _table(sizes, result))
    yield _footer(result)


_CONCURRENCY: Final = (
    "Each client sends its next request when it has its answer. Throughput that no longer grows "
    "while latency does means that the server is at its limit."
)
_LATENCY: Final = (
    "How often each latency occurred, on a logarithmic axis. The lines mark the median and the "
    "99th percentile, or the maximum where there were fewer than 100 requests."
)
_PERCENTILES: Final = (
    "Percentiles are observed latencies, by nearest rank; one without an observation above it is "
    "left out. Latencies of a rate count from the moment at which the request was due."
)


def _memory_note(result: PerfTestResult) -> str:
    if result.memory[0].pss is None:
        return "The resident sets of the server and its workers, together and each alone (thin)."
    return (
        "What the server and its workers hold together, shared pages counted once (PSS, filled); "
        "counted for each process (RSS, dashed); and the resident set of each (thin)."
    )


def _about(result: PerfTestResult) -> str:
    host = result.host
    workers = "" if result.workers is None else f", {_plural(result.workers, 'worker')}"
    server = f"{result.server or 'server'}{workers}"
    if result.url:
        server += f" at {result.url}"
    facts = [
        ("target", result.target_type),
        ("server", server),
        ("input", result.input.name),
        ("started", result.started.replace("T", " ").replace("+00:00", " UTC")),
        ("took", f"{result.seconds:.0f} s"),
        (
            "host",
            f"{host.get('system')} {host.get('machine')}, {host.get('processors')} processors",
        ),
        ("versions", f"drum {host.get('drum')}, Python {host.get('python')}"),
    ]
    items = "".join(
        f"<div><dt>{name}</dt><dd>{html.escape(str(value))}</dd></div>" for name, value in facts
    )
    return f"<dl>{items}</dl>"


def _tiles(result: PerfTestResult) -> str:
    """The figures that are asked for first."""
    tiles = []
    loads = [case for case in result.cases if case.latency and case.kind != "size"]
    measured = [case for case in loads if not case.failed] or loads
    measured = measured or [case for case in result.cases if case.latency]
    if measured:
        best = max(measured, key=lambda case: case.throughput)
        tiles.append((f"{best.throughput:,.1f}", "requests a second", f"at best, {best.name}"))
        calm = measured[0].latency
        if calm is not None:
            tiles.append((format_seconds(calm.p50), "median latency", measured[0].name))
        worst = max(measured, key=_tail)
        known = worst.latency is not None and worst.latency.p99 is not None
        tail = "99th percentile" if known else "longest latency"
        tiles.append((format_seconds(_tail(worst)), tail, f"at worst, {worst.name}"))
    if result.memory:
        peak = max(sample.used for sample in result.memory)
        tiles.append((f"{peak:,.0f} MB", "memory", "at most, server and workers"))
    failed = sum(case.failed_requests for case in result.cases)
    total = failed + sum(case.requests for case in result.cases)
    tiles.append((f"{failed:,}", "failed requests", f"of {total:,}"))
    cells = "".join(
        f"<li><b>{html.escape(value)}</b><span>{html.escape(what)}</span>"
        f"<small>{html.escape(where)}</small></li>"
        for value, what, where in tiles
    )
    return f'<ul class="tiles">{cells}</ul>'


def _tail(case: PerfCase) -> float:
    latency = case.latency
    return 0.0 if latency is None else latency.p99 or latency.max


def _problems(result: PerfTestResult) -> Iterator[str]:
    failed = [case for case in result.cases if case.failed]
    if failed:
        items = "".join(_problem(case) for case in failed)
        yield f'<section class="bad"><h2>Failed</h2><ul>{items}</ul></section>'
    if result.remarks:
        items = "".join(f"<li>{html.escape(remark)}</li>" for remark in result.remarks)
        yield f'<section class="doubt"><h2>Remarks</h2><ul>{items}</ul></section>'


def _problem(case: PerfCase) -> str:
    kinds = [f"{failure.count} x {failure.kind}: {failure.example}" for failure in case.untold]
    said = "\n".join([case.problem, *kinds])
    return f"<li><b>{html.escape(case.name)}</b> <pre>{html.escape(said)}</pre></li>"


def _section(title: str, note: str, content: str) -> str:
    said = f"<p>{html.escape(note)}</p>" if note else ""
    return f"<section><h2>{html.escape(title)}</h2>{said}{content}</section>"


def _table(cases: Sequence[PerfCase], result: PerfTestResult) -> str:
    titles = ["case", "rows", "requests", "failed", "req/s", "min", "mean"]
    titles += ["p50", "p90", "p99", "p99.9", "max"]
    titles += ["first chunk"] if result.chat else []
    titles += ["model"] if result.in_server else []
    titles += ["memory"] if result.memory else []
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    rows = "".join(_row(case, result) for case in cases)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="table of cases">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(case: PerfCase, result: PerfTestResult) -> str:
    latency = case.latency
    times: list[float | None] = [None] * 7
    if latency is not None:
        times = [latency.min, latency.mean, latency.p50, latency.p90]
        times += [latency.p99, latency.p999, latency.max]
    cells = [
        "" if case.samples is None else f"{case.samples:,}",
        f"{case.requests:,}",
        f"{case.failed_requests:,}",
        f"{case.throughput:,.1f}",
        *(_time(value) for value in times),
    ]
    if result.chat:
        cells.append(_time(case.first_byte.p50 if case.first_byte else None))
    cells += [_time(case.prediction)] if result.in_server else []
    if result.memory:
        cells.append("" if case.memory is None else f"{case.memory:,.0f} MB")
    name = f'<th scope="row">{html.escape(case.name)}</th>'
    row = "".join(f"<td>{html.escape(cell) or '&ndash;'}</td>" for cell in cells)
    state = ' class="bad"' if case.failed else ""
    return f"<tr{state}>{name}{row}</tr>"


def _time(value: float | None) -> str:
    return "" if value is None else format_seconds(value)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _footer(result: PerfTestResult) -> str:
    busiest = max((case.client_busy for case in result.cases), default=0.0)
    shared = "" if result.url else " The client ran on the same machine as the server."
    return (
        f"<footer>Measured by drum perf-test {html.escape(str(result.host.get('drum')))}.{shared} "
        f"The client took at most {busiest:.0%} of one processor.</footer>"
    )
