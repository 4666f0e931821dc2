"""The link: one connection to the gateway's broker, opened for a while. The only place of the MQTT client here.

    async with Link(access) as link:                     connected, let in, and heard before anything is sent
        acknowledgement = await link.send(data, boot, last)
        await link.listen()                              where nothing is sent: what is wanted of us may be on its way
        link.desired, link.round_trip_s, link.traffic()

Rules kept here:
- every wait has a deadline; looking a name up, TCP and TLS are done in a thread of their own, which nobody waits for
  when the time is over or the kiosk ends;
- nothing is kept at the broker: no session, and no message that outlives the connection but what the gateway retains;
- MQTT 3.1.1 does all that MQTT 5 does. With 5 the broker says more of why it refuses something.

Source: MQTT 5.0 and 3.1.1 (OASIS). For Python, "asyncio" and the client's interface to an event loop of others.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import urlsplit

from paho.mqtt import MQTTException
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from edge_daemon.errors import BrokerGone, GatewayMute
from edge_daemon.sync import tls, troubles
from edge_daemon.sync.thread import apart
from edge_daemon.sync.traffic import NOBODY_THERE, Traffic, traffic_of
from edge_daemon.wire import topics
from edge_daemon.wire.errors import BadMessage
from edge_daemon.wire.replies import Acknowledgement, Desired, decode_acknowledgement, decode_desired

SENDS = 2
"""A batch goes so often over one connection before the gateway is called mute."""
WILL = b"\x00"
"""A broker would take a retained message away for an empty one; this is not retained, but a byte makes that plain."""
NO_SUBSCRIBER = 0x10
"""No matching subscribers (MQTT 5.0, 3.4.2.1): no worker of the gateway is there, so no answer is to be waited for."""
LEAST_LISTEN_S, MOST_LISTEN_S = 0.2, 5.0
"""For what is wanted of us: one round trip, but no less than a busy broker may need, and no more than this."""
TICK_S = 5.0
"""How often the client is asked to look at its own deadlines."""
SILENCE = 3
"""Deadlines without a packet before the client asks whether the broker is there: while we work, never."""
UNKNOWN_BYTES = 1_000
"""Where the kernel does not count: of a TCP connection, beside the batches and twice of TLS."""
UNREADABLE = (MQTTException, struct.error, IndexError, ValueError, KeyError)
"""What the client raises for packets that are none."""
PORTS = {"mqtt": 1883, "mqtts": 8883}

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the broker is, and as whom we come. identity: the folder with key and certificates; for TLS alone.

    client: our name among the broker's connections, not to be guessed by others: a broker ends an older connection of
    the same name, whoever comes with it. "": the kiosk's.
    """

    url: str
    kiosk: str
    identity: Path
    mqtt: Literal[3, 5] = 5
    deadline_s: float = 60.0
    check_times: bool = True
    client: str = ""

    @property
    def where(self) -> str:
        """As a sentence begins."""
        return f"The gateway's broker at {self.url.partition('://')[2]}"


