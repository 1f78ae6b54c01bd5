"""What each check does, in the process that has the model. A check is a function of a session."""
