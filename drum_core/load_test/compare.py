"""Two reports compared: ratios, and how sure they are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from drum_core.errors import InputError
from drum_core.results.comparison import CaseComparison, ComparisonResult, Ratio
from drum_core.results.perf_test import REPORT_KIND, REPORT_VERSION

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["compare_reports", "ratio_of"]

_Content: TypeAlias = Mapping[str, object]
_Key: TypeAlias = tuple[object, ...]

_MEASURES: Final = (
    ("throughput", "rate"),
    ("mean", "mean"),
    ("p50", "p50"),
    ("p90", "p90"),
    ("p99", "p99"),
)
_RESAMPLES: Final = 10_000
_SEED: Final = 20_240
_FEWEST: Final = 3
_SAME: Final = ("target_type", "server", "workers")
_EACH_HOST: Final = ("drum", "python", "system", "machine", "processors")


def compare_reports(first: Path, second: Path) -> ComparisonResult:
    """What the second report has in relation to the first, for each case that is in both.

    Raises `InputError` for a file that is no report, and for reports without a common case.
    """
    old, new = _read(first), _read(second)
    cases, others = _cases(first, old), _cases(second, new)
    common = [key for key in cases if key in others]
    if not common:
        raise InputError(
            f"The two reports have no case in common: {first} has {_names(cases)}, {second} has "
            f"{_names(others)}. Run both with the same options."
        )
    remarks = _different_settings(old, new)
    for path, mine, theirs in ((first, cases, others), (second, others, cases)):
        alone = {key: case for key, case in mine.items() if key not in theirs}
        if alone:
            remarks.append(f"only in {path}: {_names(alone)}")
    return ComparisonResult(
        first=first,
        second=second,
        cases=tuple(_compared(cases[key], others[key]) for key in common),
        remarks=tuple(remarks),
    )


def ratio_of(measure: str, old: Sequence[float], new: Sequence[float]) -> Ratio:
    """The ratio of two means, with a 95 % interval from a bootstrap over slices.

    From each side as many slices as it has are drawn with replacement, 10,000 times, and the ratio
    of their means taken; the interval is between the 2.5th and the 97.5th percentile of these (B.
    Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). Slices, not requests,
    are drawn, because requests that follow each other are not independent. For `throughput`, `old`
    and `new` are the times that a request takes up, and their inverses are told: the mean of rates
    would be that of the fastest slices.
    """
    import numpy as np

    base, other = np.asarray(old, dtype=float), np.asarray(new, dtype=float)
    first, second = float(base.mean()), float(other.mean())
    power = -1 if measure == "throughput" else 1
    low = high = None
    if min(len(base), len(other)) >= _FEWEST:
        generator = np.random.default_rng(_SEED)
        ratios = (_means(other, generator) / _means(base, generator)) ** power
        low, high = (float(bound) for bound in np.percentile(ratios, [2.5, 97.5]))
    first, second = first**power, second**power
    return Ratio(
        measure=measure, first=first, second=second, ratio=second / first, low=low, high=high
    )


def _means(values: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    drawn = generator.integers(0, len(values), size=(_RESAMPLES, len(values)))
    means: NDArray[np.float64] = values[drawn].mean(axis=1)
    return means


def _compared(old: _Content, new: _Content) -> CaseComparison:
    name, samples = str(old["name"]), old["samples"]
    ratios, problem = [], ""
    for which, case in (("first", old), ("second", new)):
        if case["problem"]:
            problem = f"it failed in the {which} report"
    if not problem:
        for measure, key in _MEASURES:
            one, two = _values(old, key), _values(new, key)
            if measure == "throughput":
                one, two = ([1 / rate for rate in rates] for rates in (one, two))
            if one and two:
                ratios.append(ratio_of(measure, one, two))
    return CaseComparison(
        name=name,
        samples=samples if isinstance(samples, int) else None,
        ratios=tuple(ratios),
        problem=problem,
    )


def _values(case: _Content, key: str) -> list[float]:
    """A measure of each slice; none where a slice does not have it."""
    found = []
    slices = case["slices"]
    for item in slices if isinstance(slices, list) else []:
        value = item.get(key) if isinstance(item, dict) else None
        if not isinstance(value, (int, float)) or not 0 < value < math.inf:
            return []
        found.append(float(value))
    return found


def _read(path: Path) -> _Content:
    try:
        content: object = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"The report {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise _no_report(path, f"it is no JSON ({error})") from error
    if not isinstance(content, dict) or content.get("report") != REPORT_KIND:
        raise _no_report(path, "it is some other JSON")
    if content.get("version") != REPORT_VERSION:
        raise _no_report(path, f"it has version {content.get('version')!r}, not {REPORT_VERSION}")
    return content


def _no_report(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path} is no report of drum perf-test: {reason}. Make one with: "
        "drum perf-test … --json > report.json"
    )


def _cases(path: Path, content: _Content) -> dict[_Key, _Content]:
    found: dict[_Key, _Content] = {}
    cases = content.get("cases")
    needed = {"name", "samples", "kind", "slices", "problem"}
    for case in cases if isinstance(cases, list) else [None]:
        if not isinstance(case, dict) or not needed <= case.keys():
            raise _no_report(path, "its cases are damaged")
        found[tuple(str(case.get(key)) for key in ("kind", "name", "samples"))] = case
    return found


def _names(cases: Mapping[_Key, _Content]) -> str:
    return ", ".join(f"{case['name']} of {case['samples']} rows" for case in cases.values())


def _different_settings(old: _Content, new: _Content) -> list[str]:
    """What else is not the same, and may be why figures differ."""
    hosts = [side.get("host") for side in (old, new)]
    pairs = [(key, old.get(key), new.get(key)) for key in _SAME]
    if isinstance(hosts[0], dict) and isinstance(hosts[1], dict):
        pairs += [(key, hosts[0].get(key), hosts[1].get(key)) for key in _EACH_HOST]
    return [
        f"{key}: {one} in the first, {two} in the second" for key, one, two in pairs if one != two
    ]
