"""AT commands and USSD codes that a technician types: which are passed on, and what belongs to their answer. No I/O.

Rules kept here:
- nothing that sends an SMS or leads to a prompt or a call is passed on: the SMS would go past the SIM's plan, and what
  comes after a prompt are no commands any more;
- a typed command may hold a PIN, so its log name has nothing of its values.

Sources: ITU-T V.250 (5.2 command lines, 6.3 calls), 3GPP TS 27.005 (3.4.4, 3.5.1 to 3.5.5: commands with a prompt, and
AT+CMSS).
"""

from __future__ import annotations

import re

from edge_daemon.errors import BadCommand
from edge_daemon.modem.at import Command

LONGEST = 200
"""Characters."""
LONGEST_CODE = 60
ANSWER_S = 30.0
SLOW_S = 150.0
"""AT+COPS=? looks for every network there is."""

_PRINTABLE = re.compile(r"[ -~]+")
_QUOTED = re.compile(r'"[^"]*"?')
_PROMPT = re.compile(r"\+Q?(?:CMG[SWC]|CMSS)[A-Z]*+(?! *= *\?)|\+CNMA *= *\d+ *,", re.IGNORECASE)
_SIGNED = re.compile(r"[&\\%][A-Z]\d*", re.IGNORECASE)
"""Basic commands of two characters: AT&D2 is no AT D2."""
_CALL = re.compile(r"[^+*^$#]*[DAO]|\+CGDATA", re.IGNORECASE)
"""At the beginning of a command line, or of what follows a semicolon."""
_NAME = re.compile(r"[+*^$#%][A-Z0-9_]+")
_SLOW = re.compile(r"\+COPS *= *\?", re.IGNORECASE)
_CODE = re.compile(rf"[*#][0-9*#]{{1,{LONGEST_CODE - 1}}}")
_LOG_NAME = re.compile(r"AT[+*^$#%&]?[A-Z]*", re.IGNORECASE)


def read(text: str) -> Command:
    """What somebody typed, as a command whose answer may be any lines. Raises BadCommand, which says why not."""
    text = text.strip(" ")
    if len(text) > LONGEST:
        raise BadCommand(f"The command has {len(text)} characters, and {LONGEST} is the most. Shorten it.")
    if text and not _PRINTABLE.fullmatch(text):
        raise BadCommand("The command holds a control character, or one that is not ASCII. Type it anew.")
    if text[:2].upper() != "AT":
        raise BadCommand("A command for a modem begins with AT, such as AT+CSQ.")
    _refuse_what_leaves_the_dialogue(_QUOTED.sub('""', text[2:]))
    names = tuple(f"{name}:" for name in _NAME.findall(_QUOTED.sub('""', text).upper()))
    return Command(text, "", optional=True, also=names)


def read_code(text: str) -> str:
    """A USSD code, such as *123#. Raises BadCommand."""
    code = text.strip(" ")
    if not _CODE.fullmatch(code):
        raise BadCommand(f"A USSD code begins with * or # and has digits, * and # only, at most {LONGEST_CODE}: *123#.")
    return code


def answer_s(command: Command) -> float:
    """How long the modem may take, in seconds."""
    return SLOW_S if _SLOW.search(command.text) else ANSWER_S


def log_name(text: str) -> str:
    """What a log may call it, whatever was typed."""
    found = _LOG_NAME.match(text.strip())
    return found[0].upper() if found else "what is no command"


def _refuse_what_leaves_the_dialogue(unquoted: str) -> None:
    if _PROMPT.search(unquoted):
        raise BadCommand("This command sends a message or keeps one. Use `krishi-kiosk sms send`.")
    if any(_CALL.match(part) for part in _SIGNED.sub("", unquoted).split(";")):
        raise BadCommand(
            "The kiosk makes no calls and opens no data connection. For a USSD code use `krishi-kiosk modem ussd`."
        )
