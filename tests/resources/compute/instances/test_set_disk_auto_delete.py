"""instances.setDiskAutoDelete by the front door."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fixtures.gce import Gce
from fixtures.instances import body_of

ZONE = "sandbox-east1-a"


def test_flag_is_set_and_honoured(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """The flag is shown, and the operation is done at once."""
    made(ZONE, "vm-flag")
    path = f"zones/{ZONE}/instances/vm-flag"
    for wanted in (False, True):
        flag = str(wanted).lower()
        operation = gce.post(f"{path}/setDiskAutoDelete", autoDelete=flag, deviceName="persistent-disk-0")
        assert (operation["status"], operation["operationType"]) == ("DONE", "setDiskAutoDelete")
        assert gce.get(path)["disks"][0]["autoDelete"] is wanted


def test_unknown_device(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """A device that the instance does not have is a 400 that names it; an instance that is not there a 404."""
    made(ZONE, "vm-flag")
    path = f"zones/{ZONE}/instances/vm-flag/setDiskAutoDelete"
    assert "'sdz'" in gce.refused("POST", path, 400, autoDelete="true", deviceName="sdz")["message"]
    other = f"zones/{ZONE}/instances/none/setDiskAutoDelete"
    gce.refused("POST", other, 404, autoDelete="true", deviceName="sdz")


def test_several_at_once(gce: Gce, made: Callable[..., dict[str, Any]]) -> None:
    """What `gcloud compute instances delete --delete-disks=all` sends at once is done in turn, none is refused."""
    more = [{"initializeParams": {"diskSizeGb": "1"}, "deviceName": f"d{number}"} for number in range(12)]
    made(ZONE, "vm-flags", disks=[*body_of(ZONE, "x")["disks"], *more])
    path = f"zones/{ZONE}/instances/vm-flags"

    def flag(number: int) -> None:
        gce.done(gce.post(f"{path}/setDiskAutoDelete", autoDelete="true", deviceName=f"d{number}"))

    with ThreadPoolExecutor(len(more)) as pool:
        list(pool.map(flag, range(len(more))))
    assert all(disk["autoDelete"] for disk in gce.get(path)["disks"])
