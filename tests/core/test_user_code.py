"""The modules of model folders: each its own, shared within a folder, gone at the end."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

from drum_core import CMRunner, DrumRuntime, ScoreOptions
from drum_core.model.user_code import UserCode
from tests.core.test_score import score
from tests.model_folders import make_folder

PICKLED = """
    import pathlib, pickle
    import pandas as pd
    import things

    def load_model(code_dir):
        path = pathlib.Path(code_dir, "thing.bin")
        path.write_bytes(pickle.dumps(things.Thing()))
        return pickle.loads(path.read_bytes())

    def score(data, model, **kwargs):
        return pd.DataFrame({"Predictions": data["x"] * model.factor})
"""


@pytest.fixture(autouse=True)
def clean_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import path as it was, whatever a test leaves there."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_load_model_unpickles_classes_of_its_own_folder(tmp_path: Path) -> None:
    """Two folders with classes of one name, alive at once, each unpickle their own."""
    found = []
    runtimes = []
    for factor in (2, 3):
        folder = make_folder(tmp_path / str(factor) / "m", custom=PICKLED)
        (folder / "things.py").write_text(f"class Thing:\n    factor = {factor}\n")
        data = folder.parent / "x.csv"
        data.write_text("x\n1\n2\n")
        runtime = DrumRuntime(ScoreOptions(code_dir=folder, input=data))
        runtimes.append(runtime)
        found.append(CMRunner(runtime).run().predictions["Predictions"].tolist())
    for runtime in runtimes:
        runtime.close()
    assert found == [[2, 4], [3, 6]]


def test_edited_neighbour_is_read_anew(tmp_path: Path) -> None:
    """After a runtime has been closed, nothing of its folder is left in the process."""
    custom = PICKLED.replace("import things", "import edited as things")
    folder = make_folder(tmp_path / "m", custom=custom)
    for factor in (2, 30):
        (folder / "edited.py").write_text(f"class Thing:\n    factor = {factor}\n")
        assert score(folder, "x\n1\n").predictions["Predictions"].tolist() == [factor]
    assert "edited" not in sys.modules
    assert str(folder) not in sys.path


def test_threads_may_import_while_the_file_is_loaded(tmp_path: Path) -> None:
    """Threads that custom.py starts while it is imported can import its neighbours."""
    custom = """
        from concurrent.futures import ThreadPoolExecutor
        import pandas as pd

        def late():
            import threaded_neighbour
            return threaded_neighbour.V

        with ThreadPoolExecutor(2) as pool:
            VALUES = [future.result(20) for future in [pool.submit(late), pool.submit(late)]]

        def score(data, model, **kwargs):
            return pd.DataFrame({"Predictions": data["x"] * sum(VALUES)})
    """
    folder = make_folder(tmp_path / "m", custom=custom)
    (folder / "threaded_neighbour.py").write_text("V = 5\n")
    other = UserCode(make_folder(tmp_path / "other", custom=PICKLED))  # is there, and is no matter
    assert score(folder, "x\n1\n").predictions["Predictions"].tolist() == [10]
    other.forget()


def test_model_may_load_a_model(tmp_path: Path) -> None:
    """A folder whose code loads another folder gets its own modules back afterwards."""
    inner = make_folder(tmp_path / "inner" / "m", custom="import same\nV = same.V\n")
    (inner / "same.py").write_text("V = 1\n")
    custom = f"""
        from pathlib import Path
        from drum_core.model.user_code import UserCode
        code = UserCode(Path({str(inner)!r}))
        INNER = code.load(Path({str(inner / "custom.py")!r})).V
        code.forget()
        import same
        V = same.V
    """
    outer = make_folder(tmp_path / "outer" / "m", custom=custom)
    (outer / "same.py").write_text("V = 2\n")
    code = UserCode(outer)
    module = vars(code.load(outer / "custom.py"))
    code.forget()
    assert (module["INNER"], module["V"]) == (1, 2)


def test_extension_and_hooks_share_custom_py(tmp_path: Path) -> None:
    """What an extension imports as `custom` is the module that the hooks are taken from."""
    folder = make_folder(tmp_path / "m", custom="STATE = []\n")
    (folder / "custom_flask.py").write_text("import custom\ncustom.STATE.append(1)\n")
    extension = UserCode(folder)
    extension.load(folder / "custom_flask.py")
    hooks = UserCode(folder)
    assert vars(hooks.load(folder / "custom.py"))["STATE"] == [1]
    another = UserCode(folder)
    assert vars(another.load(folder / "custom.py"))["STATE"] == []
    for code in (extension, hooks, another):
        code.forget()


def test_environment_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    """A package of a virtual environment inside the folder is nobody's neighbour."""
    folder = make_folder(tmp_path / "m", custom="import inner_package\n")
    packages = folder / ".venv" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "inner_package.py").write_text("KIND = type(__builtins__).__name__\n")
    sys.path.append(str(packages))
    code = UserCode(folder)
    module = code.load(folder / "custom.py")
    assert not hasattr(vars(module)["inner_package"], "__drum_folder__")
    code.forget()
    sys.modules.pop("inner_package")


class _Garbage:
    """Is collected at some allocation or other, and then lets another thread run."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        time.sleep(0)


def test_imports_of_many_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Late imports stay sound while other threads import other things, and collect garbage."""
    for number in range(2500):  # more than the tuples that Python keeps for reuse
        monkeypatch.setitem(sys.modules, f"filler{number}", ModuleType(f"filler{number}"))
    custom = """
        import importlib, sys

        def late():
            import busy_neighbour
            import busy_package.inner
            return busy_neighbour.V + busy_package.inner.V

        def churn():
            for name in ("colorsys", "chunk_of_nothing", "wave", "this_is_missing"):
                sys.modules.pop(name, None)
                try:
                    importlib.import_module(name)
                except ImportError:
                    pass
    """
    folder = make_folder(tmp_path / "m", custom=custom)
    (folder / "busy_neighbour.py").write_text("V = 1\n")
    (folder / "busy_package").mkdir()
    (folder / "busy_package" / "__init__.py").write_text("")
    (folder / "busy_package" / "inner.py").write_text("V = 2\n")
    code = UserCode(folder)
    module = vars(code.load(folder / "custom.py"))
    errors: list[BaseException] = []

    def work(function: str) -> None:
        try:
            for _ in range(150):
                _Garbage()
                module[function]()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("late", "churn", "late")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    code.forget()
    assert errors == []
