"""Everything of one kind into a file, for those who count in a spreadsheet or a notebook: CSV, or Parquet.

Rules kept here:
- the file is whole or not there: it is written beside its place and put there at the end;
- rows stream through, however many there are;
- no farmer's pseudonym is in it unless it is asked for: it names nobody, but ties all visits of one farmer together,
  and with the village and the days that may be enough to tell who it is. Whoever counts diseases does not need it;
- rehearsals are left out unless they are asked for.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, Table, select
from sqlalchemy.types import Boolean, Integer, TypeEngine

from edge_daemon.wire.messages import HealthReport
from gateway.errors import CannotWrite, NotInstalled
from gateway.reading import reading
from gateway.reports_view import Wanted, select_alarms, select_diagnoses, select_ledger
from gateway.tables import alarm, diagnosis, kiosk, ledger

AT_ONCE = 10_000
"""Rows in memory."""
LATEST = 253_402_300_799
"""The last second of the year 9999: what a kiosk's clock tells beyond it is written as this."""
ORDERS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet may take a cell that begins so for a formula; the last four are the first four in full width."""
KINDS = ("diagnoses", "ledger", "health", "alarms")
_SPECIAL = {"at": datetime, "rehearsal": bool}
_WORDS = {"clock", "software", "model", "advice", "place", "parts"}
OF_HEALTH: dict[str, type] = {
    name: str if name in _WORDS else _SPECIAL.get(name, int) for name in HealthReport.model_fields if name != "kiosk"
}
"""The columns of a health report."""

Line = tuple[Any, ...]


@dataclass(frozen=True)
class Export:
    """What goes into a file: the kind of each column (str, int, bool, or datetime for seconds since 1970), the rows."""

    types: dict[str, type]
    statement: Select[Any]
    spread: Callable[[Any], Mapping[str, Any]] = dict

    def lines(self, engine: Engine) -> Generator[list[Line]]:
        """The rows, AT_ONCE at a time. Raises DatabaseError."""
        with (
            reading(engine, deadline_s=None) as db,
            db.execution_options(yield_per=AT_ONCE).execute(self.statement) as found,
        ):
            for some in found.mappings().partitions():
                yield [tuple(wide[name] for name in self.types) for wide in (self.spread(row) for row in some)]


def build(kind: str, wanted: Wanted, farmers: bool) -> Export:
    """The export of one of KINDS."""
    if kind == "health":
        return Export({"kiosk": str, "site": str, "received_at": datetime, **OF_HEALTH}, _health(wanted), _spread)
    if kind == "diagnoses":
        statement = select_diagnoses(wanted).order_by(*_columns(diagnosis, "received_at", "kiosk", "id"))
    elif kind == "ledger":
        statement = select_ledger(wanted, farmers).order_by(*_columns(ledger, "kiosk", "diagnosis", "advice", "row"))
    else:
        statement = select_alarms(wanted).order_by(*_columns(alarm, "received_at", "kiosk", "what", "label", "at"))
    return Export(
        {str(column.key): _kind(str(column.key), column.type) for column in statement.selected_columns}, statement
    )


def _columns(table: Table, *names: str) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in names]


def _kind(name: str, of: TypeEngine[Any]) -> type:
    if name == "at" or name.endswith("_at"):
        return datetime
    if isinstance(of, Boolean):
        return bool
    return int if isinstance(of, Integer) else str


def _health(wanted: Wanted) -> Select[Any]:
    """The newest health report of each kiosk."""
    statement = select(kiosk.c.id.label("kiosk"), kiosk.c.site, kiosk.c.health_at.label("received_at"), kiosk.c.health)
    span = wanted.span
    conditions = [
        kiosk.c.health_at.is_not(None),
        *([] if wanted.kiosk is None else [kiosk.c.id == wanted.kiosk]),
        *([] if span.since is None else [kiosk.c.health_at >= span.since]),
        *([] if span.until is None else [kiosk.c.health_at < span.until]),
        *([] if wanted.rehearsals else [kiosk.c.rehearsal.is_not(True)]),
    ]
    return statement.where(*conditions).order_by(kiosk.c.id)


def _spread(row: Mapping[str, Any]) -> Mapping[str, Any]:
    health = row["health"] or {}
    return {**row, **{name: health.get(name) for name in OF_HEALTH}}


def write(engine: Engine, export: Export, layout: str, out: Path) -> int:
    """Write the file, csv or parquet; how many rows. Raises CannotWrite, NotInstalled, DatabaseError."""
    try:
        with _beside(out) as part, closing(export.lines(engine)) as lines:
            return (_write_parquet if layout == "parquet" else _write_csv)(lines, export.types, part)
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
