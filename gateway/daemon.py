"""The daemon: opens the parts that are wanted, runs them in one asyncio process, and stops them.

task        what it does for ever                              when its trouble is the world's
ingest      the worker, in a thread of its own: broker to      tries again, for ever
            database, and acknowledgements back
web         the read API and the metrics                       answers 503
enrolment   certificates for kiosks, by HTTPS                  answers 503
upkeep      beside it, daily: servers' certificates in time,   tries again the next day
            the lists of the revoked, old rows removed

Each may run alone (`run --only`), in as many processes as are wanted; they meet in the database only. A bug in one ends
the process, and the service manager begins it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

from gateway import metrics
from gateway.config import Config
from gateway.errors import DatabaseAway, GatewayError
from gateway.ingest import Waits, Worker
from gateway.serve import listen, serve
from gateway.store import Store

GOODBYE_S = 1.0
"""How long a transaction under way may take to end when the gateway does. One that does not was never acknowledged."""

log = logging.getLogger(__name__)
R = TypeVar("R")


def run(config: Config, parts: frozenset[str], metrics_at: tuple[str, int] | None = None) -> None:
    """Be a gateway until SIGTERM or SIGINT; everything closes in under 2 s. Raises GatewayError if it cannot start.

    parts: of "ingest", "web", "enrolment". metrics_at: host and port at which the worker's counts are served.
    """
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(_run(config, parts, metrics_at))
    except BaseExceptionGroup as group:
        named, bugs = group.split(GatewayError)
        if bugs is not None or named is None:
            raise
        raise _first(named) from None


async def _run(config: Config, parts: frozenset[str], metrics_at: tuple[str, int] | None) -> None:
    _end_on_signals()
    with contextlib.ExitStack() as opened:
        if metrics_at:
            opened.enter_context(metrics.served(*metrics_at))
        listeners = {
            part: opened.enter_context(contextlib.closing(listen(at.host, at.port, part)))
            for part, at in (("web", config.web), ("enrolment", config.enrolment))
            if part in parts
        }
        store = opened.enter_context(contextlib.closing(await _open(config)))
        await _serve(config, store, listeners, with_ingest="ingest" in parts)


async def _open(config: Config) -> Store:
    """The database, as soon as it is there. Raises DatabaseError for one that will not become ours by waiting."""
    waits = Waits()
    while True:
        try:
            return await _thread("open", lambda: Store.open(config.database_url()))
        except DatabaseAway as why:
            wait_s = waits.next_s()
            log.warning("%s Trying again in %.0f s.", why, wait_s)
            await asyncio.sleep(wait_s)


async def _serve(config: Config, store: Store, listeners: dict[str, socket.socket], *, with_ingest: bool) -> None:
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        if "web" in listeners:
            from gateway.web.app import build_app

            tasks.create_task(serve(build_app(store.engine, config), listeners["web"]), name="web")
        if "enrolment" in listeners:
            from gateway import enrolment

            app, tls = enrolment.build_app(store, config), enrolment.tls_files(config)
            tasks.create_task(serve(app, listeners["enrolment"], tls), name="enrolment")
            tasks.create_task(enrolment.keep_daily(store, config), name="upkeep")
        if with_ingest:
            tasks.create_task(_ingest(config, store, ready), name="ingest")
            await ready.wait()
        log.info("The gateway is ready to work%s", _addresses(listeners))


def _addresses(listeners: dict[str, socket.socket]) -> str:
    """Where it listens, for the log."""
    told = [f"{part} at {':'.join(map(str, one.getsockname()[:2]))}" for part, one in listeners.items()]
    return f": {', '.join(told)}." if told else "."


async def _ingest(config: Config, store: Store, ready: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    worker = Worker(config, store, lambda: loop.call_soon_threadsafe(ready.set))
    ended = _thread("ingest", worker.run)
    try:
        await asyncio.shield(ended)
    finally:
        worker.stop()
        await asyncio.wait({ended}, timeout=GOODBYE_S)


def _thread(name: str, work: Callable[[], R]) -> asyncio.Future[R]:
    """Work in a thread that keeps nothing from ending: what it waits for may never come."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def tell(result: R | None, why: BaseException | None) -> None:
        if future.done():
            return
        if why is None:
            future.set_result(result)  # type: ignore[arg-type]  # R, where there is no trouble
        else:
            future.set_exception(why)

    def run() -> None:
        result, why = None, None
        try:
            result = work()
        except BaseException as trouble:  # noqa: BLE001 - whoever awaits the future gets it
            why = trouble
        with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody awaits it any more
            loop.call_soon_threadsafe(tell, result, why)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


def _first(group: BaseExceptionGroup[GatewayError]) -> GatewayError:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


def _end_on_signals() -> None:
    main = asyncio.current_task()
    assert main is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, main.cancel)
