"""`gstack doctor`, as a user types it."""

import subprocess

from fixtures.servers import Stack
from fixtures.shells import PROGRAM, environment, gstack


def test_doctor_finds_all_well_and_what_is_not(product: Stack) -> None:
    """A healthy server has no advice; a wrong endpoint has."""
    report = gstack(product, "doctor")
    assert "✗" not in report
    assert "sandbox-east1-a (region sandbox-east1)" in report
    known = environment(product) | {"GSTACK_CLOUDSTACK_ENDPOINT": "http://127.0.0.1:1/client/api"}
    done = subprocess.run([PROGRAM, "doctor"], env=known, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "→" in done.stdout
