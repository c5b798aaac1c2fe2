"""CloudStack's API over HTTP. Knows nothing of Google's."""
