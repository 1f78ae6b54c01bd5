"""Runs a model in a process of its own, which can be ended at a deadline and may die alone."""
