"""Many messages as one: what a kiosk sends in one go, and one acknowledgement answers.

    version | form | boot | first | messages | length of raw | raw | body

Version, form and the number of messages are a byte each, boot is BOOT_BYTES long, first and the length are LEB128 (7
bits a byte, the lowest first). The body is a CBOR map of sections, by its form as it is or as raw deflate (RFC 1951)
with DICTIONARY. `raw` is what of the section DIAGNOSES no compression makes smaller. Nobody has to unpack the body to
see which numbers a batch takes. The kiosk's id is not in it: the topic says it.

Up to `messages` it is so in every version, up to NEWEST: an older gateway keeps a batch that it does not read, and can
acknowledge it.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from edge_daemon.wire import cbor, codec, columns
from edge_daemon.wire.cbor import VERSION
from edge_daemon.wire.columns import DiagnosisRow, Unreadable
from edge_daemon.wire.dictionary import DICTIONARY
from edge_daemon.wire.errors import BadMessage, TooLarge, UnknownVersion
from edge_daemon.wire.messages import DiagnosisReport, KioskId, Message
from edge_daemon.wire.replies import BOOT_BYTES

__all__ = [
    "MOST_BYTES",
    "MOST_MESSAGES",
    "MOST_UNPACKED_BYTES",
    "NEWEST",
    "BadMessage",
    "Batch",
    "DiagnosisRow",
    "Header",
    "TooLarge",
    "UnknownVersion",
    "Unpacked",
    "Unreadable",
    "fill",
    "header",
    "header_of_newer",
    "is_whole",
    "pack",
    "unpack",
    "unpack_part",
]

MOST_MESSAGES = 200
MOST_BYTES = 64 * 1024
"""Of a batch on the wire; a message of which that is not enough for one alone cannot exist."""
MOST_UNPACKED_BYTES = 512 * 1024
"""A batch that grows beyond this is refused while it is unpacked."""
LAST_NUMBER = 2**53
"""Of a message."""
NEWEST = 31
"""No version will be above it: what begins with a larger byte is text, CBOR or noise."""

STORED, DEFLATED = 0, 1
DIAGNOSES, OTHERS = 0, 1
"""Sections of the body."""


_FIXED_BYTES = 2 + BOOT_BYTES
_MOST_LEB128_BYTES = 8
_LIST_OR_MAP = (4, 5)
"""Major types of CBOR (RFC 8949, 3.1)."""


class Batch(BaseModel):
    """Messages with the numbers first, first + 1, ... of a kiosk's boot."""

    model_config = ConfigDict(frozen=True, strict=True)

    kiosk: KioskId
    boot: Annotated[bytes, Field(min_length=BOOT_BYTES, max_length=BOOT_BYTES)]
    first: Annotated[int, Field(ge=1, le=LAST_NUMBER - MOST_MESSAGES)]
    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=MOST_MESSAGES)]


class Header(NamedTuple):
    """What stands before a batch's messages: the numbers that they take, the first and the last."""

    boot: bytes
    first: int
    last: int


_NO_NUMBERS = Header(b"", 0, 0)


class Unpacked(NamedTuple):
    """All of a batch. Diagnoses are in the order in which they were packed, and so are the others."""

    header: Header
    diagnoses: list[DiagnosisRow]
    others: list[Message]
    unreadable: list[Unreadable]


def pack(batch: Batch) -> bytes:
    """Its bytes. Whatever kiosk a message names, it becomes the batch's. Raises TooLarge."""
    diagnoses = [message for message in batch.messages if isinstance(message, DiagnosisReport)]
    others = [codec.part(message) for message in batch.messages if not isinstance(message, DiagnosisReport)]
    sections: dict[int, Any] = {OTHERS: others} if others else {}
    raw = b""
    if diagnoses:
        sections[DIAGNOSES], raw = columns.pack(diagnoses)
    form, body = _squeeze(cbor.dumps(sections))
    numbers = _leb128(batch.first) + bytes([len(batch.messages)]) + _leb128(len(raw))
    data = bytes([VERSION, form]) + batch.boot + numbers + raw + body
    if len(data) > MOST_BYTES:
        raise TooLarge(f"{len(batch.messages)} messages take {len(data)} bytes; a batch has {MOST_BYTES} at most")
    return data


def fill(kiosk: str, boot: bytes, first: int, messages: Sequence[Message], budget_bytes: int) -> tuple[bytes, int]:
    """A batch of as many of the messages, from the first on, as the budget holds, and how many these are.

    (b"", 0) where it does not hold the first. Raises TooLarge where no batch holds that.
    """
    best, fits, trial = b"", 0, min(len(messages), MOST_MESSAGES)
    over = trial + 1
    while fits + 1 < over:
        data = _try(Batch(kiosk=kiosk, boot=boot, first=first, messages=tuple(messages[:trial])))
        if data and len(data) <= budget_bytes:
            best, fits = data, trial
        else:
            over = trial
        trial = (fits + over) // 2
    return best, fits


def _try(batch: Batch) -> bytes:
    """Its bytes; b"" for several messages that are too much for one batch. Raises TooLarge for one that is."""
    try:
        return pack(batch)
    except TooLarge:
        if len(batch.messages) == 1:
            raise
        return b""


def header(data: bytes) -> Header:
    """Which numbers a batch takes, whatever its body. Raises UnknownVersion, BadMessage."""
    return _head(data)[0]


def header_of_newer(data: bytes) -> Header:
    """Which numbers a batch of a version that comes after ours takes. Raises BadMessage."""
    if not data or not VERSION < data[0] <= NEWEST:
        raise BadMessage("not of a newer version")
    return _numbers(data)[0]


