"""Runs a model folder: scores files with it and serves it, on any web framework."""
