"""Two reports compared, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from drum_core.errors import InputError
from drum_core.load_test.compare import compare_reports, ratio_of
from drum_core.load_test.statistics import slices
from drum_core.results import PerfTestResult
from drum_core.results.perf_test import PerfCase


def write_report(
    path: Path, latency: float, *, name: str = "4 clients", problem: str = "", workers: int = 1
) -> Path:
    """A report of one case, whose 200 requests took about `latency` seconds each."""
    generator = np.random.default_rng(int(latency * 1e6))
    took = (latency * generator.lognormal(sigma=0.1, size=200)).tolist()
    case = PerfCase(
        name=name,
        kind="concurrency",
        samples=1,
        size=10,
        concurrency=4,
        requests=200,
        slices=slices(np.cumsum(took).tolist(), took, 0.0),
        problem=problem,
    )
    result = PerfTestResult(
        code_dir=path.parent,
        input=path,
        target_type="regression",
        server="fastapi",
        workers=workers,
        url=None,
        started="2026-01-01T00:00:00+00:00",
        seconds=1,
        host={"python": "3.14"},
        cases=(case,),
    )
    path.write_text(json.dumps(result.report()))
    return path


def test_twice_as_slow_is_seen(tmp_path: Path) -> None:
    """With twice the latency, intervals hold 2 and 1/2, exclude 1, and say what is worse."""
    old, new = write_report(tmp_path / "a", 0.01), write_report(tmp_path / "b", 0.02)
    [case] = compare_reports(old, new).cases
    ratios = {ratio.measure: ratio for ratio in case.ratios}
    assert list(ratios) == ["throughput", "mean", "p50", "p90"]
    for name, expected in (("throughput", 0.5), ("mean", 2.0), ("p50", 2.0)):
        ratio = ratios[name]
        assert ratio.ratio == pytest.approx(expected, rel=0.05)
        assert ratio.low is not None
        assert ratio.high is not None
        assert ratio.low < ratio.ratio < ratio.high
        assert ratio.differs
        assert not ratio.better


def test_same_report_shows_no_difference(tmp_path: Path) -> None:
    """A report compared with itself has the ratio 1 everywhere, inside each interval."""
    path = write_report(tmp_path / "a", 0.01)
    [case] = compare_reports(path, path).cases
    assert [ratio.ratio for ratio in case.ratios] == pytest.approx([1] * len(case.ratios))
    assert not any(ratio.differs for ratio in case.ratios)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Of 200 comparisons of equal distributions, at least nine in ten intervals contain 1."""
    generator = np.random.default_rng(7)
    hits = 0
    for _ in range(200):
        old, new = generator.lognormal(sigma=0.3, size=(2, 20))
        hits += not ratio_of("mean", old.tolist(), new.tolist()).differs
    assert 180 <= hits <= 199


def test_burst_is_no_throughput() -> None:
    """Answers that came together make no slice count more than the time it stands for."""
    ratio = ratio_of("throughput", [0.01] * 20, [0.02] * 19 + [1e-9])
    assert (ratio.first, ratio.ratio) == pytest.approx((100.0, 1 / 1.9))
    assert ratio.differs
    assert not ratio.better


def test_few_slices_have_no_interval() -> None:
    """Of one or two requests a ratio can be told, but not how sure it is."""
    ratio = ratio_of("mean", [1.0, 1.0], [2.0])
    assert (ratio.ratio, ratio.low, ratio.high) == (2.0, None, None)
    assert not ratio.differs


def test_what_is_not_the_same_is_told(tmp_path: Path) -> None:
    """Another number of workers is a remark; a failed case is not compared."""
    old = write_report(tmp_path / "a", 0.01)
    new = write_report(tmp_path / "b", 0.01, problem="3 of 9 requests failed", workers=2)
    result = compare_reports(old, new)
    assert result.remarks == ("workers: 1 in the first, 2 in the second",)
    assert result.cases[0].ratios == ()
    assert result.cases[0].problem == "it failed in the second report"
    json.dumps(result.report(), allow_nan=False)


def test_reports_of_different_cases(tmp_path: Path) -> None:
    """Reports without a common case say which they have."""
    old = write_report(tmp_path / "a", 0.01)
    new = write_report(tmp_path / "b", 0.01, name="8 clients")
    with pytest.raises(InputError, match=r"no case in common: .*4 clients.*8 clients"):
        compare_reports(old, new)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is no JSON"),
        ("\x00\xff", "it is no JSON"),
        ("[1]", "it is some other JSON"),
        ('{"report": "drum perf-test", "version": 99}', "it has version 99, not 1"),
        ('{"report": "drum perf-test", "version": 1}', "its cases are damaged"),
        ('{"report": "drum perf-test", "version": 1, "cases": [{}]}', "its cases are damaged"),
    ],
)
def test_files_that_are_no_reports(text: str, reason: str, tmp_path: Path) -> None:
    """A file that is no report is named, with how to make one."""
    good = write_report(tmp_path / "a", 0.01)
    (tmp_path / "b").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=reason):
        compare_reports(good, tmp_path / "b")


def test_report_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is told as that."""
    with pytest.raises(InputError, match="cannot be read: No such file"):
        compare_reports(tmp_path / "a", tmp_path / "b")
