"""What a message costs on its way to the modem, and in parts: rows of `make bench`."""

from __future__ import annotations

import asyncio
import functools
import os
import statistics
import tempfile
import time
import tty
from collections.abc import Iterable
from pathlib import Path

from edge_daemon import parts
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.compose import compose
from edge_daemon.clock import system_now
from edge_daemon.config import Config, SerialModem, SmsRules, State
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Farmer, Photo, Visit
from edge_daemon.drain import flush
from edge_daemon.modem import alphabet, pdu
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.modem.sms import open_modem
from edge_daemon.store.store import Store
from tests.bench_rows import Rows, row

MESSAGES = 20
ROUNDS = 5
ADVICES = 20
WIRE_S = 0.014
"""How much later each answer comes: a part is about 330 octets both ways in two answers, and 115,200 baud carry 11,520
in a second. A pty takes no time, and a real network seconds."""
UNLIMITED = SmsRules(daily_parts=0, minute_parts=0)


def sms(rows: Rows) -> None:
    """Encode, queue and send, against the same octets written raw; and what advice costs in parts."""
    catalogue = Catalogue.load()
    for name, wire_s, target in (("sms_send", WIRE_S, 1.3), ("sms_send_no_wire", 0.0, None)):
        ours, raw = [], []
        for round_ in range(ROUNDS):
            ours.append(asyncio.run(_by_the_kiosk(catalogue, round_, wire_s)))
            raw.append(_by_hand(catalogue, wire_s))
        row(rows, f"{name}_ms", statistics.median(ours) * 1000 / MESSAGES, "ms")
        row(rows, f"{name}_raw_ms", statistics.median(raw) * 1000 / MESSAGES, "ms")
        row(rows, f"{name}_ratio", statistics.median(ours) / statistics.median(raw), "x", target)
    _parts(rows, catalogue)


def _diagnosis(label: str, visit: Visit, number: int) -> Diagnosis:
    """A sure one."""
    crop = label.partition("/")[0]
    others = (Candidate(label, 0.85), Candidate(f"{crop}/healthy" if not label.endswith("healthy") else label, 0.1))
    now = system_now()
    return Diagnosis(f"{number:032x}", visit, now.utc, now.clock, Decision.ANSWER, others, 1.0, "m-1", "bench", True)


def _advices(catalogue: Catalogue, language: str) -> list[str]:
    """The SMS for as many labels, evenly spread over the catalogue."""
    labels = sorted(catalogue.labels)
    chosen = [labels[place * len(labels) // ADVICES] for place in range(ADVICES)]
    visit = Visit("0" * 32, *system_now(), language, None)
    return [
        compose(catalogue, _diagnosis(label, visit, 0), language, count_parts=alphabet.count_parts) for label in chosen
    ]


async def _by_the_kiosk(catalogue: Catalogue, round_: int, wire_s: float) -> float:
    """Seconds from the first text to the last confirmation, the store written to disk at each step as always."""
    texts = _advices(catalogue, "hi")
    with tempfile.TemporaryDirectory() as folder, ModemSimulator() as far_end:
        far_end.answer_slowly(wire_s)
        config = Config(
            state=State(folder=Path(folder)), modem=SerialModem(kind="serial", port=far_end.port), sms=UNLIMITED
        )
        with parts.open_store(config) as store:
            async with open_modem(config.modem) as modem:
                told = [_recorded(store, number) for number in range(MESSAGES)]
                begun = time.perf_counter()
                for number, diagnosis in enumerate(told):
                    store.queue_sms(diagnosis, Farmer(f"+9198{round_}{number:07}", "hi"), texts[number % ADVICES])
                    await flush(store.sms, functools.partial(parts.send, modem, store))
                seconds = time.perf_counter() - begun
        assert len(far_end.received) == MESSAGES
    return seconds


def _recorded(store: Store, number: int) -> Diagnosis:
    visit = Visit(f"{number:032x}", *system_now(), "hi", None)
    store.begin(visit)
    diagnosis = _diagnosis("rice/blast", visit, number)
    store.record(diagnosis, Photo(b"photo", diagnosis.taken_at, "bench"), b"report")
    return diagnosis


def _by_hand(catalogue: Catalogue, wire_s: float) -> float:
    """Seconds for the same dialogue by the least program that can be: write, read to the prompt, write, read to OK."""
    texts = _advices(catalogue, "hi")
    messages = [pdu.submit(f"+91980{number:07}", texts[number % ADVICES], number % 256) for number in range(MESSAGES)]
    with ModemSimulator() as far_end:
        far_end.answer_slowly(wire_s)
        port = os.open(far_end.port, os.O_RDWR | os.O_NOCTTY)
        try:
            tty.setraw(port)
            for command in (b"ATE0\r", b"AT+CMGF=0\r"):
                _say(port, command, b"OK\r\n")
            begun = time.perf_counter()
            for part in _all(messages):
                _say(port, b"AT+CMGS=%d\r" % part.tpdu_octets, b"> ")
                _say(port, part.hex.encode("ascii") + b"\x1a", b"OK\r\n")
            return time.perf_counter() - begun
        finally:
            os.close(port)


def _all(messages: Iterable[Iterable[pdu.SubmitPdu]]) -> Iterable[pdu.SubmitPdu]:
    for message in messages:
        yield from message


def _say(port: int, data: bytes, until: bytes) -> None:
    os.write(port, data)
    heard = b""
    while not heard.endswith(until):
        heard += os.read(port, 4096)


def _parts(rows: Rows, catalogue: Catalogue) -> None:
    """Parts for each message: UCS-2 alone, and with the national tables allowed."""
    for language in catalogue.languages:
        texts = _advices(catalogue, language)
        plain = statistics.mean(len(alphabet.split(text).texts) for text in texts)
        shifted = statistics.mean(len(alphabet.split(text, shift=[language]).texts) for text in texts)
        name = {"hi": "hindi", "en": "english"}.get(language, language)
        row(rows, f"{name}_parts_ucs2" if language != "en" else "english_parts", plain, "parts")
        if language in alphabet.languages():
            row(rows, f"{name}_parts_shift", shifted, "parts")
