"""A folder becomes a model: what is in it, what it says of itself, what it can do."""
