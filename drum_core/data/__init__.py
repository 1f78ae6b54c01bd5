"""Bytes and files to tables, and predictions to bytes and files."""
