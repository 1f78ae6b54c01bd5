"""Loads the model that is checked, and reads its input."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

from drum_core.data.input_file import read_bytes, read_input
from drum_core.data.payload import Payload
from drum_core.errors import DrumError, InputError, OptionError, UserHTTPError
from drum_core.model.folder import open_folder
from drum_core.model.load import load_model, mask_secrets
from drum_core.model.target import UnstructuredTarget, resolve_target
from drum_core.validation.compare import OTHER_SHAPE, gaps
from drum_core.validation.sample import read_sample
from drum_core.validation.session import Subject, answer, sample_size, unstructured_request

if TYPE_CHECKING:
    from drum_core.options.validation import ValidationOptions
    from drum_core.protocols import WorkerContext

__all__ = ["UnfitError", "load_subject"]


class UnfitError(Exception):
    """Raised for an input, or options, that no check can be done with."""


def load_subject(options: ValidationOptions, worker: WorkerContext) -> Subject:
    """The model, loaded, and its input; `worker` gives back what the model holds.

    Raises `UnfitError` for an input or options at fault, what `load_model` raises for a model.
    """
    try:
        folder = open_folder(options)
        mask_secrets(folder, worker)
        target = resolve_target(options, folder.metadata)
    except OptionError as error:
        raise UnfitError(str(error)) from error
    model = load_model(folder, target, worker)
    if isinstance(target, UnstructuredTarget):
        try:
            data = read_bytes(options.input)
        except InputError as error:
            raise UnfitError(str(error)) from error
        return Subject(
            options=options,
            target=target,
            model=model,
            request=unstructured_request(options, data),
            sample=None,
            without="The input of an unstructured model is no table.",
        )
    as_it_is = model.info.reads_any_format
    try:
        payload = read_input(options.input, options.sparse_column_file, as_it_is=as_it_is)
    except InputError as error:
        raise UnfitError(str(error)) from error
    subject = Subject(options=options, target=target, model=model, request=payload, sample=None)
    return _with_sample(subject, sample_size(target, options.sample_rows))


def _with_sample(subject: Subject, rows: int) -> Subject:
    """The subject with rows to vary. Raises `UnfitError` for an input that is no table."""
    assert isinstance(subject.request, Payload)
    try:
        sample = read_sample(subject.request, rows)
    except DrumError as error:
        if not subject.model.info.reads_any_format:
            raise UnfitError(str(error)) from error
        why = f"The hook read_input_data reads what is no table here: {error}"
        return dataclasses.replace(subject, without=why)
    found = dataclasses.replace(subject, sample=sample)
    if subject.model.info.reads_any_format and not _reads_the_same(found):
        why = "The hook read_input_data reads the input otherwise than as a table with a header."
        return dataclasses.replace(subject, without=why)
    return found


def _reads_the_same(subject: Subject) -> bool:
    """Whether a hook that reads the input itself takes our writing of the table for the same."""

    assert isinstance(subject.request, Payload)
    whole = read_sample(subject.request, sys.maxsize)
    try:
        first = answer(subject, subject.request)
        second = answer(subject, whole.encode(whole.cells))
    except (DrumError, UserHTTPError):
        return False
    return first.shape == second.shape and not gaps(first, second, OTHER_SHAPE)
