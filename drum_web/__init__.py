"""The web frameworks and servers that a model can be served on."""
