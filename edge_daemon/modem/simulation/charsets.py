"""Strings between modem and kiosk, in the character set that AT+CSCS chose. No I/O.

A string here is what goes over the wire, a letter for each byte (ISO 8859-1).

Sources: 3GPP TS 27.007 (5.5 +CSCS), 3GPP TS 27.005 (3.1 <data>).
"""

from __future__ import annotations

from edge_daemon.modem.septets import alphabet_of
from edge_daemon.modem.simulation.results import CMS_INVALID_TEXT, Rejected

CHARSETS = ("GSM", "IRA", "UCS2", "HEX", "8859-1")


def write(text: str, charset: str) -> str:
    """A text as the kiosk gets it; what the set lacks is "?"."""
    if charset == "UCS2":
        return text.encode("utf-16-be").hex().upper()
    if charset == "8859-1":
        return text.encode("latin-1", "replace").decode("latin-1")
    if charset == "IRA":
        return text.encode("ascii", "replace").decode("ascii")
    septets = b"".join(alphabet_of().septets(letter) or b"?" for letter in text)
    return septets.hex().upper() if charset == "HEX" else septets.decode("latin-1")


def read(said: str, charset: str) -> str:
    """A text as the kiosk gave it. Raises Rejected where it is not in that set."""
    try:
        if charset == "UCS2":
            return bytes.fromhex(said).decode("utf-16-be")
        if charset == "HEX":
            return alphabet_of().read(bytes.fromhex(said))
        if charset == "IRA":
            return said.encode("latin-1").decode("ascii")
        return said if charset == "8859-1" else alphabet_of().read(said.encode("latin-1"))
    except ValueError as why:  # no hexadecimal, or letters that the set lacks
        raise Rejected(CMS_INVALID_TEXT) from why


def octets(said: str) -> bytes:
    """Octets that were given in hexadecimal. Raises Rejected."""
    try:
        return bytes.fromhex(said)
    except ValueError as why:
        raise Rejected(CMS_INVALID_TEXT) from why
