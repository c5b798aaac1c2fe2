"""Many machines at once."""

from __future__ import annotations

import time
from typing import Any

from gstack.sandbox.populate import populate
from gstack.sandbox.server import running
from gstack.sandbox.settings import AccountKeys, SandboxSettings


def test_two_thousand_machines_list_in_pages(accounts: tuple[AccountKeys, ...], make_client: Any) -> None:
    """All machines come, each once, in pages of 500; without a page the first 500 come; and it is quick."""
    with running(SandboxSettings(accounts=accounts)) as server:
        populate(server.sandbox.world, "demo", 2000)
        client, begin = make_client(server.url), time.monotonic()
        pages = [client.ok("listVirtualMachines", page=page, pagesize=500) for page in range(1, 5)]
        assert time.monotonic() - begin < 10
        assert len({row["id"] for page in pages for row in page["virtualmachine"]}) == 2000
        whole = client.ok("listVirtualMachines")
        assert (whole["count"], len(whole["virtualmachine"])) == (2000, 500)
