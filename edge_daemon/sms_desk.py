"""`krishi-kiosk sms`: a technician and the SMS of a kiosk, beside the daemon or without it. Lines come out."""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from edge_daemon import parts, sms_lines, telephone
from edge_daemon.config import Config
from edge_daemon.diagnosis import Kind
from edge_daemon.errors import NoSuchSms, StateInUse
from edge_daemon.store.store import Store

LOOK_S = 0.5
"""How often `watch` looks."""
WATCHED = 200
"""The newest so many are watched."""
TABLES = {"on": True, "off": False, "kiosk": None}
TOLD_OF_TABLES = {
    True: "may get texts by the national tables of their language",
    False: "gets no text by a national table",
    None: "gets texts as [sms] national_tables says",
}


@dataclass(frozen=True)
class Style:
    """How lines are shown. numbers: whole telephone numbers, not masked ones."""

    as_json: bool
    numbers: bool


def lines(config: Config, given: argparse.Namespace) -> Iterator[str]:
    """What a command prints. given: as edge_daemon.cli parses it. Raises what the command does."""
    style = Style(given.json, given.numbers)
    if given.what == "send":
        return send(config, style, given.number, given.text, Kind(given.kind), flash=given.flash)
    if given.what == "stop":
        return stop(config, style, given.number)
    if given.what == "start":
        return start(config, style, given.number)
    if given.what == "tables":
        return tables(config, style, given.number, TABLES[given.wanted])
    if given.what == "show":
        return show(config, style, given.id)
    if given.what == "resend":
        return resend(config, style, given.id)
    if given.what == "watch":
        return watch(config, style, given.limit)
    if given.inbound:
        return show_inbound(config, style, given.limit)
    if given.broken:
        return show_broken(config, style, given.limit)
    return show_list(config, style, given.state, given.limit)


def send(config: Config, style: Style, number: str, text: str, kind: Kind, *, flash: bool = False) -> Iterator[str]:
    """Queue a text. flash: shown at once and not kept. Raises BadTelephone, BadText, OptedOut, StateError."""
    checked = _number(config, number)
    store, alone = _open(config)
    with store:
        sms = store.texts.queue(checked, config.kiosk.language, text, kind, flash=flash)
        (row,) = store.texts.newest(id=sms.id)
        needed = parts.count_sms_parts(text, row["shift"])
    when = "when the kiosk runs; it does not run now" if alone else "now, unless something holds it back"
    told = f"SMS {sms.id} to {sms_lines.mask(checked)} waits: {needed} part{'s' * (needed > 1)}. It goes {when}."
    data = {**sms_lines.public(row, numbers=style.numbers), "parts": needed, "running": not alone}
    yield _json(data) if style.as_json else told


def stop(config: Config, style: Style, number: str) -> Iterator[str]:
    """Whoever has this number wants no more SMS. Raises BadTelephone, StateError."""
    checked = _number(config, number)
    store, _ = _open(config)
    with store:
        parked = store.texts.opt_out(checked)
    told = f"{sms_lines.mask(checked)} gets no more SMS; {parked} that waited {'is' if parked == 1 else 'are'} parked."
    yield _about(style, checked, told, opted_out=True, parked=parked)


def start(config: Config, style: Style, number: str) -> Iterator[str]:
    """Whoever has this number wants SMS again. Raises BadTelephone, StateError."""
    checked = _number(config, number)
    store, _ = _open(config)
    with store:
        store.texts.opt_in(checked)
    told = f"{sms_lines.mask(checked)} gets SMS again. What was parked stays so: `krishi-kiosk sms resend` sends it."
    yield _about(style, checked, told, opted_out=False)


def tables(config: Config, style: Style, number: str, wanted: bool | None) -> Iterator[str]:
    """Whether this number may get texts by national tables; None: as [sms] says. Raises BadTelephone, StateError."""
    checked = _number(config, number)
    store, _ = _open(config)
    with store:
        store.texts.use_national_tables(checked, config.kiosk.language, wanted)
    told = f"From the next SMS on, {sms_lines.mask(checked)} {TOLD_OF_TABLES[wanted]}."
    yield _about(style, checked, told, national_tables=wanted)


def _about(style: Style, number: str, told: str, **data: object) -> str:
    """What was settled for a number."""
    return _json(sms_lines.public({"number": number, **data}, numbers=style.numbers)) if style.as_json else told


def _number(config: Config, given: str) -> str:
    return telephone.normalise(given, config.kiosk.country, config.sms.allowed_numbers)


