"""A small gateway for tests: it hears batches at a real broker, keeps what is in them, and answers as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from edge_daemon.wire import batch, topics
from edge_daemon.wire.batch import Unpacked
from edge_daemon.wire.replies import Acknowledgement, Desired, encode_acknowledgement, encode_desired

DEADLINE_S = 20.0
AT = 1_800_000_000
"""What time it is there."""

Answers = Callable[[Unpacked], list[Acknowledgement]]


def stored(unpacked: Unpacked) -> list[Acknowledgement]:
    """As a gateway that has stored all of it."""
    return [Acknowledgement(boot=unpacked.header.boot, upto=unpacked.header.last, at=AT)]


def nothing(_: Unpacked) -> list[Acknowledgement]:
    """As one that has died."""
    return []


class SmallGateway:
    """`answer` says what is published for a batch. `batches` are those that came, `ids` the diagnoses in them."""

    def __init__(self, port: int, answer: Answers = stored) -> None:
        self.answer = answer
        self.batches: list[Unpacked] = []
        self.payloads: list[bytes] = []
        self.wills: list[str] = []
        self._came = threading.Condition()
        self._heard = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = self._message
        self._client.on_subscribe = lambda *_: self._heard.set()
        self._client.on_connect = lambda client, *_: client.subscribe([("k/+/u", 1), ("k/+/l", 1)])
        self._client.connect_async("127.0.0.1", port)
        self._client.reconnect_delay_set(1, 1)

    def __enter__(self) -> Self:
        self._client.loop_start()
        assert self._heard.wait(DEADLINE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def ids(self) -> list[str]:
        return [row.diagnosis for unpacked in self.batches for row in unpacked.diagnoses]

    @property
    def others(self) -> list[Any]:
        return [message for unpacked in self.batches for message in unpacked.others]

    def wish(self, kiosk: str, desired: Desired) -> None:
        """Retain what is wanted of a kiosk."""
        sent = self._client.publish(topics.desired(kiosk), encode_desired(desired), qos=1, retain=True)
        sent.wait_for_publish(DEADLINE_S)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something is so of what came."""
        with self._came:
            assert self._came.wait_for(holds, DEADLINE_S)

    def _message(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        kiosk = topics.kiosk_of(message.topic) or ""
        with self._came:
            if message.topic == topics.lost(kiosk):
                self.wills.append(kiosk)
            else:
                unpacked = batch.unpack(kiosk, bytes(message.payload))
                self.batches.append(unpacked)
                self.payloads.append(bytes(message.payload))
                for reply in self.answer(unpacked):
                    client.publish(topics.acknowledged(kiosk), encode_acknowledgement(reply))
            self._came.notify_all()
