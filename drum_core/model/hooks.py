"""custom.py: the hooks of a model folder, checked once, when they are loaded."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final, TypeAlias

from drum_core.async_bridge import AsyncBridge, wait_for
from drum_core.errors import HookError, HookFailedError, UserHTTPError
from drum_core.model.settings import warn_of_real_package
from drum_core.model.user_code import UserCode
from drum_core.options.choices import TargetType
from drum_core.process_end import is_interrupt
from drum_core.user.real_package import bad_request_of, seen_as, user_error_of
from drum_core.user.settings import Settings, settings_here

if TYPE_CHECKING:
    from drum_core.model.folder import ModelFolder

__all__ = ["Hook", "Hooks", "fit_hook", "keywords_of", "load_hooks"]

_logger = logging.getLogger(__name__)

UserFunction: TypeAlias = Callable[..., object]

_CALLS: Final[Mapping[str, tuple[str, ...]]] = {
    "init": (),
    "read_input_data": ("input_binary_data",),
    "load_model": ("code_dir",),
    "transform": ("data", "model"),
    "score": ("data", "model"),
    "post_process": ("predictions", "model"),
    "score_unstructured": ("model", "data"),
    "chat": ("params", "model"),
    "get_supported_llm_models": ("model",),
}
"""The hooks used here, and what they are given by position; `init` gets `code_dir=`."""

_SCORE_KEYWORDS: Final = frozenset(
    {
        *("binary_data", "mimetype", "charset", "sparse_colnames", "target_type"),
        *("positive_class_label", "negative_class_label", "class_labels"),
    }
)
"""What a score hook is told by keyword, if its signature has a place for it."""

_REQUEST_KEYWORDS: Final = frozenset({"mimetype", "charset", "query", "headers", "mlops"})
"""What a score_unstructured hook is told by keyword."""

_RAISING_BAD_REQUESTS: Final = frozenset({"chat", "score_unstructured"})
"""The hooks whose werkzeug exceptions with the code 400 are answers."""

_FIT_KEYWORDS: Final = frozenset(
    {"X", "y", "output_dir", "class_order", "row_weights", "parameters"}
)
"""What a fit hook is given, if its signature has a place for it."""

_FIT_CALL: Final = ("X=…", "y=…", "output_dir=…", "class_order=…", "row_weights=…", "parameters=…")

_FIT: Final = "fit"
"""The hook of `drum fit`: other modes leave it alone, however it is defined."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A function of custom.py. Calling it translates what it raises."""

    name: str
    function: UserFunction
    path: Path
    bridge: AsyncBridge
    keywords: frozenset[str] | None
    """The keywords it takes; `None` when it takes any."""
    settings: Settings = field(default_factory=Settings)
    title: str = ""
    """What errors call it, if it is not the hook of its name."""

    def takes(self, count: int) -> bool:
        """Whether it can be called with `count` positional arguments."""
        try:
            inspect.signature(self.function).bind(*([None] * count))
        except (TypeError, ValueError):
            return False
        return True

    def __call__(self, *args: object, **kwargs: object) -> object:
        """Calls the hook, and awaits it if it is asynchronous.

        Keywords that its signature has no place for are left out. Raises `HookFailedError`, with
        the place in the user's file, for whatever it raises but `UserHTTPError`.
        """
        try:
            return wait_for(self.begin(*args, **kwargs), self.bridge)
        except UserHTTPError:
            raise
        except BaseException as error:  # a hook has no say over the whole process
            if is_interrupt(error):
                raise
            raise self.failure(error) from error

    def begin(self, *args: object, **kwargs: object) -> object:
        """Calls the hook and returns what it gives, unawaited; raises what it raises."""
        if self.keywords is not None:
            kwargs = {name: value for name, value in kwargs.items() if name in self.keywords}
        if isinstance(target_type := kwargs.get("target_type"), TargetType):
            kwargs["target_type"] = seen_as(target_type)
        with settings_here(self.settings):
            return self.function(*args, **kwargs)

    def failure(self, error: BaseException) -> Exception:
        """What to raise for what the hook raised, or what its answer did later."""
        if (answer := user_error_of(error)) is not None:
            return answer
        if self.name in _RAISING_BAD_REQUESTS and (refusal := bad_request_of(error)):
            return refusal
        line = _user_line(error, self.path)
        where = f" ({self.path.name}, line {line})" if line else ""
        return HookFailedError(f"{self.name_in_errors}{where}", error)

    @property
    def name_in_errors(self) -> str:
        """What the sentences of errors begin with."""
        return self.title or f"The hook {self.name}"

    @property
    def is_async(self) -> bool:
        """Whether it is an `async def`: calling it does no work yet, and never blocks."""
        function: object = self.function
        while isinstance(function, functools.partial):
            function = function.func
        if not inspect.isroutine(function):
            function = getattr(function, "__call__", function)  # noqa: B004  # the method itself
        return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """The hooks of a folder; `None` for each that it does not have."""

    path: Path | None = None
    code: UserCode
    init: Hook | None = None
    read_input_data: Hook | None = None
    load_model: Hook | None = None
    transform: Hook | None = None
    score: Hook | None = None
    post_process: Hook | None = None
    score_unstructured: Hook | None = None
    chat: Hook | None = None
    get_supported_llm_models: Hook | None = None
    fit: object = None
    """The hook `fit`, unchecked; `fit_hook` checks it."""
    custom_task: object = None
    """`CustomTask`, unchecked; a folder that has it has no hooks."""
    near_misses: tuple[str, ...] = field(default=())
    """Sentences about functions whose names look like misspelt hooks."""


