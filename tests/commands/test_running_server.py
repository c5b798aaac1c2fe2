"""What other commands know of a running server."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from gstack.commands.running_server import Note, server_in_force
from gstack.config import CloudStackSettings, ServerSettings, Settings, encode

HOLD = """
import sys
from gstack.commands.running_server import Note
from gstack.config import decode
note = Note(decode(sys.argv[1]), on_sandbox=True)
print("noted", flush=True)
sys.stdin.read()
"""


def test_without_a_server_the_settings_stand(tmp_path: Path) -> None:
    """No CloudStack configured means the sandbox."""
    settings = Settings(home=tmp_path)
    assert server_in_force(settings).settings == settings
    assert server_in_force(settings).on_sandbox
    cloud = Settings(home=tmp_path, cloudstack=CloudStackSettings(endpoint="http://c"))
    assert not server_in_force(cloud).on_sandbox


def test_a_running_server_s_options_are_known_until_it_ends(tmp_path: Path) -> None:
    """A port given as an option reaches the other commands; the file is private."""
    settings = Settings(home=tmp_path)
    note = Note(msgspec.structs.replace(settings, server=ServerSettings(port=5001)), on_sandbox=True)
    assert server_in_force(settings).settings.server.port == 5001
    assert (tmp_path / "running-initial.json").stat().st_mode & 0o777 == 0o600
    note.remove()
    assert server_in_force(settings).settings.server.port == 5000
    assert list(tmp_path.iterdir()) == []


def test_a_killed_server_s_note_does_not_count(tmp_path: Path) -> None:
    """The note of a server that was killed stays and counts no more, even where a process has its number again."""
    settings = Settings(home=tmp_path)
    served = msgspec.structs.replace(settings, server=ServerSettings(port=5001))
    path = tmp_path / "running-initial.json"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, encode(served)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout
        assert server.stdout.readline() == b"noted\n"
        assert server_in_force(settings).settings.server.port == 5001
        server.send_signal(signal.SIGKILL)
        server.wait(60)
    path.write_text(path.read_text().replace(str(server.pid), str(os.getpid())))
    assert server_in_force(settings).settings.server.port == 5000


def test_another_server_s_note_stays(tmp_path: Path) -> None:
    """Of two servers of one profile the first to end does not hide the other."""
    settings = Settings(home=tmp_path)
    first = Note(settings, on_sandbox=True)
    second = Note(msgspec.structs.replace(settings, server=ServerSettings(port=5001)), on_sandbox=True)
    first.remove()
    assert server_in_force(settings).settings.server.port == 5001
    second.remove()


def test_a_note_of_another_version_does_not_count(tmp_path: Path) -> None:
    """A running server of another version may have settings that this version cannot read."""
    settings = Settings(home=tmp_path)
    note = Note(settings, on_sandbox=True)
    path = tmp_path / "running-initial.json"
    text = path.read_text().replace("5000", "70000")
    with path.open("r+") as file:  # the same file, so that it stays locked
        file.write(text)
    assert server_in_force(settings).settings == settings
    note.remove()
