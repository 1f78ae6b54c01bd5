"""Models of each framework, trained here, against the framework called directly."""
