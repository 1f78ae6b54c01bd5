"""What a type checker must refuse: each line marked with the error code it must give."""

from pathlib import Path

from flask import Flask

from drum_core import CMRunner, DrumRuntime, FitOptions, ScoreOptions, ServerOptions, WebApp
from drum_web import FlaskApp

runtime = DrumRuntime(ServerOptions(code_dir=Path("m")))

CMRunner(runtime, app=Flask("x"))  # E: call-overload
CMRunner(runtime, worker_ctx=object())  # E: call-overload
CMRunner(runtime, flask_app=FlaskApp())  # E: deprecated
CMRunner(runtime).flask_app  # E: deprecated
DrumRuntime(42)  # E: type-var
ServerOptions(code_dir=Path("m"), adress="x")  # E: call-arg
ServerOptions(code_dir="m")  # E: arg-type
ServerOptions(code_dir=Path("m"), target_type="regression")  # E: arg-type
ScoreOptions(code_dir=Path("m"))  # E: call-arg
scoring = DrumRuntime(ScoreOptions(code_dir=Path("m"), input=Path("x")))
CMRunner(scoring).run().exit_status  # E: attr-defined
DrumRuntime(ScoreOptions(code_dir=Path("m"), input=Path("x")), progress=print)  # E: arg-type
ServerOptions(code_dir=Path("m")).max_workers = 3  # E: misc


class TwoMethods:
    def server_type(self) -> str:
        return "x"

    def add_routes(self) -> None: ...


app: WebApp = TwoMethods()  # E: assignment
CMRunner(DrumRuntime(FitOptions(code_dir=Path("m")))).run()  # E: call-arg
