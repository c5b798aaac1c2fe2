"""`python -m gstack.sandbox`: the sandbox alone, for any CloudStack client."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from gstack.sandbox import versions
from gstack.sandbox.dispatch import Sandbox
from gstack.sandbox.populate import populate
from gstack.sandbox.server import serve
from gstack.sandbox.settings import SandboxSettings, load_or_create_keys


def main() -> None:
    options = _parser().parse_args()
    os.umask(0o077)  # its files hold keys and passwords
    options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = SandboxSettings(
        accounts=load_or_create_keys(options.home),
        database=options.database or str(options.home / "sandbox.db"),
        job_delay=options.job_delay,
        expunge_allowed=options.expunge_allowed,
        cloudstack_version=options.cloudstack_version,
    )
    if options.populate:
        sandbox = Sandbox(settings)
        populate(sandbox.world, settings.accounts[0].name, options.populate)
        sandbox.world.close()
    try:
        serve(settings, options.host, options.port, options.port_file, follow=options.follow)
    except OSError as error:
        sys.exit(f"The sandbox cannot start: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gstack.sandbox", description="A CloudStack of our own.")
    parser.add_argument("--home", type=Path, default=Path.home() / ".gstack", help="folder of keys and state")
    parser.add_argument("--database", help="SQLite file, or :memory: (default: sandbox.db in the home folder)")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--port-file", type=Path, help="file that gets the API's URL when it listens")
    parser.add_argument("--job-delay", type=float, default=1.0, help="factor on the time that jobs take")
    parser.add_argument("--expunge-allowed", action="store_true", help="let ordinary users expunge machines")
    parser.add_argument(
        "--cloudstack-version", default=versions.NEWEST, choices=versions.ALL, help="the version to play"
    )
    parser.add_argument("--populate", type=int, metavar="N", help="add N running machines first, for measurements")
    parser.add_argument("--follow", action="store_true", help="end when standard input ends")
    return parser


if __name__ == "__main__":
    main()
