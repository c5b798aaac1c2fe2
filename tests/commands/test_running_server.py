"""What other commands know of a running server."""

import os
from pathlib import Path

import msgspec

from gstack.commands.running_server import forget, note, server_in_force
from gstack.config import CloudStackSettings, ServerSettings, Settings


def test_without_a_server_the_settings_stand(tmp_path: Path) -> None:
    """No CloudStack configured means the sandbox."""
    settings = Settings(home=tmp_path)
    assert server_in_force(settings).settings == settings
    assert server_in_force(settings).on_sandbox
    assert not server_in_force(Settings(home=tmp_path, cloudstack=CloudStackSettings(endpoint="http://c"))).on_sandbox


def test_a_running_server_s_options_are_known_until_it_ends(tmp_path: Path) -> None:
    """A port given as an option reaches the other commands; the file is private."""
    settings = Settings(home=tmp_path)
    served = msgspec.structs.replace(settings, server=ServerSettings(port=5001))
    note(served, on_sandbox=True)
    assert server_in_force(settings).settings.server.port == 5001
    assert (tmp_path / "running-initial.json").stat().st_mode & 0o777 == 0o600
    forget(served)
    assert server_in_force(settings).settings.server.port == 5000


def test_a_killed_server_s_file_does_not_count(tmp_path: Path) -> None:
    """A process that is gone serves nothing."""
    settings = Settings(home=tmp_path)
    note(msgspec.structs.replace(settings, server=ServerSettings(port=5001)), on_sandbox=True)
    path = tmp_path / "running-initial.json"
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    path.write_text(path.read_text().replace(str(os.getpid()), str(pid)))
    assert server_in_force(settings).settings.server.port == 5000


def test_another_server_s_note_stays(tmp_path: Path) -> None:
    """Of two servers of one profile the first to end does not hide the other."""
    settings = Settings(home=tmp_path)
    served = msgspec.structs.replace(settings, server=ServerSettings(port=5001))
    note(served, on_sandbox=True)
    path = tmp_path / "running-initial.json"
    path.write_text(path.read_text().replace(str(os.getpid()), str(os.getppid())))
    forget(served)
    assert server_in_force(settings).settings.server.port == 5001


def test_a_note_of_other_settings_is_none(tmp_path: Path) -> None:
    """What another version noted, with settings that are none today, is left aside."""
    settings = Settings(home=tmp_path)
    note(settings, on_sandbox=True)
    path = tmp_path / "running-initial.json"
    path.write_text(path.read_text().replace("5000", "70000"))
    assert server_in_force(settings).settings == settings