def load_hooks(folder: ModelFolder, bridge: AsyncBridge) -> Hooks:
    """Imports custom.py and finds its hooks, or its class `CustomTask`.

    Raises `HookError` when it cannot be imported, or when a hook cannot be called as it must be.
    """
    code = UserCode(folder.path, folder.settings)
    custom_code = folder.custom_code
    if custom_code is None:
        return Hooks(code=code)
    module = _import(code, custom_code)
    warn_of_real_package(folder.settings, custom_code)
    if hasattr(module, "CustomTask"):
        return Hooks(path=custom_code, code=code, custom_task=module.CustomTask)
    near_misses = tuple(_near_misses(module, custom_code))
    for sentence in near_misses:
        _logger.warning("%s", sentence)
    return Hooks(
        path=custom_code,
        code=code,
        near_misses=near_misses,
        fit=vars(module).get(_FIT),
        **{
            name: dataclasses.replace(
                _checked(name, vars(module)[name], custom_code, bridge), settings=code.settings
            )
            for name in _CALLS
            if name in vars(module)
        },
    )


def fit_hook(hooks: Hooks, bridge: AsyncBridge) -> Hook | None:
    """The hook that trains; `None` where there is none. Raises `HookError` as `load_hooks`."""
    if hooks.fit is None or hooks.path is None:
        return None
    found = _checked(_FIT, hooks.fit, hooks.path, bridge)
    return dataclasses.replace(found, settings=hooks.code.settings)


def _import(code: UserCode, path: Path) -> ModuleType:
    try:
        return code.load(path)
    except SyntaxError as error:
        where = f"{error.filename or path}, line {error.lineno}"
        raise HookError(f"{where}: Python cannot read it: {error.msg}.") from error
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        line = _user_line(error, path)
        where = f"{path}, line {line}" if line else str(path)
        advice = ""
        if isinstance(error, ModuleNotFoundError):
            advice = f" Install the package that has {error.name!r} into this environment."
        raise HookError(
            f"{where}: it cannot be imported: {type(error).__name__}: {error}.{advice}"
        ) from error


def _checked(name: str, function: object, path: Path, bridge: AsyncBridge) -> Hook:
    if not callable(function):
        raise HookError(f"{path}: the hook {name} must be a function, got {function!r}.")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a function of C code: its first call will tell
        return Hook(name, function, path, bridge, keywords=None)
    keywords = keywords_of(signature)
    hook = Hook(name, function, path, bridge, keywords)
    try:
        if not (name == "transform" and hook.takes(3)):  # the third is a target, where there is one
            signature.bind(*_CALLS.get(name, ()), **_given_keywords(name, keywords))
    except TypeError as error:
        line = getattr(getattr(function, "__code__", None), "co_firstlineno", None)
        where = f"{path}, line {line}" if line else str(path)
        expected = ", ".join(_CALLS.get(name, _FIT_CALL)) or "code_dir"
        extra = ", **kwargs" if name in ("score", "score_unstructured", "init") else ""
        other = ", or transform(data, model, target) for transform models"
        raise HookError(
            f"{where}: the hook {name} is called as {name}({expected}{extra})"
            f"{other if name == 'transform' else ''}, but it is defined as {name}{signature}."
        ) from error
    return hook


def _given_keywords(hook: str, accepted: frozenset[str] | None) -> dict[str, str]:
    """Keywords as in a real call of the hook, to try its signature with."""
    match hook:
        case "init":
            return {"code_dir": ""}
        case "score":
            return dict.fromkeys(_SCORE_KEYWORDS & (accepted or _SCORE_KEYWORDS), "")
        case "fit":
            return dict.fromkeys(_FIT_KEYWORDS & (accepted or _FIT_KEYWORDS), "")
        case "chat":
            return {"headers": ""} if accepted is None or "headers" in accepted else {}
        case "score_unstructured":
            return dict.fromkeys(_REQUEST_KEYWORDS & (accepted or _REQUEST_KEYWORDS), "")
        case _:
            return {}


def keywords_of(signature: inspect.Signature) -> frozenset[str] | None:
    """The keywords that may be passed beside the positional arguments."""
    parameters = signature.parameters.values()
    if any(item.kind is item.VAR_KEYWORD for item in parameters):
        return None
    takes = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return frozenset(item.name for item in parameters if item.kind in takes)


def _near_misses(module: ModuleType, path: Path) -> list[str]:
    known = [*_CALLS, _FIT]
    sentences = []
    for name, value in vars(module).items():
        if name in known or not inspect.isfunction(value) or value.__module__ != module.__name__:
            continue
        if close := difflib.get_close_matches(name, known, n=1, cutoff=0.8):
            line = value.__code__.co_firstlineno
            sentences.append(
                f"{path}, line {line}: {name} is not a hook, so it is never called; "
                f"did you mean {close[0]}?"
            )
    return sentences


def _user_line(error: BaseException, path: Path) -> int | None:
    """The last line of the user's file that the error came through."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    return lines[-1] if lines else None
