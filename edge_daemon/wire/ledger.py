"""A ledger report as the fields of a message: few bytes a row, since most of a row repeats what others have.

A row is an array in the order of LedgerRow's fields; what stands after them is ignored. Ids are bytes, a time is how
many seconds it lies before the report's, and a word is its place in KNOWN followed by the message's own words.
"""

from __future__ import annotations

from typing import Any

from edge_daemon.wire.messages import MOST_ROWS, LedgerReport, LedgerRow

KIOSK = 2
_AT, _WORDS, _ROWS = 3, 4, 5

KNOWN = (
    *("", "advice", "help", "reason", "recall_3", "recall_14"),
    *("waiting", "sending", "sent", "delivered", "parked"),
    *("planned", "asked", "answered", "missed", "cancelled"),
)
"""Part of version 1 of the contract: never changed. A new word goes along in the message that uses it."""

FIELDS = tuple(LedgerRow.model_fields)
_AS_WORD = {"kind", "label", "language", "template", "state"}
_AS_BYTES = {"farmer", "diagnosis"}
_AS_TIME = {"begun_at", "sent_at", "ended_at"}


def pack(report: LedgerReport) -> dict[int, Any]:
    """The fields of the message, by their keys."""
    words = {word: place for place, word in enumerate(KNOWN)}
    rows = [[_pack(name, getattr(row, name), report.at, words) for name in FIELDS] for row in report.rows]
    return {KIOSK: report.kiosk, _AT: report.at, _WORDS: list(words)[len(KNOWN) :], _ROWS: rows}


def unpack(message: dict[Any, Any]) -> LedgerReport:
    """The report in these fields. Raises KeyError, and AttributeError, TypeError, ValueError for a wrong one."""
    at, rows = message[_AT], message[_ROWS]
    if not isinstance(rows, list) or len(rows) > MOST_ROWS:
        raise ValueError(f"its rows are no list of at most {MOST_ROWS}")
    words = [*KNOWN, *message[_WORDS]]
    return LedgerReport(kiosk=message[KIOSK], at=at, rows=tuple(_row(row, at, words) for row in rows))


def _pack(name: str, value: Any, at: int, words: dict[str, int]) -> Any:
    if name in _AS_WORD:
        return words.setdefault(value, len(words))
    if name in _AS_BYTES:
        return bytes.fromhex(value)
    if name in _AS_TIME and value is not None:
        return at - value
    return value


def _row(row: Any, at: int, words: list[Any]) -> LedgerRow:
    if not isinstance(row, list) or len(row) < len(FIELDS):
        raise ValueError(f"a row is no list of {len(FIELDS)} fields")
    values = zip(FIELDS, row, strict=False)  # a newer kiosk may say more
    return LedgerRow(**{name: _unpack(name, value, at, words) for name, value in values})


def _unpack(name: str, value: Any, at: int, words: list[Any]) -> Any:
    if name in _AS_WORD:
        if type(value) is not int or not 0 <= value < len(words):
            raise ValueError(f"{name} {value!r} is no word of the message")
        return words[value]
    if name in _AS_BYTES:
        return value.hex()
    if name in _AS_TIME and value is not None:
        return at - value
    return value
