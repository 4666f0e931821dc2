"""kill -9 on the way from kiosk to gateway: the broker, the gateway before it could acknowledge, the kiosk anywhere."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from tests.peers.postgres import Postgres
from tests.rigs.relay import Line, Relay
from tests.rigs.village import Kiosk, Village
from tests.scenarios.kit import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("mosquitto")]

NUMBERED = 300
KILLS = 8


def test_the_broker_is_killed_again_and_again(tmp_path: Path) -> None:
    """Four times in the middle of a batch, and begun again on the same port."""
    village = Village(tmp_path)
    with village.broker, village.gateway(), Relay(village.broker.port, Line(64_000, 0.05)) as relay:
        kiosk = village.kiosk("koraput-7", relay.port)
        with kiosk.running() as daemon:
            daemon.ready().close()
            for _ in range(4):
                kiosk.record(NUMBERED // 4)
                sent = relay.up_bytes
                asked = kiosk.asks()
                wait_until(lambda: relay.up_bytes > sent + 2000)  # noqa: B023  # it is done with before the next turn
                village.broker.kill()
                village.broker.start()
                asked.wait()
            kiosk.drain()
        village.reconcile()


def test_the_gateway_is_killed_between_its_commit_and_its_acknowledgement(tmp_path: Path) -> None:
    """It has stored a batch and cannot say so; the next one gets it again, from the broker and from the kiosk."""
    village = Village(tmp_path)
    with village.broker, Relay(village.broker.port) as relay:
        with village.gateway():
            kiosk = village.kiosk("koraput-7")
        kiosk.record(NUMBERED)
        with kiosk.running() as daemon:
            daemon.ready().close()
            with village.gateway(config=village.write_config("late.toml", relay.port)) as doomed:
                relay.hush(up=True)
                asked = kiosk.asks()
                wait_until(lambda: village.stored() > 0)
                doomed.kill()
            asked.wait()
            assert kiosk.left == NUMBERED, "nothing was acknowledged"
            with village.gateway():
                kiosk.drain()
                village.reconcile()


def test_the_kiosk_is_killed_anywhere(tmp_path: Path) -> None:
    """At random moments: while it starts, in the handshake, within a batch, before and after an acknowledgement."""
    chance = random.Random(7)
    village = Village(tmp_path)
    with village.broker, village.gateway(), Relay(village.broker.port, Line(128_000, 0.02)) as relay:
        kiosk = village.kiosk("koraput-7", relay.port)
        for _ in range(KILLS):
            kiosk.record(NUMBERED // KILLS)
            relay.forget()
            with kiosk.running() as daemon:
                daemon.ready().close()
                asked = kiosk.asks()
                moment = chance.randrange(8_000)
                wait_until(lambda: relay.total_bytes > moment or asked.is_over())  # noqa: B023  # as above
                daemon.kill()
                asked.wait()
        with kiosk.running() as daemon:
            daemon.ready().close()
            kiosk.drain()
        village.reconcile()


@pytest.mark.needs("postgresql")
def test_two_workers_share_the_work_and_one_is_killed(tmp_path: Path) -> None:
    """PostgreSQL, two kiosks, two processes that take batches; one dies in the middle."""
    (tmp_path / "postgres").mkdir()
    with Postgres(tmp_path / "postgres") as database:
        village = Village(tmp_path, database=database.url)
        with village.broker, village.gateway(), Relay(village.broker.port, Line(64_000, 0.05)) as relay:
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
