"""The error for input that does not fit into memory."""

from __future__ import annotations

from drum_core.errors import InputError

__all__ = ["out_of_memory"]


def out_of_memory(free: int | None = None) -> InputError:
    """An error to raise; `free` is how many bytes there were, where that was counted."""
    room = "there is" if free is None else f"the {free} bytes that are free"
    return InputError(
        f"The input needs more memory than {room}. Give fewer rows or columns at a time, or use a "
        "computer with more memory."
    )
