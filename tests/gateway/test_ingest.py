"""The worker and the daemon with a real Mosquitto: acknowledged after the commit, whatever dies and whatever comes."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge_daemon.wire import replies, topics
from edge_daemon.wire.replies import Acknowledgement, Desired
from gateway import tables
from gateway.config import Broker, Config, Database, State
from gateway.errors import BrokerGone
from gateway.ingest import Worker
from gateway.mqtt import MOST_LOOSE, connected
from gateway.store import Store
from gateway.wants import Change, want
from tests.gateway.sent import BOOT, KIOSK, count, diagnosis, health, rows, sent
from tests.peers.mosquitto import Mosquitto
from tests.peers.postgres import Postgres
from tests.rigs.village import Village

DEADLINE_S = 30.0
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.needs("mosquitto")


class Sender:
    """Plays kiosks: publishes at QoS 1, keeps what the gateway says."""

    def __init__(self, port: int, version: int = 5) -> None:
        self.told: list[tuple[str, bytes]] = []
        self._changed = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5 if version == 5 else paho.MQTTv311)
        self._client.on_message = self._came
        self._client.on_subscribe = lambda *_: self._note("subscribed", b"")
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([("k/+/a", 1), ("k/+/d", 1)])
        self._client.loop_start()
        self.wait_for(lambda: ("subscribed", b"") in self.told)

    def _came(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        self._note(message.topic, bytes(message.payload))

    def _note(self, topic: str, payload: bytes) -> None:
        with self._changed:
            self.told.append((topic, payload))
            self._changed.notify_all()

    def send(self, topic: str, payload: bytes, qos: int = 1) -> None:
        self._client.publish(topic, payload, qos=qos)

    def acknowledgements(self, kiosk: str = KIOSK) -> list[Acknowledgement]:
        with self._changed:
            told = list(self.told)
        return [replies.decode_acknowledgement(data) for topic, data in told if topic == topics.acknowledged(kiosk)]

    def wait_for(self, condition: Callable[[], object]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, DEADLINE_S), self.told

    def wait_for_upto(self, upto: int, kiosk: str = KIOSK) -> None:
        self.wait_for(lambda: upto in [one.upto for one in self.acknowledgements_now(kiosk)])

    def acknowledgements_now(self, kiosk: str) -> list[Acknowledgement]:
        """With the lock held."""
        return [replies.decode_acknowledgement(d) for topic, d in self.told if topic == topics.acknowledged(kiosk)]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with Mosquitto(folder) as mosquitto:
        yield mosquitto


@pytest.fixture
def sender(request: pytest.FixtureRequest, broker: Mosquitto) -> Iterator[Sender]:
    opened = Sender(broker.port, getattr(request, "param", 5))
    yield opened
    opened.close()


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Store]:
    """SQLite, for what has nothing to do with the kind of database."""
    opened = Store.open(f"sqlite:///{tmp_path / 'gateway.db'}")
    yield opened
    opened.close()


def configuration(tmp_path: Path, broker: Mosquitto, url: str | None = None, **more: Any) -> Config:
    settings = Broker(url=f"mqtt://127.0.0.1:{broker.port}", **more)
    return Config(state=State(folder=tmp_path), broker=settings, database=Database(url=url))


@contextmanager
def working(config: Config, store: Store) -> Iterator[Worker]:
    """A worker in a thread of this process, let in by the broker."""
    ready = threading.Event()
    worker = Worker(config, store, ready.set)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert ready.wait(DEADLINE_S)
        yield worker
    finally:
        worker.stop()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


@contextmanager
def daemon(config: Config, *only: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`krishi-gateway run` as a child, ready."""
    file = config.state.path() / f"gateway-{time.monotonic_ns()}.toml"
    url = f'[database]\nurl = "{config.database.url}"\n' if config.database.url else ""
    file.write_text(
        f'[state]\nfolder = "{config.state.path()}"\n{url}[broker]\nurl = "{config.broker.url}"\n'
        f"mqtt = {config.broker.mqtt}\nshared = {str(config.broker.shared).lower()}\n[web]\nport = 0\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "gateway", "run", "--config", str(file)]
    for part in only or ("ingest",):
        command += ["--only", part]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, **environment})
    assert child.stderr is not None
    try:
        for line in child.stderr:
            if "ready" in line.split():
                break
        else:
            raise AssertionError("the gateway ended")
        yield child
    finally:
        child.kill()
        child.communicate()


