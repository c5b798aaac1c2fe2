"""Instances, instance templates and machine types."""
