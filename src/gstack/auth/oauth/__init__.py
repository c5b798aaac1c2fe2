"""The OAuth2 endpoints, and what they read, check and issue."""
