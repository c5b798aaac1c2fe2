"""The OAuth2 server: who asks, and with which CloudStack keys. One file per grant or concern."""
