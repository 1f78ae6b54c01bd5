"""The direction of imports, read from the source: who may know whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

WEB = {
    *("drum_web", "flask", "werkzeug", "gunicorn", "fastapi", "starlette", "uvicorn"),
    *("anyio", "uvloop", "httptools"),
}
HEAVY = {
    *("numpy", "pandas", "pydantic", "sklearn", "joblib", "yaml", "rich", "orjson", "psutil"),
    *("python_multipart", "rich_argparse", "shtab"),
}

LEAVES = {
    *(
        "async_bridge",
        "body",
        "cpu_quota",
        "scoreboard",
        "body_budget",
        "child_server",
        "environment",
        "errors",
        "heartbeat",
        "own_process",
        "time_left",
        "worker_card",
    ),
    *("limit_errors", "messages", "options", "process_end", "progress", "protocols"),
    *("request_record", "tally"),
    "upstream",
    *("registry", "results", "security", "user", "version", "worker"),
}
MAY_IMPORT = {
    "options": {"cpu_quota", "errors", "options"},
    "user": LEAVES,
    "monitoring": LEAVES | {"data", "model"},
    "data": LEAVES | {"data", "model"},
    "model": LEAVES | {"data", "model"},
    "backends": LEAVES | {"backends", "data", "model"},
    "telemetry": LEAVES | {"data", "model", "monitoring", "telemetry"},
    "serving": LEAVES | {"data", "model", "monitoring", "serving", "telemetry"},
    "isolation": LEAVES | {"data", "isolation", "logs", "model", "monitoring", "serving"},
    "load_test": LEAVES | {"data", "load_test", "model", "monitoring"},
    "images": LEAVES | {"images", "model", "templates"},
    "upload": LEAVES | {"model", "upload"},
    "training": LEAVES | {"child_server", "data", "model", "monitoring", "serving", "training"},
    "containers": LEAVES | {"containers", "model"},
    "modes": LEAVES
    | {"child_server", "containers", "data", "load_test", "model", "modes", "monitoring"}
    | {"images", "serving", "templates", "training", "upload", "validation"},
    "validation": LEAVES | {"data", "model", "serving", "validation"},
    "logs": LEAVES | {"serving", "telemetry"},
    "runtime": LEAVES,
    "runner": LEAVES | {"model", "modes", "runtime"},
    "cli": LEAVES
    | {"cli", "containers", "data", "logs", "model", "modes", "monitoring", "runner", "runtime"}
    | {"serving"},
    "testing": LEAVES | {"serving", "testing"},
    "__init__": LEAVES | {"runner", "runtime"},
    "__main__": {"cli"},
}
"""For each part of drum_core, the parts it may import; the leaves import only leaves."""


def modules(package: str) -> Iterator[Path]:
    """The Python files of a package, without the templates that are copied for users."""
    for path in sorted((ROOT / package).rglob("*.py")):
        if "templates" not in path.parts:
            yield path


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[tuple[int, str]]:
    """Line and name of each module that a file imports, also late; not those for checkers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in _statements(tree, top_level_only=top_level_only):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            yield node.lineno, node.module or ""


def _statements(node: ast.AST, *, top_level_only: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if top_level_only and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        yield child
        yield from _statements(child, top_level_only=top_level_only)


@pytest.mark.parametrize("path", list(modules("drum_core")), ids=lambda path: str(path.name))
def test_core_knows_no_web_framework(path: Path) -> None:
    """No module of drum_core imports a web framework, a server or drum_web, not even late."""
    found = [(line, name) for line, name in imports(path) if name.partition(".")[0] in WEB]
    assert found == []


@pytest.mark.parametrize("path", list(modules("drum_core")), ids=lambda path: str(path.name))
def test_core_parts_import_downwards(path: Path) -> None:
    """Each part of drum_core imports only what is below it."""
    part = path.relative_to(ROOT / "drum_core").parts[0].removesuffix(".py")
    allowed = MAY_IMPORT.get(part, LEAVES)
    for line, name in imports(path):
        words = name.split(".")
        if words[0] == "drum_core":
            below = words[1] if len(words) > 1 else "__init__"
            assert below in allowed | {part}, f"{path}:{line}: {part} must not import {name}"


@pytest.mark.parametrize("path", list(modules("drum_web")), ids=lambda path: str(path.name))
def test_servers_know_no_command_line(path: Path) -> None:
    """No module of drum_web imports drum_core.cli: a server may be run by any program."""
    assert [name for _, name in imports(path) if name.startswith("drum_core.cli")] == []


def test_model_finds_backends_by_name() -> None:
    """drum_core.model does not import drum_core.backends: it has a table of their names."""
    for path in modules("drum_core/model"):
        assert not [name for _, name in imports(path) if name.startswith("drum_core.backends")]


@pytest.mark.parametrize("name", ["environment.py"])
def test_one_reader_of_the_environment(name: str) -> None:
    """os.environ is read in one module."""
    readers = [
        path.name
        for package in ("drum_core", "drum_web")
        for path in modules(package)
        if "os.environ" in path.read_text(encoding="utf-8")
        or "os.getenv" in path.read_text(encoding="utf-8")
    ]
    assert readers == [name]


def test_front_doors_are_light() -> None:
    """What `import drum_core` and the parser load imports nothing heavy at its top."""
    light = [*(ROOT / "drum_core").glob("*.py"), *(ROOT / "drum_core" / "options").glob("*.py")]
    light += [ROOT / "drum_core" / "cli" / name for name in ("__init__.py", "parser.py")]
    for path in light:
        found = [
            name
            for _, name in imports(path, top_level_only=True)
            if name.partition(".")[0] in HEAVY
        ]
        assert found == [], f"{path} imports {found} at its top"


def test_files_are_short() -> None:
    """No module is over 300 lines: a file that outgrows its idea is split."""
    long = {
        str(path.relative_to(ROOT)): count
        for package in ("drum_core", "drum_web")
        for path in modules(package)
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert long == {}


def test_every_module_says_what_it_is() -> None:
    """Every module opens with a docstring, so that the tree and first lines explain the program."""
    silent = [
        str(path.relative_to(ROOT))
        for package in ("drum_core", "drum_web")
        for path in modules(package)
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        or "TODO" in path.read_text(encoding="utf-8")
    ]
    assert silent == []
