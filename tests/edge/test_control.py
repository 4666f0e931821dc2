"""The control socket: who reaches it, what it answers, and that nobody can hold it up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from edge_daemon import control
from edge_daemon.control import Control
from edge_daemon.errors import (
    BrokerGone,
    CertificateRefused,
    GatewayMute,
    KioskBusy,
    KrishiError,
    LinkHeld,
    ModemGone,
    ModemMute,
    NoGateway,
    Refused,
    SendFailed,
    StateDamaged,
    StateFull,
    StateReadOnly,
)
from tests.stranger import a_stranger_to

DEADLINE_S = 30.0
Talk = Callable[[Path], Awaitable[None]]


class FakeModem:
    """Answers what it is told to; `held`: not before that is set."""

    def __init__(self) -> None:
        self.trouble: KrishiError | None = None
        self.said: list[str] = []
        self.asked: asyncio.Queue[None] = asyncio.Queue()
        self.held: asyncio.Event | None = None

    async def info(self) -> dict[str, Any]:
        await self._answers()
        return {"model": "EC25"}

    async def at(self, command: str) -> dict[str, Any]:
        self.said.append(command)
        self.asked.put_nowait(None)
        await self._answers()
        return {"lines": ["+CSQ: 21,99"], "result": "OK", "meaning": None}

    async def ussd(self, code: str) -> str:
        self.said.append(code)
        await self._answers()
        return "शेष ₹ 42\x1b"

    async def _answers(self) -> None:
        if self.held is not None:
            await self.held.wait()
        if self.trouble is not None:
            raise self.trouble


@pytest.fixture
def modem() -> FakeModem:
    return FakeModem()


@contextlib.asynccontextmanager
async def running(folder: Path, modem: FakeModem) -> AsyncIterator[asyncio.Task[None]]:
    """The daemon's end, once it listens."""
    task = asyncio.create_task(Control(folder, modem).run())
    async with asyncio.timeout(DEADLINE_S):
        while not await asyncio.to_thread(listens, folder):
            assert not task.done()
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


def listens(folder: Path) -> bool:
    """Whether somebody does; then that connection has ended."""
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(folder / control.FILE))
        except OSError:
            return False
        line.shutdown(socket.SHUT_WR)
        return line.recv(1) == b""


def connect(folder: Path) -> Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    return asyncio.open_unix_connection(folder / control.FILE)


def with_control(folder: Path, modem: FakeModem, talk: Talk) -> None:
    async def story() -> None:
        async with running(folder, modem):
            await talk(folder)

    asyncio.run(story())


async def say(folder: Path, *lines: bytes) -> list[dict[str, Any]]:
    """What each line of one connection is answered, up to the end."""
    reader, writer = await connect(folder)
    writer.writelines(lines)
    writer.write_eof()
    answers = (await reader.read()).splitlines()
    writer.close()
    return [json.loads(answer) for answer in answers]


def test_each_verb_is_answered(tmp_path: Path, modem: FakeModem) -> None:
    async def talk(folder: Path) -> None:
        answers = await say(
            folder,
            b'{"do": "modem_info"}\n',
            b'{"do": "modem_at", "command": "AT+CSQ"}\n',
            b'{"do": "modem_ussd", "code": "*123#"}\n',
        )
        assert answers == [
            {"model": "EC25"},
            {"lines": ["+CSQ: 21,99"], "result": "OK", "meaning": None},
            {"answer": "शेष ₹ 42\x1b"},
        ]
        assert modem.said == ["AT+CSQ", "*123#"]

    with_control(tmp_path, modem, talk)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"\n", "not JSON"),
        (b"hello\n", "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
        (b"[" * 1500 + b"\n", "not JSON"),
        (b"[]\n", "what to do"),
        (b"1\n", "what to do"),
        (b"{}\n", "what to do"),
        (b'{"do": "modem_reset"}\n', "modem_info, modem_at, modem_ussd"),
        (b'{"do": ["modem_info"]}\n', "what to do"),
        (b'{"do": "modem_at"}\n', "takes command"),
        (b'{"do": "modem_at", "command": 7}\n', "takes command"),
        (b'{"do": "modem_ussd", "command": "AT"}\n', "takes code"),
        (b'{"do": "modem_info", "command": "AT"}\n', "takes nothing"),
    ],
)
def test_what_is_no_request_gets_a_sentence(tmp_path: Path, modem: FakeModem, line: bytes, sentence: str) -> None:
    async def talk(folder: Path) -> None:
        wrong, right = await say(folder, line, b'{"do": "modem_info"}\n')
        assert wrong["error"] == "bad_request"
        assert sentence in wrong["message"]
        assert right == {"model": "EC25"}
        assert modem.said == []

    with_control(tmp_path, modem, talk)


