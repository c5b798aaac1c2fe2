"""Google's numeric ids of CloudStack objects. Pure, and a leaf: every room may import it."""

import hashlib


def gce_id(uuid: str) -> str:
    """Return Google's numeric id of a CloudStack uuid: 63 bits of its SHA-256, as a decimal string, never zero."""
    return str(int.from_bytes(hashlib.sha256(uuid.encode()).digest()[:8], "big") >> 1 or 1)