WAYS = [(5, {"mqtt": 5}), (3, {"mqtt": 3}), (5, {"mqtt": 3, "shared": False}), (3, {"in_flight": 1})]


@pytest.mark.parametrize(("sender", "settings"), WAYS, indirect=["sender"])
def test_batches_are_stored_and_acknowledged(
    tmp_path: Path, broker: Mosquitto, sender: Sender, store: Store, settings: dict[str, Any]
) -> None:
    with working(configuration(tmp_path, broker, **settings), store):
        for first in range(1, 51, 10):
            batch = sent([diagnosis(first + n) for n in range(10)], first)
            sender.send(batch.topic, batch.payload)
        sender.wait_for_upto(50)
    assert count(store, tables.diagnosis) == 50
    assert sender.acknowledgements()[-1].boot == BOOT
    assert abs(sender.acknowledgements()[-1].at - time.time()) < 60


GARBAGE = [
    (topics.up(KIOSK), b""),
    (topics.up(KIOSK), b"\0"),
    (topics.up(KIOSK), os.urandom(65_536)),
    (topics.up("UPPER CASE"), b"?"),
    (topics.up(topics.GATEWAY), b"!"),
    (topics.lost("nobody-knows"), b"\0"),
    ("k/ü/u", "ü".encode()),
]


def test_garbage_keeps_nobody_from_being_heard(tmp_path: Path, broker: Mosquitto, sender: Sender, lite: Store) -> None:
    with working(configuration(tmp_path, broker), lite):
        for topic, payload in GARBAGE:
            sender.send(topic, payload)
        batch = sent([diagnosis(1)], kiosk="other-1")
        sender.send(batch.topic, batch.payload)
        sender.wait_for_upto(1, "other-1")
    assert count(lite, tables.aside) == 6
    assert count(lite, tables.diagnosis) == 1


def test_a_last_will_reaches_the_register(tmp_path: Path, broker: Mosquitto, sender: Sender, lite: Store) -> None:
    with working(configuration(tmp_path, broker), lite):
        batch = sent([diagnosis(1)])
        sender.send(batch.topic, batch.payload)
        sender.send(topics.lost(KIOSK), b"\0")
        after = sent([diagnosis(2)], 2)
        sender.send(after.topic, after.payload)
        sender.wait_for_upto(2)
    assert rows(lite, tables.kiosk)[0]["lost_at"] is not None


def test_what_is_wanted_reaches_the_kiosk_now_and_when_it_comes(
    tmp_path: Path, broker: Mosquitto, sender: Sender, store: Store
) -> None:
    def desired(of: Sender) -> list[Desired]:
        return [replies.decode_desired(data) for topic, data in of.told if topic == topics.desired(KIOSK)]

    with working(configuration(tmp_path, broker), store):
        batch = sent([health()])
        sender.send(batch.topic, batch.payload)
        sender.wait_for_upto(1)
        want(store, KIOSK, Change(daily_kb=20), int(time.time()))
        sender.wait_for(lambda: any(one.daily_kb == 20 for one in desired(sender)))
        later = Sender(broker.port)
        later.wait_for(lambda: any(one.daily_kb == 20 for one in desired(later)))
        later.close()
    assert [one.daily_kb for one in desired(sender)] == [20]


def test_a_broker_that_knows_nothing_is_told_what_is_wanted(tmp_path: Path, lite: Store) -> None:
    with lite.writing() as db:
        wanted = Desired(revision=4, every_min=30).model_dump(mode="json")
        ids = [f"kiosk-{n:04}" for n in range(450)]
        db.execute(
            tables.kiosk.insert(), [{"id": id, "state": "seen", "desired": wanted, "desired_at": 1} for id in ids]
        )
    for turn in ("once", "again"):
        folder = tmp_path / turn
        folder.mkdir()
        with Mosquitto(folder, eager=False) as broker, working(configuration(tmp_path, broker), lite):
            sender = Sender(broker.port)
            sender.wait_for(lambda: {topic for topic, _ in sender.told} >= {topics.desired(id) for id in ids})  # noqa: B023
            sender.close()


