"""Whether an answer is what was asked for: the right status, and a prediction for each row."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from drum_core.load_test.workload import AnswerKind, Body

__all__ = ["AnswerCheck"]

_LARGE = 256 * 1024
_SHOWN = 300
_DONE = b"data: [DONE]"
"""The end of a whole stream, as the API of OpenAI has it."""


@dataclass(slots=True)
class AnswerCheck:
    """Checks the answers to one path.

    Reading a large one takes as long as other requests wait for, so one that equals the last good
    answer to the same request is not read again.
    """

    expected: AnswerKind
    _good: dict[int, bytes] = field(default_factory=dict)

    def problem(self, status: int, answer: bytes, variant: int, body: Body) -> tuple[str, str]:
        """What kind of failure it is and what was said; empty texts for a good answer."""
        if status != 200:
            return f"status {status}", _start(answer)
        if self.expected == "predictions":
            return self._miscounted(answer, variant, body)
        if not answer:
            return "empty answer", ""
        if self.expected == "chat" and not answer.rstrip().endswith(_DONE):
            return "stream broken off", _end(answer)
        return "", ""

    def _miscounted(self, answer: bytes, variant: int, body: Body) -> tuple[str, str]:
        if len(answer) > _LARGE and self._good.get(variant) == answer:
            return "", ""
        try:
            content: object = orjson.loads(answer)
        except orjson.JSONDecodeError:
            return "no JSON", _start(answer)
        found = _count(content)
        if found is None:
            return "no predictions", _start(answer)
        if body.rows is not None and found != body.rows:
            said = f"{found} predictions for {body.rows} rows"
            return "wrong number of predictions", said
        if len(answer) > _LARGE:
            self._good[variant] = answer
        return "", ""


def _count(content: object) -> int | None:
    """The number of predictions; a deployment calls them `data`."""
    if not isinstance(content, dict):
        return None
    for key in ("predictions", "data"):
        if isinstance(content.get(key), list):
            return len(content[key])
    return None


def _end(answer: bytes) -> str:
    return answer[-_SHOWN * 4 :].decode("utf-8", "replace").strip()[-_SHOWN:]


def _start(answer: bytes) -> str:
    return answer[: _SHOWN * 4].decode("utf-8", "replace").strip()[:_SHOWN]
