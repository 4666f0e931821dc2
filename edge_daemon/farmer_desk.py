"""`krishi-kiosk farmer`: what the kiosk holds of a number, and its erasure, beside the daemon or without it.

Lines come out. A number is never shown whole.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

from edge_daemon import parts, sms_lines, telephone
from edge_daemon.config import Config
from edge_daemon.errors import StateInUse
from edge_daemon.store.erasure import Erased
from edge_daemon.store.store import Store

Confirm = Callable[[str], bool]
"""Asks a person; True: yes."""
COUNTS = {
    "visits": "visits",
    "sms": "SMS to this number",
    "questions": "questions",
    "answers": "answers",
    "inbound": "SMS from this number",
    "pdus": "parts of SMS, or broken ones, that name it",
    "photos": "photos",
    "pictures": "small pictures that they let go to the gateway",
}


def lines(config: Config, given: argparse.Namespace, confirm: Confirm) -> Iterator[str]:
    """What a command prints. given: as edge_daemon.cli parses it. confirm: not asked with --yes.

    Raises BadTelephone, SmsUnderWay, StateError.
    """
    number = telephone.normalise(given.number, config.kiosk.country, config.sms.allowed_numbers)
    with parts.look_store(config) as store:
        held = store.farmers.held(number)
    if given.what == "show":
        yield from _shown(held, number, as_json=given.json)
    elif not given.yes and not confirm(f"{_summary(held, number)} Erase it for good?"):
        yield _json({"number": sms_lines.mask(number), "erased": False}) if given.json else "Nothing was erased."
    else:
        yield erase(config, number, as_json=given.json)


def erase(config: Config, number: str, *, as_json: bool) -> str:
    """Erase a number that was checked, and say what was removed. Raises SmsUnderWay, StateError."""
    with _open(config) as store:
        done = store.erasure.erase(number)
    if as_json:
        data = {**dataclasses.asdict(done), "number": sms_lines.mask(number), "erased": True}
        return _json(data)
    return _told(done, number)


def _shown(held: dict[str, Any], number: str, *, as_json: bool) -> Iterator[str]:
    if as_json:
        yield _json({"number": sms_lines.mask(number), **held})
        return
    yield _summary(held, number)
    if held["since"]:
        yield f"  since {held['since']}, last seen {held['seen_at'] or 'not known'}, language {held['language']}"
        yield f"  notice on the screen: {held['notice_by'] or 'none'}; by SMS: {held['notice_at'] or 'not yet'}"
    yield f"  wants no more SMS: {'yes' if held['opted_out'] else 'no'}"


def _summary(held: dict[str, Any], number: str) -> str:
    counted = [f"{held[key]} {what}" for key, what in COUNTS.items() if held[key]]
    if not counted and not held["since"]:
        return f"The kiosk holds nothing of {sms_lines.mask(number)}."
    return f"The kiosk holds of {sms_lines.mask(number)}: {', '.join(['the number', *counted])}."


def _told(done: Erased, number: str) -> str:
    removed = {
        "the number": done.farmer,
        f"the wording of {done.texts} SMS": done.texts,
        f"{done.inbound} SMS that came in": done.inbound,
        f"{done.pdus} PDUs": done.pdus,
        f"{done.photos} photos": done.photos,
        f"{done.pictures} small pictures that waited will not go": done.pictures,
        f"{done.parked} SMS that waited will not go": done.parked,
        f"{done.questions} questions will not be asked": done.questions,
    }
    what = ", ".join(words for words, some in removed.items() if some) or "there was nothing to remove"
    rest = "" if done.clean else (
        " The digits still stand in the database: another person's SMS names them, or it could not be written anew"
        " now. Erase again later."
    )  # fmt: skip
    return f"{sms_lines.mask(number)} is erased: {what}.{rest}"


def _open(config: Config) -> Store:
    try:
        return parts.open_store(config)
    except StateInUse:
        return parts.share_store(config)


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)