def test_the_broker_keeps_what_is_not_committed(tmp_path: Path, broker: Mosquitto, sender: Sender) -> None:
    """Held up by a lock on the database: neither the kiosk nor the broker hears anything, and afterwards both do."""
    store = Store.open(f"sqlite:///{tmp_path / 'gateway.db'}")
    batch = sent([diagnosis(1)])
    with working(configuration(tmp_path, broker), store):
        with store.writing() as db:
            db.exec_driver_sql("SELECT 1")
            sender.send(batch.topic, batch.payload)
            _wait_until(lambda: "Sending PUBLISH to krishi-gateway" in broker.log.read_text())
            assert "Received PUBACK from krishi-gateway" not in broker.log.read_text()
            assert sender.acknowledgements() == []
        sender.wait_for_upto(1)
        _wait_until(lambda: "Received PUBACK from krishi-gateway" in broker.log.read_text())
    store.close()


def test_a_full_database_acknowledges_nothing_until_there_is_room(
    tmp_path: Path, broker: Mosquitto, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'gateway.db'}")
    with store.reading() as db:
        pages = db.exec_driver_sql("PRAGMA page_count").scalar_one()
        db.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    batch = sent([diagnosis(n) for n in range(200)])
    with working(configuration(tmp_path, broker), store):
        sender.send(batch.topic, batch.payload)
        _wait_until(lambda: "disk is full" in caplog.text)
        assert sender.acknowledgements() == []
        with store.reading() as db:
            db.exec_driver_sql("PRAGMA max_page_count = 100000")
        sender.wait_for_upto(200)
    assert count(store, tables.diagnosis) == 200
    store.close()


