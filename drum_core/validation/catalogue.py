"""The checks: what each is called, does, and advises; and which function does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from drum_core.options.choices import ValidationCheck
from drum_core.registry import import_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from drum_core.validation.exchange import Verdict
    from drum_core.validation.session import Session

__all__ = ["CATALOGUE", "CheckInfo", "function_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckInfo:
    """One check. `function` is an import string, so that the run need not load what checks need."""

    title: str
    did: str
    advice: str
    function: str
    unstructured: bool = False
    """Whether it makes sense for a model whose input is no table."""


_CHECKS: Final = "drum_core.validation.checks"

CATALOGUE: Final[Mapping[ValidationCheck, CheckInfo]] = {
    ValidationCheck.BATCH: CheckInfo(
        title="Basic batch prediction",
        did="Scored the whole input, as `drum score` does.",
        advice="Run `drum score` with the same options and --show-stacktrace, and mend what the "
        "error names. Nothing else can be checked before.",
        function=f"{_CHECKS}.answers:batch",
        unstructured=True,
    ),
    ValidationCheck.NULLS: CheckInfo(
        title="Null value imputation",
        did="Emptied one column after the other, in all rows.",
        advice="Impute missing values: a SimpleImputer as the first step of the pipeline, or "
        "data[column].fillna(value) in the hook transform or score. A column without any value "
        "arrives as floats that are all NaN, also where texts were expected.",
        function=f"{_CHECKS}.columns:nulls",
    ),
    ValidationCheck.PROBABILITIES: CheckInfo(
        title="Probabilities",
        did="Looked at each probability, and at the sum of each row.",
        advice="Return probabilities, not scores or logits: predict_proba, or a softmax over all "
        "classes that subtracts the largest logit first. Divide each row by its sum.",
        function=f"{_CHECKS}.answers:probabilities",
    ),
    ValidationCheck.JSON: CheckInfo(
        title="JSON-safe output",
        did="Wrote the answer as JSON, as a server does.",
        advice="Return finite numbers, texts, truth values, dates or None. Replace NaN and "
        "infinity by a value that means something, and turn other objects into text with str().",
        function=f"{_CHECKS}.answers:json_safe",
        unstructured=True,
    ),
    ValidationCheck.REPEAT: CheckInfo(
        title="Same answer twice",
        did="Asked the same three times in a row.",
        advice="Take chance out of the hook: no random numbers, no time of day; model.eval() for "
        "torch, so that dropout is off; a fixed seed and temperature 0 for generated text.",
        function=f"{_CHECKS}.repeats:repeat",
        unstructured=True,
    ),
    ValidationCheck.HISTORY: CheckInfo(
        title="Independent of earlier requests",
        did="Asked the same before and after other requests.",
        advice="Keep nothing between requests in globals, attributes of the model, or default "
        "arguments; fit scalers and encoders in training, not in score; leave the model unchanged.",
        function=f"{_CHECKS}.repeats:history",
        unstructured=True,
    ),
    ValidationCheck.RELOAD: CheckInfo(
        title="Same answer after a restart",
        did="Ran `drum score` in another process, which loads the model anew.",
        advice="Let nothing depend on the process: hash() of a text differs in each (use hashlib "
        "or zlib.crc32), and so does the order of a set (sort it); set weights from the artifact, "
        "not at random, in load_model.",
        function=f"{_CHECKS}.processes:reload",
        unstructured=True,
    ),
    ValidationCheck.SERVER: CheckInfo(
        title="Server equals score",
        did="Started `drum server` and sent it the same rows.",
        advice="A server calls hooks in a thread and tells them more (headers, charset): use no "
        "signal handlers, no objects bound to the thread that loaded them (sqlite3, "
        "threading.local), and do not branch on what a hook is told besides its data.",
        function=f"{_CHECKS}.processes:server",
        unstructured=True,
    ),
    ValidationCheck.ONE_ROW: CheckInfo(
        title="One row",
        did="Sent the first row alone.",
        advice="Keep tables as tables: no squeeze() or .item(), data[[column]] rather than "
        "data[column], reshape(-1, 1) rather than a shape that depends on the number of rows.",
        function=f"{_CHECKS}.rows:one_row",
    ),
    ValidationCheck.ROW_BY_ROW: CheckInfo(
        title="One row at a time",
        did="Sent each row alone, and compared with the answers for all together.",
        advice="Compute nothing over the rows of a request, such as their mean, rank, codes or "
        "get_dummies: take those from the training data. Name the types of columns, as "
        "data[column].astype(str): in one row 007 is a number.",
        function=f"{_CHECKS}.rows:row_by_row",
    ),
    ValidationCheck.ROW_ORDER: CheckInfo(
        title="Order of the rows",
        did="Sent the rows in reverse and shuffled.",
        advice="Return the answers in the order of the rows: after a sort or a merge, "
        "reindex(data.index). Use no shift(), diff(), cumsum() and no row number.",
        function=f"{_CHECKS}.rows:row_order",
    ),
    ValidationCheck.EQUAL_ROWS: CheckInfo(
        title="Equal rows",
        did="Sent each row twice.",
        advice="Keep rows that are equal: no drop_duplicates(), no groupby() or merge() on the "
        "values of a row, no dict with rows as keys, unless each row gets its answer back.",
        function=f"{_CHECKS}.rows:equal_rows",
    ),
    ValidationCheck.NO_ROWS: CheckInfo(
        title="Input without rows",
        did="Sent a header without rows.",
        advice="Return as many answers as there are rows; raise an exception for an input "
        "without any, in read_input_data.",
        function=f"{_CHECKS}.answers:no_rows",
        unstructured=True,
    ),
    ValidationCheck.COLUMN_ORDER: CheckInfo(
        title="Order of the columns",
        did="Sent the columns in reverse and rotated.",
        advice="Take columns by name: data[FEATURES] with the names of the training data, not "
        "data.values or data.iloc[:, 0]; fit scikit-learn on a DataFrame, so that it knows them.",
        function=f"{_CHECKS}.columns:column_order",
    ),
    ValidationCheck.EXTRA_COLUMN: CheckInfo(
        title="Extra column",
        did="Added a column, first and last, of numbers and of texts.",
        advice="Take the columns of the training data by name, data[FEATURES], before anything "
        "is computed over all columns.",
        function=f"{_CHECKS}.columns:extra_column",
    ),
    ValidationCheck.MISSING_COLUMN: CheckInfo(
        title="Missing column",
        did="Left out one column after the other.",
        advice="Raise an exception that names the column, as data[FEATURES] does; or let it "
        "count as missing values: data.reindex(columns=FEATURES). Do not fill in a constant.",
        function=f"{_CHECKS}.columns:missing_column",
    ),
    ValidationCheck.UNSEEN_CATEGORY: CheckInfo(
        title="Unseen category",
        did="Put a category that the input does not have into the first row.",
        advice='Take what is new for "other": OneHotEncoder(handle_unknown="ignore"), '
        'OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), '
        "mapping.get(value, default) rather than mapping[value].",
        function=f"{_CHECKS}.values:unseen_category",
    ),
    ValidationCheck.EMPTY_TEXT: CheckInfo(
        title="Empty text",
        did="Put an empty text, and blanks, into the first row.",
        advice="An empty field of a CSV arrives as NaN, which is no text: "
        'data[column].fillna("").astype(str). Do not take the first word or letter of a text '
        "without looking whether there is one.",
        function=f"{_CHECKS}.values:empty_text",
    ),
    ValidationCheck.LONG_TEXT: CheckInfo(
        title="Very long text",
        did="Put a text of a hundred thousand characters into the first row.",
        advice="Cut texts to what the model can take, text[:limit], before they are tokenised; "
        "use no regular expression that goes back and forth, and no recursion over a text.",
        function=f"{_CHECKS}.values:long_text",
    ),
    ValidationCheck.EXTREME_NUMBERS: CheckInfo(
        title="Extreme numbers",
        did="Put zero, huge, negative and infinite numbers into the first row.",
        advice="Bound what is computed with: numpy.clip(values, low, high); log1p of what is at "
        "least 0; a softmax that subtracts the largest; indices that are looked up with a "
        "default. Where a number cannot be right, raise UserHTTPError with a text for clients.",
        function=f"{_CHECKS}.values:extreme_numbers",
    ),
    ValidationCheck.MEMORY: CheckInfo(
        title="Memory after a thousand requests",
        did="Asked about one row a thousand times, and measured the process.",
        advice="Keep nothing of a request: no list or dict that grows, no cache without a "
        "bound (functools.lru_cache(maxsize=...)), no gradients (torch.no_grad()); close files "
        "and sessions; free what native code allocates.",
        function=f"{_CHECKS}.memory:memory",
        unstructured=True,
    ),
}


def function_of(check: ValidationCheck) -> Callable[[Session], Verdict]:
    """What does a check; it may raise `NotApplicable` and `BaseFailed`."""
    found = import_object(CATALOGUE[check].function, purpose="Checking the model")
    return cast("Callable[[Session], Verdict]", found)
