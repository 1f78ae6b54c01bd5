"""The routes of a served model, described: as an OpenAPI document, and as a page of it."""
