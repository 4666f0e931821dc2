"""Whether the link may be opened now, and how many bytes may go over it: the rules of [sync]. Pure.

Rules kept here:
- no more goes in 24 hours than daily_kb, of which urgent_kb are left for what is urgent; what is to spare has half;
- what is urgent waits for no window and no hour, but for a minute. After trouble all wait: a link that is away is away
  for alarms too;
- where the clock may be wrong, any time is in a window: only the gateway can tell such a kiosk what time it is;
- with nothing to tell, the kiosk still asks once a day what the gateway wants;
- not all kiosks come in the minute in which a window begins: each has its own place in the window's first quarter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from edge_daemon.clock import Instant
from edge_daemon.config import Sync, Window
from edge_daemon.wire.errors import BadMessage
from edge_daemon.wire.replies import Desired, decode_desired

LEAST_BYTES = 4_500
"""A handshake with certificates and a small batch: with less left nothing would be gained by opening the link. It is
less than half of the least that daily_kb may be, so that no wish of the gateway's closes the link for good."""
QUIET_S = 86_400.0
"""The longest without an opening."""
SPREAD_S = 900.0
"""Within this after a window begins all kiosks have come, or within a quarter of it where it is short."""
URGENT_PAUSE_S = 60.0
"""From the end of one opening to the next for what is urgent."""
KB = 1000
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Rules:
    """What is followed now: [sync], and what the gateway wants. place: of this kiosk among all, 0 to 1."""

    every_s: float
    daily_bytes: int
    urgent_bytes: int
    windows: tuple[Window, ...]
    zone: ZoneInfo
    place: float = 0.0
    thumbnails: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """How things stand.

    idle_s: since the link was opened last; None if it was not since the start. held_s: for how long it shall stay
    closed, after trouble or because the gateway asked. spent: bytes of the last 24 hours.
    """

    now: Instant
    idle_s: float | None = None
    held_s: float = 0.0
    spent: int = 0
    waiting: int = 0
    urgent: int = 0


class Allowance(NamedTuple):
    """How many bytes may go by the link in this opening: for what is urgent, for all else, for what is to spare."""

    urgent: int
    ordinary: int
    spare: int


class Verdict(NamedTuple):
    """Whether the link is opened. why: where not, what is waited for; wait_s: until that is over, None if not known."""

    opens: bool
    why: str = ""
    wait_s: float | None = None


def rules_of(settings: Sync, zone: ZoneInfo, kiosk: str, desired: Desired | None) -> Rules:
    """What is followed. What the gateway wants goes before the configuration."""
    most_kb = daily_kb(settings, desired)
    return Rules(
        every_s=60.0 * ((desired and desired.every_min) or settings.every_min),
        daily_bytes=most_kb * KB,
        urgent_bytes=min(settings.urgent_kb, most_kb // 2) * KB,
        windows=settings.ranges(),
        zone=zone,
        place=place_of(kiosk),
        thumbnails=wants_pictures(settings, desired),
    )


def kept(data: bytes | None) -> Desired | None:
    """What the gateway wanted last, as the kiosk remembers it. A newer program's is not read: it is told again."""
    try:
        return decode_desired(data) if data else None
    except BadMessage:
        return None


def wants_pictures(settings: Sync, desired: Desired | None) -> bool:
    """Whether small pictures of uncertain cases are asked for and sent: both have to want them."""
    return settings.thumbnails and not (desired and desired.thumbnails is False)


def daily_kb(settings: Sync, desired: Desired | None) -> int:
    """How much may go in 24 hours."""
    return (desired and desired.daily_kb) or settings.daily_kb


def place_of(kiosk: str) -> float:
    """From 0 to below 1, the same for a kiosk always, and even over many."""
    return int.from_bytes(hashlib.sha256(kiosk.encode()).digest()[:4]) / 2**32


def judge(rules: Rules, scene: Scene, *, asked: bool = False) -> Verdict:
    """Whether the link is opened now. asked: by a technician, who waits for nothing but bytes."""
    allowed = allowance(rules, scene.spent)
    if asked:
        return Verdict(True) if allowed.urgent >= LEAST_BYTES else _no_bytes(rules, scene)
    if scene.held_s > 0:
        return Verdict(False, "it waits after trouble, or because the gateway asked", scene.held_s)
    ordinary = _ordinary(rules, scene)
    rested = scene.idle_s is None or scene.idle_s >= URGENT_PAUSE_S
    if not ordinary.opens and scene.urgent and rested and allowed.urgent >= LEAST_BYTES:
        return Verdict(True)
    return ordinary


def allowance(rules: Rules, spent: int, *, urgent_only: bool = False) -> Allowance:
    """What may still go."""
    left = max(0, rules.daily_bytes - spent)
    if urgent_only:
        return Allowance(left, 0, 0)
    spare = max(0, rules.daily_bytes // 2 - spent) if rules.thumbnails else 0
    return Allowance(left, max(0, left - rules.urgent_bytes), spare)


def is_ordinary(rules: Rules, scene: Scene) -> bool:
    """Whether more than what is urgent may go now."""
    return _ordinary(rules, scene).opens


def _ordinary(rules: Rules, scene: Scene) -> Verdict:
    if allowance(rules, scene.spent).ordinary < LEAST_BYTES:
        return _no_bytes(rules, scene)
    every_s = rules.every_s if scene.waiting else max(rules.every_s, QUIET_S)
    if scene.idle_s is not None and scene.idle_s < every_s:
        return Verdict(False, "it was open not long ago", every_s - scene.idle_s)
    wait_s = until_window_s(rules.windows, rules.zone, rules.place, scene.now)
    if wait_s:
        return Verdict(False, "it waits for its window", wait_s)
    return Verdict(True)


def _no_bytes(rules: Rules, scene: Scene) -> Verdict:
    return Verdict(
        False,
        f"{scene.spent // KB} kB went in 24 hours, and {rules.daily_bytes // KB} are allowed, "
        f"{rules.urgent_bytes // KB} of them for alarms",
    )


def until_window_s(windows: Sequence[Window], zone: ZoneInfo, place: float, now: Instant) -> float:
    """How long until a window is open for a kiosk of this place; 0 while one is."""
    if not windows or now.clock != "synced":
        return 0.0
    local = now.utc.astimezone(zone)
    return min(_until_s(window, place, _second(local)) for window in windows)


def _until_s(window: Window, place: float, second: int) -> float:
    begins = _second(window.begins)
    length = (_second(window.ends) - begins) % DAY_S or DAY_S
    late = place * min(SPREAD_S, length / 4)
    since = (second - begins) % DAY_S
    return 0.0 if late <= since < length else (late - since) % DAY_S


def _second(moment: time | datetime) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second
