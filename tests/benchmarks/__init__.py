"""Measurements, run by hand: `python -m tests.benchmarks.NAME`; pytest does not collect them."""
