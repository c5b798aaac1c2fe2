"""CloudStack's objects: one struct each, how they are listed, found and named. No request, no operation."""
