"""Methods that are not served say so, and why."""

import pytest

from fixtures.gce import Gce

PATH = "zones/sandbox-east1-a/instances/vm"


@pytest.mark.parametrize(
    ("verb", "path", "method", "word"),
    [
        ("POST", "suspend", "suspend", "Use stop"),
        ("POST", "resume", "resume", "Use stop"),
        ("GET", "serialPort", "getSerialPortOutput", "serial port"),
        ("GET", "screenshot", "getScreenshot", "console"),
        ("POST", "simulateMaintenanceEvent", "simulateMaintenanceEvent", "administrator"),
        ("POST", "sendDiagnosticInterrupt", "sendDiagnosticInterrupt", "Use reset"),
        ("PATCH", "updateDisplayDevice", "updateDisplayDevice", "display"),
        ("POST", "startWithEncryptionKey", "startWithEncryptionKey", "Use start"),
        ("POST", "addResourcePolicies", "addResourcePolicies", "policies"),
    ],
)
def test_why(gce: Gce, verb: str, path: str, method: str, word: str) -> None:
    """A 501 names the method and the reason."""
    message = gce.refused(verb, f"{PATH}/{path}", 501)["message"]
    assert f"compute.instances.{method} is not served" in message
    assert word in message
