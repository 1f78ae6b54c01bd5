"""Who may ask a server, and what browsers may do with its answers: no framework, no socket."""
