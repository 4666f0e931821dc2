"""The version of the advice: what its files say, in twelve letters. Whoever changes a text has changed it.

So nobody has to remember to count it up, and the gateway can tell which kiosks have the same texts.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from edge_daemon.errors import AdviceFaulty

LETTERS = 12
"""Of the 64 of SHA-256: 48 bits, far more than there will ever be versions to tell apart."""
FILES = ("*.toml", "content/*.toml", "locale/*.toml", "locale/*.po")


def version_of(folder: Path) -> str:
    """The first letters of SHA-256, in hexadecimal, over names and octets of the files, by name. Raises AdviceFaulty.

    A file's name and length go before it, so that no text can move from one file to the next unseen.
    """
    digest = hashlib.sha256()
    try:
        for path in sorted(path for pattern in FILES for path in folder.glob(pattern)):
            octets = path.read_bytes()
            digest.update(f"{path.relative_to(folder).as_posix()}\n{len(octets)}\n".encode())
            digest.update(octets)
    except OSError as why:
        raise AdviceFaulty(f"{why.filename}: cannot be read: {why.strerror}. Install the program anew.") from why
    return digest.hexdigest()[:LETTERS]
