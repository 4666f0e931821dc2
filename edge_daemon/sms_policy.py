"""What may be sent, how much, and when: the rules of [sms]. Pure: settings, counts and times in, a verdict out.

Rules kept here:
- a SIM sends no more parts in 24 hours, or in a minute, than its plan allows: five complaints in ten days, or a plan
  that is exceeded, can cut it off; the rest waits, and a farmer who stands there goes first;
- follow-ups never use up what answers may need, and never go in the quiet hours;
- a message is given up on when it is of no use any more, but only by a clock that is known to be right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from edge_daemon.clock import Instant
from edge_daemon.config import SmsRules
from edge_daemon.diagnosis import Kind, Sms
from edge_daemon.errors import BadText

LETTERS_OF_A_PART = 50
"""At least: of UCS-2 a part has 67, less what moves to the next part with its syllable of up to 17."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Parts that the SIM has sent in the last 24 hours, and in the last minute."""

    day: int = 0
    minute: int = 0


def check_text(text: str, parts: int, rules: SmsRules) -> None:
    """Raises BadText for a text with nothing in it, or of more parts than [sms] most_parts."""
    if not text.strip():
        raise BadText("The text is empty. There is nothing to send.")
    if parts > rules.most_parts:
        raise BadText(
            f"The text of {len(text)} characters takes {parts} SMS parts, and {rules.most_parts} is the most "
            f"([sms] most_parts). Shorten it."
        )


def parts_at_most(text: str, _: Sequence[str] = ()) -> int:
    """How many parts a text takes in the worst case, without looking at its letters."""
    units = len(text.encode("utf-16-be", "surrogatepass")) // 2
    return max(1, math.ceil(units / LETTERS_OF_A_PART))


def not_after(kind: Kind, queued: Instant, rules: SmsRules) -> datetime | None:
    """When a message of this kind is of no use any more. None where the clock that queues it may be wrong."""
    if queued.clock != "synced":
        return None
    return queued.utc + timedelta(hours=_of_use_h(kind, rules))


def validity(kind: Kind, rules: SmsRules) -> timedelta:
    """How long the network shall try to bring a message of this kind to a telephone that is off."""
    return timedelta(hours=_of_use_h(kind, rules))


def _of_use_h(kind: Kind, rules: SmsRules) -> float:
    return {Kind.ANSWER: rules.answer_h, Kind.FOLLOW_UP: rules.follow_up_h}.get(kind, rules.reply_h)


def has_expired(not_after: datetime | None, now: Instant) -> bool:
    """Whether a message is of no use any more. A clock that may be wrong expires nothing."""
    return not_after is not None and now.clock == "synced" and not_after <= now.utc


def why_held(sms: Sms, parts: int, spent: Spent, utc: datetime, rules: SmsRules) -> str | None:
    """Why the modem shall not send this message now, None if it may. parts: those that it still takes."""
    if quiet := why_not_now(sms, utc, rules):
        return quiet
    kept = rules.kept_for_answers if sms.kind is Kind.FOLLOW_UP else 0
    if rules.daily_parts and not _fits(spent.day, parts, max(0, rules.daily_parts - kept)):
        return f"{spent.day} parts went in 24 hours, and [sms] daily_parts allows {rules.daily_parts}"
    if rules.minute_parts and not _fits(spent.minute, parts, rules.minute_parts):
        return f"{spent.minute} parts went within a minute, and [sms] minute_parts allows {rules.minute_parts}"
    return None


def why_not_now(sms: Sms, utc: datetime, rules: SmsRules) -> str | None:
    """Why this message shall not go at this hour, by whichever way; None if it may."""
    if sms.kind is Kind.FOLLOW_UP and is_quiet(utc, rules):
        return f"it waits for the end of the quiet hours, {rules.quiet_until:%H:%M}"
    return None


def _fits(spent: int, parts: int, allowed: int) -> bool:
    """Whether they fit. What takes more than is ever allowed goes when nothing else has gone, if anything may go."""
    return spent + parts <= allowed or (spent == 0 < allowed)


def is_quiet(utc: datetime, rules: SmsRules) -> bool:
    """Whether follow-ups have to wait for the morning."""
    return _is_between(utc.astimezone(ZoneInfo(rules.timezone)).time(), rules.quiet_from, rules.quiet_until)


def _is_between(now: time, begin: time, end: time) -> bool:
    if begin <= end:
        return begin <= now < end
    return now >= begin or now < end
