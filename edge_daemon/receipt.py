"""What a person reads at a terminal: the receipt of a visit, and the status. Pure: values in, text out."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH = 100
LABEL = 11

DECISIONS = {
    "answer": ("", 1),
    "two_candidates": ("One of these two: ", 2),
    "not_sure": ("Not sure, ask the extension officer. Nearest: ", 3),
    "not_a_leaf": ("Not a leaf of a crop that this kiosk knows.", 0),
    "wrong_crop": ("Not the crop that was named: it looks like {crop}.", 0),
    "first_aid": ("No model can be run here: first aid only, ask the extension officer.", 0),
}
"""What is said of a decision, and how many candidates it names."""

LAB_ONLY = ". Learned from picked leaves only: show it to the extension officer too"


def line(label: str, text: str) -> str:
    """One labelled entry; long text goes on below itself."""
    indent = " " * LABEL
    wrapped = textwrap.wrap(text, WIDTH - LABEL, break_on_hyphens=False) or [""]
    return f"{label:<{LABEL}}" + f"\n{indent}".join(wrapped)


def plain(text: str) -> str:
    """What came from elsewhere, without what a terminal would take for orders to itself. Lines stay lines."""
    return "".join(c if c == "\n" or unicodedata.category(c) != "Cc" else "\ufffd" for c in text)


def answer(diagnosis: Mapping[str, Any]) -> str:
    """What the kiosk says, in one sentence: "Rice blast, 85 %"."""
    said, shown = DECISIONS[diagnosis["decision"]]
    named = [f"{candidate['name']}, {candidate['percent']} %" for candidate in diagnosis["candidates"][:shown]]
    best = diagnosis["candidates"][0]["label"] if diagnosis["candidates"] else ""
    first = diagnosis["candidates"][0] if shown == 1 and diagnosis["candidates"] else {}
    picked = LAB_ONLY if first.get("lab_only") else ""
    together = f" ({diagnosis['leaves']} leaves together)" if diagnosis.get("leaves", 1) > 1 else ""
    return said.format(crop=best.partition("/")[0]) + "; ".join(named) + together + picked


def stages(stages_ms: Mapping[str, float]) -> str:
    """How long each stage took."""
    total = sum(stages_ms.values())
    return " · ".join(f"{stage} {ms:.1f}" for stage, ms in stages_ms.items()) + f" ms, {total:.0f} ms in all"


def text_message(text: str) -> str:
    """An SMS as a telephone shows it."""
    wrapped = textwrap.wrap(text, WIDTH - LABEL - 2, break_on_hyphens=False)
    return "\n".join(f"{'':<{LABEL}}| {words}" for words in wrapped)


def status(data: Mapping[str, Any]) -> str:
    """The status, a line for each thing that somebody would ask about."""
    rehearsal = " (rehearsal)" if data["rehearsal"] else ""
    disk = data["disk"]
    free = f"{disk['free_mb']} MB free of {disk['total_mb']} MB; {disk['photos']} photos, {disk['photos_mb']} MB"
    lines = [
        line("Kiosk", f"{data['kiosk']}{rehearsal}, {'running' if data['running'] else 'not running'}"),
        line("Last visit", _last_visit(data["last_visit"])),
        line("SMS", _queue(data["queues"]["sms"])),
        *_plan(data.get("sms"), data.get("balance")),
        line("Reports", _queue(data["queues"]["report"])),
        *_pictures(data.get("pictures") or {}),
        *_link(data.get("link")),
        line("Model", data["model"]),
        *(line("", trouble) for trouble in data.get("model_trouble", ())),
        *([line("Advice", f"version {data['advice']}")] if data.get("advice") else ()),
        *_texts(data.get("texts") or {}),
        *_modem(data),
        line("Disk", free),
        line("State", data["state"]),
    ]
    return "\n".join(lines)


def _last_visit(visit: Mapping[str, Any] | None) -> str:
    if visit is None:
        return "none yet"
    if visit["decision"] is None:
        return f"{visit['begun_at']}, no diagnosis"
    shown = [{**visit["best"], "name": visit["best"]["label"]}] if visit["best"] else []
    diagnosis = {"decision": visit["decision"], "candidates": shown}
    return f"{visit['begun_at']}: {answer(diagnosis)}"


def _queue(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none"


def _plan(sms: Mapping[str, Any] | None, balance: Mapping[str, Any] | None) -> Iterator[str]:
    """What the SIM has sent, and what is left on it."""
    if sms:
        most = f" of {sms['daily_parts']}" if sms["daily_parts"] else ""
        held = f"; the next waits: {sms['held']}" if sms["held"] else ""
        yield line("", f"{sms['parts_in_24_h']}{most} parts in 24 hours{held}")
    if balance:
        amount = balance["amount"] or "not understood: dial the code by hand"
        low = ", LOW: top it up" if balance["low"] else ""
        yield line("Balance", f"{amount}{low}, asked {balance['asked_at'][:16]}")


def _link(link: Mapping[str, Any] | None) -> Iterator[str]:
    """The link to the gateway."""
    if not link:
        return
    opened, acknowledged = link["opened_at"], link["acknowledged_at"]
    said = f"opened {opened[:16].replace('T', ' ')} UTC" if opened else "never opened"
    if acknowledged:
        said += f", the gateway acknowledged {acknowledged[:16].replace('T', ' ')}"
    yield line("Link", f"{said}; {link['bytes_in_24_h'] / 1000:.1f} of {link['daily_kb']} kB in 24 hours")
    if link.get("open"):
        yield line("", "open now")
    elif link.get("next"):
        yield line("", f"next: {link['next']}{_in(link.get('next_in_s'))}")
    if link.get("trouble"):
        yield line("", link["trouble"])


def _in(wait_s: float | None) -> str:
    """How long is waited yet; "" where that is not known, or over."""
    if not wait_s:
        return ""
    return f", in {math.ceil(wait_s)} s" if wait_s < 60 else f", in {wait_s / 60:.0f} min"


def _pictures(pictures: Mapping[str, int]) -> Iterator[str]:
    """Of uncertain cases, where farmers are asked for them, or were."""
    if any(pictures.values()):
        asked = "" if pictures["asked_for"] else "; no more are asked for"
        yield line("Pictures", f"of uncertain cases: {pictures['waiting']} wait, {pictures['sent']} sent{asked}")


def _texts(reviews: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """By language, what farmers get that nobody has reviewed."""
    drafts = [f"{code} {texts - signed} of {texts}" for code, (signed, texts) in reviews.items() if signed < texts]
    if drafts:
        yield line("Texts", f"DRAFTS that no agronomist or native reader has reviewed: {', '.join(drafts)}")


def _modem(data: Mapping[str, Any]) -> Iterator[str]:
    """The modem as it was found last, and what was done about it."""
    modem = data["modem"]
    if not data["running"]:
        yield line("Modem", "known only while the kiosk runs")
    elif modem is None:
        yield line("Modem", str(data["parts"].get("sms", "starting")))
    else:
        profile = f", profile {modem['profile']}" if modem.get("profile") else ""
        yield line("Modem", f"{modem['model'] or 'it does not say which'}{profile}")
        where = f" ({modem['registration']})" if modem.get("registration") else ""
        yield line("", f"{modem['operator'] or 'an operator without a name'}{where}, {signal(modem['signal_dbm'])}")
        yield from _memory(modem.get("memory_used"), modem.get("memory_total"))
    told = (received(data.get("received") or {}), remedies(data.get("remedies") or {}))
    yield from (line("", text) for text in told if text)


def _memory(used: int | None, total: int | None) -> Iterator[str]:
    """Said only where it is a warning."""
    if used is not None and total and used >= total:
        yield line("", f"its memory is FULL, {used} of {total}: no SMS comes in. Is there room on the disk?")


BARS = ((-111, 0, "none"), (-95, 1, "weak"), (-85, 2, "fair"), (-75, 3, "good"))
"""Up to so many dBm, so many of MOST_BARS, in a word."""
MOST_BARS = 4


def signal(dbm: int | None) -> str:
    """The received power, as a telephone would show it."""
    if dbm is None:
        return "signal not known"
    bars, word = next(((bars, word) for most, bars, word in BARS if dbm <= most), (MOST_BARS, "very good"))
    return f"{dbm} dBm, {bars} of {MOST_BARS} bars: {word}"


def remedies(counts: Mapping[str, int]) -> str:
    """What the kiosk did about its modem's troubles since it began; "" where nothing was to be done."""
    done = [f"{REMEDIES.get(name, name)} {count} times" for name, count in counts.items() if count]
    return f"after trouble it was {', '.join(done)}".replace(" 1 times", " once") if done else ""


REMEDIES = {
    "reinit": "set up again",
    "radio": "switched off and on by its radio",
    "reopen": "opened again",
    "reset": "restarted",
    "power": "cut from its power",
}


def received(counts: Mapping[str, int]) -> str:
    """What came in since the modem was set up; "" where nothing did and nothing is wrong."""
    said = [f"{counts[name]} {words}" for name, words in RECEIVED.items() if counts.get(name)]
    return f"since it was set up: {', '.join(said)}" if said else ""


RECEIVED = {
    "messages": "SMS parts came in",
    "reports": "status reports",
    "unreadable": "in its memory that it does not give",
    "thrown_away": "thrown away to make room",
    "lost_announcements": "found by looking only",
}
"""Not shown: sweeps."""
