"""The daemon's sync part: sees when the link to the gateway is to be opened, opens it, empties the outbox of reports.

Rules kept here:
- trouble of the link is expected: it is waited out, longer each time, up to an hour. It costs no report anything;
- a full disk keeps no report from going: what is noted about the link, and reports of the kiosk's own health, give way.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from edge_daemon.alarms import AlarmBell
from edge_daemon.clock import GATEWAY_TIME, Instant, Now, system_clock_is_set, system_now
from edge_daemon.config import Config
from edge_daemon.errors import (
    BrokerGone,
    CertificateRefused,
    EnrolmentRefused,
    KrishiError,
    LinkHeld,
    NoGateway,
    StateFull,
)
from edge_daemon.health_report import HealthTeller, Versions
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health
from edge_daemon.sync import windows
from edge_daemon.sync.account import Account
from edge_daemon.sync.courier import Courier, Trip
from edge_daemon.sync.enrolment import Spent
from edge_daemon.sync.link import Access, Link
from edge_daemon.sync.pace import Backoff
from edge_daemon.sync.thread import apart
from edge_daemon.sync.windows import Allowance, Rules, Scene, Verdict
from edge_daemon.wire.replies import Desired, encode_desired

IDENTITY = "identity"
"""The folder in the state folder."""
NAME = "sync"
LOOK_S = 20.0
"""How often it is looked whether something is due, at least."""
START_S = 3.0
"""Within this after its start a kiosk comes: when power is back, a district's kiosks begin at once."""
LEAST_SHARE = 0.9
"""Of every_min, by chance, so that kiosks that began together do not come together for ever."""
RENEW_S, RENEW_AFTER_TROUBLE_S = 86_400.0, 3600.0
"""How often it is looked whether the certificate is to be renewed: each day, or sooner where we are not let in."""
RENEW_DEADLINE_S = 120.0
INVITED_S = 300.0
"""How often it is looked whether a technician has left an invitation."""
NONE_YET = (
    "No gateway is known, so reports wait. Enrol this kiosk with `krishi-kiosk enrol`, or set [sync] url in kiosk.toml."
)
CLIENT_ID_BYTES = 6

log = logging.getLogger(__name__)


class Identity(Protocol):
    """What is asked of edge_daemon.sync.identity. folder: with key and certificates."""

    def broker_url(self, folder: Path, /) -> str | None: ...
    def renew_if_due(self, folder: Path, now: Instant, /, *, refused: bool, spent: Spent) -> object: ...


