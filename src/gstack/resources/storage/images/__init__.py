"""images <-> templates: read, created, changed."""