def show_list(config: Config, style: Style, state: str | None, limit: int) -> Iterator[str]:
    """The newest SMS that go out, the newest first. Raises StateError."""
    with _look(config) as store:
        rows = store.texts.newest(limit=limit, state=state)
    rows = [sms_lines.public(row, numbers=style.numbers) for row in rows]
    if style.as_json:
        yield from map(_json, rows)
        return
    yield sms_lines.OUTGOING if rows else "There is no such SMS."
    yield from (sms_lines.outgoing(row, _zone(config)) for row in rows)


def show_inbound(config: Config, style: Style, limit: int) -> Iterator[str]:
    """The newest SMS that came in, the newest first. Raises StateError."""
    with _look(config) as store:
        rows = [sms_lines.public(_inbound(row), numbers=style.numbers) for row in store.inbound.newest(limit)]
    if style.as_json:
        yield from map(_json, rows)
        return
    yield sms_lines.INCOMING if rows else "No SMS has come in."
    yield from (sms_lines.incoming(row, _zone(config)) for row in rows)


def show_broken(config: Config, style: Style, limit: int) -> Iterator[str]:
    """The newest PDUs that broke the standard; whole only with `numbers`, which stand in them. Raises StateError."""
    with _look(config) as store:
        rows = [dict(row) for row in store.inbound.broken(limit)]
    rows = rows if style.numbers else [sms_lines.without_digits(row) for row in rows]
    if not rows and not style.as_json:
        yield "No PDU has broken the standard."
    yield from (_json(row) if style.as_json else sms_lines.broken(row, _zone(config)) for row in rows)


def show(config: Config, style: Style, id: int) -> Iterator[str]:
    """All of one SMS. Raises NoSuchSms, StateError."""
    with _look(config) as store:
        found = store.texts.newest(id=id)
        sent = store.texts.parts(id)
    if not found:
        raise NoSuchSms(f"There is no SMS {id}. `krishi-kiosk sms list` shows those that there are.")
    row = sms_lines.public(found[0], numbers=style.numbers)
    yield _json({**row, "parts": sent}) if style.as_json else sms_lines.whole(row, sent, _zone(config))


def resend(config: Config, style: Style, id: int) -> Iterator[str]:
    """Send an SMS again that was parked or has gone. Raises NoSuchSms, OptedOut, StateError."""
    store, alone = _open(config)
    with store:
        store.texts.resend(id)
        (row,) = store.texts.newest(id=id)
    told = f"SMS {id} waits again. It goes {'when the kiosk runs' if alone else 'now'}."
    yield _json(sms_lines.public(row, numbers=style.numbers)) if style.as_json else told


def watch(config: Config, style: Style, last: int) -> Iterator[str]:
    """The `last` SMS, then a line whenever something becomes of one, or one comes in; for ever. Raises StateError."""
    with _look(config) as store:
        seen: dict[str, object] = {}
        for round_number in itertools.count():
            changes = list(_changes(store, seen))
            for kind, row in changes if round_number else changes[-last:] if last else []:
                yield _change(kind, sms_lines.public(row, numbers=style.numbers), config, style)
            time.sleep(LOOK_S)


def _changes(store: Store, seen: dict[str, object]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What differs from what was seen, oldest first. seen: is brought up to date, and keeps to the newest."""
    rows = [("out", row) for row in reversed(store.texts.newest(limit=WATCHED))]
    rows += [("in", _inbound(row)) for row in reversed(store.inbound.newest(WATCHED))]
    before = dict(seen)
    seen.clear()
    for kind, row in rows:
        name = f"{kind} {row['id']}"
        seen[name] = {key: value for key, value in row.items() if key != "changed_at"}
        if before.get(name) != seen[name]:
            yield kind, row


def _change(kind: str, row: dict[str, Any], config: Config, style: Style) -> str:
    if style.as_json:
        return _json({"direction": kind, **row})
    line = sms_lines.outgoing if kind == "out" else sms_lines.incoming
    return f"{'->' if kind == 'out' else '<-'} {line(row, _zone(config))}"


def _inbound(row: Any) -> dict[str, Any]:
    kept = {key: row[key] for key in ("id", "number", "sent_at", "received_at", "clock", "state", "sense")}
    return {**kept, "text": row["body"], "missing": json.loads(row["missing"])}


def _open(config: Config) -> tuple[Store, bool]:
    """The store, and whether no daemon has it."""
    try:
        return parts.open_store(config), True
    except StateInUse:
        return parts.share_store(config), False


def _look(config: Config) -> Store:
    return parts.look_store(config)


def _zone(config: Config) -> ZoneInfo:
    return ZoneInfo(config.sms.timezone)


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)
