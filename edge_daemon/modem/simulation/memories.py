"""The memories of a modem and its SIM that keep SMS. No I/O.

Source: 3GPP TS 27.005 (3.1 <mem1> to <mem3>, <stat>, <index>).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

UNREAD, READ, UNSENT, SENT, ALL = range(5)
"""<stat> in PDU mode (27.005, 3.1)."""
SIM, FLASH, REPORTS = "SM", "ME", "SR"
SIZES = {SIM: 20, FLASH: 50, REPORTS: 20}
"""How many SMS each keeps, unless a test says otherwise."""


@dataclass(frozen=True, slots=True)
class StoredSms:
    """An SMS that a memory keeps. pdu: in hexadecimal, with its service centre; stat: as in AT+CMGL, 0 to 3."""

    memory: str
    index: int
    stat: int
    pdu: str = field(repr=False)


class Memory:
    """One memory, SM or ME. It survives a loss of power. sizes: of all memories; may be changed at any time."""

    def __init__(self, name: str, sizes: dict[str, int], first_index: int = 1) -> None:
        self.name = name
        self.sizes = sizes
        self.first_index = first_index
        self._slots: dict[int, StoredSms] = {}

    def __len__(self) -> int:
        return len(self._slots)

    def __iter__(self) -> Iterator[StoredSms]:
        """What is kept, by its index."""
        return iter([self._slots[index] for index in sorted(self._slots)])

    @property
    def size(self) -> int:
        """How many SMS it can keep."""
        return self.sizes[self.name]

    @property
    def free(self) -> int:
        """How many more SMS it can keep."""
        return max(0, self.size - len(self._slots))

    def count_from(self, first_index: int) -> None:
        """Number the places anew: a SIM's are numbered by the modem that it is in."""
        shift = first_index - self.first_index
        kept = [replace(sms, index=sms.index + shift) for sms in self]
        self.first_index, self._slots = first_index, {sms.index: sms for sms in kept}

    def has(self, index: int) -> bool:
        """Whether there is such a place, empty or not."""
        return self.first_index <= index < self.first_index + self.size

    def keep(self, pdu: str, stat: int) -> StoredSms | None:
        """Keep an SMS in the first empty place; None where there is none."""
        if not self.free:
            return None
        index = next(place for place in range(self.first_index, self.first_index + self.size) if self._is_empty(place))
        self._slots[index] = StoredSms(self.name, index, stat, pdu)
        return self._slots[index]

    def get(self, index: int) -> StoredSms | None:
        """What is in a place, left as it is."""
        return self._slots.get(index)

    def mark(self, index: int, stat: int) -> None:
        """Give what is in a place another stat: reading makes the unread read, sending the unsent sent."""
        self._slots[index] = replace(self._slots[index], stat=stat)

    def delete(self, index: int) -> None:
        """Empty a place; nothing happens where it is empty."""
        self._slots.pop(index, None)

    def _is_empty(self, index: int) -> bool:
        return index not in self._slots
