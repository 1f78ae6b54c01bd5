"""Where DataRobot is, and the token that opens it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from drum_core.environment import variable
from drum_core.upload.errors import PushError

__all__ = ["Credentials", "find_credentials", "find_endpoint"]

_ENDPOINT: Final = "DATAROBOT_ENDPOINT"
_TOKEN: Final = "DATAROBOT_API_TOKEN"
_FILE: Final = "DATAROBOT_CONFIG_FILE"
_DEFAULT_FILE: Final = Path(".config", "datarobot", "drconfig.yaml")

_HOW: Final = (
    f"Set {_ENDPOINT} (such as https://app.datarobot.com/api/v2) and {_TOKEN}, or write "
    f"'endpoint: …' and 'token: …' into ~/{_DEFAULT_FILE}. Tokens are made under 'API keys and "
    "tools' in the account menu of DataRobot."
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The address of the API, the token, and the variables or the file that both are from."""

    endpoint: str
    token: str = field(repr=False)
    source: str


def find_credentials() -> Credentials:
    """Those of the file that DATAROBOT_CONFIG_FILE names, else the variables, else the user's file.

    Both come from one place, as the client library demands it: a token must not be sent to an
    address that somebody else has set. Raises `PushError` saying what is missing.
    """
    found = _found()
    if found is None:
        raise PushError(f"drum push does not know where DataRobot is. {_HOW}")
    values, source = found
    missing = [name for name in ("endpoint", "token") if not values.get(name)]
    if missing:
        raise PushError(f"{source} gives no {' and no '.join(missing)} for DataRobot. {_HOW}")
    endpoint = values["endpoint"]
    if not endpoint.startswith(("http://", "https://")):
        raise PushError(
            f"The address of DataRobot starts with https://; {source} gives {endpoint!r}. {_HOW}"
        )
    return Credentials(endpoint, values["token"], source)


def find_endpoint() -> str | None:
    """The address alone, for showing what would be sent; `None` where it is not set."""
    found = _found()
    return found[0].get("endpoint") if found else None


def _found() -> tuple[dict[str, str], str] | None:
    if named := variable(_FILE):
        path = Path(named).expanduser()
        if not path.is_file():
            raise PushError(f"{_FILE} names {path}, which is no file. {_HOW}")
        return _read(path), str(path)
    names = {"endpoint": _ENDPOINT, "token": _TOKEN}
    values = {key: (variable(name) or "").strip() for key, name in names.items()}
    if any(values.values()):
        given = [name for key, name in names.items() if values[key]]
        return values, f"The environment (only {given[0]} is set)" if len(given) == 1 else _TOKEN
    path = Path.home() / _DEFAULT_FILE
    return (_read(path), str(path)) if path.is_file() else None


def _read(path: Path) -> dict[str, str]:
    """What a file of the client says; an error shows nothing of it, as a token may be there."""
    import yaml

    problem = ""
    content: object = None
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"it cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = "it is not UTF-8 text"
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = "it is not YAML" + (f", see line {mark.line + 1}" if mark else "")
    if not problem and not isinstance(content, dict):
        problem = "expected keys with values, 'endpoint: …' and 'token: …'"
    if problem or not isinstance(content, dict):
        # Outside the handler: the error of the parser quotes the file.
        raise PushError(f"{path}: {problem}.")
    return {
        name: str(content[name]).strip()
        for name in ("endpoint", "token")
        if content.get(name) is not None
    }
