"""Uploading a model folder to DataRobot: what is sent, and how."""
