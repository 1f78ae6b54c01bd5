"""The servers: each module has `serve(settings, assemble)`, and is found by its entry point."""
