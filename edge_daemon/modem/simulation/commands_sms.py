"""Commands about SMS that came: memories, reading, deleting, indications. No I/O.

Source: 3GPP TS 27.005 (3.2.2 AT+CPMS, 3.4 receiving and reading, 3.5.4 AT+CMGD).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_daemon.modem.simulation import text_mode
from edge_daemon.modem.simulation.commands_device import nothing, says
from edge_daemon.modem.simulation.mailbox import DS
from edge_daemon.modem.simulation.memories import ALL, READ, UNREAD, Memory, StoredSms
from edge_daemon.modem.simulation.results import (
    CMS_INVALID_INDEX,
    CMS_NOT_ALLOWED,
    CMS_NOT_SUPPORTED,
    Rejected,
)
from edge_daemon.modem.simulation.syntax import arguments, numbers

if TYPE_CHECKING:
    from edge_daemon.modem.simulation.firmware import Firmware

_CNMI_MOST = (3, 3, 3, 2, 1)
_BY_FLAG: dict[int, tuple[int, ...]] = {1: (1,), 2: (1, 3), 3: (1, 2, 3), 4: (0, 1, 2, 3)}
"""Which stats AT+CMGD=<index>,<flag> deletes: read; also sent; also unsent; all (27.005, 3.5.4)."""


# Memories


def _tell_memories(modem: Firmware, _: str) -> list[str]:
    return ["+CPMS: " + ",".join(f'"{memory.name}",{_use(memory)}' for memory in chosen(modem))]


def _choose_memories(modem: Firmware, value: str) -> list[str]:
    names = arguments(value)
    if not 1 <= len(names) <= 3 or not set(names) <= set(modem.model.memories):
        raise Rejected(CMS_NOT_ALLOWED)
    modem.settings.memories[: len(names)] = names
    modem.after.append(modem.offer)
    return ["+CPMS: " + ",".join(_use(memory) for memory in chosen(modem))]


def _list_memories(modem: Firmware, _: str) -> list[str]:
    names = ",".join(f'"{name}"' for name in modem.model.memories)
    return [f"+CPMS: ({names}),({names}),({names})"]


def _use(memory: Memory) -> str:
    return f"{len(memory)},{memory.size}"


def chosen(modem: Firmware) -> list[Memory]:
    """The memories to read, to write, and to receive."""
    return [modem.mailbox.memories[name] for name in modem.settings.memories]


# Reading


def _list(modem: Firmware, value: str) -> list[str]:
    stat = text_mode.stat_asked(value, modem.settings)
    memory = chosen(modem)[0]
    found = [kept for kept in memory if stat in {ALL, kept.stat}]
    lines = [text_mode.stored(f"+CMGL: {kept.index},", kept, modem.settings, is_listed=True) for kept in found]
    for kept in found:
        _mark_as_read(memory, kept)
    return ["\r\n".join(lines)] if lines else []


def _list_stats(modem: Firmware, _: str) -> list[str]:
    names = ",".join(f'"{name}"' for name in text_mode.STATS)
    return [f"+CMGL: ({names if modem.settings.text_mode else '0-4'})"]


def _read(modem: Firmware, value: str) -> list[str]:
    given = numbers(value, 1)
    if not given or given[0] is None:
        raise Rejected(CMS_INVALID_INDEX)
    memory = chosen(modem)[0]
    kept = modem.mailbox.read(memory, given[0])
    if kept is None:
        return []
    _mark_as_read(memory, kept)
    return [text_mode.stored("+CMGR: ", kept, modem.settings, is_listed=False)]


def _mark_as_read(memory: Memory, kept: StoredSms) -> None:
    if kept.stat == UNREAD:
        memory.mark(kept.index, READ)


def _delete(modem: Firmware, value: str) -> list[str]:
    given = numbers(value, 2)
    if not given or given[0] is None:
        raise Rejected(CMS_INVALID_INDEX)
    index, flag = given[0], (given[1:] or [0])[0] or 0
    memory = chosen(modem)[0]
    if flag:
        stats = _BY_FLAG.get(flag)
        if stats is None:
            raise Rejected(CMS_NOT_ALLOWED)
        gone = [kept.index for kept in memory if kept.stat in stats]
    elif not memory.has(index):
        raise Rejected(CMS_INVALID_INDEX)
    else:
        gone = [index]
    modem.mailbox.delete(memory, gone)
    modem.after.append(modem.offer)
    return []


def _tell_indexes(modem: Firmware, _: str) -> list[str]:
    indexes = ",".join(str(kept.index) for kept in chosen(modem)[0])
    return [f"+CMGD: ({indexes}),(0-4)"]


# Indications


def _tell_indications(modem: Firmware, _: str) -> list[str]:
    return ["+CNMI: " + ",".join(map(str, modem.settings.cnmi))]


def _choose_indications(modem: Firmware, value: str) -> list[str]:
    given = numbers(value, 5)
    if given is None:
        raise Rejected(CMS_NOT_ALLOWED)
    values = list(modem.settings.cnmi)
    for place, number in enumerate(given):
        values[place] = values[place] if number is None else number
    if any(number > most for number, most in zip(values, _CNMI_MOST, strict=True)):
        raise Rejected(CMS_NOT_ALLOWED)
    if values[DS] not in modem.model.routes:
        raise Rejected(CMS_NOT_SUPPORTED)
    modem.settings.cnmi[:] = values
    modem.after.append(modem.mailbox.indications_changed)
    modem.after.append(modem.offer)
    return []


def _list_indications(modem: Firmware, _: str) -> list[str]:
    routes = ",".join(map(str, modem.model.routes))
    return [f"+CNMI: (0-3),(0-3),(0-3),({routes}),(0,1)"]


def _acknowledge(modem: Firmware, value: str) -> list[str]:
    """AT+CNMA[=<n>]: 0 and 1 taken, 2 not taken; <length> with a PDU of its own is not known."""
    if value not in {"", "0", "1", "2"}:
        raise Rejected(CMS_NOT_SUPPORTED)
    modem.mailbox.acknowledge(taken=value != "2")
    if value != "2":
        modem.after.append(modem.offer)
    return []


ACTS: dict[str, Callable[[Firmware, str], list[str]]] = {
    "+CPMS=": _choose_memories,
    "+CPMS?": _tell_memories,
    "+CPMS=?": _list_memories,
    "+CMGL": _list,
    "+CMGL=": _list,
    "+CMGL=?": _list_stats,
    "+CMGR=": _read,
    "+CMGR=?": nothing,
    "+CMGD=": _delete,
    "+CMGD=?": _tell_indexes,
    "+CNMI=": _choose_indications,
    "+CNMI?": _tell_indications,
    "+CNMI=?": _list_indications,
    "+CNMA": _acknowledge,
    "+CNMA=": _acknowledge,
    "+CNMA=?": says("+CNMA: (0-2)"),
}
