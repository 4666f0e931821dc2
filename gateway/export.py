"""Everything of one kind into a file, for those who count in a spreadsheet or a notebook: CSV, or Parquet.

Rules kept here:
- the file is whole or not there: it is written beside its place and put there at the end;
- rows stream through, however many there are;
- no farmer's pseudonym is in it unless it is asked for: it names nobody, but ties all visits of one farmer together, and
  with the village and the days that may be enough to tell who it is. Whoever counts diseases does not need it;
- rehearsals are left out unless they are asked for.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Select, select
from sqlalchemy.types import Boolean, Integer, TypeEngine

from edge_daemon.wire.messages import HealthReport
from gateway.errors import GatewayError
from gateway.reading import reading
from gateway.reports_view import Wanted, select_alarms, select_diagnoses, select_ledger
from gateway.tables import alarm, diagnosis, kiosk, ledger

AT_ONCE = 10_000
"""Rows in memory."""
LATEST = 253_402_300_799
"""The last second of the year 9999: what a kiosk's clock tells beyond it is written as this."""
ORDERS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet may take a cell that begins so for a formula; the last four are the first four in full width."""
OF_HEALTH = tuple(name for name in HealthReport.model_fields if name not in {"kiosk", "parts"})

Line = tuple[Any, ...]


class CannotWrite(GatewayError):
    """The file cannot be written."""

    exit_code = 73


class NotInstalled(GatewayError):
    """This needs a package that is not installed."""

    exit_code = 69


class Export:
    """What goes into a file: the names of its columns, which of them are times, and its rows."""

    def __init__(self, statement: Select[Any], spread: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict) -> None:
        self._statement = statement
        self._spread = spread
        self.types: dict[str, type] = {
            column.key: _kind(column.key, column.type) for column in statement.selected_columns
        }

    def lines(self, engine: Engine) -> Iterator[list[Line]]:
        """The rows, AT_ONCE at a time. Raises DatabaseError."""
        with reading(engine, deadline_s=None) as db:
            rows = db.execution_options(yield_per=AT_ONCE).execute(self._statement).mappings()
            for some in rows.partitions():
                yield [tuple(self._spread(row)[name] for name in self.types) for row in some]


def _kind(name: str, of: TypeEngine[Any]) -> type:
    if name == "at" or name.endswith("_at"):
        return datetime
    if isinstance(of, Boolean):
        return bool
    return int if isinstance(of, Integer) else str


def build(kind: str, wanted: Wanted, farmers: bool) -> Export:
    """The export of a kind: diagnoses, ledger, health or alarms."""
    if kind == "diagnoses":
        order = (diagnosis.c.received_at, diagnosis.c.kiosk, diagnosis.c.id)
        return Export(select_diagnoses(wanted).order_by(*order))
    if kind == "ledger":
        order_of_ledger = (ledger.c.kiosk, ledger.c.diagnosis, ledger.c.advice, ledger.c.row)
        return Export(select_ledger(wanted, farmers).order_by(*order_of_ledger))
    if kind == "alarms":
        return Export(select_alarms(wanted).order_by(alarm.c.received_at, alarm.c.kiosk, alarm.c.what, alarm.c.label))
    return _health(wanted)


def _health(wanted: Wanted) -> Export:
    """The newest health report of each kiosk."""
    statement = select(kiosk.c.id.label("kiosk"), kiosk.c.site, kiosk.c.health_at.label("received_at"), kiosk.c.health)
    statement = statement.where(kiosk.c.health_at.is_not(None)).order_by(kiosk.c.id)
    if wanted.kiosk is not None:
        statement = statement.where(kiosk.c.id == wanted.kiosk)
    if wanted.span.since is not None:
        statement = statement.where(kiosk.c.health_at >= wanted.span.since)
    if wanted.span.until is not None:
        statement = statement.where(kiosk.c.health_at < wanted.span.until)
    if not wanted.rehearsals:
        statement = statement.where(kiosk.c.rehearsal.is_not(True))
    export = Export(statement, _spread_health)
    del export.types["health"]
    whole = HealthReport.model_fields
    export.types |= {name: _KINDS.get(str(whole[name].annotation), int) for name in OF_HEALTH} | {"parts": str}
    return export


_KINDS = {"<class 'str'>": str, "<class 'bool'>": bool, "typing.Literal['synced', 'unsure']": str}


def _spread_health(row: Mapping[str, Any]) -> Mapping[str, Any]:
    health = row["health"] or {}
    return {**row, **{name: health.get(name) for name in OF_HEALTH}, "parts": health.get("parts")}


def write(engine: Engine, export: Export, format: str, out: Path) -> int:
    """Write the file, csv or parquet; how many rows. Raises CannotWrite, NotInstalled, DatabaseError."""
    try:
        with _beside(out) as part:
            return (_write_parquet if format == "parquet" else _write_csv)(export.lines(engine), export.types, part)
    except OSError as why:
        raise CannotWrite(f"{out}: cannot be written: {why.strerror or why}. Name another file with --out.") from why


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """A file for the owner alone that takes the place of `out` at the end, on the disk; or vanishes."""
    part = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def _write_csv(batches: Iterator[list[Line]], types: Mapping[str, type], part: Path) -> int:
    count = 0
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(types)
        for lines in batches:
            writer.writerows(
                tuple(_cell(value, of) for value, of in zip(line, types.values(), strict=True)) for line in lines
            )
            count += len(lines)
    return count


def _cell(value: Any, of: type) -> str:
    """A value as text: times in ISO 8601 (UTC), nothing for None, and nothing that a spreadsheet would execute."""
    if value is None:
        return ""
    if of is datetime:
        return datetime.fromtimestamp(min(max(value, 0), LATEST), UTC).isoformat().replace("+00:00", "Z")
    if of is bool:
        return "true" if value else "false"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if of is str and text.startswith(ORDERS) else text


def _write_parquet(batches: Iterator[list[Line]], types: Mapping[str, type], part: Path) -> int:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as why:
        raise NotInstalled(
            "Parquet needs the package pyarrow, which is not installed: pip install 'krishi-sandesh[parquet]'. "
            "--format csv needs nothing."
        ) from why
    of = {datetime: pyarrow.timestamp("s", "UTC"), bool: pyarrow.bool_(), int: pyarrow.int64(), str: pyarrow.string()}
    schema = pyarrow.schema([(name, of[kind]) for name, kind in types.items()])
    count = 0
    with parquet.ParquetWriter(part, schema, compression="zstd") as writer:
        for lines in batches:
            columns = [[_value(line[place], kind) for line in lines] for place, kind in enumerate(types.values())]
            arrays = [pyarrow.array(column, of[kind]) for column, kind in zip(columns, types.values(), strict=True)]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
            count += len(lines)
    return count


def _value(value: Any, of: type) -> Any:
    if value is None or (of is not str and of is not datetime) or isinstance(value, str):
        return value
    return min(max(value, 0), LATEST) if of is datetime else json.dumps(value, ensure_ascii=False)
