"""PyTorch modules: whole ones, TorchScript, and weights beside their class."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from drum_core.errors import ArtifactError, PredictionError
from tests.core.served import get, post, serving
from tests.frameworks.iris import SOME, predictor, scored
from tests.model_folders import ANOMALY, BINARY, MULTICLASS, MULTILABEL, REGRESSION, make_folder

torch = pytest.importorskip("torch")

ROWS = np.ascontiguousarray(SOME.to_numpy())

NET = """\
import torch

class Net(torch.nn.Module):
    def __init__(self, outputs=3):
        super().__init__()
        self.inner = torch.nn.Linear(4, outputs)
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, rows):
        return torch.softmax(self.inner(self.dropout(rows)), dim=1)
"""

SAVE = """\
import torch
for name in ("custom", "network"):
    torch.manual_seed(3)
    net = __import__(name).Net()
    torch.save(net, f"{name}-whole")
    torch.save(net.state_dict(), f"{name}-weights")
"""
"""Runs where the classes are, in a process of its own, so that only the folder has them."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Modules and weights of the class Net, of custom.py and of network.py."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("custom.py", "network.py"):
        (folder / name).write_text(NET)
    subprocess.run([sys.executable, "-c", SAVE], cwd=folder, check=True, timeout=60)
    return folder


def expected(module: object, outputs: str = "float64") -> np.ndarray:
    """What the module gives for the rows when it is called directly."""
    assert callable(module)
    with torch.no_grad():
        answer = module(torch.tensor(ROWS, dtype=torch.float32))
    return np.asarray(answer.numpy().astype(outputs))


def sequential(outputs: int, last: object) -> object:
    """A small module made of PyTorch's own classes."""
    torch.manual_seed(7)
    return torch.nn.Sequential(torch.nn.Linear(4, outputs), torch.nn.Dropout(0.5), last).eval()


def saved(path: Path, module: object, metadata: str, name: str = "model.pth") -> Path:
    """A folder with the whole module."""
    folder = make_folder(path, metadata=metadata)
    torch.save(module, folder / name)
    return folder


@pytest.mark.parametrize("name", ["model.pth", "model.pt", "model.PTH"])
@pytest.mark.parametrize("metadata", [REGRESSION, ANOMALY])
def test_one_number(tmp_path: Path, name: str, metadata: str) -> None:
    """A module with one output gives the column Predictions, in the module's own precision."""
    module = sequential(1, torch.nn.Identity())
    frame = scored(saved(tmp_path / "m", module, metadata, name), SOME)
    assert np.array_equal(frame["Predictions"], expected(module, "float32")[:, 0])


def test_binary_with_one_output(tmp_path: Path) -> None:
    """One output is the probability of the positive class."""
    module = sequential(1, torch.nn.Sigmoid())
    frame = scored(saved(tmp_path / "m", module, BINARY), SOME)
    assert np.array_equal(frame["yes"], expected(module)[:, 0])
    assert np.array_equal(frame["no"], 1 - expected(module)[:, 0])


def test_several_outputs_are_in_the_order_of_the_labels(tmp_path: Path) -> None:
    """Of two outputs the first is the negative class; more are as the metadata list them."""
    two = sequential(2, torch.nn.Softmax(dim=1))
    frame = scored(saved(tmp_path / "m", two, BINARY), SOME)
    assert np.array_equal(frame[["no", "yes"]], expected(two))
    three = sequential(3, torch.nn.Softmax(dim=1))
    folder = saved(tmp_path / "n", three, MULTICLASS)
    assert np.array_equal(scored(folder, SOME), expected(three))
    assert predictor(folder) == "torch"
    each = sequential(3, torch.nn.Sigmoid())
    assert np.array_equal(scored(saved(tmp_path / "o", each, MULTILABEL), SOME), expected(each))


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", ["model.pt", "model.pth"])
def test_torchscript(tmp_path: Path, name: str) -> None:
    """A scripted module needs no class, and runs under both extensions."""
    module = sequential(3, torch.nn.Softmax(dim=1))
    folder = make_folder(tmp_path / "m", metadata=MULTICLASS)
    torch.jit.script(module).save(str(folder / name))
    assert np.array_equal(scored(folder, SOME), expected(module))
    assert predictor(folder) == "torch"


