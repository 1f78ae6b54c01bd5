"""What a server tells of itself: its access log, its metrics, its traces."""
