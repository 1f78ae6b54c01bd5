"""The files from which a container image of a model folder is built, and how it is run."""
