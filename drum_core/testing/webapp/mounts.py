"""Where routes are found: prefixes, several mounts, paths that are taken."""

from __future__ import annotations

from drum_core.testing.suite_routes import SECOND_PREFIX
from drum_core.testing.webapp.suite import Suite, expect, expect_same

__all__ = ["MountTests"]


class MountTests(Suite):
    """What the application said while it was assembled, and where its routes are."""

    def _assembled(self) -> dict[str, object]:
        return self.seen("GET", "/assembled")

    def test_is_a_web_app(self) -> None:
        """The application satisfies the `WebApp` protocol, its worker `WorkerContext`."""
        report = self._assembled()
        expect_same(report["is_web_app"], True, "isinstance(app, WebApp)")
        expect_same(report["worker_is_context"], True, "isinstance(worker, WorkerContext)")

    def test_server_type_is_a_lower_case_word(self) -> None:
        """The framework has a name, in lower case."""
        name = self._assembled()["server_type"]
        expect(
            isinstance(name, str) and name.isidentifier() and name == name.lower(),
            f"expected a lower-case word, found {name!r}",
        )

    def test_path_taken_twice_is_an_error(self) -> None:
        """A path that is taken raises `ValueError`, in a later call and within one."""
        report = self._assembled()
        expect_same(report["taken_twice"], "ValueError", "adding a path again")
        expect_same(report["twice_in_a_call"], "ValueError", "adding a path twice in one call")

    def test_folder_without_extension(self) -> None:
        """A folder without an extension is no error."""
        expect_same(self._assembled()["no_extension"], True, "None for an empty folder")

    def test_extension_of_another_framework_is_not_passed_over(self) -> None:
        """A folder whose only extension is for another framework is refused."""
        found = self._assembled()["foreign_extension"]
        expect_same(found, "ExtensionError", "load_extension of a folder for another framework")

    def test_two_mounts_have_their_own_handlers(self) -> None:
        """The same path under two prefixes is answered by two handlers."""
        expect_same(self.seen("GET", "/echo")["mount"], "first", "the mount of /echo")
        found = self.seen("POST", f"{SECOND_PREFIX}/echo")["mount"]
        expect_same(found, "second", f"the mount of {SECOND_PREFIX}/echo")

    def test_prefix_answers_with_and_without_slash(self) -> None:
        """The route `/` under a prefix answers at both forms of the prefix."""
        for path in (SECOND_PREFIX, f"{SECOND_PREFIX}/"):
            seen = self.seen("GET", f"{path}?q=1")
            expect_same((seen["mount"], seen["path"]), ("second", path), f"what {path} saw")
            expect_same(seen["query"], [["q", "1"]], "the query")

    def test_part_of_a_prefix_is_nothing(self) -> None:
        """What is only a part of a prefix, or only begins like it, is 404."""
        for path in ("/second", "/second/", f"{SECOND_PREFIX}s", f"{SECOND_PREFIX}/head"):
            expect_same(self.call("GET", path).status, 404, f"the status of {path}")

    def test_root_is_answered(self) -> None:
        """The route `/` without a prefix answers at the root."""
        expect_same(self.seen("GET", "/")["path"], "/", "the path")
