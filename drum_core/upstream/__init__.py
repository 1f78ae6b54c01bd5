"""Asking another server, in place of a model: pooled connections, streamed answers."""
