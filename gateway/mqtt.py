"""The gateway's connection to the broker. Here alone stands the MQTT client, paho-mqtt; it runs in whoever calls.

Rules kept here:
- a message is confirmed to the broker only when we say so (`confirm`), after its batch is stored;
- the broker keeps no session for us: what it could not hand over, or was not confirmed, the kiosk sends again;
- connecting and every answer of the broker have a deadline; a broker that says nothing for KEEPALIVE_S is gone;
- the name of the group that shares what kiosks send is a secret of the gateway's. Mosquitto's access list lets anybody
  subscribe to anything: a kiosk that knew the name would be handed a part of all batches, and that part would be lost
  on its way, since the list does not let it read them.
"""

from __future__ import annotations

import hashlib
import secrets
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_daemon.wire import topics
from edge_daemon.wire.batch import MOST_BYTES
from gateway.config import Broker, Config
from gateway.errors import AuthorityError, BrokerGone

ANSWER_S = 10.0
"""For the connection, the handshake, and each answer of the broker's."""
KEEPALIVE_S = 30
MOST_PACKET_BYTES = 2 * MOST_BYTES
"""Larger ones the broker keeps from us (MQTT 5.0, 3.1.2.11.4)."""
PORTS = {"mqtt": 1883, "mqtts": 8883}
MOST_LOOSE = 2000
"""What waits with us of what the broker hands over without being told that it is stored (QoS 0), where no kiosk of ours
has cause to: [broker] in_flight does not bound it."""
GROUP_BYTES = 8
GROUP = "ingest"
"""Who shares, where the broker is reached without TLS: then it knows nobody's name, and has no list."""


class Delivery(NamedTuple):
    """A message from the broker; `id` and `qos` confirm it."""

    id: int
    qos: int
    topic: str
    payload: bytes


