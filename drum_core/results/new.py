"""What `drum new` gives back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drum_core.results.report import Report

__all__ = ["NewModelResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModelResult:
    """The folder that was made, its files, and commands worth trying next."""

    code_dir: Path
    files: tuple[Path, ...]
    next_commands: tuple[str, ...] = ()

    def report(self) -> Report:
        """The same as JSON."""
        return {
            "code_dir": str(self.code_dir),
            "files": [str(file) for file in self.files],
            "next_commands": list(self.next_commands),
        }
