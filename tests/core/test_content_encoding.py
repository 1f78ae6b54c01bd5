"""Content-Encoding of request bodies: gzip and zstd, with a limit on what they unpack to."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drum_core.testing import Call, DictHost, fetch
from tests.core.served import form, post, serving
from tests.core.tables import zstd
from tests.model_folders import DOUBLE, make_folder

LIMIT = 300_000
ROWS = b"x\n1\n2.5\n"
PREDICTIONS = b'{"predictions":[2.0,5.0]}'

PACK: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstd.compress}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[DictHost]:
    """A model that predicts twice the column x, with small bodies."""
    with serving(make_folder(tmp_path / "m", custom=DOUBLE), max_body_size=LIMIT) as host:
        yield host


def encoded(coding: str) -> list[tuple[str, str]]:
    """The headers of an encoded CSV."""
    return [("Content-Type", "text/csv"), ("Content-Encoding", coding)]


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(ROWS, mtime=0)),
        ("GZip", gzip.compress(ROWS, mtime=0)),
        ("x-gzip", gzip.compress(ROWS, mtime=0)),
        ("zstd", zstd.compress(ROWS)),
        ("identity", ROWS),
        ("", ROWS),
        ("identity, gzip", gzip.compress(ROWS, mtime=0)),
        ("gzip, zstd", zstd.compress(gzip.compress(ROWS, mtime=0))),
        ("gzip", gzip.compress(ROWS[:5], mtime=0) + gzip.compress(ROWS[5:], mtime=0) + bytes(9)),
        ("zstd", zstd.compress(ROWS[:5]) + zstd.compress(ROWS[5:])),
    ],
)
def test_encoded_bodies_predict(host: DictHost, coding: str, data: bytes) -> None:
    """Bodies are unpacked in the order of the header, in any case, of one member or several."""
    answer = post(host, data, *encoded(coding))
    assert (answer.status, answer.body) == (200, PREDICTIONS)


def test_encoded_form(host: DictHost) -> None:
    """A form may be encoded as a whole."""
    body, header = form(('name="X"; filename="x.csv"', ROWS))
    answer = post(host, gzip.compress(body, mtime=0), header, ("Content-Encoding", "gzip"))
    assert answer.body == PREDICTIONS


@pytest.mark.parametrize("coding", ["br", "deflate", "compress", "gzip, br", "gzip, gzip, gzip"])
def test_other_codings_are_415(host: DictHost, coding: str) -> None:
    """A coding that is not taken is 415, and Accept-Encoding tells which are (RFC 9110)."""
    answer = post(host, zlib.compress(ROWS), *encoded(coding))
    assert answer.status == 415
    assert answer.headers["Accept-Encoding"] == "gzip, zstd"
    assert "'Content-Encoding: gzip or zstd'" in str(answer.json()["message"])


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("spoil", ["cut", "head", "check", "plain", "tail"])
def test_damaged_bodies_are_400(host: DictHost, coding: str, spoil: str) -> None:
    """A body that is cut short, damaged or not encoded at all is 400, and says so."""
    packed = PACK[coding](ROWS * 1000)
    if coding == "zstd":
        packed = zstd.compress(ROWS * 1000, options={zstd.CompressionParameter.checksum_flag: 1})
    changed = bytearray(packed)
    changed[-5] ^= 1
    data = {
        "cut": packed[:-9],
        "head": packed[:7],
        "check": bytes(changed),
        "plain": ROWS,
        "tail": packed + b"more",
    }[spoil]
    answer = post(host, data, *encoded(coding))
    assert answer.status == 400
    assert f"compressed with {coding}" in str(answer.json()["message"])


@pytest.mark.parametrize("coding", PACK)
def test_bomb_is_413_and_never_unpacked(host: DictHost, coding: str) -> None:
    """What unpacks to more than the limit is 413, without taking more memory than the limit."""
    bomb = PACK[coding](bytes(200 * LIMIT))
    assert len(bomb) < LIMIT / 4
    post(host, PACK[coding](ROWS), *encoded(coding))  # loads what is loaded once
    tracemalloc.start()
    try:
        answer = post(host, bomb, *encoded(coding))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status == 413
    assert f"more than the {LIMIT} bytes" in str(answer.json()["message"])
    assert peak < 20 * LIMIT


def test_bomb_in_a_bomb(host: DictHost) -> None:
    """Each coding of several is held to the limit."""
    bomb = gzip.compress(gzip.compress(bytes(1000 * LIMIT), mtime=0))
    assert post(host, bomb, *encoded("gzip, gzip")).status == 413


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_bomb_as_a_file_of_a_form(host: DictHost, suffix: str) -> None:
    """A compressed file of a form is held to the limit, too."""
    packed = PACK["gzip" if suffix == "gz" else "zstd"](bytes(20 * LIMIT))
    body, header = form((f'name="X"; filename="rows.csv.{suffix}"', packed))
    assert post(host, body, header).status == 413


def test_at_the_limit(host: DictHost) -> None:
    """A body that unpacks to just the limit is taken."""
    rows = b"x\n" + b"1\n" * ((LIMIT - 2) // 2)
    assert len(rows) == LIMIT
    assert post(host, gzip.compress(rows, mtime=0), *encoded("gzip")).status == 200
    assert post(host, gzip.compress(rows + b"\n", mtime=0), *encoded("gzip")).status == 413


def test_empty_encoded_body(host: DictHost) -> None:
    """An encoded body of nothing is an empty body."""
    assert post(host, gzip.compress(b"", mtime=0), *encoded("gzip")).status == 422
    assert post(host, b"", *encoded("gzip")).status == 422


def test_get_routes_do_not_look(host: DictHost) -> None:
    """A probe with a header about a body that it has not is answered."""
    call = Call("GET", "/ping/", (("Content-Encoding", "br"),))
    assert fetch(host, call).status == 200