def test_a_line_without_an_end_is_cut_short(tmp_path: Path, modem: FakeModem) -> None:
    async def talk(folder: Path) -> None:
        (answer,) = await say(folder, b"x" * 100_000)
        assert answer["error"] == "bad_request"
        assert "2048 bytes" in answer["message"]
        assert await say(folder, b'{"do": "modem_info"}\n') == [{"model": "EC25"}]

    with_control(tmp_path, modem, talk)


@pytest.mark.parametrize(
    "trouble", [ModemMute("It is mute."), SendFailed("Not now."), Refused("Never."), KioskBusy("")]
)
def test_trouble_is_answered_by_its_name_and_met_as_itself(
    tmp_path: Path, modem: FakeModem, trouble: KrishiError
) -> None:
    async def talk(folder: Path) -> None:
        modem.trouble = trouble
        assert await say(folder, b'{"do": "modem_info"}\n') == [{"error": trouble.name, "message": str(trouble)}]
        with pytest.raises(type(trouble)) as caught:
            await asyncio.to_thread(control.ask, folder, {"do": "modem_info"})
        assert str(caught.value) == str(trouble)

    with_control(tmp_path, modem, talk)


def test_a_bug_is_not_hidden(tmp_path: Path, modem: FakeModem) -> None:
    async def story() -> None:
        async with running(tmp_path, modem) as task:
            modem.trouble = ZeroDivisionError()  # type: ignore[assignment]  # no trouble that has a name
            assert await say(tmp_path, b'{"do": "modem_info"}\n') == []
            with pytest.raises(ExceptionGroup) as caught:
                await task
            assert caught.group_contains(ZeroDivisionError)
        assert not (tmp_path / control.FILE).exists()

    asyncio.run(story())


def test_only_so_many_are_answered_at_once(tmp_path: Path, modem: FakeModem) -> None:
    async def talk(folder: Path) -> None:
        modem.held = asyncio.Event()
        asking = [asyncio.create_task(say(folder, b'{"do": "modem_at", "command": "AT"}\n')) for _ in range(4)]
        for _ in asking:
            await modem.asked.get()
        (answer,) = await say(folder, b'{"do": "modem_info"}\n')
        assert answer["error"] == "kiosk_busy"
        modem.held.set()
        assert [answers[0]["result"] for answers in await asyncio.gather(*asking)] == ["OK"] * 4
        modem.held = None
        assert await say(folder, b'{"do": "modem_info"}\n') == [{"model": "EC25"}]

    with_control(tmp_path, modem, talk)


def test_only_so_many_connect_at_once(tmp_path: Path, modem: FakeModem) -> None:
    async def talk(folder: Path) -> None:
        first = [await connect(folder) for _ in range(control.CONNECTIONS)]
        for reader, writer in first:  # once one was answered, it counts
            writer.write(b'{"do": "modem_info"}\n')
            assert json.loads(await reader.readline()) == {"model": "EC25"}
        too_late, another = await connect(folder)
        assert await too_late.read() == b""
        another.close()
        for reader, writer in first:
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
        assert await say(folder, b'{"do": "modem_info"}\n') == [{"model": "EC25"}]

    with_control(tmp_path, modem, talk)


