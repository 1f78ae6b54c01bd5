"""Bearer tokens: who is let in, while their file is there, changes, and is not."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drum_core.messages import Headers
from drum_core.options.tokens import parse_tokens
from drum_core.security.tokens import Tokens


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def lets_in(tokens: Tokens, value: str) -> bool:
    """Whether a request with this Authorization is taken."""
    return tokens.refusal(Headers([("Authorization", value)])) is None


@given(st.text(), st.text())
def test_only_a_token_opens(scheme: str, token: str) -> None:
    """Whatever else is sent is refused, and nothing that is sent is an error."""
    tokens = Tokens(["right-token"])
    opened = lets_in(tokens, f"{scheme} {token}")
    assert opened == (scheme.lower() == "bearer" and token.strip() == "right-token")


def test_no_token_at_all_opens_nothing() -> None:
    """An empty set of tokens takes no token, the empty one neither."""
    tokens = Tokens([])
    assert not lets_in(tokens, "Bearer ")
    assert not lets_in(tokens, "Bearer x")
    assert tokens.refusal(Headers()) is not None


def test_file_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    """Within a second of requests; the tokens before it are taken no longer."""
    file, clock = tmp_path / "tokens", Clock()
    file.write_text("# old ones\nold-token\n\nboth-token\n")
    heard: list[str] = []
    tokens = Tokens(file=file, clock=clock, on_read=heard.extend)
    assert lets_in(tokens, "Bearer old-token")
    assert lets_in(tokens, "Bearer both-token")
    file.write_text("both-token\nnew-token\n")
    assert lets_in(tokens, "Bearer old-token")
    clock.now += 1.5
    assert not lets_in(tokens, "Bearer old-token")
    assert lets_in(tokens, "Bearer both-token")
    assert lets_in(tokens, "Bearer new-token")
    assert heard == ["old-token", "both-token", "both-token", "new-token"]


def test_link_to_another_file_is_a_change(tmp_path: Path) -> None:
    """As orchestrators renew what they mount: another target, of the same size and time."""
    clock, link = Clock(), tmp_path / "tokens"
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"token-{name}")
        os.utime(tmp_path / name, ns=(1, 1))
    link.symlink_to(tmp_path / "one")
    tokens = Tokens(file=link, clock=clock)
    assert lets_in(tokens, "Bearer token-one")
    fresh = tmp_path / "fresh"
    fresh.symlink_to(tmp_path / "two")
    fresh.replace(link)
    clock.now += 1.5
    assert not lets_in(tokens, "Bearer token-one")
    assert lets_in(tokens, "Bearer token-two")


@pytest.mark.parametrize("broken", ["", "# nothing\n", "\x00\xff", None])
def test_file_without_tokens_opens_nothing(
    tmp_path: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Empty, unreadable or gone: all are refused, the log says why, once, until it is mended."""
    file, clock = tmp_path / "tokens", Clock()
    file.write_text("good-token")
    tokens = Tokens(file=file, clock=clock)
    if broken is None:
        file.unlink()
    else:
        file.write_text(broken)
    with caplog.at_level(logging.INFO, "drum.server"):
        for _ in range(3):
            clock.now += 1.5
            assert not lets_in(tokens, "Bearer good-token")
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert str(file) in errors[0].getMessage()
    file.write_text("good-token")
    clock.now += 1.5
    assert lets_in(tokens, "Bearer good-token")
    assert "good-token" not in caplog.text


def test_tokens_of_a_text() -> None:
    """Lines, commas, notes, a byte order mark; what no header can carry is refused, unseen."""
    assert parse_tokens("a-1, b-2\n# c-3\n a-1 ") == ("a-1", "b-2")
    assert parse_tokens(b"\xef\xbb\xbfa-1\r\n") == ("a-1",)
    for text in ("", " \n", "#x", ","):
        with pytest.raises(ValueError, match="there is no token"):
            parse_tokens(text)
    with pytest.raises(ValueError, match="token 2 has a character") as caught:
        parse_tokens("fine, secr\xe9t")
    assert "secr" not in str(caught.value)
