"""A real Mosquitto on a port of loopback."""

from __future__ import annotations

import os
from pathlib import Path

from tests import foreign
from tests.peers.program import Program, free_port

OPEN = "allow_anonymous true\n"


class Mosquitto(Program):
    """A broker with this configuration below its listener; it keeps its sessions in `folder` over a restart.

    port 0: any that is free. It stays the same when it is begun again. eager: it saves its sessions with each change,
    so that killing it loses none, and logs each packet; else as an operator's broker does.
    """

    def __init__(self, folder: Path, settings: str = OPEN, port: int = 0, *, eager: bool = True) -> None:
        port = port or free_port()
        config = folder / "mosquitto.conf"
        config.write_text(
            f"persistence true\npersistence_location {folder}/\n"
            + ("autosave_interval 1\nautosave_on_changes true\n" if eager else "autosave_interval 60\n")
            + ("user root\n" if os.geteuid() == 0 else "")
            + f"listener {port} 127.0.0.1\n{settings}",
            encoding="utf-8",
        )
        program = foreign.program("mosquitto")
        assert program is not None, "mosquitto is not installed"
        super().__init__("mosquitto", folder, [program, *(["-v"] if eager else []), "-c", str(config)], port)
