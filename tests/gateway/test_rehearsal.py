"""The rehearsal: a broker from pip, a real gateway beside a command, and what it says of what arrived."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge_daemon.wire import topics
from gateway.errors import NothingArrived
from gateway.rehearsal import BROKER_VARIABLE, broker

DEADLINE_S = 30.0
REHEARSE = [sys.executable, "-m", "gateway", "rehearse", "--"]
PYTHON = [sys.executable, "-c"]


class Peer:
    """An MQTT 3.1.1 client that keeps what comes in."""

    def __init__(self, url: str, *filters: str, will: str | None = None) -> None:
        self.came: list[tuple[str, bytes]] = []
        self._news = threading.Condition()
        self._subscribed = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311, clean_session=True)
        self.client.on_message = self._keep
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        if will is not None:
            self.client.will_set(will, b"\x00", qos=1)
        self.client.connect("127.0.0.1", urlsplit(url).port or 0)
        self.client.loop_start()
        self.client.subscribe([(topic, 1) for topic in filters])
        assert self._subscribed.wait(DEADLINE_S)

    def _keep(self, _: object, __: object, message: mqtt.MQTTMessage) -> None:
        with self._news:
            self.came.append((message.topic, bytes(message.payload)))
            self._news.notify_all()

    def wait_for(self, count: int) -> list[tuple[str, bytes]]:
        with self._news:
            assert self._news.wait_for(lambda: len(self.came) >= count, DEADLINE_S), self.came
            return list(self.came)

    def send(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(DEADLINE_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def with_broker(story: object) -> None:
    async def play() -> None:
        async with broker() as url:
            assert callable(story)
            await asyncio.to_thread(story, url)

    asyncio.run(play())


def test_its_broker_does_what_kiosk_and_gateway_need_of_one() -> None:
    def story(url: str) -> None:
        gateway = Peer(url, topics.up("+"), topics.lost("+"))
        gateway.send(topics.desired("rampur-1"), b"wanted", retain=True)
        kiosk = Peer(url, topics.acknowledged("rampur-1"), topics.desired("rampur-1"), will=topics.lost("rampur-1"))
        assert kiosk.wait_for(1) == [("k/rampur-1/d", b"wanted")]
        kiosk.send(topics.up("rampur-1"), bytes(60_000))
        assert gateway.wait_for(1) == [("k/rampur-1/u", bytes(60_000))]
        gateway.send(topics.acknowledged("rampur-1"), b"stored")
        assert kiosk.wait_for(2)[1] == ("k/rampur-1/a", b"stored")
        kiosk.client._sock_close()  # the cable, not a farewell
        assert gateway.wait_for(2)[1] == ("k/rampur-1/l", b"\x00")
        kiosk.close()
        gateway.close()

    with_broker(story)


def rehearse(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*REHEARSE, *words], capture_output=True, text=True, timeout=DEADLINE_S * 2, check=False)


def test_a_command_that_tells_the_gateway_nothing_is_not_a_success() -> None:
    done = rehearse(*PYTHON, f"import os; print(os.environ['{BROKER_VARIABLE}'])")
    assert done.stdout.startswith("mqtt://127.0.0.1:")
    assert done.returncode == NothingArrived.exit_code
    assert done.stderr.startswith("krishi-gateway: Nothing arrived")


@pytest.mark.parametrize(
    ("words", "code"), [([*PYTHON, "import sys; sys.exit(65)"], 65), (["/nowhere/krishi-kiosk", "demo"], 65)]
)
def test_the_command_s_own_failure_is_the_rehearsal_s(words: list[str], code: int) -> None:
    done = rehearse(*words)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_nothing_is_left_behind_when_it_is_ended(number: signal.Signals, code: int) -> None:
    """The command says who it is, and then waits for ever."""
    waits = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
    child = subprocess.Popen([*REHEARSE, *PYTHON, waits], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    command = int(child.stdout.readline())
    child.send_signal(number)
    _, said = child.communicate(timeout=DEADLINE_S)
    assert (child.returncode, said) == (code, "")
    assert not Path(f"/proc/{command}").exists()
