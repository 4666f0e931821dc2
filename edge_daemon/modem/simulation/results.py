"""What a modem answers when it does not do what it was asked. No I/O.

Sources: 3GPP TS 27.007 (9.2 +CME ERROR), 3GPP TS 27.005 (3.2.5 +CMS ERROR), ITU-T V.250 (5.7.1 result codes).
"""

from __future__ import annotations

CME_WORDS = {
    3: "operation not allowed",
    4: "operation not supported",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    16: "incorrect password",
    21: "invalid index",
    25: "invalid characters in text string",
    30: "no network service",
    50: "incorrect parameters",
    100: "unknown",
}
NOT_ALLOWED, NOT_SUPPORTED, PIN_WANTED, PUK_WANTED, WRONG_PASSWORD, NO_SERVICE, BAD_PARAMETERS = (
    3,
    4,
    11,
    12,
    16,
    30,
    50,
)
"""+CME ERROR."""

CMS_NOT_ALLOWED, CMS_NOT_SUPPORTED, CMS_INVALID_PDU, CMS_INVALID_TEXT, CMS_PIN_WANTED = 302, 303, 304, 305, 311
CMS_PUK_WANTED = 316
CMS_INVALID_INDEX, CMS_MEMORY_FULL, CMS_NO_NETWORK, CMS_NO_ACK_EXPECTED, CMS_UNKNOWN = 321, 322, 331, 340, 500
"""+CMS ERROR."""


class Failed(Exception):
    """A command ends with another result than OK."""


class Plain(Failed):
    """ERROR: the command is not known, or no such form of it. Or another result without a number, as NO CARRIER is."""

    def __init__(self, result: str = "ERROR") -> None:
        super().__init__(result)
        self.result = result


class Silent(Failed):
    """The modem says nothing, not even OK: it hangs, or has forgotten the answer."""


class CmeError(Failed):
    """The modem does not do it; code: as in +CME ERROR."""

    def __init__(self, code: int) -> None:
        super().__init__(f"+CME ERROR: {code}")
        self.code = code


class Rejected(Failed):
    """The network or the modem does not take a PDU, or has none; code: as in +CMS ERROR."""

    def __init__(self, code: int) -> None:
        super().__init__(f"+CMS ERROR: {code}")
        self.code = code


def cme_words(code: int, cmee: int) -> str:
    """An error in the form that AT+CMEE asked for: 0 ERROR, 1 the number, 2 in words (27.007, 9.1)."""
    if cmee == 0:
        return "ERROR"
    return f"+CME ERROR: {code if cmee == 1 else CME_WORDS.get(code, 'unknown')}"
