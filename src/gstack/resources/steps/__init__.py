"""Recorded steps on an operation, one file per CloudStack noun. No request."""
