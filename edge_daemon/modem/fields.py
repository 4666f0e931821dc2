"""What SMS TPDUs are made of: octets taken in turn, addresses, timestamps. No I/O.

Rules kept here:
- nothing is read past the end, and nothing is guessed: what does not fit the standard is a BadPdu that says where;
- where the standard says how to go on with what does not fit, that is done.

Source: 3GPP TS 23.040 (9.1.2.3 semi-octets, 9.1.2.5 addresses, 9.2.3.11 timestamps), 3GPP TS 24.011 (8.2.5.1 and
8.2.5.2, the service centre's address).
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from edge_daemon.modem.septets import alphabet_of, unpack

INTERNATIONAL = 0x91
UNKNOWN_TYPE = 0x81
_INTERNATIONAL_NUMBER = 0b001
_ALPHANUMERIC = 0b101
_DIGITS = "0123456789*#abc"
_FILLER = 0xF
_TIMESTAMP_OCTETS = 7
_TIME_ZONE_SIGN = 0x08
_FIRST_YEAR = 1990
"""Two digits have no century. No SMS is older than 1990, so 90 to 99 are of the last one."""


class BadPdu(ValueError):
    """A PDU that the standard does not allow; says what is wrong and where."""


class Octets:
    """A PDU's octets, taken from the front."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._next = 0

    @classmethod
    def from_hex(cls, text: str) -> Octets:
        """Raises BadPdu if it is not pairs of hexadecimal digits."""
        try:
            return cls(bytes.fromhex(text))
        except ValueError as why:
            raise BadPdu("The PDU is not pairs of hexadecimal digits.") from why

    @property
    def left(self) -> int:
        """How many octets have not been taken."""
        return len(self._octets) - self._next

    def take(self, count: int, what: str) -> bytes:
        """The next octets. Raises BadPdu if the PDU ends before."""
        if count > self.left:
            raise BadPdu(f"The PDU ends inside {what}: {count} octets expected, {self.left} left.")
        self._next += count
        return self._octets[self._next - count : self._next]

    def octet(self, what: str) -> int:
        """The next octet. Raises BadPdu if the PDU has ended."""
        return self.take(1, what)[0]

    def is_padding(self) -> bool:
        """Whether nothing is left but FF, with which a SIM fills its records (3GPP TS 31.102, 4.2.25)."""
        return all(octet == 0xFF for octet in self._octets[self._next :])

    def end(self, what: str) -> None:
        """Raises BadPdu if something other than padding follows."""
        if not self.is_padding():
            raise BadPdu(f"{self.left} octets follow {what}.")


def write_address(number: str) -> bytes:
    """Number of digits, type of address, semi-octets; `number` is digits, with "+" if it is international."""
    digits = number.removeprefix("+")
    kind = INTERNATIONAL if number.startswith("+") else UNKNOWN_TYPE
    return bytes([len(digits), kind]) + semi_octets(digits)


def write_smsc(number: str | None) -> bytes:
    """The service centre before the TPDU, counted in octets; None: 00, the one that the SIM knows."""
    if number is None:
        return b"\x00"
    body = write_address(number)[1:]
    return bytes([len(body)]) + body


def semi_octets(digits: str) -> bytes:
    """Digits in pairs, swapped, F for the missing last one."""
    padded = digits + "F" * (len(digits) % 2)
    return bytes.fromhex("".join(padded[place + 1] + padded[place] for place in range(0, len(padded), 2)))


def read_smsc(octets: Octets) -> str | None:
    """The service centre before the TPDU, None if the PDU names none."""
    length = octets.octet("the service centre's length")
    if length == 0:
        return None
    kind = octets.octet("the service centre's type")
    body = octets.take(length - 1, "the service centre")
    return _number(kind, body, 2 * len(body)) or None


def read_address(octets: Octets) -> str:
    """An address field: digits, "+" before them if they are international, or an operator's alphanumeric name.

    Nothing where there are no digits, as networks that withhold the sender do it.
    """
    semi_octet_count = octets.octet("the address length")
    kind = octets.octet("the type of address")
    return _number(kind, octets.take((semi_octet_count + 1) // 2, "the address"), semi_octet_count)


def _number(kind: int, body: bytes, semi_octet_count: int) -> str:
    type_of_number = kind >> 4 & 0b111
    if type_of_number == _ALPHANUMERIC:
        return alphabet_of().read(unpack(body, semi_octet_count * 4 // 7))
    digits = _digits(body, semi_octet_count)
    return "+" + digits if digits and type_of_number == _INTERNATIONAL_NUMBER else digits


def _digits(body: bytes, count: int) -> str:
    """Semi-octets up to the filler, which may only stand behind them (9.1.2.3)."""
    nibbles = _nibbles(body)[:count]
    while nibbles and nibbles[-1] == _FILLER:
        nibbles.pop()
    if _FILLER in nibbles:
        raise BadPdu(f"A number has the filler F among its digits: {body.hex().upper()}.")
    return "".join(_DIGITS[nibble] for nibble in nibbles)


def _nibbles(octets: bytes) -> list[int]:
    return [nibble for octet in octets for nibble in (octet & 0xF, octet >> 4)]


def read_time(octets: Octets, what: str) -> datetime | None:
    """A timestamp, local with its time zone (9.2.3.11); None if no such moment exists.

    A semi-octet that is no digit counts as 0, as the clause says.
    """
    field = octets.take(_TIMESTAMP_OCTETS, what)
    year, month, day, hour, minute, second = bcd(field[:-1])
    century = 1900 if year >= _FIRST_YEAR % 100 else 2000
    try:
        return datetime(century + year, month, day, hour, minute, second, tzinfo=_zone(field[-1]))
    except ValueError:
        return None


def _zone(octet: int) -> timezone:
    """Quarters of an hour, with a sign in the place of the first digit's high bit.

    A second digit above 9 counts as what it is, against the clause: other readers agree on it, and senders mean it.
    """
    tens, units = octet & 0x07, octet >> 4
    quarters = 10 * tens + units
    return timezone(timedelta(minutes=15 * (-quarters if octet & _TIME_ZONE_SIGN else quarters)))


def bcd(octets: bytes) -> list[int]:
    """Two swapped decimal digits an octet; what is no digit counts as 0."""
    digits = [nibble if nibble <= 9 else 0 for nibble in _nibbles(octets)]
    return [tens * 10 + units for tens, units in zip(digits[::2], digits[1::2], strict=True)]
