"""kill -9 on the way from kiosk to gateway: the broker, the gateway before it could acknowledge, the kiosk anywhere."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.peers.postgres import Postgres
from tests.rigs.relay import Line, Relay
from tests.rigs.village import Kiosk, Village
from tests.scenarios.kit import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("mosquitto")]

NUMBERED = 300
BROKER_KILLS = 3
SLOW = Line(128_000, 0.02)
"""So that there is time to strike."""
GREETED = 1000
"""Bytes: a kiosk that has sent so many has shown its certificate, been let in, subscribed, and begun a batch."""


def test_the_broker_is_killed_again_and_again(tmp_path: Path) -> None:
    """Each time in the middle of a batch, and begun again on the same port."""
    village = Village(tmp_path)
    with village.broker, village.gateway(), Relay(village.broker.port, SLOW) as relay:
        kiosk = village.kiosk("koraput-7", relay.port)
        with kiosk.running() as daemon, daemon.ready():
            for _ in range(BROKER_KILLS):
                kiosk.record(NUMBERED // BROKER_KILLS)
                relay.forget()
                asked = kiosk.asks()
                wait_until(lambda: relay.up_bytes > GREETED + 500)
                village.broker.kill()
                village.broker.start()
                asked.wait()
            kiosk.drain()
        village.reconcile()


def test_the_gateway_is_killed_between_its_commit_and_its_acknowledgement(tmp_path: Path) -> None:
    """It has stored a batch and cannot say so; the next one gets it again, from the broker and from the kiosk."""
    village = Village(tmp_path)
    kiosk = village.kiosk("koraput-7", deadline_s=1.0)
    kiosk.record(NUMBERED)
    with village.broker, Relay(village.broker.port) as relay, kiosk.running() as daemon:
        doomed = village.gateway(village.write_config("mute.toml", relay.port))
        with doomed, daemon.ready():
            relay.hush(up=True)
            asked = kiosk.asks()
            wait_until(lambda: village.stored() > 0)
            doomed.kill()
            assert "did not acknowledge" in asked.wait()
        assert kiosk.left == NUMBERED
        with village.gateway():
            kiosk.drain()
            village.reconcile()


def test_the_kiosk_is_killed_anywhere(tmp_path: Path) -> None:
    """When it has sent what is stored by then, and does not know; in the handshake, while it subscribes, in a batch."""
    village = Village(tmp_path)
    with village.broker, village.gateway(), Relay(village.broker.port, SLOW) as relay:
        kiosk = village.kiosk("koraput-7", relay.port)
        kiosk.record(NUMBERED // 6)
        with kiosk.running():
            wait_until(lambda: relay.up_bytes >= GREETED)
            relay.hush(down=True)
            wait_until(lambda: village.stored() > 0)
        relay.set("up")
        assert kiosk.left == NUMBERED // 6
        for sent in (1, GREETED // 2, GREETED - 100, GREETED, GREETED + 1000):
            kiosk.record(NUMBERED // 6)
            relay.forget()
            with kiosk.running():
                wait_until(lambda: relay.up_bytes >= sent)  # noqa: B023  # at once
        with kiosk.running() as daemon, daemon.ready():
            kiosk.drain()
        village.reconcile()


@pytest.mark.needs("postgresql")
def test_two_workers_share_the_work_and_one_is_killed(tmp_path: Path) -> None:
    """PostgreSQL, two kiosks, two processes that take batches; one dies in the middle."""
    (tmp_path / "postgres").mkdir()
    with Postgres() as database:
        village = Village(tmp_path, database=database.url)
        with village.broker, village.gateway(), Relay(village.broker.port, SLOW) as relay:
            kiosks = [village.kiosk(id, relay.port) for id in ("koraput-7", "rayagada-2")]
            with village.gateway() as second:
                threads = [threading.Thread(target=_lives, args=(kiosk,)) for kiosk in kiosks]
                for thread in threads:
                    thread.start()
                wait_until(lambda: village.stored() > 0)
                second.kill()
                for thread in threads:
                    thread.join()
        village.reconcile()


def _lives(kiosk: Kiosk) -> None:
    with kiosk.running() as daemon:
        daemon.ready().close()
        for _ in range(3):
            kiosk.record(NUMBERED // 6)
            kiosk.drain()
