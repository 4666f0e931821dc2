"""`krishi-kiosk sync`: the running kiosk opens its link to the gateway now, or says why not."""

from __future__ import annotations

from typing import Any

from edge_daemon import control
from edge_daemon.config import Config
from edge_daemon.errors import KioskNotRunning


def open_link(config: Config) -> dict[str, Any]:
    """What went: acknowledged and waiting reports, bytes. Raises KrishiError: NoGateway, LinkHeld, BrokerGone, ..."""
    told = control.ask(config.state.path(), {"do": "sync"})
    if told is None:
        raise KioskNotRunning(f"{config.state.path()}: no kiosk runs here. Start it with `krishi-kiosk run`.")
    return told


def text(told: dict[str, Any]) -> str:
    """A sentence for a terminal."""
    left = f"{told['waiting']} wait still" if told["waiting"] else "none wait"
    return f"The gateway has stored {told['acknowledged']} reports; {left}. It took {told['bytes']} bytes."