def test_who_says_nothing_or_takes_nothing_is_let_go(
    tmp_path: Path, modem: FakeModem, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(folder: Path) -> None:
        silent, writer = await connect(folder)
        assert await silent.read() == b""
        writer.close()
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.connect(str(folder / control.FILE))
            deaf.setblocking(False)
            while True:  # until the daemon has given up reading us, since we read nothing
                try:
                    await asyncio.get_running_loop().sock_sendall(deaf, b'{"do": "modem_info"}\n')
                except OSError:
                    break
        assert await say(folder, b'{"do": "modem_info"}\n') == [{"model": "EC25"}]

    monkeypatch.setattr(control, "LISTEN_S", 0.2)
    with_control(tmp_path, modem, talk)


def test_work_that_takes_too_long_is_given_up(
    tmp_path: Path, modem: FakeModem, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(folder: Path) -> None:
        modem.held = asyncio.Event()
        (answer,) = await say(folder, b'{"do": "modem_info"}\n')
        assert answer["error"] == "kiosk_busy"

    monkeypatch.setattr(control, "WORK_S", 0.1)
    with_control(tmp_path, modem, talk)


def test_who_goes_away_meanwhile_harms_nobody(tmp_path: Path, modem: FakeModem) -> None:
    async def talk(folder: Path) -> None:
        modem.held = asyncio.Event()
        _, writer = await connect(folder)
        writer.write(b'{"do": "modem_at", "command": "AT"}\n')
        await modem.asked.get()
        writer.transport.abort()
        modem.held.set()
        assert await say(folder, b'{"do": "modem_info"}\n') == [{"model": "EC25"}]

    with_control(tmp_path, modem, talk)


def test_it_ends_at_once_with_a_request_under_way(tmp_path: Path, modem: FakeModem) -> None:
    async def story() -> None:
        modem.held = asyncio.Event()
        async with running(tmp_path, modem) as task:
            asking = asyncio.create_task(say(tmp_path, b'{"do": "modem_at", "command": "AT"}\n'))
            await modem.asked.get()
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            assert await asking == []
        assert not (tmp_path / control.FILE).exists()

    asyncio.run(story())


def test_only_its_own_user_reaches_it(tmp_path: Path, modem: FakeModem) -> None:
    async def talk(folder: Path) -> None:
        made = (folder / control.FILE).stat()
        assert stat.S_ISSOCK(made.st_mode)
        assert stat.S_IMODE(made.st_mode) == 0o600
        with a_stranger_to(folder), pytest.raises(StateReadOnly, match="sudo -u krishi-kiosk"):
            control.ask(folder, {"do": "modem_info"})

    before = os.umask(0)
    try:
        with_control(tmp_path, modem, talk)
    finally:
        os.umask(before)


def test_nobody_can_connect_before_its_mode_is_set(tmp_path: Path) -> None:
    with contextlib.closing(control._bound(tmp_path / control.FILE)), socket.socket(socket.AF_UNIX) as early:
        with pytest.raises(ConnectionRefusedError):
            early.connect(str(tmp_path / control.FILE))
        assert control.ask(tmp_path, {"do": "modem_info"}) is None


def test_one_that_a_crash_left_is_replaced(tmp_path: Path, modem: FakeModem) -> None:
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(str(tmp_path / control.FILE))
        crashed.listen()
    assert control.ask(tmp_path, {"do": "modem_info"}) is None

    async def talk(folder: Path) -> None:
        assert await asyncio.to_thread(control.ask, folder, {"do": "modem_info"}) == {"model": "EC25"}

    with_control(tmp_path, modem, talk)


def long_path(folder: Path) -> Path:
    long = folder / ("x" * 100)
    long.mkdir()
    return long


def taken(folder: Path) -> Path:
    (folder / control.FILE).write_text("a file of somebody")
    return folder


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        (long_path, "more than 107 bytes; name a shorter [state] folder"),
        (taken, "in its way"),
        (lambda folder: folder / "nowhere", "No such file"),
    ],
)
def test_where_no_socket_can_be_made_the_kiosk_goes_on(
    tmp_path: Path,
    modem: FakeModem,
    caplog: pytest.LogCaptureFixture,
    where: Callable[[Path], Path],
    sentence: str,
) -> None:
    folder = where(tmp_path)
    with caplog.at_level(logging.WARNING):
        asyncio.run(Control(folder, modem).run())
    assert sentence in caplog.text
    assert "krishi-kiosk modem" in caplog.text
    assert control.ask(folder, {"do": "modem_info"}) is None
    assert not (tmp_path / control.FILE).is_file() or (tmp_path / control.FILE).read_text() == "a file of somebody"


def test_nothing_that_was_typed_is_logged(tmp_path: Path, modem: FakeModem, caplog: pytest.LogCaptureFixture) -> None:
    async def talk(folder: Path) -> None:
        await say(folder, b'{"do": "modem_at", "command": "AT+CPIN=4711"}\n', b'{"do": "AT+CPIN=4711"}\n')

    with caplog.at_level(logging.DEBUG):
        with_control(tmp_path, modem, talk)
    assert "4711" not in caplog.text


@pytest.mark.parametrize("said", [b"", b'{"model"', b"no JSON\n", b"[]\n"])
def test_a_kiosk_that_ends_while_it_is_asked(tmp_path: Path, said: bytes) -> None:
    async def story() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readline()
            writer.write(said)
            writer.close()

        server = await asyncio.start_unix_server(answer, tmp_path / control.FILE)
        try:
            with pytest.raises(ModemGone, match="ended while it was asked"):
                await asyncio.to_thread(control.ask, tmp_path, {"do": "modem_info"})
        finally:
            server.close()

    asyncio.run(story())


def test_all_that_opening_the_link_may_raise_keeps_its_exit_code() -> None:
    for kind in (BrokerGone, CertificateRefused, GatewayMute, LinkHeld, NoGateway, StateFull, StateDamaged):
        assert control.ERRORS[kind("").name] is kind
