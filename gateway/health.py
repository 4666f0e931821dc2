"""What a kiosk tells of itself, as columns of its row. Pure: the row and a report in, columns out.

Rules kept here:
- the newest health report counts, and one that came late does not take its place: a report is newer where the daemon
  was begun more often, or as often and runs longer;
- where that goes back while the kiosk's time goes on, an older copy of its card was put in;
- a clock is called wrong only by what waiting cannot explain: a report is told some time after it was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_daemon.wire.messages import HealthReport

MAY_WAIT_S = 86_400
"""A health report is made once a day, and waits for the link."""
SLACK_S = 600
"""A time that lies further ahead of ours, when it came, is not believed."""

Row = Mapping[str, Any]
"""Of the table `kiosk`, by the names of its columns."""


def is_newer(report: HealthReport, known: Row, now: int) -> bool:
    """Whether this report, which comes now, says more of the kiosk than the one that is known."""
    before = known["health"]
    return before is None or _age(report) > _age_known(before) or _goes_back(report, known, now)


def _goes_back(report: HealthReport, known: Row, now: int) -> bool:
    """Whether the kiosk has fewer starts behind it than it had, though it is later: by clocks that can be believed."""
    before = known["health"]
    if before is None or _age(report) >= _age_known(before) or not report.clock == before["clock"] == "synced":
        return False
    told_then: int = min(before["at"], known["health_at"] + SLACK_S)
    return min(report.at, now + SLACK_S) > told_then


def _age(report: HealthReport) -> tuple[int, int]:
    return report.starts, report.uptime


def _age_known(before: Row) -> tuple[int, int]:
    return before["starts"], before["uptime"]


def columns(report: HealthReport, known: Row, now: int) -> dict[str, Any]:
    """What the kiosk's row becomes by a report that is newer. now: when it came."""
    parts = dict(report.parts)
    changed: dict[str, Any] = {
        "place": report.place,
        "starts": report.starts,
        "clock": report.clock,
        "clock_off_s": clock_off_s(report.at, known["last_seen_at"], now),
        "software": report.software,
        "model": report.model,
        "advice": report.advice,
        "disk_free_mb": report.disk_free_mb,
        "backlog": report.reports_waiting,
        "backlog_before": known["backlog"],
        "oldest_waiting": report.oldest_waiting,
        "parked": report.reports_parked + report.sms_parked,
        "modem": parts.get("sms", ""),
        "health": report.model_dump(mode="json"),
        "health_at": now,
        "rehearsal": report.rehearsal,
    }
    if _goes_back(report, known, now):
        changed["restored_at"] = now
    return changed


def clock_off_s(at: int, last_seen_at: int | None, now: int) -> int:
    """By how much the kiosk's clock is surely off: its time less ours, when it made a report at `at`.

    Ahead is ahead. Behind may be no more than waiting: for a day, or for as long as nothing was heard of the kiosk.
    """
    off = at - now
    if off >= 0:
        return off
    waited = max(MAY_WAIT_S, now - (now if last_seen_at is None else last_seen_at))
    return min(0, off + waited)
