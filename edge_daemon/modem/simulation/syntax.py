"""What a command line of a modem is made of. No I/O.

Source: ITU-T V.250 (5.2.1 command line, 5.3 basic syntax, 5.4 extended syntax).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BASIC = re.compile(r"[&\\%][A-Z]\d*|D.*|S\d+(?:=\d*|\?)?|[A-CE-RT-Z]\d*", re.IGNORECASE)
_EXTENDED = re.compile(r"([+^*$#][A-Z0-9]+) *(=\?|\?|=)?(.*)", re.IGNORECASE | re.DOTALL)
_UP_TO_SEMICOLON = re.compile(r'((?:"[^"]*"?|[^";])*);?')


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a line. name: +CREG, E, &F; form: "", "?", "=" or "=?"; value: what follows."""

    name: str
    form: str
    value: str

    @property
    def text(self) -> str:
        """The command as it was said, its name in capitals."""
        return self.name + self.form + self.value


def commands(line: str) -> list[Command]:
    """The commands of a line without its AT: basic ones follow each other, an extended one ends at ";"."""
    found = []
    while line := line.strip(" ;"):
        if basic := _BASIC.match(line):
            found.append(_basic(basic[0]))
            line = line[basic.end() :]
        else:
            extended = _UP_TO_SEMICOLON.match(line)
            assert extended is not None
            found.append(_extended(extended[1].rstrip()))
            line = line[extended.end() :]
    return found


def _basic(text: str) -> Command:
    split = re.fullmatch(r"(D|S\d+|[&\\%]?[A-Z])(=|\?)?(.*)", text, re.IGNORECASE)
    assert split is not None
    return Command(split[1].upper(), split[2] or "", split[3])


def _extended(text: str) -> Command:
    split = _EXTENDED.fullmatch(text)
    return Command(split[1].upper(), split[2] or "", split[3].strip()) if split else Command(text.upper(), "", "")


def arguments(value: str) -> list[str]:
    """The values behind "=", without their quotes; "" for one that is left out."""
    found, is_quoted = [""], False
    for letter in value:
        if letter == '"':
            is_quoted = not is_quoted
        elif letter == "," and not is_quoted:
            found.append("")
        else:
            found[-1] += letter
    return [text.strip() for text in found] if value else []


def numbers(value: str, most: int) -> list[int | None] | None:
    """Up to `most` whole numbers, None for one that is left out; None where there is anything else."""
    texts = [text.strip() for text in arguments(value)]
    if len(texts) > most or not all(text == "" or (text.isascii() and text.isdecimal()) for text in texts):
        return None
    return [int(text) if text else None for text in texts]
