"""The control socket: programs of this machine ask the running kiosk. `krishi-kiosk modem` and `sync` do.

A Unix socket in the state folder. A JSON object a line in, one a line out:

    {"do": "modem_info"}                           what the modem tells of itself, and how it has been
    {"do": "modem_at", "command": "AT+CSQ"}        {"lines": [...], "result": "OK", "meaning": null}
    {"do": "modem_ussd", "code": "*123#"}          {"answer": "..."}
    {"do": "sync"}                                 {"acknowledged": 20, "bytes": 5210, "waiting": 0}, when that is over
    whatever goes wrong                            {"error": "modem_mute", "message": "a sentence"}

Rules kept here:
- nobody but the kiosk's own user (and root) ever reaches it: its mode is set before it listens;
- a line, the connections, and every wait are bounded;
- a command may hold a PIN and a code somebody's number: nothing of a request is logged here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from edge_daemon.errors import (
    BadCommand,
    BadInput,
    BrokerGone,
    CertificateRefused,
    ConfigError,
    GatewayMute,
    KioskBusy,
    KrishiError,
    LinkHeld,
    ModemGone,
    ModemMute,
    ModemNotReady,
    ModemSick,
    NoGateway,
    Refused,
    SendFailed,
    SimTrouble,
    StateDamaged,
    StateFull,
    StateInUse,
    StateReadOnly,
)

FILE = "control.sock"
PATH_BYTES = 107
"""sockaddr_un (unix(7)) has 108, one of them for its end."""
MODE = 0o600
LINE_BYTES = 2048
CONNECTIONS = 16
"""More are closed without a word."""
REQUESTS = 4
"""Under way at once; more are answered that the kiosk is busy."""
LISTEN_S = 10.0
"""How long a connection may say nothing."""
WORK_S = 300.0
"""How long a request may take: it may wait for an SMS under way, and for a modem that looks for every network."""
ANSWER_S = WORK_S + 10.0
ANSWER_BYTES = 8_000_000
"""Twice the longest reply that the dialogue with a modem keeps."""

log = logging.getLogger(__name__)


class BadRequest(BadInput):
    """A line that is no request."""


class Modem(Protocol):
    """What is asked: edge_daemon.sms_part.SmsPart, or a modem that nobody else has. Each may raise KrishiError."""

    async def info(self) -> dict[str, Any]: ...
    async def at(self, command: str) -> dict[str, Any]: ...
    async def ussd(self, code: str) -> str: ...


class Sync(Protocol):
    """The link to the gateway: edge_daemon.sync_part.SyncPart. It may raise KrishiError."""

    async def open_now(self) -> dict[str, Any]: ...


VERBS = {"modem_info": (), "modem_at": ("command",), "modem_ussd": ("code",), "sync": ()}
"""What each takes."""


async def do(modem: Modem, request: dict[str, str], sync: Sync | None = None) -> dict[str, Any]:
    """Do what a checked request asks. sync: None where there is no link to open. Raises KrishiError."""
    if request["do"] == "sync":
        if sync is None:
            raise BadRequest("There is no link to a gateway here.")
        return await sync.open_now()
    if request["do"] == "modem_info":
        return await modem.info()
    if request["do"] == "modem_at":
        return await modem.at(request["command"])
    return {"answer": await modem.ussd(request["code"])}


def read(line: bytes) -> dict[str, str]:
    """A line as a request. Raises BadRequest."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as why:
        raise BadRequest("The line is not JSON in UTF-8.") from why
    if not isinstance(request, dict) or not isinstance(request.get("do"), str) or request["do"] not in VERBS:
        raise BadRequest(f'Say what to do: {{"do": ...}} with one of {", ".join(VERBS)}.')
    wanted = VERBS[request["do"]]
    if request.keys() != {"do", *wanted} or not all(isinstance(request[key], str) for key in wanted):
        raise BadRequest(f"{request['do']} takes {' and '.join(wanted) or 'nothing'}, as text, and nothing else.")
    return request


