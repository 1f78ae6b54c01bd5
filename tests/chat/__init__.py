"""Chat, as the unmodified openai client and plain HTTP clients see it."""
