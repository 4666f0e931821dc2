"""The ledger report: what it says of each row, that no number is in it, and that nothing is lost or doubled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge_daemon import demo, ledger_report, parts
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.config import Config
from edge_daemon.conversation.plan import is_control
from edge_daemon.diagnosis import Report
from edge_daemon.exchange import Entry
from edge_daemon.ledger_report import MOST_A_DAY, MOST_WAITING, tell_gateway
from edge_daemon.modem import fields
from edge_daemon.store.store import Store
from edge_daemon.wire import codec
from edge_daemon.wire.messages import MOST_ROWS, LedgerReport, LedgerRow
from tests.edge.ledger_kit import (
    NOON,
    SteppingClock,
    advised,
    answered,
    arrived,
    ask_what_is_due,
    gone,
    opened,
)

KIOSK = "koraput-7"
DAY = timedelta(days=1)
WAITING = Entry(
    kind="advice",
    row=7,
    pseudonym="0123456789abcdef",
    diagnosis="00112233445566778899aabbccddeeff",
    label="rice/blast",
    language="hi",
    template="answer",
    state="waiting",
    begun_at=NOON - DAY,
    sent_at=None,
    ended_at=None,
    parts=0,
    version="1",
)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def store(tmp_path: Path, clock: SteppingClock) -> Iterator[Store]:
    with opened(tmp_path, clock) as store:
        yield store


@dataclass
class Ledger:
    """edge_daemon.ledger_report.Told, in memory. broken: it fails before this report is queued."""

    untold: list[Entry]
    today: int = 0
    waiting: int = 0
    broken: int | None = None
    bodies: list[bytes] = field(default_factory=list)

    def changed(self, limit: int) -> list[Entry]:
        return self.untold[:limit]

    def tell(self, entries: Sequence[Entry], body: bytes) -> None:
        if len(self.bodies) == self.broken:
            raise KeyboardInterrupt
        self.bodies.append(body)
        self.untold = [entry for entry in self.untold if entry not in entries]

    def reports_within_a_day(self, now: object) -> int:
        return self.today

    def reports_waiting(self) -> int:
        return self.waiting

    def forget_delivered(self, now: object) -> None:
        """Nothing was delivered."""


def many(count: int) -> list[Entry]:
    return [replace(WAITING, row=row + 1) for row in range(count)]


def rows_of(bodies: Sequence[bytes]) -> list[LedgerRow]:
    rows: list[LedgerRow] = []
    for body in bodies:
        told = codec.decode(body)
        assert isinstance(told, LedgerReport)
        rows += told.rows
    return rows


def reports(store: Store) -> list[bytes]:
    return [report.body for report in store.reports.waiting() if report.body != b"report"]


def test_a_row_says_what_the_ledger_has() -> None:
    told = ledger_report.report(KIOSK, [replace(WAITING, sent_at=NOON, parts=2, state="sent")], 10, NOON + DAY)
    at = int(NOON.timestamp())
    assert (told.kiosk, told.at) == (KIOSK, at + 86_400)
    (row,) = told.rows
    assert (row.kind, row.row, row.farmer, row.diagnosis) == ("advice", 7, WAITING.pseudonym, WAITING.diagnosis)
    assert (row.begun_at, row.sent_at, row.ended_at) == (at - 86_400, at, None)
    assert (row.state, row.parts, row.label, row.language, row.template) == ("sent", 2, "rice/blast", "hi", "answer")


@pytest.mark.parametrize("percent", [0, 10, 50, 100])
def test_the_control_group_is_the_plan_s(percent: int) -> None:
    farmers = [f"{number:016x}" for number in range(40)]
    entries = [replace(WAITING, pseudonym=farmer) for farmer in farmers]
    told = ledger_report.report(KIOSK, entries, percent, NOON)
    assert [row.control for row in told.rows] == [is_control(farmer, percent) for farmer in farmers]


def test_of_an_erased_farmer_nobody_knows_the_group() -> None:
    (row,) = ledger_report.report(KIOSK, [replace(WAITING, pseudonym="")], 100, NOON).rows
    assert (row.farmer, row.control) == ("", None)


@pytest.mark.parametrize(("rows", "messages"), [(0, 0), (1, 1), (40, 1), (41, 2), (1000, 25), (1001, 25)])
def test_forty_rows_a_report_and_25_reports_a_day(rows: int, messages: int) -> None:
    ledger = Ledger(many(rows))
    assert tell_gateway(ledger, KIOSK, 10, NOON) == len(ledger.bodies) == messages
    assert [row.row for row in rows_of(ledger.bodies)] == list(range(1, min(rows, MOST_ROWS * MOST_A_DAY) + 1))


@pytest.mark.parametrize(
    ("today", "waiting", "messages"), [(24, 0, 1), (25, 0, 0), (99, 0, 0), (0, MOST_WAITING - 2, 2), (0, 999, 0)]
)
def test_what_went_today_or_still_waits_takes_from_the_room(today: int, waiting: int, messages: int) -> None:
    ledger = Ledger(many(200), today, waiting)
    assert tell_gateway(ledger, KIOSK, 10, NOON) == messages
    assert len(ledger.untold) == 200 - messages * MOST_ROWS


def test_killed_between_two_reports_it_goes_on_where_it_was() -> None:
    ledger = Ledger(many(100), broken=1)
    with pytest.raises(KeyboardInterrupt):
        tell_gateway(ledger, KIOSK, 10, NOON)
    ledger.broken = None
    tell_gateway(ledger, KIOSK, 10, NOON)
    assert [row.row for row in rows_of(ledger.bodies)] == list(range(1, 101))


def test_a_season_of_one_farmer_is_told_to_its_end(store: Store, clock: SteppingClock) -> None:
    """The newest report of each row is what the store has, however often the kiosk tells."""
    advised(store, clock)
    tell_gateway(store.told, KIOSK, 0, clock.utc)
    gone(store)
    arrived(store)
    clock.utc += 3 * DAY
    tell_gateway(store.told, KIOSK, 0, clock.utc)
    ask_what_is_due(store, clock)
    for reference in (2, 3):
        gone(store, reference)
    tell_gateway(store.told, KIOSK, 0, clock.utc)
    clock.utc += timedelta(minutes=5)
    answered(store, 1)
    tell_gateway(store.told, KIOSK, 0, clock.utc)
    newest = {(row.kind, row.row): (row.state, row.answer) for row in rows_of(reports(store))}
    assert newest[("advice", 2)] == ("delivered", None)
    assert sorted((kind, *told) for (kind, _), told in newest.items() if told[0] == "answered") == [
        ("recall_3", "answered", 1)
    ]
    assert tell_gateway(store.told, KIOSK, 0, clock.utc) == 0


def test_no_number_stands_in_any_report(store: Store, clock: SteppingClock) -> None:
    numbers = [f"+9198{n:08d}" for n in range(12_345_000, 12_345_050)]
    for turn, number in enumerate(numbers):
        advised(store, clock, number)
        gone(store, turn)
        arrived(store, turn, number)
    store.texts.opt_out(numbers[0])
    clock.utc += 3 * DAY
    ask_what_is_due(store, clock)
    tell_gateway(store.told, KIOSK, 10, clock.utc)
    bodies = reports(store)
    assert len(rows_of(bodies)) == 50 + 3 + 2 * 49
    told = b"".join(bodies) + "".join(codec.decode(body).model_dump_json() for body in bodies).encode()
    for number in numbers:
        for form in (number[1:].encode(), number[3:].encode(), fields.semi_octets(number[1:])):
            assert form not in told
            assert form.hex().encode() not in told


def test_an_erasure_reaches_the_gateway(store: Store, clock: SteppingClock) -> None:
    for turn, number in enumerate(("+919812345678", "+919812399999")):
        advised(store, clock, number)
        gone(store, turn)
    clock.utc += 3 * DAY
    ask_what_is_due(store, clock)
    tell_gateway(store.told, KIOSK, 0, clock.utc)
    before = rows_of(reports(store))
    store.erasure.erase("+919812345678")
    clock.utc += DAY
    tell_gateway(store.told, KIOSK, 0, clock.utc)
    told_anew = rows_of(reports(store))[len(before) :]
    erased = {row.diagnosis for row in told_anew}
    mine = [row for row in before if row.diagnosis in erased]
    assert len({row.farmer for row in mine}) == 1, "theirs alone"
    assert {(row.kind, row.row) for row in mine} <= {(row.kind, row.row) for row in told_anew}
    assert {(row.farmer, row.control) for row in told_anew} == {("", None)}


def test_the_conversation_tells_once_a_day(store: Store, clock: SteppingClock) -> None:
    monotonic = [0.0]
    talk = parts.build_talk(Config(), Catalogue.load(), store, clock, lambda: monotonic[0])
    advised(store, clock)
    talk.look()
    assert reports(store) == [], "a clock is believed after six hours"
    clock.utc += timedelta(hours=6)
    monotonic[0] += 6 * 3600
    talk.look()
    assert len(reports(store)) == 1
    clock.utc += timedelta(hours=1)
    monotonic[0] += 3600
    gone(store)
    talk.look()
    assert len(reports(store)) == 1
    clock.utc += DAY
    monotonic[0] += 86_400
    talk.look()
    assert [row.state for row in rows_of(reports(store))] == ["waiting", "sent"]


def test_a_clock_that_is_not_sure_tells_nothing(store: Store, clock: SteppingClock) -> None:
    advised(store, clock)
    clock.clock = "unsure"
    parts.build_talk(Config(), Catalogue.load(), store, clock, lambda: 0.0).look()
    assert reports(store) == []


def test_the_demo_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    body = codec.encode(ledger_report.report(KIOSK, [WAITING], 10, NOON))
    demo._print_report(Report(1, body))
    printed = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert f"{len(body)} bytes wait for the gateway" in printed
    assert '"label": "rice/blast"' in printed
