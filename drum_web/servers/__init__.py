"""The servers: each listens, starts workers, and ends them."""
