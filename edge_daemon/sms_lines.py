"""What `krishi-kiosk sms` shows: lines for a person, plain data for a program. Pure; numbers are masked."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from edge_daemon.receipt import plain

WIDTH = 100
BEGINNING = 34
"""Characters of a text that a list shows."""


def mask(number: str) -> str:
    """A number by which nobody can be called: its first three and last two characters. A sender's name stays."""
    return f"{number[:3]}…{number[-2:]}" if number[1:].isdigit() and len(number) > 5 else number


def public(row: Mapping[str, Any], *, numbers: bool) -> dict[str, Any]:
    """An SMS as plain data; without `numbers`, whose it is cannot be told."""
    return {**row, "number": row["number"] if numbers else mask(row["number"])}


def outgoing(row: Mapping[str, Any], zone: ZoneInfo) -> str:
    """One line of a list of SMS that go out."""
    parts = f"{row['parts_delivered']}/{row['parts_sent']}" if row["parts_sent"] else "-"
    head = (
        f"{row['id']:>6}  {_time(row['changed_at'], zone)}  {row['state']:<9}  {row['kind']:<12}  {row['number']:<13}"
    )
    return f"{head}  {parts:>5}  {_beginning(row['why'] or row['text'])}"


OUTGOING = f"{'SMS':>6}  {'since':<16}  {'state':<9}  {'kind':<12}  {'to':<13}  {'parts':>5}  text, or why it is so"
"""parts: delivered of sent."""


def incoming(row: Mapping[str, Any], zone: ZoneInfo) -> str:
    """One line of a list of SMS that came in."""
    missing = f" (parts {', '.join(map(str, row['missing']))} never came)" if row["missing"] else ""
    head = f"{row['id']:>6}  {_time(row['received_at'], zone)}  {row['sense'] or row['state']:<9}  {row['number']:<13}"
    return f"{head}  {_beginning(row['text'])}{missing}"


INCOMING = f"{'SMS':>6}  {'came in':<16}  {'taken for':<9}  {'from':<13}  text"
"""taken for: "new" where nobody has looked yet, "done" where nobody is there to be answered."""


def without_digits(row: Mapping[str, Any]) -> dict[str, Any]:
    """A broken PDU of which nobody can read a number: its length, and the reason without the octets in it."""
    length = f"({len(row['pdu'])} characters; --numbers shows them)"
    return {**row, "pdu": length, "why": re.sub(r"[0-9A-F]{5,}", "…", row["why"])}


def broken(row: Mapping[str, Any], zone: ZoneInfo) -> str:
    """A PDU that broke the standard."""
    return f"{row['id']:>6}  {_time(row['received_at'], zone)}  {row['why']}\n        {row['pdu']}"


def whole(row: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> str:
    """All there is to know of one SMS that goes out."""
    lines = [
        f"SMS {row['id']}, {row['kind'].replace('_', ' ')} to {row['number']}: {row['state']}",
        *([f"  why        {row['why']}"] if row["why"] else []),
        f"  queued     {_time(row['queued_at'], zone)}, since then {row['attempts']} attempts",
        *([f"  sent as    {how}"] if (how := _how(row)) else []),
        *([f"  not after  {_time(row['not_after'], zone)}"] if row["not_after"] else []),
        *(_part(part, zone) for part in parts),
        *textwrap.wrap(row["text"], WIDTH - 4, initial_indent="  | ", subsequent_indent="  | ", break_on_hyphens=False),
    ]
    return plain("\n".join(lines))


def _how(row: Mapping[str, Any]) -> str:
    """What is unusual in how it goes."""
    tables = f"by the national tables of {', '.join(row['shift'])} where that takes fewer parts" if row["shift"] else ""
    return ", ".join(filter(None, ["a flash SMS, shown at once and not kept" if row["flash"] else "", tables]))


def _part(part: Mapping[str, Any], zone: ZoneInfo) -> str:
    reported = f"{part['why']}, {_time(part['reported_at'], zone)}" if part["outcome"] else "nothing reported yet"
    return f"  part {part['part']:<5} sent {_time(part['sent_at'], zone)}: {reported}"


def _time(text: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%Y-%m-%d %H:%M}" if text else f"{'?':<16}"


def _beginning(text: str) -> str:
    line = plain(" ".join(text.split()))
    return line if len(line) <= BEGINNING else f"{line[: BEGINNING - 1]}…"
