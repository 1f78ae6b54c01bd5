"""Who may ask a server, and what its answers carry."""
