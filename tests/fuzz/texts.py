"""Texts of any letters, by any coding and tables, out as SMS-SUBMIT and in as SMS-DELIVER.

What comes out at the other end is the text, or it is Refused: as the telephone reads what we send, and as we put
together what the network brings, its parts in any order.
"""

from __future__ import annotations

import random
import unicodedata
from datetime import UTC, datetime

from edge_daemon.errors import Refused
from edge_daemon.modem import alphabet, national, pdu
from edge_daemon.modem.reassembly import Reassembly
from edge_daemon.modem.septets import ESCAPE, alphabet_of
from edge_daemon.modem.simulation import encoder

FARMER = "+919812345678"
NOON = datetime(2026, 4, 11, 12, tzinfo=UTC)
OTHERS = [*"₹“”–…\u200c\u200d\u00a0\U0001f33e\U0001f44d\U0001f3fd漢ł", "\r\n", "क्षि", "스"]
CODINGS: tuple[alphabet.TextCoding | None, ...] = (None, None, "GSM-7", "UCS-2")
LANGUAGES = sorted(alphabet.languages())


def letters_of(language: str) -> list[str]:
    """What the tables of a language hold."""
    identifier = national.by_language()[language].identifier
    tables = alphabet_of(identifier, identifier)
    codes = [*(bytes([code]) for code in range(128)), *(bytes([ESCAPE, code]) for code in range(128))]
    return sorted({tables.read(code) for code in codes})


class Texts:
    """Texts through parts and back."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._letters = {language: letters_of(language) for language in LANGUAGES}
        self.last = ""

    def once(self) -> str:
        """One text both ways."""
        chance = self._chance
        shift = chance.sample(LANGUAGES, chance.choice((0, 1, 1, 2)))
        coding = chance.choice(CODINGS)
        reference = chance.choice((0, 255, 256, 65535))
        text = self._text(shift or [chance.choice(LANGUAGES)])
        self.last = f"{text!r} shift={shift} coding={coding} reference={reference}"
        try:
            parts = pdu.submit(FARMER, text, reference, coding=coding, shift=shift)
        except Refused:
            return "text refused"
        assert same(pdu.join([pdu.parse_submit(part.hex).data for part in parts]), text)
        assert same(self._brought(text, reference, coding, shift), text)
        return f"text in {min(len(parts), 4)} parts"

    def _text(self, languages: list[str]) -> str:
        chance = self._chance
        letters = self._letters[chance.choice(languages)]
        strangeness = chance.choice((0, 0, 0.02, 0.3))
        return "".join(
            chance.choice(OTHERS) if chance.random() < strangeness else chance.choice(letters)
            for _ in range(chance.choice((1, chance.randint(1, 160), chance.randint(1, 500))))
        )

    def _brought(self, text: str, reference: int, coding: alphabet.TextCoding | None, shift: list[str]) -> str:
        """The text as it is put together where the network brings it, the parts in any order."""
        pdus = encoder.deliver(FARMER, text, NOON, smsc=FARMER, reference=reference, coding=coding, shift=shift)
        brought = list(pdus)
        self._chance.shuffle(brought)
        together = Reassembly()
        given = [message for part in brought for message in together.take(pdu.parse_deliver(part), 0.0)]
        assert len(given) == 1
        return given[0].text


def same(read: str, text: str) -> bool:
    """Whether it is the text: a national table may hold a letter that Unicode has twice the other way."""
    return read == text or unicodedata.normalize("NFC", read) == unicodedata.normalize("NFC", text)
