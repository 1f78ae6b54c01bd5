"""The parts of model-metadata.yaml with rules of their own, and the checks that they ask for."""
