"""A served model from its loading to its end, and while it is busy."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from drum_core import CMRunner, DrumRuntime, ServerOptions, Worker
from drum_core.errors import DrumError, ExtensionError
from drum_core.testing import Answer, DictHost
from tests.core.served import CSV, GET_PATHS, await_state, get, post, serving
from tests.model_folders import DOUBLE, make_folder
from tests.web.live import wait_until


class TestStates:
    """LOADING, READY, FAILED and DRAINING, as a client sees them."""

    SLOW = """
        import pathlib, time

        def load_model(code_dir):
            while not (pathlib.Path(code_dir) / "go").exists():
                time.sleep(0.01)
            if (pathlib.Path(code_dir) / "go").read_text():
                raise RuntimeError("no weights")
            return 1

        def score(data, model, **kwargs):
            import pandas as pd
            return pd.DataFrame({"p": data["x"]})
    """

    def statuses(self, host: DictHost) -> dict[str, int]:
        """The status of each kind of route."""
        found = {path: get(host, path).status for path in ("/", *GET_PATHS)}
        found["/predict/"] = post(host, "x\n1\n", *CSV).status
        return found

    def test_loading_ready_draining(self, tmp_path: Path) -> None:
        """The process answers at once; what needs the model is 503 until it is there."""
        folder = make_folder(tmp_path / "m", custom=self.SLOW)
        with serving(folder, wait=False) as host:
            loading = self.statuses(host)
            assert post(host, "x\n1\n", *CSV).headers["Retry-After"] == "2"
            (folder / "go").write_text("")
            await_state(host)
            ready = self.statuses(host)
        draining = self.statuses(host)
        always = {"/livez": 200, "/stats": 200}
        assert loading == dict.fromkeys(loading, 503) | always
        assert ready == dict.fromkeys(ready, 200)
        assert {path for path, status in draining.items() if status == 503} == {
            "/health",
            "/readyz",
        }

    def test_worker_that_nobody_starts(self, tmp_path: Path) -> None:
        """An application that never starts its worker is told so, instead of to wait."""
        host = DictHost()
        worker = Worker()
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        with DrumRuntime(ServerOptions(code_dir=folder)) as runtime:
            CMRunner(runtime, app=host, worker_ctx=worker).run()
        answer = post(host, "x\n1\n", *CSV)
        assert answer.status == 503
        assert "worker context has not been started" in str(answer.json()["message"])
        worker.start()
        await_state(host)
        assert post(host, "x\n1\n", *CSV).status == 200
        worker.cleanup()

    def test_failed_with_error_server(self, tmp_path: Path) -> None:
        """With the error server, a failed model is 513 with the reason; it stays alive."""
        folder = make_folder(tmp_path / "m", custom=self.SLOW)
        (folder / "go").write_text("fail")
        with serving(folder, with_error_server=True) as host:
            failed = self.statuses(host)
            answer = post(host, "x\n1\n", *CSV)
        own = {"/livez": 200, "/stats": 200, "/readyz": 503, "/startupz": 503}
        assert failed == dict.fromkeys(failed, 513) | own
        assert "no weights" in str(answer.json()["message"])
        assert str(answer.json()["message"]).startswith("ERROR: ")

    def test_failed_without_error_server_fails_the_worker(self, tmp_path: Path) -> None:
        """Without it, the worker is told, and keeps the reason."""
        folder = make_folder(tmp_path / "m", custom=self.SLOW)
        (folder / "go").write_text("fail")
        worker = Worker()
        with DrumRuntime(ServerOptions(code_dir=folder)) as runtime:
            CMRunner(runtime, app=(host := DictHost()), worker_ctx=worker).run()
            assert get(host, "/health/").status == 503
            worker.start()
            await_state(host)
            worker.cleanup()
        assert "no weights" in str(worker.error())

    def test_folder_that_is_no_model(self, tmp_path: Path) -> None:
        """A folder that is no model fails at once, or answers 513 with the error server."""
        (tmp_path / "m").mkdir()
        with pytest.raises(DrumError, match="Can not detect language"), serving(tmp_path / "m"):
            pass
        with serving(tmp_path / "m", with_error_server=True) as host:
            assert get(host, "/ping/").status == get(host, "/info/").status == 513

    def test_foreign_extension_is_refused(self, tmp_path: Path) -> None:
        """An extension for another framework may hold the authentication: no serving."""
        folder = make_folder(tmp_path / "m", custom=DOUBLE)
        (folder / "custom_flask.py").write_text("def init_app(app): pass\n")
        with pytest.raises(ExtensionError, match="custom_flask"), serving(folder):
            pass


def test_verbose_probes_say_why(tmp_path: Path) -> None:
    """`?verbose` adds state, since when, the reason and the numbers; a secret in it is masked."""
    folder = make_folder(
        tmp_path / "m",
        custom="""
        import time
        from pathlib import Path
        from drum_core.user import RuntimeParameters

        def load_model(code_dir):
            while not Path(code_dir, "go").exists():
                time.sleep(0.01)
            raise RuntimeError("no entry with " + RuntimeParameters.get("KEY")["apiToken"])

        def score(data, model, **kwargs):
            return data
        """,
    )
    (folder / "model-metadata.yaml").write_text(
        "name: m\ntype: inference\ntargetType: regression\nruntimeParameterDefinitions:\n"
        "  - fieldName: KEY\n    type: credential\n"
    )
    values = tmp_path / "values.yaml"
    values.write_text("KEY: {credentialType: api_token, apiToken: open-sesame-1234}\n")
    with serving(folder, wait=False, with_error_server=True, runtime_params_file=values) as host:
        told = get(host, "/readyz?verbose").json()
        assert (told["state"], told["running"], told["waiting"]) == ("loading", 0, 0)
        assert "still loading" in str(told["reason"])
        assert "state" not in get(host, "/readyz").json()
        (folder / "go").touch()
        await_state(host)
        for path in ("/livez", "/readyz", "/startupz", "/ping/", "/health/"):
            later = get(host, f"{path}?verbose=1").json()
            assert later["state"] == "failed"
            assert "no entry with" in str(later["reason"])
            assert str(later["since"]) >= str(told["since"])
            assert "open-sesame" not in str(later)


def test_one_prediction_at_a_time(tmp_path: Path) -> None:
    """Requests share one slot: the model never runs twice at once, and a probe never waits."""
    custom = """
        import pathlib, threading, time
        import pandas as pd

        running, most = 0, 0
        lock = threading.Lock()

        def load_model(code_dir):
            return pathlib.Path(code_dir)

        def score(data, model, **kwargs):
            global running, most
            with lock:
                running += 1
                most = max(most, running)
            (model / "started").touch()
            for _ in range(1000):
                if (model / "go").exists():
                    break
                time.sleep(0.01)
            time.sleep(0.02)
            with lock:
                running -= 1
            return pd.DataFrame({"p": [most] * len(data)})
    """
    folder = make_folder(tmp_path / "m", custom=custom)
    with serving(folder) as host:
        answers: list[Answer] = []
        threads = [
            threading.Thread(target=lambda: answers.append(post(host, "x\n1\n", *CSV)))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        wait_until((folder / "started").exists)
        assert get(host, "/ping/").status == 200
        assert answers == []
        (folder / "go").touch()
        for thread in threads:
            thread.join(15)
    assert [answer.json() for answer in answers] == [{"predictions": [1.0]}] * 6
