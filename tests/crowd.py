"""Thousands of kiosks at once, as small as they can be: MQTT 5 by hand over asyncio, a batch each, and its
acknowledgement awaited. For the bench: what it costs is the broker's and the gateway's, hardly ever ours."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import struct
from collections.abc import Sequence

from edge_daemon.wire import replies, topics

CONNACK, PUBLISH, PUBACK, SUBACK = 0x20, 0x30, 0x40, 0x90
NOBODY = b"\x10"
"""In the broker's PUBACK: no worker is there that could take it (MQTT 5.0, 3.4.2.1)."""
ANSWER_S = 30.0
"""For each of the broker's answers, and for the gateway's acknowledgement."""
AT_ONCE = 50
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
"""Between two attempts, and before the first: a share of it, drawn. A real kiosk waits thirty times as long."""


class Gone(Exception):
    """The connection ended, or no answer came."""


class Wire:
    """One connection to the broker."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, name: str, *subscribed: str, tls: ssl.SSLContext | None = None) -> Wire:
        """Connected and subscribed. Raises Gone."""
        try:
            async with asyncio.timeout(ANSWER_S):
                wire = cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls))
        except (OSError, TimeoutError) as why:
            raise Gone from why
        wire._send(0x10, _text("MQTT") + b"\x05\x02" + struct.pack(">H", 600) + b"\x00" + _text(name))
        await wire.packet(CONNACK)
        wire._send(0x82, b"\x00\x01\x00" + b"".join(_text(topic) + b"\x00" for topic in subscribed))
        await wire.packet(SUBACK)
        return wire

    def publish(self, topic: str, payload: bytes, id: int = 1) -> None:
        """At QoS 1."""
        self._send(PUBLISH | 2, _text(topic) + struct.pack(">H", id) + b"\x00" + payload)

    async def drain(self) -> None:
        """Wait until the broker takes more. Raises Gone."""
        try:
            await self._writer.drain()
        except OSError as why:
            raise Gone from why

    async def packet(self, kind: int) -> bytes:
        """The body of the next packet of this kind; others are passed over. Raises Gone."""
        try:
            async with asyncio.timeout(ANSWER_S):
                while True:
                    first, body = await self._any()
                    if first & 0xF0 == kind:
                        return body
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as why:
            raise Gone from why

    async def _any(self) -> tuple[int, bytes]:
        first = (await self._reader.readexactly(1))[0]
        length = place = 0
        while True:
            byte = (await self._reader.readexactly(1))[0]
            length |= (byte & 127) << 7 * place
            place += 1
            if byte < 128:
                return first, await self._reader.readexactly(length)

    async def gone(self) -> None:
        """Wait until the broker is gone."""
        with contextlib.suppress(OSError):
            while await self._reader.read(4096):
                pass

    def close(self) -> None:
        self._writer.close()

    def _send(self, first: int, body: bytes) -> None:
        length, encoded = len(body), b""
        while True:
            length, low = divmod(length, 128)
            encoded += bytes([low | (128 if length else 0)])
            if not length:
                break
        self._writer.write(bytes([first]) + encoded + body)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def _payload(body: bytes) -> tuple[str, bytes]:
    """Topic and payload of a message at QoS 0 that has no properties."""
    length = struct.unpack(">H", body[:2])[0]
    return body[2 : 2 + length].decode(), body[3 + length :]


async def deliver(port: int, kiosk: str, payload: bytes, last: int, draw: random.Random) -> int:
    """Send the batch, again and again as a kiosk does, until it is acknowledged up to `last`; how many attempts."""
    bound_s = FIRST_WAIT_S
    attempts = 0
    while True:
        await asyncio.sleep(draw.uniform(0, bound_s))
        bound_s = min(2 * bound_s, LONGEST_WAIT_S)
        attempts += 1
        with contextlib.suppress(Gone):
            wire = await Wire.open(port, kiosk, topics.acknowledged(kiosk))
            try:
                wire.publish(topics.up(kiosk), payload)
                if (await wire.packet(PUBACK))[2:3] == NOBODY:
                    continue
                while replies.decode_acknowledgement(_payload(await wire.packet(PUBLISH))[1]).upto < last:
                    pass
                return attempts
            finally:
                wire.close()


async def connect_all(port: int, kiosks: Sequence[str], tls: ssl.SSLContext | None = None) -> list[Wire]:
    """A connection for each, some at a time. tls: the same certificate for all."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(kiosk: str) -> Wire:
        async with gate:
            return await Wire.open(port, kiosk, topics.acknowledged(kiosk), tls=tls)

    return list(await asyncio.gather(*map(one, kiosks)))


async def deliver_by_one(port: int, batches: Sequence[tuple[str, bytes]]) -> None:
    """All batches over one connection, as fast as the broker takes them, until each kiosk is acknowledged."""
    wire = await Wire.open(port, "all-of-them", topics.acknowledged("+"))
    waiting = {topics.acknowledged(kiosk) for kiosk, _ in batches}

    async def send() -> None:
        for number, (kiosk, payload) in enumerate(batches):
            wire.publish(topics.up(kiosk), payload, number % 65_535 + 1)
            await wire.drain()

    sending = asyncio.ensure_future(send())
    while waiting:
        waiting.discard(_payload(await wire.packet(PUBLISH))[0])
    await sending
    wire.close()
