"""CloudStack key pairs, the service-account keys that stand for them, and how their secrets are sealed."""
