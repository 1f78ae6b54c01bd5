from __future__ import annotations

from collections.abc import Mapping

import pytest

from drum_core.cli.resolve import Given, Resolved, resolve
from drum_core.errors import OptionError
from drum_core.options import ScoreOptions, ServerOptions
from drum_core.options.flag import options_of

PREFIX = "MLOPS_RUNTIME_PARAM_"
WORKERS = PREFIX + "CUSTOM_MODEL_WORKERS"
SERVER = PREFIX + "DRUM_SERVER_TYPE"
BACKLOG = PREFIX + "DRUM_WEBSERVER_BACKLOG"
ERRORS = "WITH_ERROR_SERVER"
FOUR = '{"type":"numeric","payload":4}'
FLASK = '{"type":"string","payload":"flask"}'


def _resolve(given: Mapping[str, Given], environ: Mapping[str, str]) -> Resolved:
    return resolve(options_of(ServerOptions), given, environ)


@pytest.mark.parametrize(
    ("name", "given", "environ", "value", "source"),
    [
        ("code_dir", {"code_dir": "a"}, {"CODE_DIR": "b"}, "a", "--code-dir"),
        ("code_dir", {}, {"CODE_DIR": "b"}, "b", "CODE_DIR"),
        ("target_type", {}, {"TARGET_TYPE": "binary"}, "binary", "TARGET_TYPE"),
        ("address", {}, {"ADDRESS": "0.0.0.0:1"}, "0.0.0.0:1", "ADDRESS"),
        ("url_prefix", {}, {"URL_PREFIX": "/a"}, "/a", "URL_PREFIX"),
        ("max_workers", {"max_workers": "2"}, {"MAX_WORKERS": "3"}, "2", "--max-workers"),
        ("max_workers", {"max_workers": "2"}, {WORKERS: "4"}, "4", WORKERS),
        ("max_workers", {}, {"MAX_WORKERS": "3", WORKERS: FOUR}, "4", WORKERS),
        ("server", {}, {SERVER: FLASK}, "flask", SERVER),
        ("server", {"server": "fastapi"}, {SERVER: "flask"}, "fastapi", "--server"),
        ("show_stacktrace", {}, {"SHOW_STACKTRACE": "Yes"}, True, "SHOW_STACKTRACE"),
        ("with_error_server", {}, {ERRORS: "off"}, False, ERRORS),
        (
            "with_error_server",
            {"with_error_server": True},
            {ERRORS: "0"},
            True,
            "--with-error-server",
        ),
        ("class_labels", {}, {"CLASS_LABELS": " a  b\tc "}, ["a", "b", "c"], "CLASS_LABELS"),
        ("backlog", {}, {BACKLOG: "64"}, "64", BACKLOG),
    ],
)
def test_precedence(
    name: str,
    given: dict[str, Given],
    environ: dict[str, str],
    value: object,
    source: str,
) -> None:
    """Flag before variable before runtime parameter, except a parameter that wins."""
    resolved = _resolve(given, environ)
    assert resolved.values[name] == value
    assert resolved.sources[name] == source


def test_what_nobody_says_is_left_to_the_default() -> None:
    """An empty variable and a parameter that is null say nothing."""
    resolved = _resolve({}, {"TARGET_TYPE": "", WORKERS: '{"type":"numeric","payload":null}'})
    assert resolved.values == {}
    assert resolved.sources == {}


@pytest.mark.parametrize(
    ("given", "warned"), [({"max_workers": "2"}, True), ({"max_workers": "4"}, False), ({}, False)]
)
def test_a_parameter_that_overrides_is_named(given: dict[str, Given], warned: bool) -> None:
    """A parameter that overrules a flag is told together with it; one that agrees is not."""
    warnings = _resolve(given, {WORKERS: "4"}).warnings
    assert bool(warnings) is warned
    for warning in warnings:
        assert WORKERS in warning
        assert "--max-workers" in warning


@pytest.mark.parametrize(
    ("flag", "variable", "silenced"),
    [
        ("class_labels", "CLASS_LABELS_FILE", "class_labels_file"),
        ("class_labels_file", "CLASS_LABELS", "class_labels"),
    ],
)
def test_labels_on_the_command_line_silence_the_other_variable(
    flag: str, variable: str, silenced: str
) -> None:
    """A flag for the labels makes the variable for the other form of them void."""
    resolved = _resolve({flag: "x"}, {variable: "y"})
    assert flag in resolved.values
    assert silenced not in resolved.values


def test_a_variable_that_is_no_truth_value_is_named() -> None:
    """A switch set to nonsense by a variable is an error that names the variable."""
    with pytest.raises(OptionError, match="WITH_ERROR_SERVER: expected a truth value"):
        _resolve({}, {"WITH_ERROR_SERVER": "perhaps"})


def test_missing_lists_required_options_in_all_spellings() -> None:
    """What must be given and is not is listed, also when a default exists for Python."""
    options = options_of(ServerOptions)
    assert resolve(options, {}, {}).missing(options) == ["-cd/--code-dir", "--address"]
    score = options_of(ScoreOptions)
    assert resolve(score, {"input": "x"}, {"CODE_DIR": "y"}).missing(score) == []
