"""The modem's memories, by a modem that says exactly what a test wants: garbled lines, memories that are not there."""

from __future__ import annotations

import asyncio
import os
import threading
import tty
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from edge_daemon.errors import ModemMute, ModemNotReady
from edge_daemon.modem.at import Command
from edge_daemon.modem.link import ModemLink
from edge_daemon.modem.memory import Memory, Slot

PDU = "07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07"
OCTETS = len(PDU) // 2 - 8
GARBLED = PDU[:30] + PDU[36:]
PLENTY_S = 20.0


class Scripted:
    """The far end of a pty: answers each command with the next of the lines meant for it, the last for ever."""

    def __init__(self, **answers: list[str]) -> None:
        self._answers = {f"AT+{name}": lines for name, lines in answers.items()}
        self._near, self._far = os.openpty()
        tty.setraw(self._far)
        self.port = os.ttyname(self._far)
        self.commands: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        said = b""
        while True:
            try:
                said += os.read(self._near, 4096)
            except OSError:
                return
            while b"\r" in said:
                line, _, said = said.partition(b"\r")
                os.write(self._near, self._answer(line.decode("ascii")))

    def _answer(self, command: str) -> bytes:
        self.commands.append(command)
        name = next((name for name in self._answers if command.startswith(name)), None)
        lines = self._answers[name] if name else ["OK"]
        answer = lines.pop(0) if len(lines) > 1 else lines[0]
        return b"".join(b"\r\n" + line.encode("ascii") + b"\r\n" for line in answer.split("\n"))

    def close(self) -> None:
        os.close(self._far)
        self._thread.join(PLENTY_S)  # else it would read from whatever gets this number next
        os.close(self._near)


@contextmanager
def scripted(**answers: list[str]) -> Iterator[Scripted]:
    modem = Scripted(**answers)
    try:
        yield modem
    finally:
        modem.close()


def linked(modem: Scripted, act: Callable[[ModemLink], Coroutine[Any, Any, Any]]) -> Any:
    async def story() -> Any:
        link = await ModemLink.open(modem.port, 115200)
        try:
            async with asyncio.timeout(PLENTY_S):
                return await act(link)
        finally:
            link.close()

    return asyncio.run(story())


def look(modem: Scripted, act: Callable[[Memory], Coroutine[Any, Any, Any]]) -> Any:
    return linked(modem, lambda link: act(Memory(link, ("SM", "ME"), 5.0)))


def listed(pdu: str) -> str:
    return f"+CMGL: 3,1,,{OCTETS}\n{pdu}\nOK"


def read(pdu: str) -> str:
    return f"+CMGR: 1,,{OCTETS}\n{pdu}\nOK"


def test_a_pdu_that_suffered_on_the_line_is_read_again() -> None:
    with scripted(CMGL=[listed(GARBLED)], CMGR=[read(PDU)]) as modem:
        assert look(modem, lambda memory: memory.contents("SM")) == [Slot(3, False, PDU, OCTETS)]
    with scripted(CMGR=[read(GARBLED), read(PDU)]) as modem:
        assert look(modem, lambda memory: memory.read("SM", 3)) == Slot(3, False, PDU, OCTETS)


def test_a_pdu_that_is_twice_the_same_is_what_the_modem_has() -> None:
    with scripted(CMGL=[listed(GARBLED)], CMGR=[read(GARBLED)]) as modem:
        assert look(modem, lambda memory: memory.contents("SM")) == [Slot(3, False, GARBLED, OCTETS)]


def test_a_pdu_that_is_garbled_twice_is_left_where_it_is() -> None:
    with scripted(CMGL=[listed(GARBLED)], CMGR=[read(PDU[:-4])]) as modem:
        assert look(modem, lambda memory: memory.contents("SM")) == [Slot(3, False, "")]


def test_a_memory_that_the_modem_does_not_have_is_no_trouble() -> None:
    async def all_of_it(memory: Memory) -> tuple[object, ...]:
        return await memory.contents("SR"), await memory.read("SR", 1), await memory.delete("SR", 1)

    with scripted(CPMS=["+CMS ERROR: 302"]) as modem:
        assert look(modem, all_of_it) == ([], None, False)
        assert not any("CMG" in command for command in modem.commands)


def test_no_place_is_read_while_the_modem_owes_an_answer() -> None:
    """A late OK would shift all answers by one, and the place that is emptied would not be the one that was read."""

    async def story(link: ModemLink) -> None:
        memory = Memory(link, ("SM",), 5.0)
        assert await memory.read("SM", 3) is not None
        with pytest.raises(ModemMute):
            await link.ask(Command("AT+CSQ", "+CSQ:"), 0.05)
        with pytest.raises(ModemMute, match="owes an answer"):
            await memory.read("SM", 3)
        link.in_step()
        assert await memory.read("SM", 3) is not None

    with scripted(CSQ=[""], CMGR=[read(PDU)]) as modem:
        linked(modem, story)
        assert modem.commands.count("AT+CMGR=3") == 2


def test_a_busy_sim_is_not_a_memory_that_is_missing() -> None:
    with scripted(CPMS=["+CMS ERROR: 314"]) as modem, pytest.raises(ModemNotReady):
        look(modem, lambda memory: memory.contents("ME"))