class Link:
    """A connection to the broker, made by `connected`. `inbox` holds what came and was not taken out."""

    def __init__(self, settings: Broker, context: ssl.SSLContext | None, group: str = GROUP) -> None:
        self.inbox: list[Delivery] = []
        self.where = settings.url
        self._settings = settings
        self._group = group
        self._answer: ReasonCode | None = None
        self._granted: list[ReasonCode] = []
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"{topics.GATEWAY}-{secrets.token_hex(4)}",
            clean_session=None if settings.mqtt == 5 else True,
            protocol=paho.MQTTv5 if settings.mqtt == 5 else paho.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._client.connect_timeout = ANSWER_S
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._came
        if context:
            self._client.tls_set_context(context)

    def _connected(self, client: Any, data: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        self._answer = code

    def _subscribed(self, client: Any, data: Any, mid: int, codes: list[ReasonCode], properties: Any) -> None:
        self._granted = codes

    def _came(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        if message.qos == 0 and len(self.inbox) >= MOST_LOOSE:
            return
        try:
            topic = message.topic
        except UnicodeDecodeError:  # a broker that lets such a one through is not as MQTT says
            topic = ""
        self.inbox.append(Delivery(message.mid, message.qos, topic, bytes(message.payload)))

    def open(self) -> None:
        """Connect. Raises BrokerGone."""
        address = urlsplit(self.where)
        assert address.hostname is not None  # the settings saw to it
        port = address.port or PORTS[address.scheme]
        try:
            if self._settings.mqtt == 5:
                wishes = self._wishes()
                self._client.connect(address.hostname, port, KEEPALIVE_S, clean_start=True, properties=wishes)
            else:
                self._client.connect(address.hostname, port, KEEPALIVE_S)
        except ssl.SSLCertVerificationError as why:
            raise BrokerGone(
                f"The broker at {self.where} is not the one we trust: {why.verify_message}. Is the name in [broker] "
                "url one of those that `krishi-gateway init --host` was given?"
            ) from why
        except (OSError, ValueError) as why:
            raise BrokerGone(f"The broker at {self.where} cannot be reached: {why}. Is it running?") from why
        self._await("answers nothing", lambda: self._answer is not None)
        if self._answer is not None and self._answer.is_failure:
            hint = " Set [broker] mqtt = 3." if "protocol" in str(self._answer).lower() else ""
            raise BrokerGone(f"The broker at {self.where} does not let the gateway in: {self._answer}.{hint}")

    def _wishes(self) -> Properties:
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own lack of types
        wishes.ReceiveMaximum = self._settings.in_flight
        wishes.MaximumPacketSize = MOST_PACKET_BYTES
        return wishes

    def subscribe(self, *patterns: str) -> None:
        """Have what is sent to these from now on, once each. Raises BrokerGone where the broker refuses one."""
        shared = self._settings.shared
        self._granted = []
        self._client.subscribe(
            [(topics.shared(self._group, pattern) if shared else pattern, 1) for pattern in patterns]
        )
        self._await("does not answer a subscription", lambda: bool(self._granted))
        refused = [pattern for pattern, code in zip(patterns, self._granted, strict=False) if code.is_failure]
        if refused:
            raise BrokerGone(
                f"The broker at {self.where} refuses the gateway the topics {', '.join(refused)}. Look at its access "
                "list; one without shared subscriptions wants [broker] shared = false."
            )

    def _await(self, trouble: str, done: Any) -> None:
        ends = time.monotonic() + ANSWER_S
        while not done():
            left_s = ends - time.monotonic()
            if left_s <= 0:
                raise BrokerGone(f"The broker at {self.where} {trouble} for {ANSWER_S:.0f} s. Look at its log.")
            self.step(left_s)

    def step(self, timeout_s: float) -> None:
        """Send and receive what there is, waiting for it at most so long. Raises BrokerGone."""
        code = self._client.loop(timeout_s)
        if code != paho.MQTT_ERR_SUCCESS:
            refused = self._answer is not None and self._answer.is_failure
            raise BrokerGone(
                f"The broker at {self.where} "
                + (f"does not let the gateway in: {self._answer}." if refused else f"is gone: {code.name}.")
            )

    def publish(self, topic: str, payload: bytes) -> None:
        """Send it once, as it may be lost."""
        self._client.publish(topic, payload, qos=0)

    def retain(self, topic: str, payload: bytes) -> paho.MQTTMessageInfo:
        """Have the broker keep it for whoever subscribes. It has it when the answer is_published()."""
        return self._client.publish(topic, payload, qos=1, retain=True)

    def confirm(self, delivery: Delivery) -> None:
        """The broker may forget it."""
        self._client.ack(delivery.id, delivery.qos)

    def close(self) -> None:
        """Say good-bye, as far as that can be said at once."""
        with suppress(OSError, ValueError):
            self._client.disconnect()
            self._client.loop(0.1)


@contextmanager
def connected(config: Config, apart: bool = False) -> Iterator[Link]:
    """A connection, closed in the end. Raises BrokerGone, AuthorityError.

    apart: it takes nothing away from the workers: what it subscribes to it shares with nobody.
    """
    made = context(config)
    link = Link(config.broker, made, secrets.token_hex(GROUP_BYTES) if apart else group(config))
    link.open()
    try:
        yield link
    finally:
        link.close()


def group(config: Config) -> str:
    """The name of the workers' group: the same for all who have the gateway's key. Raises AuthorityError."""
    if urlsplit(config.broker.url).scheme == "mqtt":
        return GROUP
    path = config.state.path() / "authority" / "gateway.key"
    try:
        return hashlib.sha256(b"krishi-gateway: workers\n" + path.read_bytes()).hexdigest()[: 2 * GROUP_BYTES]
    except OSError as why:
        raise AuthorityError(f"{path}: cannot be read: {why.strerror}. Run it as the gateway's user.") from why


def context(config: Config) -> ssl.SSLContext | None:
    """The gateway's certificate and whom it trusts; None without TLS. Raises AuthorityError."""
    if urlsplit(config.broker.url).scheme == "mqtt":
        return None
    folder: Path = config.state.path() / "authority"
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        made.load_verify_locations(folder / "ca.crt")
        made.load_cert_chain(folder / "gateway.crt", folder / "gateway.key")
    except FileNotFoundError as why:
        raise AuthorityError(f"{folder} has no certificates. Make them with `krishi-gateway init`.") from why
    except OSError as why:  # ssl.SSLError is one
        raise AuthorityError(f"{folder}: its certificates cannot be used: {why}. Are they the gateway's own?") from why
    return made
