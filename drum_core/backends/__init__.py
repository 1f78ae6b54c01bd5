"""Who runs a model: one backend per language, found by name."""
