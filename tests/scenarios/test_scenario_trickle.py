"""Kiosk to gateway over a bad link: hundreds of diagnoses arrive, each once, whatever becomes of the line.

Real daemons on both sides, a real Mosquitto between them, certificates as `krishi-gateway init` and `krishi-kiosk
enrol` make them. Each story ends with the reconciliation: what was recorded is what is stored.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rigs.namespaces import Cable
from tests.rigs.relay import Line, Relay, State
from tests.rigs.village import Village
from tests.scenarios.kit import fill_camera

pytestmark = [pytest.mark.slow, pytest.mark.needs("mosquitto")]

NUMBERED = 300
LINE = Line(rate_bits=64_000, delay_s=0.1)
WEATHER: list[tuple[float, State]] = [(1.5, "up"), (1, "refused"), (2, "up"), (3, "silent"), (1, "up"), (2, "refused")]
"""Seconds in each state, again and again."""


def test_a_link_that_is_slow_and_comes_and_goes(tmp_path: Path) -> None:
    """Numbered messages from the store, and two real visits while they go."""
    village = Village(tmp_path)
    with village.broker, village.gateway(), Relay(village.broker.port, LINE) as relay:
        kiosk = village.kiosk("koraput-7", relay.port, deadline_s=3.0)
        fill_camera(kiosk.folder)
        kiosk.record(NUMBERED)
        relay.play(WEATHER * 2)
        with kiosk.running() as daemon, daemon.ready() as client:
            kiosk.visit(client)
            kiosk.drain()
            kiosk.visit(client)
            kiosk.drain()
            assert daemon.stop() == 0
        village.reconcile()
        assert relay.connections > 1, "the link was cut in between"


@pytest.mark.needs("own network")
def test_the_kernels_own_bad_link(tmp_path: Path) -> None:
    """The kiosk in a network namespace: 60 kbit/s, every tenth packet lost, unplugged in the middle."""
    with Cable() as cable:
        village = Village(tmp_path, hosts=("127.0.0.1", cable.address))
        with village.broker, village.gateway(), Relay(village.broker.port, host=cable.address) as relay:
            kiosk = village.kiosk("koraput-7", relay.port, host=cable.address)
            kiosk.record(NUMBERED)
            cable.rate(60_000)
            cable.lose(10)
            with kiosk.running(before=cable.before) as daemon:
                daemon.ready().close()
                kiosk.sync()
                cable.unplug()
                kiosk.sync()
                cable.plug()
                kiosk.drain()
                assert daemon.stop() == 0
            assert cable.lost() > 0
        village.reconcile()
