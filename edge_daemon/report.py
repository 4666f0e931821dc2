"""What a report says: rows of the ledger in, plain data out. Pure.

Rules kept here:
- every share stands with its count and its 95 % interval (edge_daemon.rates), none alone;
- what is counted twice, or nowhere, is a bug: the fates of all advices add up to those that were wanted;
- nothing by which a farmer is known leaves: pseudonyms come in, to tell the control group, and none goes out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge_daemon.exchange import REASONS, YES, Topic
from edge_daemon.rates import Difference, Rate

Row = Mapping[str, Any]
IsControl = Callable[[str], bool]
"""Whether a farmer, by the pseudonym, is never asked what they remember."""

FATES = ("delivered", "sent", "queued", "failed", "expired", "opted_out", "erased")
"""What may have become of an advice; each has one of them."""
DIMENSIONS = ("language", "crop", "label", "model", "template")
"""By which the same is told apart. label: the class, "<crop>/<disease>"."""
NONE = "none"
"""The value of a dimension that a row has none of."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What edge_daemon.store.ledger.Ledger gives for a period. sms: by kind."""

    advices: Sequence[Row] = ()
    questions: Sequence[Row] = ()
    farmers: Sequence[Row] = ()
    opt_outs: int = 0
    sms: Mapping[str, Mapping[str, int]] | None = None


def summary(rows: Rows, is_control: IsControl, experiments: Iterable[tuple[str, str]] = ()) -> dict[str, Any]:
    """The whole report of a period as plain data; docs/report.md says what each number means.

    experiments: the name of each, and the template of which it tries a second wording.
    """
    return {
        "rehearsals": sum(row["rehearsal"] for row in rows.advices),
        **block(rows.advices, rows.questions),
        "reasons": reasons(rows.questions),
        "opt_outs": {**_opted_out(rows.farmers).data(), "all": rows.opt_outs},
        "control": control(rows, is_control),
        "sms": {kind: dict(counts) for kind, counts in sorted((rows.sms or {}).items())},
        "by": {name: _by(name, rows) for name in DIMENSIONS},
        "experiments": [experiment(name, template, rows.questions) for name, template in experiments],
    }


def block(advices: Sequence[Row], questions: Sequence[Row]) -> dict[str, Any]:
    """What became of advices, and of the questions about them."""
    return {
        "advice": delivery(advices),
        "help": helped(_of(questions, Topic.HELP)),
        "recall_3": remembered(_of(questions, Topic.RECALL_3)),
        "recall_14": remembered(_of(questions, Topic.RECALL_14)),
    }


def delivery(advices: Sequence[Row]) -> dict[str, Any]:
    """wanted, a count for each of FATES, which add up to it, the rate of delivered, the minutes that it took."""
    fates = Counter(row["fate"] for row in advices)
    counts = {fate: fates.pop(fate, 0) for fate in FATES}
    if fates:
        raise ValueError(f"an advice has another fate than is known: {', '.join(fates)}")
    return {
        "wanted": len(advices),
        **counts,
        "rate": Rate(counts["delivered"], len(advices)).data(),
        "minutes": _spread([took for row in advices if (took := _minutes(row)) is not None]),
        "parts": sum(row["parts"] for row in advices),
    }


def helped(questions: Sequence[Row]) -> dict[str, Any]:
    """Of questions whether an advice helped: answered of asked, and yes of answered; late answers apart."""
    in_time, late = _answered(questions)
    return {**_response(questions), "yes": _yes(in_time).data(), "late": _yes(late).data()}


def remembered(questions: Sequence[Row]) -> dict[str, Any]:
    """Of recall questions: answered of asked, right of answered, and how many would be right by guessing (chance)."""
    in_time, late = _answered(questions)
    chance = sum(1 / row["options"] for row in in_time if row["options"]) / len(in_time) if in_time else None
    return {
        **_response(questions),
        "right": _right(in_time).data(),
        "chance": None if chance is None else round(chance, 4),
        "late": _right(late).data(),
    }


def reasons(questions: Sequence[Row]) -> dict[str, Any]:
    """Why advices did not help: answered of asked, and how often each digit was answered, in time or late."""
    asked = _of(questions, Topic.REASON)
    answers = Counter(row["answer"] for row in asked if row["state"] == "answered")
    return {**_response(asked), "answers": {str(digit): answers[digit] for digit in range(1, REASONS + 1)}}


