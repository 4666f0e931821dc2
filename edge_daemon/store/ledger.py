"""The ledger, read: what became of each advice and question of a period, as plain rows for a report.

Nothing is written here. An advice belongs to the period in which it was queued, a question to that in which it was
asked (planned, where it never was), an SMS and its parts to that in which they went. The rows name a farmer by the
pseudonym alone, which must not be shown either.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from edge_daemon.clock import Now
from edge_daemon.diagnosis import Decision
from edge_daemon.store import erasure
from edge_daemon.store.outbox import RowsFunction
from edge_daemon.store.rows import json_candidates
from edge_daemon.store.sms_outbox import EXPIRED, OPTED_OUT

NETWORK_EXPIRED = "its validity period expired"
"""As edge_daemon.modem.deliveries words it, within a reason of the network's."""
FATES = {
    "waiting": "queued",
    "sending": "queued",
    "sent": "sent",
    "delivered": "delivered",
    "parked": "failed",
}
"""What became of an SMS, by its state; of a parked one its reason says more."""
REASONS = ((EXPIRED, "expired"), (NETWORK_EXPIRED, "expired"), (OPTED_OUT, "opted_out"), (erasure.WHY, "erased"))
NAMELESS = {Decision.NOT_A_LEAF, Decision.WRONG_CROP}
"""Advices that name no class, whatever the candidates."""

_ADVICES = """
    SELECT outbox.language, template, state, why, queued_at, sent_at, delivered_at, decision, candidates, model,
        rehearsal, visit.crop AS named_crop, ifnull(pseudonym, '') AS pseudonym,
        (SELECT count(*) FROM sms_part WHERE outbox_id = outbox.id) AS parts
    FROM outbox JOIN diagnosis ON diagnosis.id = diagnosis_id JOIN visit ON visit.id = visit_id
        LEFT JOIN farmer ON farmer.id = farmer_id
    WHERE channel = 'sms' AND kind = 'answer' AND queued_at >= ? AND queued_at < ? ORDER BY outbox.id
"""
_QUESTIONS = """
    SELECT topic, question.state, label, question.language, question.template, asked_at, answered_at, answer, right,
        options, late, outbox.state AS sms, outbox.delivered_at, model, pseudonym,
        question.state = 'answered' OR outbox.sent_at IS NOT NULL AS gone,
        question.state = 'asked' AND until >= ? AS open
    FROM question JOIN farmer ON farmer.id = question.farmer_id
        LEFT JOIN diagnosis ON diagnosis.id = question.diagnosis_id LEFT JOIN outbox ON outbox.id = outbox_id
    WHERE ifnull(asked_at, planned_at) >= ? AND ifnull(asked_at, planned_at) < ? ORDER BY question.id
"""
_FARMERS = """
    SELECT pseudonym, EXISTS (SELECT 1 FROM opt_out WHERE opt_out.number = farmer.number
        AND opt_out.since >= ? AND opt_out.since < ?) AS opted_out
    FROM farmer WHERE erased_at IS NULL AND EXISTS (SELECT 1 FROM outbox WHERE farmer_id = farmer.id
        AND channel = 'sms' AND kind != 'confirmation' AND sent_at >= ? AND sent_at < ?)
"""
_SMS = """
    SELECT kind, sum(sms) AS sms, sum(parts) AS parts FROM (
        SELECT kind, 1 AS sms, 0 AS parts FROM outbox WHERE channel = 'sms' AND sent_at >= ? AND sent_at < ?
        UNION ALL
        SELECT kind, 0, 1 FROM sms_part JOIN outbox ON outbox.id = outbox_id
        WHERE sms_part.sent_at >= ? AND sms_part.sent_at < ?
    ) GROUP BY kind
"""


class Ledger:
    """Made by Store. since, until: ISO 8601 in UTC; the first belongs to the period, the second no more."""

    def __init__(self, rows: RowsFunction, now: Now) -> None:
        self._rows = rows
        self._now = now

    def advices(self, since: str, until: str) -> list[dict[str, Any]]:
        """A row for each advice that was to be texted: language, crop and label (of the best candidate, "" where
        the advice names none), model, template, state, why, fate (a value of FATES or REASONS), queued_at, sent_at,
        delivered_at, parts that the modem sent, rehearsal, pseudonym.
        """
        return [_advice(row) for row in self._rows(_ADVICES, (since, until))]

    def questions(self, since: str, until: str) -> list[dict[str, Any]]:
        """A row for each question: topic, state, label, crop, language, template, asked_at, answered_at, answer, right,
        options, late, sms (the state of its SMS) and when that was delivered_at, gone: its SMS has gone, open: an
        answer would be in time now, model (of the diagnosis), pseudonym.
        """
        now = self._now().utc.isoformat()
        return [_question(row) for row in self._rows(_QUESTIONS, (now, since, until))]

    def farmers(self, since: str, until: str) -> list[dict[str, Any]]:
        """A row for each farmer who got an SMS, confirmations of STOP aside: pseudonym, opted_out: within the period.

        Without those whose data were erased: whether they opted out cannot be known.
        """
        rows = self._rows(_FARMERS, (since, until, since, until))
        return [{**dict(row), "opted_out": bool(row["opted_out"])} for row in rows]

    def opt_outs(self, since: str, until: str) -> int:
        """How many numbers wanted no more SMS in the period and still want none, known to the kiosk or not."""
        (row,) = self._rows("SELECT count(*) AS n FROM opt_out WHERE since >= ? AND since < ?", (since, until))
        return int(row["n"])

    def sms(self, since: str, until: str) -> dict[str, dict[str, int]]:
        """By kind, the SMS that went whole (sms), and the parts that the modem sent (parts)."""
        rows = self._rows(_SMS, (since, until, since, until))
        return {row["kind"]: {"sms": row["sms"], "parts": row["parts"]} for row in rows}


def fate(state: str, why: str | None) -> str:
    """What became of an SMS: a value of FATES, or for a parked one of REASONS."""
    if state == "parked":
        return next((fate for words, fate in REASONS if words in (why or "")), FATES[state])
    return FATES[state]


def _advice(row: sqlite3.Row) -> dict[str, Any]:
    data = dict(row)
    candidates, decision = json_candidates(data.pop("candidates")), data.pop("decision")
    label = candidates[0].label if candidates and decision not in NAMELESS else ""
    crop = data.pop("named_crop") or label.partition("/")[0]
    return {
        **data,
        "rehearsal": bool(row["rehearsal"]),
        "label": label,
        "crop": crop,
        "fate": fate(row["state"], row["why"]),
    }


def _question(row: sqlite3.Row) -> dict[str, Any]:
    flags = {name: bool(row[name]) for name in ("late", "gone", "open")}
    return {**dict(row), **flags, "crop": row["label"].partition("/")[0], "model": row["model"] or ""}
