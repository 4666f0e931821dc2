"""`krishi-kiosk sync`: a technician and the link to the gateway. Lines come out.

The running kiosk opens its link, or says why not. Reports that were parked are shown, and let wait anew, beside the
running kiosk or without it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from edge_daemon import control, parts
from edge_daemon.config import Config
from edge_daemon.errors import KioskNotRunning, NoSuchReport, StateInUse
from edge_daemon.receipt import plain
from edge_daemon.store.report_outbox import Parked
from edge_daemon.store.store import Store
from edge_daemon.wire import codec
from edge_daemon.wire.errors import BadMessage
from edge_daemon.wire.messages import Alarm, DiagnosisReport, HealthReport, LedgerReport, Thumbnail

MOST_SHOWN = 200
"""The newest so many of those that are parked."""
KINDS: dict[type, str] = {
    DiagnosisReport: "diagnosis",
    LedgerReport: "ledger",
    HealthReport: "health",
    Alarm: "alarm",
    Thumbnail: "picture",
}
UNREADABLE = "unreadable"
"""Of a report that is no message."""
HEAD = f"{'report':>6}  {'made':<16}  {'kind':<10}  {'bytes':>6}  why"


def lines(config: Config, given: argparse.Namespace) -> Iterator[str]:
    """What the command prints. given: as edge_daemon.cli parses it. Raises what it does."""
    if given.parked:
        return show_parked(config, as_json=given.json)
    if given.again is not None:
        return again(config, None if given.again == "all" else given.again, as_json=given.json)
    told = open_link(config)
    return iter([_json(told) if given.json else text(told)])


def open_link(config: Config) -> dict[str, Any]:
    """What went: acknowledged and waiting reports, bytes. Raises KrishiError: NoGateway, LinkHeld, BrokerGone, ..."""
    told = control.ask(config.state.path(), {"do": "sync"})
    if told is None:
        raise KioskNotRunning(f"{config.state.path()}: no kiosk runs here. Start it with `krishi-kiosk run`.")
    return told


def text(told: dict[str, Any]) -> str:
    """A sentence for a terminal."""
    left = f"{told['waiting']} wait still" if told["waiting"] else "none wait"
    return f"The gateway has stored {told['acknowledged']} reports; {left}. It took {told['bytes']} bytes."


def show_parked(config: Config, *, as_json: bool) -> Iterator[str]:
    """The newest reports that were given up, the newest first. Raises StateError."""
    with parts.look_store(config) as store:
        count = store.queues()["report"].get("parked", 0)
        rows = [_public(report) for report in store.reports.parked(MOST_SHOWN)]
    if as_json:
        yield from map(_json, rows)
        return
    yield HEAD if rows else "No report is parked."
    yield from (_line(row, ZoneInfo(config.sms.timezone)) for row in rows)
    if count > len(rows):
        yield f"{count - len(rows)} older ones are not shown."


def again(config: Config, id: int | None, *, as_json: bool) -> Iterator[str]:
    """Let a parked report wait anew; None: each of them. Raises NoSuchReport, StateError."""
    store, alone = _open(config)
    with store:
        count = store.reports.again(id)
    if id is not None and not count:
        raise NoSuchReport(f"No report {id} is parked. `krishi-kiosk sync --parked` lists those that are.")
    if as_json:
        yield _json({"again": count, "running": not alone})
    elif not count:
        yield "No report is parked."
    else:
        which = f"Report {id} waits" if id is not None else f"{count} report{'s wait' if count > 1 else ' waits'}"
        when = "once the kiosk runs" if alone else "when the link is next opened; `krishi-kiosk sync` opens it now"
        yield f"{which} again, to go {when}."


def _public(report: Parked) -> dict[str, Any]:
    return {
        "id": report.id,
        "kind": _kind(report.body),
        "made_at": report.queued_at,
        "parked_at": report.changed_at,
        "bytes": len(report.body),
        "why": report.why,
    }


def _kind(body: bytes) -> str:
    try:
        return KINDS[type(codec.decode(body))]
    except BadMessage:
        return UNREADABLE


def _line(row: dict[str, Any], zone: ZoneInfo) -> str:
    made = f"{datetime.fromisoformat(row['made_at']).astimezone(zone):%Y-%m-%d %H:%M}"
    why = plain(" ".join(row["why"].split()))
    return f"{row['id']:>6}  {made}  {row['kind']:<10}  {row['bytes']:>6}  {why}"


def _open(config: Config) -> tuple[Store, bool]:
    """The store, and whether no daemon has it."""
    try:
        return parts.open_store(config), True
    except StateInUse:
        return parts.share_store(config), False


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)