def control(rows: Rows, is_control: IsControl) -> dict[str, Any]:
    """Farmers who may be asked what they remember, beside those who never are.

    The differences are quizzed less control. Whoever has no pseudonym (erased, or not seen for long) is in neither.
    """
    sides = {
        name: Rows(
            questions=[row for row in rows.questions if row["pseudonym"] and is_control(row["pseudonym"]) is side],
            farmers=[row for row in rows.farmers if row["pseudonym"] and is_control(row["pseudonym"]) is side],
        )
        for name, side in (("quizzed", False), ("control", True))
    }
    yes = {name: _yes(_answered(_of(side.questions, Topic.HELP))[0]) for name, side in sides.items()}
    opted_out = {name: _opted_out(side.farmers) for name, side in sides.items()}
    return {
        **{name: {"yes": yes[name].data(), "opt_outs": opted_out[name].data()} for name in sides},
        "difference": {
            "yes": Difference(yes["quizzed"], yes["control"]).data(),
            "opt_outs": Difference(opted_out["quizzed"], opted_out["control"]).data(),
        },
    }


def experiment(name: str, template: str, questions: Sequence[Row]) -> dict[str, Any]:
    """Two wordings of one question: a is the template, b the one with _b at its end. The differences are b less a."""
    asked = {
        side: [row for row in _of(questions, Topic.HELP) if row["template"] == key]
        for side, key in (("a", template), ("b", f"{template}_b"))
    }
    answered = {side: _response_rate(rows) for side, rows in asked.items()}
    yes = {side: _yes(_answered(rows)[0]) for side, rows in asked.items()}
    return {
        "name": name,
        "template": template,
        **{side: {"answered": answered[side].data(), "yes": yes[side].data()} for side in asked},
        "difference": {
            "answered": Difference(answered["b"], answered["a"]).data(),
            "yes": Difference(yes["b"], yes["a"]).data(),
        },
    }


def _by(name: str, rows: Rows) -> dict[str, Any]:
    """The block for each value of a dimension, in the order of the alphabet; only values that something is of."""
    advices = _grouped(name, rows.advices)
    questions = _grouped(name, (row for row in rows.questions if row["gone"]))
    values = sorted(advices.keys() | questions.keys())
    return {value: block(advices.get(value, ()), questions.get(value, ())) for value in values}


def _grouped(name: str, rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[name] or NONE, []).append(row)
    return groups


def _of(questions: Iterable[Row], topic: Topic) -> list[Row]:
    """Those of a topic whose SMS has gone: only they were asked."""
    return [row for row in questions if row["topic"] == topic and row["gone"]]


def _answered(asked: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """Those that were answered in time, and those that were answered late."""
    answered = [row for row in asked if row["state"] == "answered"]
    return [row for row in answered if not row["late"]], [row for row in answered if row["late"]]


def _response_rate(asked: Sequence[Row]) -> Rate:
    return Rate(len(_answered(asked)[0]), len(asked))


def _response(asked: Sequence[Row]) -> dict[str, Any]:
    """Answered (in time) of asked, how many of these the network says were delivered, and that may yet be answered."""
    return {
        "answered": _response_rate(asked).data(),
        "delivered": sum(row["sms"] == "delivered" for row in asked),
        "open": sum(row["open"] for row in asked),
    }


def _yes(answered: Sequence[Row]) -> Rate:
    return Rate(sum(row["answer"] == YES for row in answered), len(answered))


def _right(answered: Sequence[Row]) -> Rate:
    return Rate(sum(row["answer"] == row["right"] for row in answered), len(answered))


def _opted_out(farmers: Sequence[Row]) -> Rate:
    return Rate(sum(row["opted_out"] for row in farmers), len(farmers))


def _minutes(row: Row) -> float | None:
    """From the queue to the telephone; None where it is not there, or the clock was put back meanwhile."""
    if row["fate"] != "delivered" or not row["delivered_at"]:
        return None
    took = datetime.fromisoformat(row["delivered_at"]) - datetime.fromisoformat(row["queued_at"])
    minutes = took.total_seconds() / 60
    return minutes if minutes >= 0 else None


def _spread(values: Sequence[float]) -> dict[str, float | int | None]:
    """The median and the 90th percentile, each a value that was seen (nearest rank), and of how many."""
    if not values:
        return {"n": 0, "median": None, "p90": None}
    ordered = sorted(values)
    median, p90 = (round(ordered[math.ceil(len(ordered) * share / 100) - 1], 1) for share in (50, 90))
    return {"n": len(ordered), "median": median, "p90": p90}
