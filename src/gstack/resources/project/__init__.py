"""Projects, regions, zones and operations."""