@pytest.mark.needs("postgresql")
def test_a_database_that_is_away_acknowledges_nothing_until_it_is_back(
    tmp_path: Path, broker: Mosquitto, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    with Postgres() as server:
        store = Store.open(server.url)
        first, second = sent([diagnosis(1)]), sent([diagnosis(2)], 2)
        with working(configuration(tmp_path, broker), store):
            sender.send(first.topic, first.payload)
            sender.wait_for_upto(1)
            server.kill()
            sender.send(second.topic, second.payload)
            _wait_until(lambda: "Nothing is acknowledged" in caplog.text)
            assert [one.upto for one in sender.acknowledgements()] == [1]
            server.start()
            sender.wait_for_upto(2)
        assert count(store, tables.diagnosis) == 2
        store.close()


def test_a_broker_that_begins_again_finds_the_worker_there(tmp_path: Path, broker: Mosquitto, lite: Store) -> None:
    with working(configuration(tmp_path, broker), lite):
        broker.kill()
        broker.start()
        sender = Sender(broker.port)
        batch = sent([diagnosis(1)])
        ends = time.monotonic() + DEADLINE_S
        while not sender.acknowledgements():  # nobody keeps what comes before the worker is back
            assert time.monotonic() < ends
            sender.send(batch.topic, batch.payload)
            threading.Event().wait(0.2)
        sender.close()
    assert count(lite, tables.diagnosis) == 1


def test_what_the_broker_hands_over_without_asking_has_a_bound(
    tmp_path: Path, broker: Mosquitto, sender: Sender
) -> None:
    with connected(configuration(tmp_path, broker)) as link:
        link.subscribe(topics.up("+"))
        for _ in range(MOST_LOOSE + 100):
            sender.send(topics.up(KIOSK), b"loose", qos=0)
        sender.send(topics.up(KIOSK), b"confirmed")
        ends = time.monotonic() + DEADLINE_S
        while not link.inbox or link.inbox[-1].qos == 0:
            assert time.monotonic() < ends
            link.step(0.1)
        assert len(link.inbox) == MOST_LOOSE + 1


def test_two_workers_share_the_work(tmp_path: Path, broker: Mosquitto, sender: Sender, store: Store) -> None:
    config = configuration(tmp_path, broker)
    with working(config, store), working(config, store):
        for number in range(100):
            batch = sent([diagnosis(number, f"kiosk-{number}")], kiosk=f"kiosk-{number}")
            sender.send(batch.topic, batch.payload)
        for number in range(100):
            sender.wait_for_upto(1, f"kiosk-{number}")
    assert count(store, tables.diagnosis) == 100
    given = [line for line in broker.log.read_text().splitlines() if "Sending PUBLISH to krishi-gateway" in line]
    assert len(given) == 100
    assert len({line.split("krishi-gateway-")[1].split()[0] for line in given}) == 2


KILLED = """
import os
import gateway.ingest
from gateway.mqtt import Link
def die(*_):
    os.kill(os.getpid(), 9)
Link.publish = die
import sys
from gateway.cli import main
sys.argv[0] = "krishi-gateway"
main()
"""
"""A gateway that is killed after its first commit, when it is about to acknowledge."""


def test_killed_between_commit_and_acknowledgement_nothing_is_lost_or_twice(
    tmp_path: Path, broker: Mosquitto, sender: Sender, database_url: str
) -> None:
    config = configuration(tmp_path, broker, database_url)
    file = tmp_path / "gateway.toml"
    file.write_text(f'[database]\nurl = "{database_url}"\n[broker]\nurl = "{config.broker.url}"\n', encoding="utf-8")
    command = [sys.executable, "-c", KILLED, "run", "--only", "ingest", "--config", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stderr is not None
        next(line for line in child.stderr if "ready" in line.split())
        batch = sent([diagnosis(1), diagnosis(2)])
        sender.send(batch.topic, batch.payload)
        child.communicate(timeout=DEADLINE_S)
    assert child.returncode == -signal.SIGKILL
    store = Store.open(database_url)
    assert count(store, tables.diagnosis) == 2
    assert sender.acknowledgements() == []
    with daemon(config):
        sender.send(batch.topic, batch.payload)
        sender.wait_for_upto(2)
    assert count(store, tables.diagnosis) == rows(store, tables.kiosk)[0]["diagnoses"] == 2
    store.close()


@pytest.mark.needs("mosquitto")
def test_all_parts_in_one_process_with_certificates(tmp_path: Path) -> None:
    """As an operator begins it: TLS to the broker, the read API with the worker's counters, enrolment by HTTPS."""
    village = Village(tmp_path, settings="[web]\nport = 0\n[enrolment]\nport = 0\n")
    command = [sys.executable, "-m", "gateway", "run", "--config", str(village.config)]
    with village.broker, subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stderr is not None
        line = next(line for line in child.stderr if "ready" in line.split())
        web, enrolment = (line.split(f"{part} at ")[1].split(",")[0].rstrip(".\n") for part in ("web", "enrolment"))
        assert "krishi_ingest_connected 1.0" in httpx.get(f"http://{web}/metrics").text
        trusted = ssl.create_default_context(cafile=str(village.state / "authority" / "ca.crt"))
        assert httpx.post(f"https://{enrolment}/enrol", content=b"{", verify=trusted).status_code == 400
        began = time.monotonic()
        child.terminate()
        child.communicate(timeout=DEADLINE_S)
        assert time.monotonic() - began < 2
    assert child.returncode == 0


def test_the_daemon_ends_within_two_seconds(tmp_path: Path, broker: Mosquitto) -> None:
    with daemon(configuration(tmp_path, broker), "ingest", "web") as child:
        began = time.monotonic()
        child.terminate()
        child.communicate(timeout=DEADLINE_S)
        assert time.monotonic() - began < 2
    assert child.returncode == 0


def test_the_daemon_ends_within_two_seconds_while_the_broker_is_away(tmp_path: Path, broker: Mosquitto) -> None:
    with daemon(configuration(tmp_path, broker)) as child:
        broker.kill()
        assert child.stderr is not None
        next(line for line in child.stderr if "Trying again" in line)
        began = time.monotonic()
        child.terminate()
        child.communicate(timeout=DEADLINE_S)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("settings", "trouble"),
    [
        ("allow_anonymous false\n", "does not let the gateway in"),
        (None, "cannot be reached"),
    ],
)
def test_a_broker_that_does_not_have_us_is_named(tmp_path: Path, settings: str | None, trouble: str) -> None:
    mosquitto = Mosquitto(tmp_path, settings or "")
    if settings is not None:
        mosquitto.start()
    try:
        with pytest.raises(BrokerGone, match=trouble), connected(configuration(tmp_path, mosquitto)) as link:
            link.subscribe(topics.up("+"))
    finally:
        mosquitto.stop()


def _wait_until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < ends
        threading.Event().wait(0.02)
