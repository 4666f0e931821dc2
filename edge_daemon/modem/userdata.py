"""TP-UD: what a part carries, with its header, and the data coding scheme that says how to read it. No I/O.

Text stays in its coding's units until the parts are together, so a foreign sender's odd cuts do no harm.

Source: 3GPP TS 23.040 (9.2.3.16 length, 9.2.3.24 user data and its header), 3GPP TS 23.038 (4 data coding scheme).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from edge_daemon.modem import alphabet, national
from edge_daemon.modem.fields import BadPdu, Octets
from edge_daemon.modem.septets import DEFAULT, alphabet_of, pack, unpack

CodingName = Literal["GSM-7", "UCS-2", "8-bit"]

_CONCAT, _WIDE_CONCAT, _PORTS, _WIDE_PORTS, _SINGLE_SHIFT, _LOCKING_SHIFT = 0x00, 0x08, 0x04, 0x05, 0x24, 0x25
_OCTETS = {_CONCAT: 3, _WIDE_CONCAT: 4, _PORTS: 2, _WIDE_PORTS: 4, _SINGLE_SHIFT: 1, _LOCKING_SHIFT: 1}
"""How many octets each information element has (9.2.3.24.1, .8, .3, .4, .15, .16)."""
_COMPRESSED = 0x20
_HAS_CLASS = 0x10


@dataclass(frozen=True, slots=True)
class Scheme:
    """What a TP-DCS says. message_class: 0 is shown at once and not kept; None if it names none.

    compressed: the text is compressed (3GPP TS 23.042), which is not read here: its coding is "8-bit".
    """

    coding: CodingName
    message_class: int | None = None
    compressed: bool = False


def read_scheme(dcs: int) -> Scheme:
    """Every octet means something: reserved codings are the default alphabet (3GPP TS 23.038, 4)."""
    group = dcs >> 4
    message_class = dcs & 0b11
    if group < 0b1000:  # general coding; 01xx: marked for automatic deletion
        named = message_class if dcs & _HAS_CLASS else None
        if dcs & _COMPRESSED:
            return Scheme("8-bit", named, compressed=True)
        return Scheme(_ALPHABETS[dcs >> 2 & 0b11], named)
    if group == 0b1111:
        return Scheme("8-bit" if dcs & 0b100 else "GSM-7", message_class)
    return Scheme("UCS-2" if group == 0b1110 else "GSM-7")  # 1100 to 1110: message waiting


_ALPHABETS: tuple[CodingName, ...] = ("GSM-7", "8-bit", "UCS-2", "GSM-7")
"""Bits 3 and 2; the last is reserved."""


@dataclass(frozen=True, slots=True)
class Concat:
    """Which part of which message. is_wide: the reference has two octets (9.2.3.24.8), not one (9.2.3.24.1)."""

    reference: int
    parts: int
    part: int
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Ports:
    """Application ports (9.2.3.24.3, 9.2.3.24.4): the message is for a program, not for a reader."""

    destination: int
    source: int


@dataclass(frozen=True, slots=True)
class UserData:
    """What one part carries: septets one byte each, UTF-16BE, or octets that are no text.

    locking, single: national language identifiers, 0 for the default. header: its octets, length included.
    """

    coding: CodingName
    units: bytes
    concat: Concat | None = None
    locking: int = DEFAULT
    single: int = DEFAULT
    ports: Ports | None = None
    header: bytes = b""


def join(parts: Sequence[UserData]) -> str:
    """The text of a message from its parts in order; octets that are no text add nothing.

    A foreign half of a surrogate pair, or of a UCS-2 unit, becomes U+FFFD where the other half does not follow.
    """
    runs = groupby(parts, lambda part: (part.coding, part.locking, part.single))
    return "".join(_text(*how, b"".join(part.units for part in run)) for how, run in runs)


def _text(coding: CodingName, locking: int, single: int, units: bytes) -> str:
    if coding == "GSM-7":
        return alphabet_of(locking, single).read(units)
    return units.decode("utf-16-be", "replace") if coding == "UCS-2" else ""


def write_user_data(text: str, coding: alphabet.Coding, concat: Concat | None) -> bytes:
    """TP-UDL and TP-UD. The text must fit, as alphabet.split cuts it."""
    header = b"".join(_elements(coding, concat))
    header = bytes([len(header)]) + header if header else b""
    if coding.name == "UCS-2":
        body = text.encode("utf-16-be")
        return bytes([len(header) + len(body)]) + header + body
    septets = alphabet_of(coding.locking, coding.single).write(text)
    header_septets, fill_bits = _septets_for(len(header))
    return bytes([header_septets + len(septets)]) + header + pack(septets, fill_bits)


def _elements(coding: alphabet.Coding, concat: Concat | None) -> Iterator[bytes]:
    if concat is not None:
        element, width = (_WIDE_CONCAT, 2) if concat.is_wide else (_CONCAT, 1)
        yield bytes([element, _OCTETS[element]]) + concat.reference.to_bytes(width, "big")
        yield bytes([concat.parts, concat.part])
    if coding.locking:
        yield bytes([_LOCKING_SHIFT, 1, coding.locking])
    if coding.single:
        yield bytes([_SINGLE_SHIFT, 1, coding.single])


def read_user_data(octets: Octets, dcs: int, *, has_header: bool) -> UserData:
    """TP-UDL and TP-UD. Raises BadPdu."""
    coding = read_scheme(dcs).coding
    length = octets.octet("the user data length")
    size = (length * 7 + 7) // 8 if coding == "GSM-7" else length
    if size > alphabet.USER_DATA_OCTETS:
        raise BadPdu(f"The user data has {size} octets, and {alphabet.USER_DATA_OCTETS} is the most.")
    body = octets.take(size, "the user data")
    header = _header(body) if has_header else b""
    units = _units(coding, body[len(header) :], length, len(header))
    return _read_header(UserData(coding, units, header=header))


def _units(coding: CodingName, body: bytes, length: int, header_octets: int) -> bytes:
    if coding == "GSM-7":
        header_septets, fill_bits = _septets_for(header_octets)
        if header_septets > length:
            raise BadPdu("The user data header is longer than the user data.")
        return unpack(body, length - header_septets, fill_bits)
    return body


def _septets_for(header_octets: int) -> tuple[int, int]:
    """How many septets a header takes, and the fill bits after it (9.2.3.24, figure 9.2.3.24 (a))."""
    septets = (header_octets * 8 + 6) // 7
    return septets, septets * 7 - header_octets * 8


def _header(body: bytes) -> bytes:
    if not body or 1 + body[0] > len(body):
        raise BadPdu("The user data header is longer than the user data.")
    return body[: 1 + body[0]]


def _read_header(data: UserData) -> UserData:
    """The data with what its header's elements say.

    Of an element that comes again the last one counts, and unknown ones are passed over; if the last element does not
    end where the header does, the whole header is ignored (9.2.3.24).
    """
    read = data
    header = Octets(data.header[1:])
    while header.left:
        try:
            element = header.octet("an information element")
            content = header.take(header.octet("an element's length"), "an information element")
        except BadPdu:
            return data
        if len(content) == _OCTETS.get(element):
            read = _with_element(read, element, content)
    return read


def _with_element(data: UserData, element: int, content: bytes) -> UserData:
    if element in {_CONCAT, _WIDE_CONCAT}:
        reference, parts, part = int.from_bytes(content[:-2], "big"), content[-2], content[-1]
        if not 1 <= part <= parts:  # to be ignored (9.2.3.24.1)
            return data
        return replace(data, concat=Concat(reference, parts, part, is_wide=element == _WIDE_CONCAT))
    if element in {_PORTS, _WIDE_PORTS}:
        half = len(content) // 2
        ports = Ports(int.from_bytes(content[:half], "big"), int.from_bytes(content[half:], "big"))
        return replace(data, ports=ports)
    if content[0] not in national.by_identifier():  # reserved, or newer than our tables: to be ignored
        return data
    if element == _LOCKING_SHIFT:
        return replace(data, locking=content[0])
    return replace(data, single=content[0])
