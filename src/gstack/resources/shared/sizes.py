"""Sizes: CloudStack counts bytes, Google GB of 2^30 bytes. Pure."""

GIB = 1 << 30


def gigabytes(size_bytes: int) -> int:
    """Return a size in GB, rounded up."""
    return -(-size_bytes // GIB)
