"""The daemon's SMS part: the modem, kept alive; what goes out by it, and what comes in.

One open port at a time. On it three things run together: the outbox is emptied, what comes in is taken, and every 20 s
the modem is asked how it is. Whatever fails ends all three; then a remedy is chosen (modem/ladder.py), each time a
stronger one, logged and counted.

A technician may ask the modem meanwhile, whether it works or not: by the open port, or by one of their own while that
is closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from edge_daemon import parts
from edge_daemon.balance import Balance
from edge_daemon.clock import NETWORK_TIME, system_now
from edge_daemon.config import Config, SerialModem
from edge_daemon.diagnosis import Sms
from edge_daemon.drain import drain
from edge_daemon.errors import DeviceError, ModemGone, ModemMute, StateError
from edge_daemon.modem import typed, unsolicited
from edge_daemon.modem.at import Command, Unsolicited
from edge_daemon.modem.bench import Bench, open_bench
from edge_daemon.modem.incoming import commit
from edge_daemon.modem.ladder import Ladder, Remedy
from edge_daemon.modem.link import ModemLink
from edge_daemon.modem.profile import GENERIC, Profile, check, shipped
from edge_daemon.modem.readiness import meet
from edge_daemon.modem.sms import ModemState, SmsModem, opened_link, radio_off_and_on, ready_modem
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health, together

CHECK_S = 20.0
"""How often a modem is asked how it is."""
POWER_COMMAND_S = 60.0
"""How long [modem] power_command may take."""

log = logging.getLogger(__name__)


class StoreSink:
    """What comes in goes into the store, and is committed there."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def message(self, pdu: str) -> None:
        """Raises StateError; then nothing was kept."""
        log.info("An SMS part came in: %s.", self._store.inbound.take(pdu).outcome)

    def report(self, pdu: str) -> None:
        """Raises StateError; then nothing was kept."""
        log.info("A status report came in: %s.", self._store.reported(pdu))