class SyncPart:
    """When to open the link, and what is known of it. Made once for each daemon's start.

    versions: see HealthTeller. if_invited: uses an invitation where one lies, and tells the bytes that this took; it
    may wait for the network, and raise KrishiError.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        health: Health,
        identity: Identity,
        versions: Callable[[], Versions] = Versions,
        if_invited: Callable[[Spent], object] | None = None,
        now: Now = system_now,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises StateError."""
        self._config = config
        self._store = store
        self._health = health
        self._identity = identity
        self._now = now
        self._clock_s = clock_s
        self._folder = config.state.path() / IDENTITY
        self._zone = ZoneInfo(config.sms.timezone)
        self._client = secrets.token_hex(CLIENT_ID_BYTES)
        self._account = Account(store.link)
        self._courier = Courier(config.kiosk.id, store.reports, GATEWAY_TIME.offer)
        self._backoff = Backoff()
        self._teller = HealthTeller(config, store, health, versions, now, clock_s)
        self._bell = AlarmBell(config, store, health, now, clock_s)
        self._desired = windows.kept(store.link.followed())
        if self._desired:
            self._teller.resume(self._desired.health, self._desired.revision)
        self._opened_s: float | None = None
        self._share = 1.0
        self._held_until_s = clock_s() + random.uniform(0, START_S)  # noqa: S311 - spreads kiosks, guards nothing
        self._renewed_s: float | None = None
        self._was_refused = False
        self._if_invited = if_invited
        self._invite_s = clock_s()
        self._invite_backoff = Backoff()
        self._asked: asyncio.Future[dict[str, Any]] | None = None
        self._trouble: str | None = None
        self._gone: BrokerGone | None = None
        """What the newest opening came to, if it came to nothing."""
        self._is_open = False
        self._unless_full(store.link.begin)

    async def run(self) -> None:
        """For ever. Raises StateError."""
        self._health.parts.setdefault(NAME, "starting")
        while True:
            await self._enrol_if_invited()
            url = self._url()
            if url is None:
                self._health.say(NAME, "idle")
                self._answer(NoGateway(NONE_YET))
                await self._store.reports.stirred(LOOK_S)
                continue
            self._unless_full(self._look)
            verdict = self._judge()
            if verdict.opens:
                await self._open(url)
            else:
                self._tell_health()
                self._answer(LinkHeld(f"The link is not opened: {verdict.why}."))
                await self._store.reports.stirred(min(LOOK_S, verdict.wait_s or LOOK_S))

    async def open_now(self) -> dict[str, Any]:
        """A technician wants it opened now, whatever the hour: what went, as soon as that is over.

        Raises NoGateway, LinkHeld, BrokerGone, StateError.
        """
        if self._url() is None:
            raise NoGateway(NONE_YET)
        if self._asked is None:
            self._asked = asyncio.get_running_loop().create_future()
            self._asked.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever asked may go
            self._store.reports.wake()
        return await asyncio.shield(self._asked)

    def tell(self) -> dict[str, Any]:
        """The link, for the status."""
        verdict = self._judge() if self._url() else Verdict(False, "no gateway is known")
        return {
            "open": self._is_open,
            "next": None if verdict.opens else verdict.why,
            "next_in_s": 0 if verdict.opens else verdict.wait_s,
            "trouble": self._trouble,
        }

    def _url(self) -> str | None:
        """Of the broker; None where none is known, or what the invitation left cannot be read."""
        if self._config.sync.url:
            return self._config.sync.url
        try:
            return self._identity.broker_url(self._folder)
        except KrishiError as why:
            self._trouble = str(why)
            return None

    def _look(self) -> None:
        """Queue what is due about the kiosk itself. Raises StateError."""
        self._bell.look()
        self._teller.look()

    def _unless_full(self, note: Callable[[], object]) -> None:
        """Raises StateError but for a full disk."""
        try:
            note()
        except StateFull as why:
            log.warning("sync: %s", why)

    def _rules(self) -> Rules:
        rules = windows.rules_of(self._config.sync, self._zone, self._config.kiosk.id, self._desired)
        return replace(rules, every_s=rules.every_s * self._share)

    def _scene(self) -> Scene:
        waiting, clock_s, spent = self._store.reports.counts(), self._clock_s(), self._account.spent()
        kept_back = waiting.spare if windows.allowance(self._rules(), spent).spare < windows.LEAST_BYTES else 0
        return Scene(
            now=self._now(),
            idle_s=None if self._opened_s is None else clock_s - self._opened_s,
            held_s=max(0.0, self._held_until_s - clock_s),
            spent=spent,
            waiting=waiting.reports - kept_back,
            urgent=waiting.urgent,
        )

    def _judge(self) -> Verdict:
        return windows.judge(self._rules(), self._scene(), asked=self._asked is not None)

    async def _open(self, url: str) -> None:
        """Open the link and empty the outbox, as far as bytes allow. Raises StateError."""
        everything = self._asked is not None or windows.is_ordinary(self._rules(), self._scene())
        trip = Trip()
        self._is_open = True
        try:
            self._unless_full(lambda: self._store.link.note("opened"))
            went = await self._exchange(url, everything, trip)
        except BrokerGone as why:
            self._failed(why, trip)
            await self._renew(RENEW_AFTER_TROUBLE_S, refused=isinstance(why, CertificateRefused))
        except KrishiError as why:
            self._answer(why)
            raise
        else:
            self._succeeded(trip)
            waiting = self._store.reports.counts().reports
            self._answer({"acknowledged": trip.acknowledged, "bytes": went, "waiting": waiting})
            await self._renew(RENEW_S)
        finally:
            self._is_open = False

    async def _exchange(self, url: str, everything: bool, trip: Trip) -> int:
        """How many bytes it took. Raises BrokerGone, StateError."""
        link = Link(self._access(url))
        self._account.open()

        def allowed() -> Allowance:
            return windows.allowance(self._rules(), self._account.spent(link), urgent_only=not everything)

        def after() -> None:
            self._account.write(link)
            self._unless_full(lambda: self._store.link.note("acknowledged"))
            self._follow(link.desired)
            self._unless_full(self._look)

        try:
            async with link:
                self._follow(link.desired)
                await self._courier.empty(link, allowed, after, trip)
                if not link.has_sent:
                    await link.listen()
                    self._follow(link.desired)
                    self._unless_full(self._look)
                    await self._courier.empty(link, allowed, after, trip)  # a report that was asked for just now
                self._follow(link.desired)
        finally:
            went = self._account.write(link)
        return went

    def _access(self, url: str) -> Access:
        return Access(
            url=url,
            kiosk=self._config.kiosk.id,
            identity=self._folder,
            mqtt=self._config.sync.mqtt,
            deadline_s=self._config.sync.deadline_s,
            check_times=system_clock_is_set(),  # TLS goes by that clock, whatever we were told since
            client=self._client,
        )

    def _failed(self, why: BrokerGone, trip: Trip) -> None:
        if trip.acknowledged:
            self._backoff.success()
        wait_s = max(self._backoff.next_s(), float(trip.wait_s))
        self._held_until_s = self._clock_s() + wait_s
        self._trouble = str(why)
        self._gone = why
        self._tell_health()
        log.warning("sync: %s Trying again in %.0f s.", why, wait_s)
        self._answer(why)

    def _succeeded(self, trip: Trip) -> None:
        self._backoff.success()
        self._opened_s = self._clock_s()
        self._share = random.uniform(LEAST_SHARE, 1)  # noqa: S311 - as above
        self._held_until_s = self._clock_s() + trip.wait_s
        self._trouble = f"The gateway asked this kiosk to wait {trip.wait_s} s." if trip.wait_s else None
        self._gone = None
        self._tell_health()
        log.info("sync: The gateway has stored %d reports, in %d batches.", trip.acknowledged, trip.batches)

    def _tell_health(self) -> None:
        """How the link is; in the place of a trouble of the disk that is over."""
        if self._gone:
            self._health.bad(NAME, self._gone)
        else:
            self._health.say(NAME, "starting" if self._opened_s is None else "ok")

    def _answer(self, outcome: dict[str, Any] | KrishiError) -> None:
        """Tell whoever asked for the link, if somebody has."""
        asked, self._asked = self._asked, None
        if asked is None or asked.done():
            return
        if isinstance(outcome, KrishiError):
            asked.set_exception(outcome)
        else:
            asked.set_result(outcome)

    def _follow(self, desired: Desired | None) -> None:
        """What the gateway wants from now on. Raises StateError but for a full disk."""
        if desired is None or (self._desired and desired.revision <= self._desired.revision):
            return
        self._unless_full(lambda: self._store.link.follow(encode_desired(desired)))
        self._desired = desired
        self._teller.wanted, self._teller.revision = desired.health, desired.revision
        log.info("sync: The gateway wants something new, revision %d.", desired.revision)

    async def _enrol_if_invited(self) -> None:
        """Look for an invitation that a technician has left. One that cannot be used now is tried again later."""
        if_invited = self._if_invited
        if if_invited is None or self._clock_s() < self._invite_s:
            return
        try:
            async with asyncio.timeout(RENEW_DEADLINE_S):
                await apart("enrol", lambda: if_invited(self._account.took))
        except (KrishiError, OSError) as why:
            wait_s = self._invite_backoff.next_s()
            self._trouble = f"The invitation could not be used: {why}"
            log.warning("sync: %s Trying again in %.0f s.", self._trouble, wait_s)
        else:
            wait_s = INVITED_S
        self._account.write()
        self._invite_s = self._clock_s() + wait_s

    async def _renew(self, pause_s: float, *, refused: bool = False) -> None:
        """A certificate that ends soon is followed by a new one. Where that fails, the present one may still do."""
        if self._was_refused:
            pause_s = RENEW_S  # a revoked kiosk shall not spend its bytes on asking
        if self._renewed_s is not None and self._clock_s() - self._renewed_s < pause_s:
            return
        self._renewed_s = self._clock_s()
        now, took = self._now(), self._account.took

        def renew() -> object:
            return self._identity.renew_if_due(self._folder, now, refused=refused, spent=took)

        try:
            async with asyncio.timeout(RENEW_DEADLINE_S):
                await apart("renew", renew)
        except (KrishiError, OSError) as why:
            self._was_refused = isinstance(why, EnrolmentRefused)
            log.warning("sync: The certificate could not be renewed: %s", why)
        self._account.write()
