"""What a runner can do: one module per run mode."""
