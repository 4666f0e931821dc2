"""Where `make test` puts programs of others that judge ours without being installed: below build/.

smstools is unpacked there, since its package would begin a daemon that takes the machine's serial ports at each start.
python-gsmmodem-new is put into a folder of its own, since a library from 2021 is no neighbour for ours.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

BUILD = Path(__file__).parent.parent / "build"
SMSTOOLS = BUILD / "smstools"
MODULES = BUILD / "foreign"


def program(name: str) -> str | None:
    """Where a system program is: installed, or unpacked by tests/system-programs; None if it is nowhere.

    Debian keeps servers in /usr/sbin, which is not on everybody's path.
    """
    places = [os.environ.get("PATH", os.defpath), "/usr/sbin", str(SMSTOOLS / "usr" / "sbin")]
    return shutil.which(name, path=os.pathsep.join(places))


def unpacked_environment() -> dict[str, str]:
    """The environment in which an unpacked program finds its libraries."""
    folders = [str(folder) for folder in (SMSTOOLS / "usr" / "lib", *(SMSTOOLS / "usr" / "lib").glob("*-linux-*"))]
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(folders)}


def postgresql() -> Path | None:
    """The folder of initdb and postgres: Debian keeps them off the path. None: not installed."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    found = str(versions[-1]) if versions else shutil.which("postgres")
    return Path(found).parent if found else None
