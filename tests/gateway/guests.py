"""A real Mosquitto with the files that the gateway writes, and clients that try to get in."""

from __future__ import annotations

import os
import signal
import ssl
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Any, Self

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway import broker_files, certificates
from gateway.authority import Authority
from gateway.broker_files import Listener
from gateway.certificates import Gone, new_key, read_request
from tests import foreign
from tests.gateway.requests import asks
from tests.peers.program import DEADLINE_S, Program, free_port


class Refused(Exception):
    """The broker did not let a client in."""


class TlsBroker(Program):
    """Mosquitto on loopback, with an authority of its own. further: lines for the end of its configuration."""

    def __init__(self, folder: Path, further: str = "") -> None:
        self.folder = folder
        self.authority = Authority.make(folder / "authority", ["127.0.0.1"], datetime.now(UTC))
        port = free_port()
        data = folder / "data"
        data.mkdir()
        self.files = folder / "broker"
        broker_files.write_settings(self.files, Listener(port, "127.0.0.1", data))
        self.write([])
        config = self.files / "mosquitto.conf"
        as_root = "user root\n" if os.geteuid() == 0 else ""
        config.write_text(f"{config.read_text()}log_type all\n{as_root}{further}")
        program = foreign.program("mosquitto")
        assert program is not None, "mosquitto is not installed"
        environment = f"OPENSSL_CONF={self.files / 'openssl.cnf'}"
        super().__init__("mosquitto", folder, ["env", environment, program, "-c", str(config)], port)

    def write(self, revoked: Iterable[str], gone: Iterable[int] = ()) -> None:
        """As the gateway does when kiosks are revoked. gone: serial numbers."""
        now = datetime.now(UTC)
        self.authority.write_list([Gone(serial, now) for serial in gone], now)
        broker_files.write_lists(self.files, self.authority.folder, revoked)

    def reload(self) -> None:
        """SIGHUP, and wait until it has read its files."""
        count = self._reloads()
        self.signal(signal.SIGHUP)
        late = threading.Event()
        for _ in range(int(DEADLINE_S / 0.02)):
            if self._reloads() > count:
                return
            late.wait(0.02)
        raise AssertionError(self.log.read_text())

    def _reloads(self) -> int:
        return self.log.read_text(errors="replace").count("Reloading config")

    def kiosk(self, name: str, authority: Authority | None = None, days: int = 365) -> tuple[Path, int]:
        """A key with its certificate (PEM), and the serial number. authority: another than the broker's."""
        key = new_key()
        made = (authority or self.authority).sign(read_request(asks(key, name)), datetime.now(UTC), days)
        path = self.folder / f"{name}-{made.serial}.pem"
        path.write_text(made.certificate + certificates.key_pem(key))
        return path, int(made.serial, 16)

    def gateway(self) -> Guest:
        """Comes in as the gateway itself."""
        path = self.folder / "gateway.pem"
        folder = self.authority.folder
        path.write_text((folder / "gateway.crt").read_text() + (folder / "gateway.key").read_text())
        return self.guest(path)

    def guest(self, identity: Path | None, version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5, will: str = "") -> Guest:
        """A client with this key and certificate; None: with neither."""
        return Guest(self.port, self.authority.folder / "ca.crt", identity, version, will)


class Guest:
    """A client. Entering it raises Refused where the broker does not let it in. No wait is without an end."""

    def __init__(self, port: int, ca: Path, identity: Path | None, version: MQTTProtocolVersion, will: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(ca)
        if identity is not None:
            context.load_cert_chain(identity)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=version, reconnect_on_failure=False)
        self._client.tls_set_context(context)
        if will:
            self._client.will_set(will, b"\x00", 1)
        self._port = port
        self._said: Queue[str] = Queue()
        self.got: list[tuple[str, bytes]] = []
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self._said.put(str(reason))
        self._client.on_disconnect = lambda _c, _u, _f, reason, _p: self._said.put("closed")
        self._client.on_publish = lambda _c, _u, _m, reason, _p: self._said.put(str(reason))
        self._client.on_subscribe = lambda _c, _u, _m, reasons, _p: self._said.put(str(reasons[0]))
        self._client.on_message = self._take

    def _take(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        self.got.append((message.topic, bytes(message.payload)))
        if message.payload == b"end":
            self._said.put("end")

    def __enter__(self) -> Self:
        try:
            self._client.connect("127.0.0.1", self._port)
        except (ssl.SSLError, OSError) as why:
            self._end()
            raise Refused(str(why)) from why
        self._client.loop_start()
        answer = self._answer()
        if answer != "Success":
            self._end()
            raise Refused(answer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._end()

    def _end(self) -> None:
        self._client.loop_stop()
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def publish(self, topic: str, payload: bytes = b"x", retain: bool = False) -> str:
        """What the broker says of it (MQTT 5): "taken", or why not."""
        self._client.publish(topic, payload, 1, retain)
        answer = self._answer()
        return "taken" if answer in {"Success", "No matching subscribers"} else answer

    def subscribe(self, topic: str) -> None:
        """Mosquitto grants all that is asked for, and looks at each message then."""
        self._client.subscribe(topic, 1)
        assert self._answer() == "Granted QoS 1"

    def wait_for_end(self) -> None:
        """Until a message "end" has come."""
        assert self._answer() == "end"

    def catch_up(self) -> None:
        """Until all that the broker had for us is here: what it sends, it sends in order."""
        self.subscribe("nothing")

    def cut(self) -> None:
        """Go without a word, so that the will is published."""
        sock = self._client.socket()
        assert sock is not None
        self._client.loop_stop()
        sock.close()

    def _answer(self) -> str:
        try:
            return self._said.get(timeout=DEADLINE_S)
        except Empty:
            raise AssertionError("the broker says nothing") from None