class Control:
    """The daemon's end. folder: the state folder, which this process has alone."""

    def __init__(self, folder: Path, modem: Modem, sync: Sync | None = None) -> None:
        self._path = folder / FILE
        self._modem = modem
        self._sync = sync
        self._connections = 0
        self._requests = 0

    async def run(self) -> None:
        """Answer for ever. Where no socket can be made, say so and return: the kiosk works without."""
        try:
            listener = _bound(self._path)
        except OSError as why:
            reason = why.strerror or why
            log.warning("No control socket at %s: %s. `krishi-kiosk modem` cannot ask this kiosk.", self._path, reason)
            return
        with contextlib.closing(listener), _removed_at_the_end(self._path):
            async with asyncio.TaskGroup() as tasks:
                await self._answer_all(listener, tasks)

    async def _answer_all(self, listener: socket.socket, tasks: asyncio.TaskGroup) -> None:
        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.create_task(self._serve(reader, writer))

        server = await asyncio.start_unix_server(begin, sock=listener, limit=LINE_BYTES, backlog=CONNECTIONS)
        try:
            await asyncio.get_running_loop().create_future()  # until we are cancelled
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection. Whoever goes away, or says nothing for too long, ends it."""
        self._connections += 1
        writer.transport.set_write_buffer_limits(0)  # drain() then means that the far end has it all
        try:
            with contextlib.suppress(OSError, TimeoutError):
                if self._connections <= CONNECTIONS:
                    await self._talk(reader, writer)
        finally:
            self._connections -= 1
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await _next_line(reader):
                await _say(writer, await self._answer(line))
        except BadRequest as why:  # what follows may begin anywhere
            await _say(writer, _error(why))

    async def _answer(self, line: bytes) -> dict[str, Any]:
        self._requests += 1
        try:
            request = read(line)
            if self._requests > REQUESTS:
                raise KioskBusy(f"{REQUESTS} others ask the modem already. Try again.")
            async with asyncio.timeout(WORK_S):
                return await do(self._modem, request, self._sync)
        except TimeoutError:
            return _error(
                KioskBusy(f"It took longer than {WORK_S:g} s: the kiosk may be busy with something else. Try again.")
            )
        except KrishiError as why:
            return _error(why)
        finally:
            self._requests -= 1


def ask(folder: Path, request: dict[str, str]) -> dict[str, Any] | None:
    """Ask the kiosk that runs with this state folder; None where none does, or it has no socket.

    Raises what it answers where something is wrong; ModemGone where it ends meanwhile, StateReadOnly for a user who may
    not ask.
    """
    path = folder / FILE
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_S)
        try:
            if not _connected(line, path):
                return None
            line.sendall(json.dumps(request).encode() + b"\n")
            with line.makefile("rb") as answers:
                said = answers.readline(ANSWER_BYTES)
        except OSError as why:  # a timeout is one
            raise ModemGone(f"The running kiosk did not answer: {why.strerror or why}. Is it being restarted?") from why
    return _checked(said)


def _connected(line: socket.socket, path: Path) -> bool:
    """Whether somebody listens there. Raises StateReadOnly, KioskBusy, OSError."""
    if _is_too_long(path):
        return False
    try:
        line.connect(str(path))
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return False
    except PermissionError as why:
        raise StateReadOnly(
            f"{path}: this user may not ask the kiosk. Do it as the kiosk's user: sudo -u krishi-kiosk krishi-kiosk ..."
        ) from why
    except BlockingIOError as why:  # its queue of connections is full
        raise KioskBusy("Too many ask the kiosk already. Try again.") from why
    return True


def _checked(said: bytes) -> dict[str, Any]:
    """The answer. Raises the error that it is."""
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise ModemGone("The running kiosk ended while it was asked. Try again.")
    if "error" in answer:
        raise ERRORS.get(answer["error"], KrishiError)(str(answer["message"]))
    return answer


def _error(why: KrishiError) -> dict[str, Any]:
    return {"error": why.name, "message": str(why)}


ERRORS: dict[str, type[KrishiError]] = {
    kind("").name: kind
    for kind in (
        *(BadCommand, BadRequest, ConfigError, KioskBusy, ModemGone, ModemMute, ModemNotReady, ModemSick),
        *(Refused, SendFailed, SimTrouble, BrokerGone, CertificateRefused, GatewayMute, LinkHeld),
        NoGateway,
        *(StateDamaged, StateFull, StateInUse, StateReadOnly),
    )
}
"""What may be answered, so that whoever asked ends with the same exit code."""


async def _next_line(reader: asyncio.StreamReader) -> bytes:
    """The next line, b"" at the end. Raises BadRequest, TimeoutError."""
    try:
        async with asyncio.timeout(LISTEN_S):
            return await reader.readline()
    except ValueError as why:
        raise BadRequest(f"The line has more than {LINE_BYTES} bytes.") from why


async def _say(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
    """Raises OSError, TimeoutError where nobody takes it."""
    writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
    async with asyncio.timeout(LISTEN_S):
        await writer.drain()


def _bound(path: Path) -> socket.socket:
    """A socket at this path, for its owner alone. Raises OSError.

    Between bind() and chmod() the file may be open to others, but nobody can connect before listen() (connect(2),
    ECONNREFUSED), which comes last.
    """
    if _is_too_long(path):
        raise OSError(f"the path has more than {PATH_BYTES} bytes; name a shorter [state] folder")
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError("a file that is no socket is in its way; remove it")
        path.unlink()  # of a kiosk that crashed: this process has the folder alone
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.setblocking(False)
        listener.bind(str(path))
        path.chmod(MODE)
    except BaseException:
        listener.close()
        raise
    return listener


def _is_too_long(path: Path) -> bool:
    return len(os.fsencode(path)) > PATH_BYTES


@contextlib.contextmanager
def _removed_at_the_end(path: Path) -> Iterator[None]:
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
