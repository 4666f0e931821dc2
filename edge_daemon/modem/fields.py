"""What every SMS TPDU has in common: octets taken in turn, addresses, user data with its header. No I/O.

Rules kept here:
- nothing is read past the end, and nothing is guessed: what does not fit the standard is a BadPdu that says where;
- text stays in its coding's units until the parts are together, so a foreign sender's odd cuts do no harm.

Source: 3GPP TS 23.040 (9.1.2.3 semi-octets, 9.1.2.5 addresses, 9.2.3.24 user data header), 3GPP TS 23.038 (4 TP-DCS).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_daemon.modem import alphabet

INTERNATIONAL = 0x91
UNKNOWN_TYPE = 0x81
_ALPHANUMERIC = 0b101
_DIGITS = "0123456789*#abc"
_CONCAT_8, _CONCAT_16 = 0x00, 0x08
_SHIFTS = {0x24, 0x25}

CodingName = Literal["GSM-7", "UCS-2"]


class BadPdu(ValueError):
    """A PDU that the standard does not allow, or that uses what this program does not read; says which and where."""


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


@dataclass(frozen=True, slots=True)
class Concat:
    """Which part of which message: 3GPP TS 23.040, 9.2.3.24.1 (one octet) and 9.2.3.24.8 (two)."""

    reference: int
    parts: int
    part: int


@dataclass(frozen=True, slots=True)
class UserData:
    """What one part carries: septets one byte each, or UTF-16BE."""

    coding: CodingName
    units: bytes
    concat: Concat | None = None


def join(parts: list[UserData]) -> str:
    """The text of a message from its parts in order. A foreign half of a surrogate pair becomes U+FFFD."""
    units = b"".join(part.units for part in parts)
    if parts[0].coding == "GSM-7":
        return alphabet.gsm7_text(units)
    return units.decode("utf-16-be", "replace")


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
    """The service centre before the TPDU."""
    length = octets.octet("the service centre's length")
    if length == 0:
        return None
    kind = octets.octet("the service centre's type")
    return _prefix(kind) + _digits(octets.take(length - 1, "the service centre"), 2 * (length - 1))


def read_address(octets: Octets) -> str:
    """An address field: a number, or an operator's alphanumeric name."""
    digits = octets.octet("the address length")
    kind = octets.octet("the type of address")
    body = octets.take((digits + 1) // 2, "the address")
    if kind >> 4 & 0b111 == _ALPHANUMERIC:
        return alphabet.gsm7_text(alphabet.unpack(body, digits * 4 // 7))
    return _prefix(kind) + _digits(body, digits)


def _prefix(kind: int) -> str:
    return "+" if kind >> 4 & 0b111 == 1 else ""


def _digits(body: bytes, count: int) -> str:
    nibbles = [nibble for octet in body for nibble in (octet & 0xF, octet >> 4)][:count]
    if nibbles and nibbles[-1] == 0xF:
        nibbles.pop()
    if 0xF in nibbles:
        raise BadPdu(f"A number has the filler F among its digits: {body.hex().upper()}.")
    return "".join(_DIGITS[nibble] for nibble in nibbles)


def coding_of(dcs: int) -> CodingName:
    """The coding that a TP-DCS names. Raises BadPdu for data and for compressed text."""
    alphabet_bits = dcs >> 2 & 0b11
    if dcs >> 6 in {0b00, 0b01}:  # general coding; 01: marked for automatic deletion
        if dcs & 0x20:
            raise BadPdu(f"TP-DCS {dcs:02X} is compressed text, which is not read here.")
    elif dcs >> 4 == 0xF:
        alphabet_bits &= 0b01
    elif dcs >> 4 in {0xC, 0xD, 0xE}:
        alphabet_bits = 0b10 if dcs >> 4 == 0xE else 0b00
    else:
        raise BadPdu(f"TP-DCS {dcs:02X} belongs to a reserved coding group.")
    if alphabet_bits == 0b00:
        return "GSM-7"
    if alphabet_bits == 0b10:
        return "UCS-2"
    raise BadPdu(f"TP-DCS {dcs:02X} is 8-bit data or reserved, and not text.")


def write_user_data(text: str, coding: alphabet.Coding, concat: Concat | None) -> bytes:
    """TP-UDL and TP-UD. The text must fit, as alphabet.split cuts it."""
    header = b"" if concat is None else bytes([5, _CONCAT_8, 3, concat.reference, concat.parts, concat.part])
    if coding is alphabet.UCS2:
        body = text.encode("utf-16-be")
        return bytes([len(header) + len(body)]) + header + body
    septets = alphabet.gsm7_septets(text)
    header_septets, fill_bits = _septets_for(len(header))
    return bytes([header_septets + len(septets)]) + header + alphabet.pack(septets, fill_bits)


def read_user_data(octets: Octets, dcs: int, *, has_header: bool) -> UserData:
    """TP-UDL and TP-UD to the end of the PDU. Raises BadPdu."""
    coding = coding_of(dcs)
    length = octets.octet("the user data length")
    size = (length * 7 + 7) // 8 if coding == "GSM-7" else length
    body = octets.take(size, "the user data")
    if size > alphabet.USER_DATA_OCTETS:
        raise BadPdu(f"The user data has {size} octets, and {alphabet.USER_DATA_OCTETS} is the most.")
    if octets.left:
        raise BadPdu(f"{octets.left} octets follow the user data.")
    header = _header_octets(body) if has_header else 0
    concat = _read_header(Octets(body[1:header])) if has_header else None
    if coding == "UCS-2":
        return UserData(coding, _whole_units(body[header:]), concat)
    header_septets, fill_bits = _septets_for(header)
    if header_septets > length:
        raise BadPdu("The user data header is longer than the user data.")
    return UserData(coding, alphabet.unpack(body[header:], length - header_septets, fill_bits), concat)


def _septets_for(header_octets: int) -> tuple[int, int]:
    """How many septets a header takes, and the fill bits after it."""
    septets = (header_octets * 8 + 6) // 7
    return septets, septets * 7 - header_octets * 8


def _header_octets(body: bytes) -> int:
    if not body or 1 + body[0] > len(body):
        raise BadPdu("The user data header is longer than the user data.")
    return 1 + body[0]


def _read_header(header: Octets) -> Concat | None:
    """The information elements; those that are not about parts or alphabets are passed over (9.2.3.24)."""
    concat = None
    while header.left:
        element = header.octet("an information element")
        data = header.take(header.octet("an element's length"), f"information element {element:02X}")
        if element in _SHIFTS:
            raise BadPdu(f"Information element {element:02X}: a national language table, which is not read here.")
        if element in {_CONCAT_8, _CONCAT_16}:
            concat = _read_concat(element, data)
    return concat


def _read_concat(element: int, data: bytes) -> Concat | None:
    """An element with part 0, or a part past the last, is to be ignored (9.2.3.24.1)."""
    if len(data) != (3 if element == _CONCAT_8 else 4):
        raise BadPdu(f"Information element {element:02X} has {len(data)} octets.")
    parts, part = data[-2], data[-1]
    if not 1 <= part <= parts:
        return None
    return Concat(int.from_bytes(data[:-2], "big"), parts, part)


def _whole_units(body: bytes) -> bytes:
    if len(body) % 2:
        raise BadPdu("UCS-2 text of an odd number of octets.")
    return body
