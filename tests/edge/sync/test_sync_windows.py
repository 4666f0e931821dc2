"""When the link is opened, and how much may go over it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.clock import Instant
from edge_daemon.config import Sync, Window
from edge_daemon.sync.windows import (
    LEAST_BYTES,
    QUIET_S,
    Rules,
    Scene,
    allowance,
    is_ordinary,
    judge,
    place_of,
    rules_of,
    until_window_s,
)
from edge_daemon.wire.replies import Desired

INDIA = ZoneInfo("Asia/Kolkata")
NOON = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
"""In India."""
NIGHT = (Window(time(22), time(6)),)
RULES = Rules(every_s=3600, daily_bytes=100_000, urgent_bytes=20_000, windows=(), zone=INDIA)


def at(local: str, clock: str = "synced") -> Instant:
    utc = datetime.combine(NOON.date(), time.fromisoformat(local), UTC) - timedelta(hours=5, minutes=30)
    return Instant(utc, "synced" if clock == "synced" else "unsure")


@pytest.mark.parametrize(
    ("scene", "opens"),
    [
        (Scene(at("12:00"), waiting=1), True),
        (Scene(at("12:00"), waiting=1, idle_s=3599), False),
        (Scene(at("12:00"), waiting=1, idle_s=3600), True),
        (Scene(at("12:00"), waiting=0, idle_s=3600), False),
        (Scene(at("12:00"), waiting=0, idle_s=QUIET_S), True),
        (Scene(at("12:00"), waiting=1, urgent=1, idle_s=59), False),
        (Scene(at("12:00"), waiting=1, urgent=1, idle_s=60), True),
        (Scene(at("12:00"), waiting=1, urgent=1, idle_s=60, held_s=1), False),
        (Scene(at("12:00"), waiting=1, held_s=1), False),
        (Scene(at("12:00"), waiting=1, spent=80_000 - LEAST_BYTES), True),
        (Scene(at("12:00"), waiting=1, spent=80_001 - LEAST_BYTES), False),
        (Scene(at("12:00"), waiting=1, urgent=1, spent=80_001), True),
        (Scene(at("12:00"), waiting=1, urgent=1, spent=100_001 - LEAST_BYTES), False),
    ],
)
def test_when_the_link_is_opened(scene: Scene, opens: bool) -> None:
    assert judge(RULES, scene).opens is opens


@pytest.mark.parametrize(
    ("scene", "opens"),
    [
        (Scene(at("12:00"), idle_s=0, held_s=99), True),
        (Scene(at("12:00"), spent=100_001 - LEAST_BYTES), False),
    ],
)
def test_who_asks_for_it_waits_for_nothing_but_bytes(scene: Scene, opens: bool) -> None:
    assert judge(RULES, scene, asked=True).opens is opens


@pytest.mark.parametrize(
    ("now", "wait_s"),
    [
        (at("21:59"), 60),
        (at("22:00"), 0),
        (at("23:59"), 0),
        (at("00:00"), 0),
        (at("05:59"), 0),
        (at("06:00"), 16 * 3600),
        (at("12:00", "unsure"), 0),
    ],
)
def test_a_window_over_midnight(now: Instant, wait_s: float) -> None:
    assert until_window_s(NIGHT, INDIA, 0.0, now) == wait_s


def test_equal_ends_are_the_whole_day() -> None:
    assert until_window_s((Window(time(6), time(6)),), INDIA, 0.0, at("05:59")) == 0


def test_kiosks_come_one_after_the_other_when_a_window_begins() -> None:
    begins = at("22:00")
    assert until_window_s(NIGHT, INDIA, 0.5, begins) == 450
    assert until_window_s((Window(time(22), time(22, 4)),), INDIA, 0.5, begins) == 30, "a quarter of a short one"
    places = [place_of(f"village-{number}") for number in range(1000)]
    assert all(sum(low <= place < low + 0.1 for place in places) > 60 for low in (0.0, 0.3, 0.6, 0.9))


def test_what_is_urgent_takes_nothing_along_outside_of_a_window() -> None:
    rules = Rules(3600, 100_000, 20_000, NIGHT, INDIA)
    scene = Scene(at("12:00"), waiting=9, urgent=1)
    assert judge(rules, scene).opens
    assert not is_ordinary(rules, scene)
    assert allowance(rules, 0, urgent_only=True) == (100_000, 0, 0)


def test_the_gateway_s_wishes_go_before_the_configuration() -> None:
    plain = rules_of(Sync(), INDIA, "kiosk-1", None)
    assert (plain.every_s, plain.daily_bytes, plain.urgent_bytes) == (240 * 60, 300_000, 50_000)
    some = rules_of(Sync(), INDIA, "kiosk-1", Desired(revision=1, daily_kb=40))
    assert (some.every_s, some.daily_bytes, some.urgent_bytes) == (240 * 60, 40_000, 20_000)
    assert rules_of(Sync(), INDIA, "kiosk-1", Desired(revision=1, every_min=5)).every_s == 300


@pytest.mark.parametrize(
    ("settings", "wanted", "spare"),
    [(False, None, 0), (False, True, 0), (True, None, 40_000), (True, True, 40_000), (True, False, 0)],
)
def test_pictures_go_where_both_allow_them_within_half_of_the_day_s_bytes(
    settings: bool, wanted: bool | None, spare: int
) -> None:
    desired = Desired(revision=1, daily_kb=100, thumbnails=wanted)
    rules = rules_of(Sync(thumbnails=settings), INDIA, "kiosk-1", desired)
    assert allowance(rules, 10_000).spare == spare


@given(st.integers(10, 10**6), st.integers(0, 10**6), st.integers(10, 10**6) | st.none())
def test_no_wish_closes_the_link_for_good(daily_kb: int, urgent_kb: int, wanted_kb: int | None) -> None:
    settings = Sync(daily_kb=daily_kb, urgent_kb=min(urgent_kb, daily_kb // 2))
    rules = rules_of(settings, INDIA, "kiosk-1", Desired(revision=1, daily_kb=wanted_kb))
    assert judge(rules, Scene(at("12:00"), waiting=1)).opens


scenes = st.builds(
    Scene,
    now=st.builds(
        Instant,
        st.integers(0, 2**31).map(lambda second: datetime.fromtimestamp(second, UTC)),
        st.just("synced"),
    ),
    idle_s=st.none() | st.floats(0, 10**6),
    held_s=st.floats(0, 10**4),
    spent=st.integers(0, 10**6),
    waiting=st.integers(0, 10**6),
    urgent=st.integers(0, 10),
)
many_rules = st.builds(
    Rules,
    every_s=st.floats(60, 10**6),
    daily_bytes=st.integers(10_000, 10**6),
    urgent_bytes=st.integers(0, 9_999),
    windows=st.lists(st.builds(Window, st.times(), st.times()), max_size=3).map(tuple),
    zone=st.just(INDIA),
    place=st.floats(0, 0.999),
)


@given(many_rules, scenes, st.booleans())
def test_no_opening_begins_without_bytes_for_it(rules: Rules, scene: Scene, asked: bool) -> None:
    verdict = judge(rules, scene, asked=asked)
    allowed = allowance(rules, scene.spent)
    assert allowed.urgent + scene.spent <= max(rules.daily_bytes, scene.spent)
    assert allowed.ordinary <= max(0, allowed.urgent - rules.urgent_bytes)
    if verdict.opens:
        assert allowed.urgent >= LEAST_BYTES
    else:
        assert verdict.why


@given(many_rules, scenes)
def test_what_is_waited_for_comes(rules: Rules, scene: Scene) -> None:
    """Who waits as long as they are told, and no longer, is let in where it is only a matter of time."""
    verdict = judge(rules, scene)
    steps = 0
    while not verdict.opens and verdict.wait_s is not None and steps < 9:
        waited = verdict.wait_s + 1  # a window is told by whole seconds
        scene = Scene(
            now=Instant(scene.now.utc + timedelta(seconds=waited), "synced"),
            idle_s=None if scene.idle_s is None else scene.idle_s + waited,
            held_s=max(0.0, scene.held_s - waited),
            spent=scene.spent,
            waiting=scene.waiting,
            urgent=scene.urgent,
        )
        verdict = judge(rules, scene)
        steps += 1
    assert verdict.opens or verdict.wait_s is None
