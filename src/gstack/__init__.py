"""Google Compute Engine's API on Apache CloudStack."""

__version__ = "2.0.0"
