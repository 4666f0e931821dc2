"""A user of this machine who may not look into a folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

NOBODY = 65534


@contextlib.contextmanager
def a_stranger_to(folder: Path) -> Iterator[None]:
    """Be such a user: root becomes nobody for a while, anybody else takes their own rights away."""
    mode = folder.stat().st_mode
    folder.chmod(0)
    try:
        if os.geteuid() == 0:
            os.seteuid(NOBODY)
        yield
    finally:
        if os.geteuid() == NOBODY:
            os.seteuid(0)
        folder.chmod(mode)
