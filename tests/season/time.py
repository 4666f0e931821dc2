"""The village's time: the true one, the kiosk's clock, which may be wrong, and its clock that does not jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from edge_daemon.clock import Instant

BEGIN = datetime(2027, 6, 1, 4, 30, tzinfo=UTC)
"""Ten in the morning in India, at the beginning of the kharif sowing."""


class VillageTime:
    """true: what is so. offset, synced: how far the kiosk's clock is from it, and whether the kiosk trusts it."""

    def __init__(self) -> None:
        self.true = BEGIN
        self.offset = timedelta()
        self.synced = True
        self._booted = BEGIN

    def kiosk(self) -> Instant:
        """What the kiosk's clock says."""
        return Instant(self.true + self.offset, "synced" if self.synced else "unsure")

    def monotonic_s(self) -> float:
        """Seconds since the kiosk's start."""
        return (self.true - self._booted).total_seconds()

    def boot(self) -> None:
        """The kiosk starts anew."""
        self._booted = self.true
