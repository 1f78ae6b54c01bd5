"""What `drum new env` gives back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drum_core.results.report import Report

__all__ = ["NewEnvResult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEnvResult:
    """The folder that was made, and what its image will have.

    `files` are those that were written for the image; the model is copied to `output / "model"`,
    without `left_out`. `requirements` are the lines of requirements.txt. `notes` are sentences
    about what could not be found out, or has to be done by hand.
    """

    output: Path
    image: str
    files: tuple[Path, ...]
    requirements: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    next_commands: tuple[str, ...] = ()

    def report(self) -> Report:
        """The same as JSON."""
        return {
            "output": str(self.output),
            "image": self.image,
            "files": [str(file) for file in self.files],
            "requirements": list(self.requirements),
            "left_out": list(self.left_out),
            "notes": list(self.notes),
            "next_commands": list(self.next_commands),
        }