def test_double_precision(tmp_path: Path) -> None:
    """A module of doubles is given doubles."""
    module = sequential(1, torch.nn.Identity()).double()  # type: ignore[attr-defined]  # a module
    with torch.no_grad():
        answer = module(torch.tensor(ROWS)).numpy()[:, 0]
    frame = scored(saved(tmp_path / "m", module, REGRESSION), SOME)
    assert frame["Predictions"].tolist() == answer.tolist()


@pytest.mark.parametrize("module", ["custom", "network"])
@pytest.mark.parametrize("kind", ["whole", "weights"])
def test_class_beside_the_file(tmp_path: Path, files: Path, module: str, kind: str) -> None:
    """The class of a module, or of weights alone, is found in custom.py or in a sibling file."""
    folder = make_folder(tmp_path / "m", metadata=MULTICLASS)
    (folder / f"{module}.py").write_text(NET)
    (folder / "model.pth").write_bytes((files / f"{module}-{kind}").read_bytes())
    weights = torch.load(files / f"{module}-weights")
    rows = torch.tensor(ROWS, dtype=torch.float32)
    inner = torch.nn.functional.linear(rows, weights["inner.weight"], weights["inner.bias"])
    assert np.array_equal(scored(folder, SOME), torch.softmax(inner, dim=1).numpy().astype(float))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("", "found none"),
        (NET + NET.replace("Net", "Other"), "found 'Net', 'Other'"),
        (NET.replace("outputs=3", "outputs"), r"class Net: TypeError.*load_model hook"),
        (NET.replace("outputs=3", "outputs=2"), r"class Net: RuntimeError.*size mismatch"),
        ("raise OSError('no')", "cannot be imported: OSError"),
    ],
)
def test_weights_without_their_class(tmp_path: Path, code: str, message: str) -> None:
    """Weights whose class is missing, ambiguous or another say so, and what to do."""
    folder = make_folder(tmp_path / "m", metadata=MULTICLASS)
    (folder / "network.py").write_text(code)
    state = torch.nn.ModuleDict({"inner": torch.nn.Linear(4, 3)}).state_dict()
    torch.save(state, folder / "model.pth")
    with pytest.raises(ArtifactError, match=message):
        scored(folder, SOME)


def test_dictionary_that_is_no_weights(tmp_path: Path) -> None:
    """A checkpoint with more than weights lists its keys."""
    folder = saved(tmp_path / "m", {"epoch": 3, "model": {}}, REGRESSION)
    with pytest.raises(ArtifactError, match=r"keys 'epoch', 'model'.*load_model hook"):
        scored(folder, SOME)


def test_answer_that_is_no_tensor(tmp_path: Path) -> None:
    """A module that gives a pair asks for a score hook."""
    folder = saved(tmp_path / "m", torch.nn.LSTM(4, 1), REGRESSION)
    with pytest.raises(PredictionError, match=r"must return a tensor, got tuple.*score hook"):
        scored(folder, SOME)


@pytest.mark.parametrize("name", ["model.pth", "model.pt"])
@pytest.mark.parametrize("content", [b"", b"something else", None])
def test_broken_file(tmp_path: Path, name: str, content: bytes | None) -> None:
    """A file that is cut short or is something else names the file and what was expected."""
    folder = saved(tmp_path / "m", sequential(1, torch.nn.Identity()), REGRESSION, name)
    path = folder / name
    path.write_bytes(path.read_bytes()[:700] if content is None else content)
    with pytest.raises(ArtifactError, match=rf"{name}.*Expected a module that torch\.save"):
        scored(folder, SOME)


def test_server_and_batch_agree(tmp_path: Path) -> None:
    """The server sends the same numbers as batch scoring, to the last bit of the module's own."""
    module = sequential(1, torch.nn.Identity())
    folder = saved(tmp_path / "m", module, REGRESSION)
    batch = scored(folder, SOME)["Predictions"].to_numpy()
    with serving(folder) as host:
        assert json.loads(get(host, "/info/").body)["predictor"] == "torch"
        answer = post(host, SOME.to_csv(index=False), ("Content-Type", "text/csv"))
    found = np.array(json.loads(answer.body)["predictions"])
    assert np.array_equal(found, batch)
