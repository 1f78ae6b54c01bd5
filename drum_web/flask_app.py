"""`FlaskApp`: the runner's routes on a Flask application."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Blueprint, Flask
from flask import Response as FlaskResponse

from drum_core.messages import Route
from drum_core.protocols import WebApp
from drum_core.serving.site import Site
from drum_web.extensions import load_extension
from drum_web.flask_view import GuardedView, NothingThere, RouteView
from drum_web.owned_flask import OwnedFlask
from drum_web.urls import mounted_paths, slash_siblings, split_tail

__all__ = ["FlaskApp"]

BLUEPRINT: Final = "model_api"
ABSENT: Final = "absent"


class FlaskApp:
    """A `WebApp` on Flask; `app` is the native application.

    Without one, it makes and owns one: then every path without a route, every method a path does
    not take and every unexpected error is answered as the core does on each framework, and every
    response has the standard headers. Of an application of yours, only the runner's own routes
    are touched.
    """

    def __init__(self, app: Flask | None = None) -> None:
        self.app: Flask = OwnedFlask() if app is None else app
        self._site = self.app.site if isinstance(self.app, OwnedFlask) else Site()

    def server_type(self) -> str:
        """`flask`."""
        return "flask"

    def add_routes(self, routes: Sequence[Route], /, *, prefix: str = "") -> None:
        """Registers each route as a rule of a blueprint: `model_api`, the next `model_api_2`.

        An endpoint is named as its route, so that extensions can ask for
        `request.endpoint == "model_api.ping"`. Raises `ValueError` when a path is taken.
        """
        taken = _Taken(self.app)
        paths = [(path, route) for route in routes for path in mounted_paths(route, prefix)]
        for path, route in paths:
            taken.add(_rule(path), route.methods)
        views: dict[str, RouteView] = {}
        blueprint = Blueprint(self._blueprint_name(), __name__)
        for path, route in paths:
            _add_rule(blueprint, path, route, views.setdefault(route.name, RouteView(route)))
        # Flask redirects /health to /health/ where only the second is a rule.
        for path in slash_siblings(path for path, _ in paths):
            if not path.endswith("/") and _rule(path) not in taken:
                blueprint.add_url_rule(path, endpoint=ABSENT, view_func=_absent)
        self.app.register_blueprint(blueprint)
        exact = {
            (f"{blueprint.name}.{route.name}", _rule(path)): route.methods for path, route in paths
        }
        for rule in self.app.url_map.iter_rules():
            methods = exact.get((rule.endpoint, rule.rule))
            if methods is not None:
                rule.methods = set(methods)  # without the HEAD that werkzeug adds to GET
            elif rule.endpoint == f"{blueprint.name}.{ABSENT}":
                rule.methods = None  # all
        self._site.add(routes)

    def load_extension(self, code_dir: Path, /) -> Path | None:
        """Runs `init_app(app)` of the folder's `custom_flask.py` with the native application."""
        before = set(self.app.view_functions)
        path = load_extension(code_dir, "flask", self.app)
        if self._site.screens and not isinstance(self.app, OwnedFlask):
            views = self.app.view_functions
            added = {name: GuardedView(views[name], self._site) for name in set(views) - before}
            views.update(added)
        return path

    def _blueprint_name(self) -> str:
        number = 1
        while (name := BLUEPRINT if number == 1 else f"{BLUEPRINT}_{number}") in (
            self.app.blueprints
        ):
            number += 1
        return name


class _Taken:
    """The rules of an application, with their methods."""

    def __init__(self, app: Flask) -> None:
        self._methods: dict[str, set[str]] = {}
        for rule in app.url_map.iter_rules():
            self._methods.setdefault(rule.rule, set()).update(rule.methods or ())

    def __contains__(self, rule: str) -> bool:
        return rule in self._methods

    def add(self, rule: str, methods: Iterable[str]) -> None:
        """Takes a rule; raises `ValueError` when one of its methods is taken."""
        known = self._methods.setdefault(rule, set())
        if known.intersection(methods):
            raise ValueError(f"The path {rule} is taken already; mount under another prefix.")
        known.update(methods)


def _rule(path: str) -> str:
    head, tail = split_tail(path)
    return head if tail is None else f"{head}<path:{tail}>"


def _add_rule(blueprint: Blueprint, path: str, route: Route, view: RouteView) -> None:
    blueprint.add_url_rule(
        _rule(path),
        endpoint=route.name,
        view_func=view,
        methods=route.methods,
        provide_automatic_options=False,
        strict_slashes=True,
        merge_slashes=False,
    )


def _absent() -> FlaskResponse:
    raise NothingThere


if TYPE_CHECKING:
    _app: type[WebApp] = FlaskApp
