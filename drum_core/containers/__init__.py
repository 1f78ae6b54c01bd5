"""Running a command in a container of Docker: what is run, and how."""
