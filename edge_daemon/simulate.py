"""`krishi-kiosk simulate modem`: a modem that is not there, for a kiosk, for other programs, and to rehearse bad days.

Lines come out: the port, then each SMS as the farmer's telephone shows it, and each fault. A Unix socket takes what the
modem shall do, a JSON object a line (edge_daemon/modem/simulation/control.py).

Rules kept here:
- a reader of the lines that has stopped holds up neither modem nor socket nor end: a thread of its own waits for it,
  what finds no room is dropped, and that is said;
- the socket is for this user alone, a line and the number of connections are bounded, and so is the wait for a reader.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import queue
import signal
import socket
import threading
import unicodedata
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from edge_daemon import sms_lines
from edge_daemon.errors import BadInput
from edge_daemon.modem.simulation.control import Control
from edge_daemon.modem.simulation.models import ModelName
from edge_daemon.modem.simulator import ModemSimulator, ReceivedSms

LINES_KEPT = 10_000
REQUEST_BYTES = 65_536
CONNECTIONS = 16
ANSWER_S = 10.0
"""How long whoever asked may take to read the answer."""
READER_S = 1.0
"""How long the end waits for whoever reads our lines."""

_READY = "ready"


@dataclass(frozen=True)
class Options:
    """As the command line gives them. control: the socket's path. numbers: whole telephone numbers, not masked ones."""

    link: Path | None
    model: ModelName
    pin: str | None
    control: Path | None
    log: Path | None
    as_json: bool
    numbers: bool


def modem(options: Options, say: Callable[[str], None]) -> int:
    """Be a modem until SIGINT or SIGTERM; `say` gets each line. Raises BadInput for a path that cannot be used."""
    return asyncio.run(_modem(options, say))


async def _modem(options: Options, say: Callable[[str], None]) -> int:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with contextlib.AsyncExitStack() as opened:
        lines = opened.enter_context(_Lines(options, say, lambda: loop.call_soon_threadsafe(ended.set)))
        with _named(options.log):
            if options.log is not None:
                _try_out(options.log)
        with _named(options.link):
            simulator = opened.enter_context(_simulator(options, lines))
        control = Control(simulator, lambda name, given: lines.tell(name, **given))
        await opened.enter_async_context(_served(options.control, control))
        lines.tell(_READY, port=simulator.port)
        await ended.wait()
    return 0


def _simulator(options: Options, lines: _Lines) -> ModemSimulator:
    def shown(sms: ReceivedSms) -> None:
        lines.tell("sms", **asdict(sms))

    return ModemSimulator(link=options.link, log=options.log, on_message=shown, pin=options.pin, model=options.model)


def _try_out(log: Path) -> None:
    """Raises OSError now, not with the first SMS."""
    log.open("ab").close()


class _Lines:
    """What happened, from any thread, as lines that a thread says. nobody_reads: called in that thread, at the end."""

    def __init__(self, options: Options, say: Callable[[str], None], nobody_reads: Callable[[], object]) -> None:
        self._options = options
        self._say = say
        self._nobody_reads = nobody_reads
        self._events: queue.Queue[tuple[str, dict[str, Any]] | None] = queue.Queue(LINES_KEPT)
        self._dropped = 0
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._talk, name="lines", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What is left is said, if somebody reads it within a while. Raises what saying it came to."""
        with contextlib.suppress(queue.Full):
            self._events.put(None, timeout=READER_S)
        self._thread.join(READER_S)
        if self._failure is not None:
            raise self._failure

    def tell(self, name: str, **values: Any) -> None:
        """Something happened. May be called in any thread, and never waits."""
        try:
            self._events.put_nowait((name, values))
        except queue.Full:
            self._dropped += 1

    def _talk(self) -> None:
        try:
            while (event := self._events.get()) is not None:
                self._say(self._line(*event))
                if self._dropped:
                    dropped, self._dropped = self._dropped, 0
                    self._say(self._line("dropped", {"lines": dropped}))
        except OSError as why:  # whoever read our lines has left
            self._failure = why
            self._nobody_reads()

    def _line(self, name: str, values: dict[str, Any]) -> str:
        if "number" in values and not self._options.numbers:
            values = {**values, "number": sms_lines.mask(values["number"])}
        if self._options.as_json:
            return json.dumps({"event": name, **values}, ensure_ascii=False)
        if name == _READY:
            return str(values["port"])  # alone, so that a script can take it
        if name == "sms":
            parts = f"{values['parts']} part{'s' * (values['parts'] > 1)}"
            return f"SMS to {values['number']}, {parts}, {values['encoding']}: {_printable(values['text'])}"
        return " ".join([name, *(f"{key}={_printable(str(value))}" for key, value in values.items())])


def _printable(text: str) -> str:
    """One line, without the control characters that a foreign text could have for our terminal."""
    return "".join(" " if unicodedata.category(letter) in {"Cc", "Zl", "Zp"} else letter for letter in text)


@contextlib.asynccontextmanager
async def _served(path: Path | None, control: Control) -> AsyncIterator[None]:
    """The control socket, while this lasts."""
    if path is None:
        yield
        return
    with _bound(path) as listening:
        server = await asyncio.start_unix_server(_Desk(control).serve, sock=listening, limit=REQUEST_BYTES)
        try:
            yield
        finally:
            server.close()


@contextlib.contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    """A socket at this path for this user alone; one that a dead program left there is replaced. Raises BadInput."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        with _named(path):
            _make_way(path)
            before = os.umask(0o177)
            try:
                listening.bind(str(path))
            finally:
                os.umask(before)
        try:
            yield listening
        finally:
            path.unlink(missing_ok=True)


def _make_way(path: Path) -> None:
    if path.exists():
        if not path.is_socket() or _is_served(path):
            raise FileExistsError(errno.EEXIST, "Something else has this name")
        path.unlink()


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial:
        trial.settimeout(1.0)
        return trial.connect_ex(str(path)) == 0


class _Desk:
    """Answers those who ask, a line for a line."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        self._connections += 1
        try:
            if self._connections > CONNECTIONS:
                await _answer(writer, {"error": f"There are {CONNECTIONS} connections, and that is the most."})
            else:
                await self._talk(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # whoever asked has left, does not read, or the simulator ends
        finally:
            self._connections -= 1
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:  # longer than the reader's limit
                await _answer(writer, {"error": f"The line is longer than {REQUEST_BYTES} bytes."})
                return
            if not line:
                return
            if not line.isspace():
                await _answer(writer, self._control.answer(line))


async def _answer(writer: asyncio.StreamWriter, data: dict[str, Any]) -> None:
    writer.write(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
    async with asyncio.timeout(ANSWER_S):
        await writer.drain()


@contextlib.contextmanager
def _named(path: Path | None) -> Iterator[None]:
    """An OSError about a path as a sentence."""
    try:
        yield
    except OSError as why:
        raise BadInput(f"{path}: {why.strerror or why}. Name another path.") from why
