"""Files for those who count: whole or not there, without pseudonyms, harmless in a spreadsheet."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet
from sqlalchemy import Engine

from gateway import export
from gateway.errors import CannotWrite, NotInstalled
from gateway.export import KINDS, build, write
from gateway.reports_view import Wanted
from gateway.span import Span
from tests.gateway.view import fleet_kit as kit
from tests.gateway.view.fleet_kit import DAY, NOW

ALL = Wanted(rehearsals=True)
HEALTH: dict[str, Any] = {"at": NOW, "clock": "synced", "starts": 4, "software": "0.2.0", "rehearsal": False}
HEALTH |= {"parts": [["sms", "ok"]], "oldest_waiting": None, "disk_free_mb": 9000, "desired": 2}


@pytest.fixture
def filled(engine: Engine) -> Engine:
    kit.add_kiosk(engine, "koraput-7", site="=HYPERLINK(1)", health=HEALTH, health_at=NOW, rehearsal=False)
    kit.add_kiosk(engine, "silent-1")
    kit.add_diagnoses(engine, 3)
    kit.add_diagnoses(engine, 1, kiosk="mad", taken_at=2**40, rehearsal=True, crop=None, candidates=[])
    kit.add_ledger(engine, 2)
    kit.add_alarm(engine)
    return engine


def as_csv(engine: Engine, out: Path, kind: str, wanted: Wanted = ALL, farmers: bool = False) -> list[dict[str, str]]:
    count = write(engine, build(kind, wanted, farmers), "csv", out)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == count
    return rows


def test_diagnoses_as_csv(filled: Engine, tmp_path: Path) -> None:
    rows = as_csv(filled, tmp_path / "d.csv", "diagnoses")
    assert [row["kiosk"] for row in rows] == ["koraput-7", "koraput-7", "koraput-7", "mad"]
    assert rows[0] == {
        "kiosk": "koraput-7",
        "id": f"{3:032x}",
        "visit": f"{3:032x}",
        "taken_at": "2026-11-25T11:59:57Z",
        "synced": "true",
        "crop": "rice",
        "decision": "answer",
        "label": "rice/blast",
        "permille": "850",
        "candidates": '[["rice/blast", 850]]',
        "model": "leaf-1",
        "language": "or",
        "rehearsal": "false",
        "received_at": "2026-11-25T11:59:57Z",
        "thumbnail": "false",
    }
    assert (rows[3]["taken_at"], rows[3]["crop"], rows[3]["candidates"]) == ("9999-12-31T23:59:59Z", "", "[]")


def test_rehearsals_and_other_days_are_left_out(filled: Engine, tmp_path: Path) -> None:
    out = tmp_path / "d.csv"
    assert len(as_csv(filled, out, "diagnoses", Wanted())) == 3
    assert len(as_csv(filled, out, "diagnoses", Wanted(span=Span(NOW - 2, NOW)))) == 2
    assert as_csv(filled, out, "diagnoses", Wanted(span=Span(None, NOW - DAY))) == []
    assert as_csv(filled, out, "health", Wanted(span=Span(NOW + 1))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_pseudonym_is_in_a_file_unless_it_is_asked_for(filled: Engine, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out.csv"
    assert as_csv(filled, out, kind)
    assert "farmer" not in out.read_text(encoding="utf-8")
    assert "0123456789abcdef" not in out.read_text(encoding="utf-8")
    asked = as_csv(filled, out, kind, farmers=True)
    assert [row.get("farmer") for row in asked] == [("0123456789abcdef" if kind == "ledger" else None)] * len(asked)


def test_health_is_one_row_a_kiosk(filled: Engine, tmp_path: Path) -> None:
    (row,) = as_csv(filled, tmp_path / "h.csv", "health")
    assert (row["kiosk"], row["at"], row["starts"], row["clock"]) == (
        "koraput-7",
        "2026-11-25T12:00:00Z",
        "4",
        "synced",
    )
    assert (row["oldest_waiting"], row["parts"], row["rehearsal"], row["photos"]) == (
        "",
        '[["sms", "ok"]]',
        "false",
        "",
    )
    assert row["site"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize("begin", export.ORDERS)
def test_a_text_that_a_spreadsheet_would_execute_is_marked_as_text(engine: Engine, tmp_path: Path, begin: str) -> None:
    kit.add_kiosk(engine, "koraput-7", site=f"{begin}1+1", health=HEALTH, health_at=NOW)
    assert as_csv(engine, tmp_path / "h.csv", "health")[0]["site"] == f"'{begin}1+1"


def test_parquet_has_types_and_the_text_as_it_is(filled: Engine, tmp_path: Path) -> None:
    out = tmp_path / "d.parquet"
    assert write(filled, build("diagnoses", ALL, False), "parquet", out) == 4
    table = parquet.read_table(out)
    assert [str(table.schema.field(name).type) for name in ("taken_at", "synced", "permille", "label")] == [
        *("timestamp[ms, tz=UTC]", "bool", "int64", "string")
    ]
    assert table.column("taken_at")[0].as_py().isoformat() == "2026-11-25T11:59:57+00:00"
    write(filled, build("health", ALL, False), "parquet", out)
    (row,) = parquet.read_table(out).to_pylist()
    assert (row["site"], row["parts"], row["starts"], row["oldest_waiting"]) == (
        *("=HYPERLINK(1)", '[["sms", "ok"]]', 4, None),
    )


@pytest.mark.parametrize("layout", ["csv", "parquet"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_export_is_a_file_with_its_columns(engine: Engine, tmp_path: Path, kind: str, layout: str) -> None:
    out = tmp_path / "out"
    assert write(engine, build(kind, ALL, True), layout, out) == 0
    names = parquet.read_schema(out).names if layout == "parquet" else out.read_text().strip().split(",")
    assert {"kiosk", "received_at"} <= set(names)


def test_many_rows_stream_through(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "AT_ONCE", 7)
    kit.add_diagnoses(engine, 50)
    assert len(as_csv(engine, tmp_path / "d.csv", "diagnoses")) == 50
    assert [len(lines) for lines in build("diagnoses", ALL, False).lines(engine)] == [7] * 7 + [1]
    write(engine, build("diagnoses", ALL, False), "parquet", tmp_path / "d.parquet")
    assert parquet.read_table(tmp_path / "d.parquet").num_rows == 50


def test_a_file_is_whole_or_as_it_was(filled: Engine, tmp_path: Path) -> None:
    out = tmp_path / "d.csv"
    out.write_text("old")
    bad = build("diagnoses", ALL, False)
    broken = export.Export({**bad.types, "nowhere": int}, bad.statement)
    with pytest.raises(KeyError):
        write(filled, broken, "csv", out)
    assert out.read_text() == "old"
    assert list(tmp_path.glob(".*")) == []
    write(filled, bad, "csv", out)
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_is_said(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="--out"):
        write(engine, build("alarms", ALL, False), "csv", tmp_path / "nowhere" / "a.csv")


def test_without_pyarrow_it_is_said_what_to_install(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NotInstalled, match=r"krishi-sandesh\[parquet\]"):
        write(engine, build("alarms", ALL, False), "parquet", tmp_path / "a.parquet")
    assert list(tmp_path.glob("*.parquet")) == []
