"""The daemon: opens the parts, runs them in one asyncio process, and stops them.

task        what it does for ever                            begun again when
web         the visit API on loopback                        never: its trouble is a bug
sms         the modem: empties the SMS outbox into it,       no remedy on the open port helps, or the disk is full
            takes what comes in, looks after it
sync        opens the link to the gateway when it is time,   the disk is full; trouble of the link it waits out itself
            empties the outbox of reports into it
control     answers `krishi-kiosk modem` and `sync`      never: its trouble is a bug; without a socket it ends
aggregator  empties its share of the outbox by HTTP          the aggregator fails; there only where one is configured
talk        answers SMS that came in, asks what is due       the disk is full
watchdog    shows systemd that the loop turns                never
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from typing import Any

from edge_daemon import enrol_desk, parts, report_desk, status
from edge_daemon.aggregator.client import open_aggregator
from edge_daemon.config import Aggregator as AggregatorSettings
from edge_daemon.config import Config
from edge_daemon.control import Control
from edge_daemon.diagnosis import Sms
from edge_daemon.drain import drain
from edge_daemon.errors import KrishiError, Refused, SendFailed
from edge_daemon.health_report import Versions
from edge_daemon.kiosk import Kiosk
from edge_daemon.references import References
from edge_daemon.routes import by_aggregator
from edge_daemon.sms_part import SmsPart
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health, ServiceManager, supervise
from edge_daemon.sync import identity
from edge_daemon.sync_part import SyncPart
from edge_daemon.web.app import build_app
from edge_daemon.web.server import listen, serve

AGGREGATOR = "aggregator"
"""The name of its part."""

log = logging.getLogger(__name__)


def run(config: Config) -> None:
    """Be a kiosk until SIGTERM or SIGINT; everything closes in under 2 s. Raises KrishiError when it cannot start."""
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(_run(config))
    except BaseExceptionGroup as group:  # of a part that came upon something that only a person can mend
        named, bugs = group.split(KrishiError)
        if bugs is not None or named is None:
            raise
        raise _first(named) from None


async def _run(config: Config) -> None:
    manager = ServiceManager()
    _end_on_signals()
    async with contextlib.AsyncExitStack() as opened:
        listener = opened.enter_context(contextlib.closing(listen(config.web.port)))
        store = opened.enter_context(parts.open_store(config))
        skill = opened.enter_context(parts.open_skill(config))
        camera = await opened.enter_async_context(parts.opened_camera(config))
        opened.callback(manager.stopping)
        kiosk = parts.build_kiosk(config, skill, camera, store)
        await _serve(config, skill, kiosk, store, listener, manager)


async def _serve(
    config: Config, skill: parts.Skill, kiosk: Kiosk, store: Store, listener: socket.socket, manager: ServiceManager
) -> None:
    health = Health()
    sms = SmsPart(config, store, health)
    bulk = AggregatorPart(config.aggregator, config.kiosk.id, store, health) if config.aggregator else None
    talk = parts.build_talk(config, skill.catalogue, store, well=lambda: health.ok("talk"))
    sync = SyncPart(
        config,
        store,
        health,
        identity,
        versions=lambda: Versions(skill.models.name or "", skill.catalogue.version),
        if_invited=lambda spent: enrol_desk.if_invited(config, spent=spent),
    )

    async def tell() -> dict[str, Any]:
        advice = status.advice(skill.catalogue)
        told = {**status.stored(config, store), "running": True, **_model(skill), **advice, **sms.tell()}
        return {**told, "link": {**told["link"], **sync.tell()}}

    visits = parts.build_visits(config, skill, kiosk, store)
    app = build_app(visits, tell, References(config.model.references), report_desk.OneAtATime(config))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve(app, listener), name="web")
        tasks.create_task(supervise("sms", sms.run, health), name="sms")
        tasks.create_task(supervise("talk", talk.run, health), name="talk")
        tasks.create_task(supervise("sync", sync.run, health), name="sync")
        tasks.create_task(Control(store.folder, sms, sync).run(), name="control")
        if bulk:
            tasks.create_task(supervise(AGGREGATOR, bulk.run, health), name=AGGREGATOR)
        tasks.create_task(manager.feed_watchdog(), name="watchdog")
        address, port = listener.getsockname()
        log.info("Kiosk %s is ready at http://%s:%s, state in %s.", config.kiosk.id, address, port, store.folder)
        manager.ready(f"Ready at http://{address}:{port}")


class AggregatorPart:
    """Its share of the SMS outbox, and the aggregator. Made only where one is configured."""

    def __init__(self, settings: AggregatorSettings, kiosk: str, store: Store, health: Health) -> None:
        """Raises ConfigError."""
        self._aggregator = open_aggregator(settings, kiosk)
        self._outbox = store.bulk
        self._health = health
        self._is_away = False
        store.share_sms(by_aggregator(settings, self._aggregator))

    async def run(self) -> None:
        """Empty that share, until the aggregator or the disk fails. Raises DeviceError, StateError."""
        self._outbox.recover()
        await drain(self._outbox, self._send, self._rest)

    async def _send(self, sms: Sms) -> None:
        self._is_away = True
        try:
            await self._aggregator.send(sms)
        except (Refused, SendFailed):  # it answers, so it is there
            self._works()
            raise
        self._works()

    async def _rest(self) -> None:
        """With nothing to send, trouble of the disk is over. Whether the aggregator is back, the next message shows."""
        await self._aggregator.idle()
        if not self._is_away:
            self._works()

    def _works(self) -> None:
        self._is_away = False
        self._health.ok(AGGREGATOR)


def _model(skill: parts.Skill) -> dict[str, Any]:
    """The model at work, and what was wrong with those before it. Without one the kiosk gives first aid."""
    return {"model": skill.models.name or "none: first aid only", "model_trouble": skill.models.trouble}


def _first(group: BaseExceptionGroup[KrishiError]) -> KrishiError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _end_on_signals() -> None:
    main = asyncio.current_task()
    assert main is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, main.cancel)