class SmsPart:
    """The SMS outbox, what comes in, and their modem."""

    def __init__(
        self, config: Config, store: Store, health: Health, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises ConfigError for a profile that cannot be used."""
        if isinstance(config.modem, SerialModem):
            check(config.modem.profile)
        self.health = health
        self._config = config
        self._store = store
        self._clock_s = clock_s
        self._power_command = config.modem.power_command if isinstance(config.modem, SerialModem) else ()
        self._ladder = Ladder(bool(self._power_command))
        self._balance = Balance(config.balance, store, self._ask_network, system_now)
        """Outlives the modem: a question that ends its work is not asked again at once."""
        self._profile: Profile | None = None
        self._modem: SmsModem | None = None
        self._state: ModemState | None = None
        self._dealt_with: DeviceError | None = None
        self._opened: tuple[ModemLink, SerialModem] | None = None
        self._opening = asyncio.Lock()
        """Held while the port is being opened, and by a technician while it is theirs."""

    async def run(self) -> None:
        """Open the modem and work, until modem or disk fails beyond what helps on the open port.

        Nothing else drains this outbox, so what is in `sending` when this begins was left there by trouble. Raises
        DeviceError, StateError.
        """
        self._store.sms.recover()
        try:
            async with self._port() as (link, settings):
                link.hear = self._hear_early
                while True:
                    await self._work(link, settings)
                    self._store.sms.recover()
        except DeviceError as why:
            if why is not self._dealt_with:  # the port could not even be opened
                await self._mend(why, None)
            raise

    def tell(self) -> dict[str, Any]:
        """The modem and its part, for the status."""
        return {
            "parts": dict(self.health.parts),
            "modem": self._state and self._state.as_data(),
            "remedies": dict(self._ladder.counts),
            "received": dict(self._modem.incoming.counts) if self._modem else {},
        }

    @property
    def modem(self) -> SmsModem:
        """The modem while it works. Raises ModemGone, with the reason, while none does."""
        if self._modem is None:
            raise ModemGone(f"No modem is at work. {self.health.parts.get('sms', 'It is being opened.')}")
        return self._modem

    async def info(self) -> dict[str, Any]:
        """What the modem tells of itself, and how it has been. Raises DeviceError."""
        log.info("A technician asks what the modem is.")
        trouble = self.health.parts.get("sms", "ok")
        async with self._bench() as bench:
            told = await bench.info()
        return {**told, "remedies": dict(self._ladder.counts), "trouble": None if trouble == "ok" else trouble}

    async def at(self, command: str) -> dict[str, Any]:
        """Say a technician's command: see Bench.at. Raises BadCommand, DeviceError."""
        log.info("A technician says %s to the modem.", typed.log_name(command))
        async with self._bench() as bench:
            return await bench.at(command)

    async def ussd(self, code: str) -> str:
        """Dial a USSD code; what the network says to it. Raises BadCommand, Refused, DeviceError."""
        log.info("A technician dials a USSD code.")
        return await self.modem.ussd(typed.read_code(code))

    @contextlib.asynccontextmanager
    async def _bench(self) -> AsyncIterator[Bench]:
        """The modem by the port that is open; by one of the technician's own while none is."""
        async with self._opening:
            if self._opened is None:
                async with open_bench(self._config.modem) as bench:
                    yield bench
                return
            link, settings = self._opened
        yield Bench(link, settings, self._profile, shared=True)

    @contextlib.asynccontextmanager
    async def _port(self) -> AsyncIterator[tuple[ModemLink, SerialModem]]:
        """The configured port, opened when no technician has it. Raises ModemGone, ConfigError."""
        async with contextlib.AsyncExitStack() as opened:
            async with self._opening:
                self._opened = await opened.enter_async_context(opened_link(self._config.modem))
            try:
                yield self._opened
            finally:
                self._opened = None

    def _hear_early(self, said: Unsolicited) -> None:
        """Before the modem is met: an earlier program, or we before a restart, may have had something routed."""
        event = unsolicited.read(said)
        if isinstance(event, unsolicited.Routed):
            try:
                commit(StoreSink(self._store), event.pdu)
            except StateError as why:
                log.warning("sms: What the modem hands on is lost: %s", why)

    async def _work(self, link: ModemLink, settings: SerialModem) -> None:
        """Bring the modem to where it can work, and work; returns when a remedy was done on the open port."""
        try:
            kind = await meet(link, settings)
            self._profile = kind.profile
            modem = await ready_modem(link, settings, kind, StoreSink(self._store), self._store)
            self._modem = modem
            await self._check(modem)
            log.info("The modem works: %s, profile %s.", kind.model or "it does not say which", kind.profile.name)
            await together(self._send_all(modem), modem.receive(), self._look_after(modem))
        except DeviceError as why:
            self._modem = self._state = None
            await self._mend(why, link)
        finally:
            self._modem = self._state = None

    async def _send_all(self, modem: SmsModem) -> None:
        async def deliver(sms: Sms) -> None:
            await parts.send(modem, self._store, sms)
            self._ladder.sent()

        await drain(self._store.sms, deliver, _rest)

    async def _look_after(self, modem: SmsModem) -> None:
        while True:
            self._store.inbound.overdue()
            await self._balance.ask_if_due()
            await asyncio.sleep(CHECK_S)
            await self._check(modem)

    async def _ask_network(self, code: str) -> str:
        return await self.modem.ussd(code)

    async def _check(self, modem: SmsModem) -> None:
        self._state = await modem.check()
        self._ladder.works()
        self.health.ok("sms")
        told = await modem.network_time()
        if told is not None:
            NETWORK_TIME.offer(told)

    async def _mend(self, why: DeviceError, link: ModemLink | None) -> None:
        """Choose a remedy and do it. Raises `why` where the port has to be opened anew after it."""
        self._dealt_with = why
        self.health.bad("sms", why)
        remedy = self._ladder.next(why, self._clock_s())
        log.warning("sms: %s Remedy: %s.", why, remedy.value)
        if remedy is Remedy.POWER:
            await self._cut_power()
        if link is None:
            return
        if not remedy.keeps_port:
            if remedy is Remedy.RESET:
                await self._reset(link)
            raise why
        await asyncio.sleep(self._ladder.pause_s(why))
        if remedy is Remedy.RADIO:
            await self._radio(link)

    async def _radio(self, link: ModemLink) -> None:
        try:
            await radio_off_and_on(link, self._known_profile)
        except ModemMute as why:
            log.warning("sms: %s", why)

    async def _reset(self, link: ModemLink) -> None:
        profile = self._known_profile
        if profile.reset:
            with contextlib.suppress(ModemMute, ModemGone):  # it restarts: whether it still answers is its own affair
                await link.ask(Command(profile.reset), profile.cfun_s)
            await asyncio.sleep(profile.boot_s)

    async def _cut_power(self) -> None:
        """Run [modem] power_command; what it prints goes to our log. A program that fails changes nothing."""
        name = self._power_command[0]
        try:
            program = await asyncio.create_subprocess_exec(*self._power_command, stdin=asyncio.subprocess.DEVNULL)
        except OSError as why:
            log.error("[modem] power_command %s cannot be run: %s.", name, why.strerror)
            return
        try:
            log.warning("[modem] power_command %s ended with %d.", name, await _end_of(program))
        except TimeoutError:
            log.error("[modem] power_command %s did not end within %g s.", name, POWER_COMMAND_S)
        await asyncio.sleep(self._known_profile.boot_s)

    @property
    def _known_profile(self) -> Profile:
        return self._profile or shipped()[GENERIC]


async def _end_of(program: asyncio.subprocess.Process) -> int:
    """Its exit code. Raises TimeoutError; it is killed then, or when we are cancelled."""
    try:
        async with asyncio.timeout(POWER_COMMAND_S):
            return await program.wait()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


async def _rest() -> None:
    """The modem is looked after by a task of its own."""
