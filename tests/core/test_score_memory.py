"""Batch scoring of input that takes more memory than there is."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, ScoreOptions
from drum_core.errors import InputError
from drum_core.monitoring.memory import available_memory
from tests.model_folders import DOUBLE, make_folder

HEAD = "%%MatrixMarket matrix coordinate real general\n"

_SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path

import pandas, psutil

from drum_core.data.input_file import read_input
from drum_core.data.tables import read_table
from drum_core.errors import InputError

pandas.DataFrame({"a": [1]}).to_csv()
used = psutil.Process().memory_info().vms
limit = used + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    read_table(read_input(Path(sys.argv[1])))
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize("size", ["2 999999999 1", "999999999999 2 1"])
def test_announced_size_is_held_to_the_free_memory(tmp_path: Path, size: str) -> None:
    """A matrix of a few bytes that announces more than the memory is refused before any work."""
    folder = make_folder(tmp_path / "m", custom=DOUBLE)
    data = tmp_path / "input.mtx"
    data.write_text(f"{HEAD}{size}\n1 1 1.0\n")
    refused = pytest.raises(InputError, match=r"more memory than the [0-9]+ bytes that are")
    with DrumRuntime(ScoreOptions(code_dir=folder, input=data)) as runtime, refused:
        CMRunner(runtime).run()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs limits of POSIX")
@pytest.mark.parametrize(
    ("name", "room"), [("input.csv", 16), ("input.csv.gz", 16), ("input.csv", 80)]
)
def test_memory_that_runs_out_is_no_bug(tmp_path: Path, name: str, room: int) -> None:
    """Reading, unpacking and parsing say that memory is short, where the system refuses more."""
    rows = b"a,b\n" + b"1,2.5\n" * 10_000_000
    data = tmp_path / name
    data.write_bytes(gzip.compress(rows, 1) if name.endswith(".gz") else rows)
    ended = subprocess.run(
        [sys.executable, "-c", _SHORT_OF_MEMORY, str(data), str(room << 20)],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout.startswith("The input needs more memory than there is."), ended.stderr


def test_available_memory_is_that_of_the_host_or_less() -> None:
    """The memory that is free is some of the host's."""
    import psutil

    assert 0 < available_memory() <= psutil.virtual_memory().total
