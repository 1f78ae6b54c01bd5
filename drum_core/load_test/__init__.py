"""Load on a server, and what comes of it: workload, client, statistics, memory, report."""
