"""The web frameworks and servers."""
