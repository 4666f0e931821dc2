"""What goes out and what comes in: texts of many languages and lengths, each one of its kind."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime

from edge_daemon.modem.simulation import encoder
from edge_daemon.modem.simulation.sim import SMSC

SAMPLES = {
    "en": "Rice blast. Drain the field, do not spray tricyclazole near bees. {50%} at 6 @ dawn\n",
    "hi": "धान में झुलसा रोग है। खेत का पानी निकालें, ",
    "bn": "ধানের পাতায় দাগ, জমির জল নামান। ",
    "kn": "ಭತ್ತದ ಎಲೆ ರೋಗ ಇದೆ, ನೀರು ಬಿಡಿ। ",
    "ta": "நெல் இலையில் நோய் உள்ளது. ",
    "ur": "گندم میں پیلی کنگی ہے، کھیت دیکھیں۔ ",
    "tr": "Buğday yaprağında pas var; ışık İĞÜŞÖÇ. ",
    "es": "¿Cómo está el maíz? 12 € el kilo, [útil], niño. ",
    "xx": "🌾 wheat 🐛🐛 ₹120 👨‍🌾 ",
}
TABLES = ("hi", "tr")
"""Languages that go by their national tables. `[sms] national_tables` says so."""
LETTERS = ((1, 60), (60, 150), (150, 320), (320, 520))
OFTEN = (55, 28, 13, 4)
"""How long a text is, and how often of a hundred."""
PER_NUMBER = 3
"""Messages that go to one number, one behind the other."""
NEVER_EVERY = 60
"""Each such number is refused for good, with one of these codes (3GPP TS 24.011, annex E-2; TS 23.040, 9.2.3.22)."""
NEVER_CODES = (1, 195, 196)
SHUFFLED, AGAIN, NAMED, WIDE = 0.3, 0.1, 0.1, 0.3
"""How often the parts of what comes in are out of order, one of them comes again, the sender is a name, and the
reference takes two octets."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A text to be queued."""

    number: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Coming:
    """A text that the network brings. pdus: in the order in which it brings them, some again."""

    number: str
    text: str
    pdus: tuple[str, ...]


def outgoing(count: int, seed: int) -> list[Outgoing]:
    """What goes out, the same for the same seed."""
    chance = random.Random(f"out {seed}")
    return [_outgoing(serial, chance) for serial in range(count)]


def number_of(serial: int) -> str:
    """Where the message goes."""
    return f"+9198{serial // PER_NUMBER:08d}"


def refused_for_good(count: int) -> dict[str, int]:
    """The numbers that the network never takes, with its code."""
    farmers = range(NEVER_EVERY - 1, -(-count // PER_NUMBER), NEVER_EVERY)
    return {
        number_of(PER_NUMBER * farmer): NEVER_CODES[place % len(NEVER_CODES)] for place, farmer in enumerate(farmers)
    }


def coming(serial: int, now: datetime, chance: random.Random) -> Coming:
    """What comes in. now: at the service centre."""
    language = chance.choice(tuple(SAMPLES))
    text = _text(f"in {serial}", language, chance)
    number = "AD-KRISHI" if chance.random() < NAMED else f"+9197{serial // PER_NUMBER:08d}"
    reference = serial + 256 if chance.random() < WIDE else serial % 256
    pdus = list(encoder.deliver(number, text, now, smsc=SMSC, reference=reference))
    if chance.random() < SHUFFLED:
        chance.shuffle(pdus)
    if chance.random() < AGAIN:
        pdus.insert(chance.randint(1, len(pdus)), pdus[0])
    return Coming(number, text, tuple(pdus))


def _outgoing(serial: int, chance: random.Random) -> Outgoing:
    language = chance.choice(tuple(SAMPLES))
    return Outgoing(number_of(serial), language, _text(f"out {serial}", language, chance))


def _text(name: str, language: str, chance: random.Random) -> str:
    """No two have the same name, which stands in front."""
    (span,) = chance.choices(LETTERS, OFTEN)
    letters = chance.randint(*span)
    sample = SAMPLES[language]
    begin = chance.randrange(len(sample))
    body = (sample[begin:] + sample * (letters // len(sample) + 1))[:letters]
    return f"{name} {body}"
