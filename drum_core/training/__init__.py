"""Training: the rows a model is fitted on, the folder it becomes, the proof that it works."""
