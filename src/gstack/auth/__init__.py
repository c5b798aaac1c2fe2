"""The OAuth2 server: who sends a request, and with which CloudStack key pair to serve it."""