class Link:
    """See the module. Used once; raises BrokerGone."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.desired: Desired | None = None
        """What the gateway wants, as far as it has come."""
        self.round_trip_s = 0.0
        """From the newest sending to its acknowledgement."""
        self.greeting_s = 0.0
        """From our greeting to the broker's: a round trip, and its look at our certificate."""
        self.has_sent = False
        self._traffic: Traffic | None = None
        self._estimate = 0
        self._tls: tls.Context | None = None
        self._connection: socket.socket | None = None
        self._closing = self._attached = False
        self._awaited: tuple[bytes, int] = (b"", 0)
        self._taken: set[int] = set()

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        self._close()

    async def _open(self) -> None:
        """Raises BrokerGone, after the deadline at the latest."""
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._answer: asyncio.Future[Acknowledgement] = self._loop.create_future()
        self._wished: asyncio.Future[None] = self._loop.create_future()
        self._client = self._made()
        address = urlsplit(self.access.url)
        dial = self._dialler(address.hostname or "", address.port or PORTS[address.scheme])
        try:
            async with asyncio.timeout(self.access.deadline_s):
                await apart("dial", dial)
                self._attach()
                await self._until(self._ready)
        except TimeoutError as why:
            raise BrokerGone(
                f"{self.access.where} did not let us in within {self.access.deadline_s:g} s. Is there a network, and "
                "is the broker up?"
            ) from why
        except (OSError, UnicodeError) as why:
            raise troubles.unreachable(self.access.where, why) from why

    def _made(self) -> mqtt.Client:
        newer = self.access.mqtt == 5
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.access.client or self.access.kiosk,
            clean_session=None if newer else True,
            protocol=mqtt.MQTTv5 if newer else mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = self.access.deadline_s
        client.will_set(topics.lost(self.access.kiosk), WILL, qos=1)
        if self.access.url.startswith("mqtts:"):
            self._tls = tls.context(self.access.identity, check_times=self.access.check_times)
            client.tls_set_context(self._tls)
        client.on_connect, client.on_subscribe, client.on_disconnect = self._let_in, self._heard, self._lost
        client.on_publish, client.on_message = self._broker_took, self._came
        client.on_socket_register_write, client.on_socket_unregister_write = self._write_later, self._write_no_more
        client.on_socket_close = self._socket_closes
        return client

    def _dialler(self, host: str, port: int) -> Callable[[], None]:
        client, keepalive = self._client, int(SILENCE * self.access.deadline_s) + 1

        def dial() -> None:
            client.connect(host, port, keepalive)  # a clean start, for it is its first
            if self._closing:  # too late: nothing of MQTT has been sent, and nothing will be
                _abort(client)

        return dial

    def _attach(self) -> None:
        """From here on the client works in the event loop alone."""
        sock = self._client.socket()
        if sock is None:
            raise BrokerGone(f"{self.access.where} closed the connection at once.")
        self._attached = True
        self._greeted_s = time.monotonic()
        self._connection = sock if isinstance(sock, socket.socket) else None
        if self._connection is not None:  # else what is said first waits for the answer to the end of the handshake
            self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(sock, self._readable)
        if self._client.want_write():
            self._loop.add_writer(sock, self._writable)
        self._timer = self._loop.call_later(TICK_S, self._tick)

    async def send(self, data: bytes, boot: bytes, last: int) -> Acknowledgement:
        """Send a batch until the gateway answers it: it has all up to `last`, or wants us to wait.

        boot, last: of the batch; what the gateway says of another is passed over. Raises BrokerGone, GatewayMute.
        """
        self._awaited = boot, last
        self.has_sent = True
        self._answer = self._loop.create_future()
        for _ in range(SENDS):
            if (answer := await self._send_once(data)) is not None:
                return answer
        raise GatewayMute(
            f"{self.access.where} took a batch {SENDS} times, but the gateway did not acknowledge it within "
            f"{self.access.deadline_s:g} s. Is krishi-gateway at work?"
        )

    async def listen(self) -> None:
        """Wait a moment for what the gateway wants, unless it has come: a broker sends it after we have subscribed.

        Whoever has sent a batch need not: it comes before the acknowledgement. Raises BrokerGone.
        """
        if self.desired is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(max(self.greeting_s, LEAST_LISTEN_S), MOST_LISTEN_S)):
                    await self._until(self._wished)

    async def _send_once(self, data: bytes) -> Acknowledgement | None:
        """None: the broker took it, and no answer came. Raises BrokerGone."""
        begun = time.monotonic()
        sent = self._client.publish(topics.up(self.access.kiosk), data, qos=1)
        self._estimate += len(data)
        try:
            async with asyncio.timeout(self.access.deadline_s):
                answer = await self._until(self._answer)
        except TimeoutError as why:
            if sent.mid in self._taken:
                return None
            raise BrokerGone(f"{self.access.where} did not take a batch in {self.access.deadline_s:g} s.") from why
        self.round_trip_s = time.monotonic() - begun
        return answer

    def traffic(self) -> Traffic:
        """What went over this connection so far, or until it ended."""
        sock = self._tls.newest if self._tls is not None else self._connection
        if sock is None:
            return NOBODY_THERE
        now = traffic_of(sock)
        if now is not None and now >= (self._traffic or Traffic()):
            self._traffic = now
        tls_bytes = 2 * UNKNOWN_BYTES if self._tls else 0
        return self._traffic or Traffic(UNKNOWN_BYTES + tls_bytes + self._estimate)

    async def _until(self, awaited: asyncio.Future[T]) -> T:
        """Its result, unless the link is lost first. Raises BrokerGone."""
        both: set[asyncio.Future[Any]] = {awaited, self._gone}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not awaited.done():
            self._gone.result()
        return awaited.result()

    def _fail(self, why: BrokerGone | str) -> None:
        if not self._gone.done():
            self._gone.set_exception(BrokerGone(why) if isinstance(why, str) else why)

    def _close(self) -> None:
        """Say good-bye where that goes at once, and close. The thread that dials, if it does, is not waited for."""
        self._closing = True
        if not hasattr(self, "_client"):
            return
        if self._attached:
            self._timer.cancel()
            with contextlib.suppress(*UNREADABLE, OSError):
                self._client.disconnect()
                self._client.loop_write()
        self.traffic()
        if self._tls is not None:
            self._tls.cut()
        _abort(self._client)
        self._attached = False
        for future in (self._gone, self._ready, self._answer, self._wished):
            if not future.cancel() and not future.cancelled():
                future.exception()  # it was looked at

    def _readable(self) -> None:
        try:
            self._client.loop_read()
            # What TLS has decrypted already makes no socket readable.
            while isinstance(sock := self._client.socket(), ssl.SSLSocket) and sock.pending():
                self._client.loop_read()
        except UNREADABLE as why:
            self._fail(f"{self.access.where} says what is no MQTT: {why}.")
            _abort(self._client)

    def _writable(self) -> None:
        self._client.loop_write()

    def _tick(self) -> None:
        self._client.loop_misc()
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def _write_later(self, client: mqtt.Client, _: Any, sock: Any) -> None:
        if self._attached:
            self._loop.add_writer(sock, self._writable)

    def _write_no_more(self, client: mqtt.Client, _: Any, sock: Any) -> None:
        if self._attached:
            self._loop.remove_writer(sock)

    def _socket_closes(self, client: mqtt.Client, _: Any, sock: Any) -> None:
        if self._attached:
            self.traffic()
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _let_in(self, client: mqtt.Client, _: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self._fail(troubles.not_let_in(self.access.where, self.access.mqtt, reason.getName()))
        else:
            self.greeting_s = time.monotonic() - self._greeted_s
            client.subscribe([(topics.acknowledged(self.access.kiosk), 0), (topics.desired(self.access.kiosk), 0)])

    def _heard(self, client: mqtt.Client, _: Any, mid: int, reasons: list[ReasonCode], properties: Any) -> None:
        refused = [reason for reason in reasons if reason.is_failure]
        if refused:
            self._fail(troubles.not_heard(self.access.where, refused[0].getName()))
        elif not self._ready.done():
            self._ready.set_result(None)

    def _broker_took(self, client: mqtt.Client, _: Any, mid: int, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self._fail(troubles.not_taken(self.access.where, reason.getName()))
        if reason.value == NO_SUBSCRIBER and not self._answer.done():
            self._fail(troubles.nobody_takes(self.access.where))
        self._taken.add(mid)

    def _came(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        try:
            if message.topic == topics.desired(self.access.kiosk):
                self.desired = decode_desired(bytes(message.payload)) if message.payload else self.desired
                if not self._wished.done():
                    self._wished.set_result(None)
            elif message.topic == topics.acknowledged(self.access.kiosk):
                self._acknowledged(decode_acknowledgement(bytes(message.payload)))
        except BadMessage as why:
            log.warning("sync: What the gateway said on %s is passed over: %s.", message.topic, why)

    def _acknowledged(self, answer: Acknowledgement) -> None:
        boot, last = self._awaited
        if answer.boot == boot and (answer.upto >= last or answer.wait_s) and not self._answer.done():
            self._answer.set_result(answer)

    def _lost(self, client: mqtt.Client, _: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        trouble = self._tls and self._tls.newest and self._tls.newest.trouble
        if trouble:
            self._fail(tls.trouble(self.access.where, trouble))
        elif not self._ready.done():
            self._fail(troubles.closed_before(self.access.where, self.access.mqtt, reason.getName()))
        else:
            self._fail(f"The connection was lost: {reason}. What was sent and not acknowledged goes again.")


def _abort(client: mqtt.Client) -> None:
    """Close its connection without another word; safe to call twice."""
    sock = client.socket()
    if sock is not None:
        if client.on_socket_close is not None:
            client.on_socket_close(client, None, sock)
        sock.close()