def unpack(kiosk: str, data: bytes) -> Unpacked:
    """The kiosk's messages. Raises UnknownVersion, and BadMessage for anything else that is wrong with the whole."""
    head, raw, body = _head(data)
    sections = cbor.loads(_swell(data[1], body))
    if not isinstance(sections, dict):
        raise BadMessage("the body is no map of sections")
    diagnoses, unreadable = _diagnoses(sections, raw)
    others, unlike = _others(kiosk, sections)
    count, told = len(diagnoses) + len(others) + len(unreadable) + len(unlike), head.last - head.first + 1
    foreign = [_foreign(key, value) for key, value in sections.items() if key not in (DIAGNOSES, OTHERS)]
    if count > told or (count < told and not foreign):
        raise BadMessage(f"it has {count} messages; its header says {told}")
    return Unpacked(head, diagnoses, others, unreadable + unlike + foreign)


def _diagnoses(sections: dict[Any, Any], raw: bytes) -> tuple[list[DiagnosisRow], list[Unreadable]]:
    return columns.unpack(sections[DIAGNOSES], raw) if DIAGNOSES in sections else ([], [])


def _others(kiosk: str, sections: dict[Any, Any]) -> tuple[list[Message], list[Unreadable]]:
    """The other messages, and what is none."""
    parts = sections.get(OTHERS, [])
    if not isinstance(parts, list) or len(parts) > MOST_MESSAGES:
        raise BadMessage(f"the other messages are no list of at most {MOST_MESSAGES}")
    others: list[Message] = []
    unlike = []
    for part in parts:
        try:
            others.append(_other(kiosk, part))
        except BadMessage as why:
            unlike.append(Unreadable(cbor.dumps(part), str(why)))
    return others, unlike


def _other(kiosk: str, part: Any) -> Message:
    message = codec.whole(kiosk, part)
    if isinstance(message, DiagnosisReport):
        raise BadMessage("a diagnosis that is not among the diagnoses")
    return message


def _foreign(key: Any, section: Any) -> Unreadable:
    """A section of a newer contract: as one, since nobody here knows how many messages it has."""
    return Unreadable(cbor.dumps({key: section}), f"section {cbor.shown(key)} is none that this program reads")


def is_whole(body: bytes) -> bool:
    """Whether it is a batch, or noise; else it is what `Unreadable` holds of one: a list or a map of CBOR."""
    return not body or body[0] <= NEWEST or body[0] >> 5 not in _LIST_OR_MAP


def unpack_part(kiosk: str, body: bytes) -> Unpacked:
    """What `Unreadable` holds, read again: by a program that may know more by now. Raises BadMessage.

    Its header takes no numbers.
    """
    value = cbor.loads(body)
    match value:
        case dict():
            others, unlike = _others(kiosk, value)
            foreign = [_foreign(key, section) for key, section in value.items() if key != OTHERS]
            return Unpacked(_NO_NUMBERS, [], others, unlike + foreign)
        case [str(), *_]:
            return Unpacked(_NO_NUMBERS, [columns.row_of(kiosk, value)], [], [])
    return Unpacked(_NO_NUMBERS, [], [_other(kiosk, value)], [])


def _head(data: bytes) -> tuple[Header, bytes, bytes]:
    """The header, what is raw, and the body."""
    if not data:
        raise BadMessage("no bytes")
    if data[0] != VERSION:
        raise UnknownVersion(f"version {data[0]}; this program reads version {VERSION}")
    head, at = _numbers(data)
    length, at = _number(data, at)
    end = at + length
    if end > len(data) or len(data) > MOST_BYTES:
        raise BadMessage(f"cut off, or more than {MOST_BYTES} bytes")
    return head, data[at:end], data[end:]


def _numbers(data: bytes) -> tuple[Header, int]:
    """What stands so in every version, and where it ends."""
    first, at = _number(data, _FIXED_BYTES)
    count = data[at] if at < len(data) else 0
    if not 1 <= first <= LAST_NUMBER - MOST_MESSAGES or not 1 <= count <= MOST_MESSAGES:
        raise BadMessage("its header gives no numbers for the messages")
    return Header(data[2:_FIXED_BYTES], first, first + count - 1), at + 1


def _number(data: bytes, start: int) -> tuple[int, int]:
    """The LEB128 number that begins there, and where it ends."""
    number = 0
    for place, byte in enumerate(data[start : start + _MOST_LEB128_BYTES]):
        number |= (byte & 127) << 7 * place
        if byte < 128:
            return number, start + place + 1
    raise BadMessage("cut off within the header")


def _leb128(number: int) -> bytes:
    places = max(1, -(-number.bit_length() // 7))
    return bytes(number >> 7 * place & 127 | (128 if place < places - 1 else 0) for place in range(places))


def _squeeze(body: bytes) -> tuple[int, bytes]:
    """The form and the body in it, whichever is shorter. Raises TooLarge."""
    if len(body) > MOST_UNPACKED_BYTES:
        raise TooLarge(f"the messages take {len(body)} bytes before compression; {MOST_UNPACKED_BYTES} is the most")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    packed = packer.compress(body) + packer.flush()
    return (DEFLATED, packed) if len(packed) < len(body) else (STORED, body)


def _swell(form: int, body: bytes) -> bytes:
    if form == STORED:
        return body
    if form != DEFLATED:
        raise BadMessage(f"form {form} is none that this program reads")
    unpacker = zlib.decompressobj(-15, DICTIONARY)
    try:
        whole = unpacker.decompress(body, MOST_UNPACKED_BYTES + 1)
    except zlib.error as why:
        raise BadMessage(f"the body cannot be unpacked: {why}") from why
    if len(whole) > MOST_UNPACKED_BYTES:
        raise BadMessage(f"the body grows beyond {MOST_UNPACKED_BYTES} bytes")
    if not unpacker.eof:
        raise BadMessage("the body is cut off")
    return whole
