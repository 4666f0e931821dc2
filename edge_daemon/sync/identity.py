"""Who the kiosk is to the gateway. (The helper's module takes this place.)"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path


def broker_url(folder: Path) -> str | None:
    """The broker that the invitation named; None before there was one."""
    return None


def renew_if_due(folder: Path, now: datetime) -> None:
    """Ask for the next certificate when it is time. Raises KrishiError."""
