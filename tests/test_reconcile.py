"""The reconciliation finds whatever is wrong: a report that cannot fail says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from gateway import tables
from tests.reconcile import NAMES, accounts, as_stored, left_in, reconcile
from tests.rigs import reports
from tests.wire.day import diagnoses

KIOSK = "koraput-7"
SENT = diagnoses(5)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A gateway's database that has all of them, once."""
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    engine = sqlalchemy.create_engine(url)
    tables.metadata.create_all(engine)
    rows: list[dict[str, Any]] = [row(report.diagnosis) for report in SENT]
    with engine.begin() as connection:
        connection.execute(sqlalchemy.insert(tables.diagnosis), rows)
        connection.execute(sqlalchemy.insert(tables.kiosk), [{"id": KIOSK, "state": "enrolled", "diagnoses": 5}])
    yield url
    engine.dispose()


def row(id: str) -> dict[str, Any]:
    (report,) = (report for report in SENT if report.diagnosis == id)
    stored = zip(NAMES, as_stored(report), strict=True)
    return {"kiosk": report.kiosk, "id": id, "received_at": 0, **dict(stored)}


def change(url: str, statement: str, **values: object) -> None:
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text(statement), values)
    engine.dispose()


def test_it_balances(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reconcile(url, SENT, {KIOSK: left_in(tmp_path)})
    assert capsys.readouterr().out.splitlines()[1].split() == [KIOSK, "5", "5", "0", "0", "0", "0", "0"]


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("DELETE FROM diagnosis WHERE id = :id", "lost"),
        ("UPDATE diagnosis SET permille = permille + 1 WHERE id = :id", "changed"),
        ("UPDATE diagnosis SET id = 'f' || substr(id, 2) WHERE id = :id", "made_up"),
        ("UPDATE diagnosis SET kiosk = 'somebody' WHERE id = :id", "lost"),
        ("UPDATE kiosk SET diagnoses = 6 WHERE :id != ''", "twice"),
    ],
)
def test_what_is_wrong_is_found(url: str, statement: str, wrong: str) -> None:
    change(url, statement, id=SENT[2].diagnosis)
    found = {account.kiosk: account for account in accounts(url, SENT, {})}
    assert getattr(found[KIOSK], wrong) == 1
    with pytest.raises(AssertionError, match=f"{KIOSK} +5"):
        reconcile(url, SENT, {})


def test_what_waits_still_is_found(url: str, tmp_path: Path) -> None:
    reports.record(tmp_path, SENT[:2])
    with pytest.raises(AssertionError, match=rf"{KIOSK}( +[0-9]+){{6}} +2"):
        reconcile(url, SENT, {KIOSK: left_in(tmp_path)})


def test_nothing_at_all_is_no_balance(url: str) -> None:
    for name in ("diagnosis", "kiosk"):
        change(url, f"DELETE FROM {name}")
    with pytest.raises(AssertionError, match="nothing was recorded"):
        reconcile(url, [], {})
