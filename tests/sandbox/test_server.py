"""A sandbox in a process of its own."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from gstack.sandbox.server import spawn
from gstack.sandbox.settings import load_or_create_keys


def test_process_of_its_own_keeps_its_state(tmp_path: Path, make_client: Any) -> None:
    """A spawned sandbox listens on a free port, ends on SIGTERM, and knows its objects when it starts again."""
    keys = load_or_create_keys(tmp_path)[0]
    for expected in ({}, {"count": 1}):
        process, url = spawn(tmp_path, "--job-delay", "0")
        with process:
            client = type(make_client(url))(url, keys)
            assert {name: value for name, value in client.ok("listSSHKeyPairs").items() if name == "count"} == expected
            if not expected:
                client.ok("createSSHKeyPair", name="kept")
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
