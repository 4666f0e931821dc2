"""What ours is measured against: each report as plain JSON in an MQTT message of its own, acknowledged one by one.

Both sides are the least that does it: the same client library, certificates, settings of TLS and topics as the kiosk's
link; QoS 1; and a gateway that answers each report with its id.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge_daemon.wire import topics
from edge_daemon.wire.messages import DiagnosisReport

DEADLINE_S = 60.0


def _client(name: str, folder: Path, key: str, port: int) -> mqtt.Client:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_ecdh_curve("X25519")
    context.load_verify_locations(folder / "ca.crt")
    context.load_cert_chain(folder / f"{key}.crt", folder / f"{key}.key")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
    client.tls_set_context(context)
    client.connect("127.0.0.1", port, keepalive=600)
    return client


class PlainGateway:
    """Answers each JSON report on the kiosk's own topic, until the block ends. authority: its folder."""

    def __init__(self, authority: Path, port: int) -> None:
        self.received: list[str] = []
        self._subscribed = threading.Event()
        self._client = _client(topics.GATEWAY, authority, "gateway", port)
        self._client.on_message = self._came
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_connect = lambda client, *_: client.subscribe(topics.up("+"), qos=1)

    def __enter__(self) -> Self:
        self._client.loop_start()
        assert self._subscribed.wait(DEADLINE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _came(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        id = json.loads(message.payload)["diagnosis"]
        self.received.append(id)
        client.publish(topics.acknowledged(str(topics.kiosk_of(message.topic))), json.dumps({"stored": id}))


class PlainKiosk:
    """One connection: each report is sent when the one before it was acknowledged. identity: its folder."""

    def __init__(self, kiosk: str, identity: Path, port: int) -> None:
        self._kiosk = kiosk
        self._ready, self._answered = threading.Event(), threading.Event()
        self._client = _client(kiosk, identity, "kiosk", port)
        self._client.on_connect = lambda client, *_: client.subscribe(topics.acknowledged(kiosk))
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda *_: self._answered.set()

    def send(self, reports: Sequence[DiagnosisReport]) -> None:
        """All of them, and close."""
        self._client.loop_start()
        assert self._ready.wait(DEADLINE_S)
        for report in reports:
            self._answered.clear()
            self._client.publish(topics.up(self._kiosk), report.model_dump_json(), qos=1)
            assert self._answered.wait(DEADLINE_S), "the gateway did not answer"
        self._client.disconnect()
        self._client.loop_stop()
