"""Who the kiosk is to the gateway. (The helper's module takes this place.)"""

from __future__ import annotations

from pathlib import Path

from edge_daemon.clock import Instant


def broker_url(folder: Path) -> str | None:
    """The broker that the invitation named; None before there was one."""
    return None


def renew_if_due(folder: Path, now: Instant, *, refused: bool = False) -> None:
    """Ask for the next certificate when it is time. Raises KrishiError."""
