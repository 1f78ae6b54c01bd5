"""The public API as users write it: read by type checkers, never run."""
