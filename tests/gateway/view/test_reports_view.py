"""What the kiosks sent, looked at and counted, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway import reports_view
from gateway.reports_view import MOST_GROUPS, SHOWN_BYTES, NoThumbnail, TooMany, Wanted
from gateway.span import Span
from gateway.tables import diagnosis
from tests.gateway.view import fleet_kit as kit
from tests.gateway.view.fleet_kit import DAY, HOUR, NOW

ANY = Wanted()
HEX = "{:032x}".format


def ids(engine: Engine, wanted: Wanted) -> list[int]:
    return [int(row["id"], 16) for row in reports_view.diagnoses(engine, wanted).rows]


def test_diagnoses_come_in_pages_the_newest_first(engine: Engine) -> None:
    kit.add_diagnoses(engine, 7, received_at=NOW)
    kit.add_diagnoses(engine, 2, received_at=NOW + 1, kiosk="a-1")
    page = reports_view.diagnoses(engine, ANY, None, 4)
    met = [(row["kiosk"], int(row["id"], 16)) for row in page.rows]
    while page.cursor is not None:
        page = reports_view.diagnoses(engine, ANY, page.cursor, 4)
        met += [(row["kiosk"], int(row["id"], 16)) for row in page.rows]
    assert met == [("a-1", 2), ("a-1", 1), *(("koraput-7", number) for number in range(7, 0, -1))]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ANY, [1, 2, 3, 4]),
        (replace(ANY, rehearsals=True), [1, 2, 3, 4, 5]),
        (replace(ANY, kiosk="b-2"), [2]),
        (replace(ANY, label="rice/brown_spot"), [3]),
        (replace(ANY, decision="not_sure"), [4]),
        (replace(ANY, thumbnail=True), [1]),
        (replace(ANY, thumbnail=False), [2, 3, 4]),
    ],
)
def test_diagnoses_are_chosen(engine: Engine, wanted: Wanted, found: list[int]) -> None:
    others: list[dict[str, Any]] = [
        {},
        {"kiosk": "b-2"},
        {"label": "rice/brown_spot"},
        {"decision": "not_sure"},
        {"rehearsal": True},
    ]
    kit.put(engine, diagnosis, *(kit.a_diagnosis(number, **values) for number, values in enumerate(others, 1)))
    kit.add_picture(engine, 1, b"\xff\xd8x")
    assert ids(engine, wanted) == found


@pytest.mark.parametrize(
    ("values", "inside"),
    [
        ({"taken_at": NOW}, True),
        ({"taken_at": NOW - 1}, False),
        ({"taken_at": NOW + HOUR - 1}, True),
        ({"taken_at": NOW + HOUR}, False),
        ({"taken_at": NOW, "received_at": NOW + 90 * DAY}, True),
        ({"taken_at": 5, "synced": False, "received_at": NOW}, True),
        ({"taken_at": NOW, "synced": False, "received_at": NOW + HOUR}, False),
        ({"taken_at": NOW, "received_at": NOW - DAY}, True),
    ],
)
def test_a_diagnosis_belongs_to_the_time_that_is_known_to_be_right(
    engine: Engine, values: dict[str, int], inside: bool
) -> None:
    kit.add_diagnoses(engine, 1, **{"received_at": NOW, **values})
    assert ids(engine, Wanted(span=Span(NOW, NOW + HOUR))) == [1] * inside


def test_the_ledger_is_shown_without_pseudonyms_unless_asked(engine: Engine) -> None:
    kit.add_ledger(engine, 3)
    kit.add_ledger(engine, 2, advice=False, kind="help")
    page = reports_view.ledger_rows(engine, ANY, False, None, 2)
    met = [(row["row"], row["advice"]) for row in page.rows]
    assert "farmer" not in page.rows[0]
    while page.cursor is not None:
        page = reports_view.ledger_rows(engine, ANY, True, page.cursor, 2)
        assert page.rows[0]["farmer"] == "0123456789abcdef"
        met += [(row["row"], row["advice"]) for row in page.rows]
    assert met == [(1, False), (1, True), (2, False), (2, True), (3, True)]
    began = Wanted(span=Span(NOW - 2, NOW))
    assert {row["row"] for row in reports_view.ledger_rows(engine, began, False).rows} == {1, 2}


def test_alarms(engine: Engine) -> None:
    kit.add_alarm(engine)
    kit.add_alarm(engine, what="disk_low", label="", received_at=NOW)
    kit.add_alarm(engine, rehearsal=True, at=NOW)
    kit.add_alarm(engine, at=7, synced=False, received_at=NOW - 9 * DAY)
    assert [row["what"] for row in reports_view.alarms(engine, ANY).rows] == ["disk_low", "outbreak", "outbreak"]
    assert len(reports_view.alarms(engine, Wanted(rehearsals=True)).rows) == 4
    assert [row["at"] for row in reports_view.alarms(engine, Wanted(span=Span(None, NOW - DAY))).rows] == [7]
    first = reports_view.alarms(engine, ANY, None, 1)
    assert [row["at"] for row in reports_view.alarms(engine, ANY, first.cursor).rows] == [NOW - HOUR, 7]


def test_what_could_not_be_read_is_shown_from_its_begin(engine: Engine) -> None:
    kit.add_aside(engine, b"\x00\xffgarbage")
    kit.add_aside(engine, bytes(5000))
    kit.add_aside(engine, b"", of="")
    rows = reports_view.aside_rows(engine, None).rows
    assert [(row["size"], row["begin"]) for row in rows] == [
        (0, ""),
        (5000, "00" * SHOWN_BYTES),
        (9, b"\x00\xffgarbage".hex()),
    ]
    assert len(reports_view.aside_rows(engine, "koraput-7").rows) == 2


def test_a_picture(engine: Engine) -> None:
    kit.add_picture(engine, 1, b"\xff\xd8x")
    assert reports_view.picture(engine, "koraput-7", HEX(1)) == b"\xff\xd8x"
    with pytest.raises(NoThumbnail):
        reports_view.picture(engine, "koraput-7", HEX(2))


def test_counts_by_label_and_day(engine: Engine) -> None:
    kit.add_diagnoses(engine, 3)
    kit.put(
        engine,
        diagnosis,
        kit.a_diagnosis(10, visit=HEX(1)),
        kit.a_diagnosis(11, label="rice/brown_spot", taken_at=NOW - DAY),
        kit.a_diagnosis(12, rehearsal=True),
        kit.a_diagnosis(13, decision="not_sure"),
    )
    today = NOW // DAY
    wanted = Wanted(decision="answer")
    assert reports_view.counts(engine, ("label", "day"), wanted) == [
        {"label": "rice/blast", "day": today, "diagnoses": 4, "visits": 3},
        {"label": "rice/brown_spot", "day": today - 1, "diagnoses": 1, "visits": 1},
    ]
    assert reports_view.counts(engine, ("decision",), ANY) == [
        {"decision": "answer", "diagnoses": 5, "visits": 4},
        {"decision": "not_sure", "diagnoses": 1, "visits": 1},
    ]


@pytest.mark.parametrize(
    ("offset_s", "day"), [(0, 0), (12 * HOUR, 0), (12 * HOUR + 1, 1), (-11 * HOUR, 0), (-12 * HOUR, -1)]
)
def test_days_are_told_by_the_asked_clock(engine: Engine, offset_s: int, day: int) -> None:
    kit.add_diagnoses(engine, 1)
    assert reports_view.counts(engine, ("day",), ANY, offset_s)[0]["day"] == NOW // DAY + day


def test_counts_by_site_and_place_take_them_from_the_registry(engine: Engine) -> None:
    kit.add_kiosk(engine, "koraput-7", place="village:4711")
    kit.add_kiosk(engine, "b-2", site="Jeypore")
    kit.add_diagnoses(engine, 2)
    kit.add_diagnoses(engine, 1, kiosk="b-2")
    assert reports_view.counts(engine, ("site", "place"), ANY) == [
        {"site": "Jeypore", "place": "", "diagnoses": 1, "visits": 1},
        {"site": "Koraput", "place": "village:4711", "diagnoses": 2, "visits": 2},
    ]


def test_more_groups_than_an_answer_holds_are_refused(engine: Engine) -> None:
    with engine.begin() as db:
        db.execute(
            diagnosis.insert(), [kit.a_diagnosis(number, model=str(number)) for number in range(MOST_GROUPS + 1)]
        )
    with pytest.raises(TooMany, match="10000"):
        reports_view.counts(engine, ("model",), ANY)
    assert len(reports_view.counts(engine, ("model",), Wanted(span=Span(NOW - MOST_GROUPS + 1)))) == MOST_GROUPS
