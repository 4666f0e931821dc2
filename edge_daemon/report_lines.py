"""What `krishi-kiosk report` shows a person: lines from the report's plain data. Pure.

No percentage stands alone: each has its count before it and its 95 % interval behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge_daemon.receipt import line, plain

Data = Mapping[str, Any]

NOTHING = "nothing in this period yet"
NO_CASE = "-"
NOT_DELIVERED = {
    "sent": "sent and not confirmed",
    "queued": "still queued",
    "failed": "failed",
    "expired": "expired",
    "opted_out": "held back after STOP",
    "erased": "of erased farmers",
}
COLUMNS = {
    "delivered": ("advice", "rate"),
    "help: answered": ("help", "answered"),
    "help: yes": ("help", "yes"),
    "day 3: right": ("recall_3", "right"),
    "day 14: right": ("recall_14", "right"),
}
"""Of the tables: what stands at the head, and where in the block it is."""
HEADS = {"language": "language", "crop": "crop", "label": "class", "model": "model", "template": "wording"}
REASONS = {"1": "it could not be done", "2": "it changed nothing", "3": "it got worse"}


def text(data: Data) -> str:
    """The whole report of edge_daemon.report_desk.gather."""
    lines = [*_head(data), *_advice(data), *_help(data), *_recall(data), *_stop(data), *_control(data), *_sms(data)]
    lines += [row for name in HEADS for row in _table(name, data["by"][name])]
    lines += [row for experiment in data["experiments"] for row in _experiment(experiment)]
    return plain("\n".join(lines))


def share(rate: Data, of: str = "") -> str:
    """A share with all that belongs to it: "45 of 60 (75 %, 95 % interval 63 to 84 %)". of: what the cases are."""
    if rate["rate"] is None:
        return "no case yet"
    cases = f"{rate['n']} of {rate['of']}{of and f' {of}'}"
    low, high = _percent(rate["low"]), _percent(rate["high"])
    return f"{cases} ({_percent(rate['rate'])} %, 95 % interval {low} to {high} %)"


def points(difference: Data) -> str:
    """A difference of two shares: "+12 points (95 % interval -3 to +27)"."""
    if difference["difference"] is None:
        return "cannot be told yet"
    value, low, high = (f"{round(100 * difference[key]):+d}" for key in ("difference", "low", "high"))
    return f"{value} points (95 % interval {low} to {high})"


def _percent(share: float) -> int:
    return round(100 * share)


def _head(data: Data) -> Iterator[str]:
    rehearsal = " (rehearsal)" if data["rehearsal"] else ""
    since = f"from {data['since']}" if data["since"] else "from the first day"
    until = f"to before {data['until']}" if data["until"] else "up to now"
    yield line("Kiosk", f"{data['kiosk']}{rehearsal}")
    yield line("Period", f"{since} {until}, {data['timezone']}; made {data['made_at'][:16].replace('T', ' ')}")
    yield line("", "Intervals are 95 % Wilson score intervals; those of differences are Newcombe's.")


def _advice(data: Data) -> Iterator[str]:
    advice = data["advice"]
    if not advice["wanted"]:
        yield line("Advice", NOTHING)
        return
    yield line("Advice", f"delivered {share(advice['rate'])}")
    others = [f"{advice[fate]} {words}" for fate, words in NOT_DELIVERED.items() if advice[fate]]
    yield from [line("", f"the others: {', '.join(others)}")] if others else []
    took = advice["minutes"]
    if took["n"]:
        yield line(
            "", f"time to delivery, of {took['n']}: median {took['median']} minutes, nine in ten within {took['p90']}"
        )
    if data["rehearsals"]:
        yield line("", f"{data['rehearsals']} of {advice['wanted']} are rehearsals: no farmer of a village")


def _help(data: Data) -> Iterator[str]:
    yield from _question("Help", data["help"], "yes")
    why = data["reasons"]
    if why["answered"]["of"]:
        given = ", ".join(f"{words} {why['answers'][digit]}" for digit, words in REASONS.items())
        yield line("Why not", f"answered {share(why['answered'], 'asked')}: {given}")


def _recall(data: Data) -> Iterator[str]:
    for label, name in (("Day 3", "recall_3"), ("Day 14", "recall_14")):
        yield from _question(label, data[name], "right")
        if data[name]["chance"] is not None:
            yield line("", f"by guessing {_percent(data[name]['chance'])} in 100 would be right")


def _question(label: str, asked: Data, good: str) -> Iterator[str]:
    """good: what a good answer is called, "yes" or "right"."""
    if not asked["answered"]["of"]:
        yield line(label, NOTHING)
        return
    yield line(label, f"answered {share(asked['answered'], 'asked')}")
    yield line("", f"{good} {share(asked[good])}")
    late = [f"late answers apart: {good} {share(asked['late'])}"] if asked["late"]["of"] else []
    still = [f"{asked['open']} may yet be answered in time"] if asked["open"] else []
    delivered = f"{asked['delivered']} of the questions are known to be delivered"
    yield line("", "; ".join([*late, *still, delivered]))


def _stop(data: Data) -> Iterator[str]:
    stopped = data["opt_outs"]
    if not (stopped["of"] or stopped["all"]):
        yield line("STOP", NOTHING)
        return
    yield line("STOP", share(stopped, "farmers who got an SMS"))
    yield line("", f"numbers that want no more SMS since then, known or not: {stopped['all']}")


def _control(data: Data) -> Iterator[str]:
    control = data["control"]
    yield line("Control", f"{data['control_percent']} in 100 farmers are never asked what they remember")
    if not (control["quizzed"]["opt_outs"]["of"] or control["control"]["opt_outs"]["of"]):
        yield line("", NOTHING)
        return
    for name, words in (("yes", "help"), ("opt_outs", "STOP")):
        quizzed, others = (share(control[side][name]) for side in ("quizzed", "control"))
        yield line("", f"{words}: the quizzed {quizzed}; the others {others}")
        yield line("", f"{words}, quizzed less others: {points(control['difference'][name])}")


def _sms(data: Data) -> Iterator[str]:
    sent = [
        f"{counts['sms']} {kind.replace('_', ' ')} ({counts['parts']} parts)" for kind, counts in data["sms"].items()
    ]
    yield line("SMS", "; ".join(sent) or NOTHING)


def _table(name: str, blocks: Mapping[str, Data]) -> Iterator[str]:
    """A line for each value of a dimension."""
    cells = {value: [_cell(block[topic][key]) for topic, key in COLUMNS.values()] for value, block in blocks.items()}
    rows = [(value, *found) for value, found in cells.items() if set(found) != {NO_CASE}]
    if not rows:
        return
    rows.insert(0, (HEADS[name], *COLUMNS))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    yield f"\nBy {HEADS[name]}: n of all, 95 % interval"
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _cell(rate: Data) -> str:
    if rate["rate"] is None:
        return NO_CASE
    return f"{rate['n']}/{rate['of']}, {_percent(rate['low'])}-{_percent(rate['high'])} %"


def _experiment(experiment: Data) -> Iterator[str]:
    yield f"\nExperiment {experiment['name']}: {experiment['template']} (a) against {experiment['template']}_b (b)"
    for side in ("a", "b"):
        yield line(
            side, f"answered {share(experiment[side]['answered'], 'asked')}; yes {share(experiment[side]['yes'])}"
        )
    told = experiment["difference"]
    yield line("b less a", f"answered {points(told['answered'])}; yes {points(told['yes'])}")
