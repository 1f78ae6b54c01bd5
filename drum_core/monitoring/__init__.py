"""What can be observed of the running process."""
