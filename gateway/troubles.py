"""What can be wrong with a kiosk, as the gateway sees it: a rule over its row in the registry, and what to do about it.

Each rule is an expression of SQL, so that one statement can look at a million kiosks. What is not known is no trouble.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func

from gateway.config import Alerts
from gateway.tables import kiosk

HOUR_S = 3600
DAY_S = 86_400
RECENT_DAYS = 7
"""What happened once is shown for so long: an older card, garbage, too much."""
WELL = ("", "ok", "starting")
"""What the state of a modem that is not sick is."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trouble's name, what it means, and what somebody should do."""

    name: str
    means: str
    remedy: str


TROUBLES = (
    Trouble("silent", "nothing came of it for longer than it should take", "Ask on site for power, SIM and signal."),
    Trouble("backlog", "its outbox is long and grows", "Give it more bytes a day (want --daily-kb), or a better link."),
    Trouble("clock", "its clock is wrong", "Its battery may be empty. Its photos' times cannot be trusted till then."),
    Trouble("disk", "its disk is nearly full", "Have the technician look at the card; old photos go by themselves."),
    Trouble(
        "modem", "its modem does not work, so no farmer gets an SMS", "Have the modem, its SIM and plan looked at."
    ),
    Trouble(
        "certificate", "its certificate ends soon and it has asked for no new one", "See whether it reaches enrol."
    ),
    Trouble("restored", "an older copy of its card was put in", "Ask who did it; nothing is counted twice by it."),
    Trouble("garbage", "it sent what cannot be read", "Look with GET /aside; its program may be too new or damaged."),
    Trouble(
        "flood", "it sent more than its share, and was told to wait", "Look at what it sends; if rightly, allow more."
    ),
    Trouble(
        "revoked",
        "it is revoked, and sends all the same",
        "Have the broker read its access list anew: [broker] reload.",
    ),
)
NAMES = tuple(trouble.name for trouble in TROUBLES)


def rules(limits: Alerts, now: int) -> dict[str, ColumnElement[bool]]:
    """For each trouble of NAMES whether a kiosk has it at `now`; NULL where that is not known."""
    at_work = kiosk.c.state != "revoked"
    recently = now - RECENT_DAYS * DAY_S
    return {
        "silent": and_(
            at_work,
            func.coalesce(kiosk.c.last_seen_at, kiosk.c.enrolled_at) < now - round(limits.silent_h * HOUR_S),
        ),
        "backlog": and_(at_work, kiosk.c.backlog > limits.backlog, kiosk.c.backlog > kiosk.c.backlog_before),
        "clock": and_(at_work, func.abs(kiosk.c.clock_off_s) > limits.clock_s),
        "disk": and_(at_work, kiosk.c.disk_free_mb < limits.disk_mb),
        "modem": and_(at_work, kiosk.c.modem.not_in(WELL)),
        "certificate": and_(kiosk.c.state == "enrolled", kiosk.c.expires_at < now + limits.expires_days * DAY_S),
        "restored": and_(at_work, kiosk.c.restored_at >= recently),
        "garbage": and_(at_work, kiosk.c.aside_at >= recently),
        "flood": and_(at_work, kiosk.c.held_back_at >= recently),
        "revoked": and_(
            kiosk.c.state == "revoked", kiosk.c.last_seen_at > kiosk.c.revoked_at, kiosk.c.last_seen_at >= recently
        ),
    }
