"""A full disk at either end of the link: nothing is acknowledged that is not stored, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.rigs import disks
from tests.rigs.village import Kiosk, Village
from tests.scenarios.kit import fill_camera, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("mosquitto", "own mounts")]

NUMBERED = 400


def test_the_gateways_disk_is_full(tmp_path: Path) -> None:
    """It acknowledges what it could store and no more; the kiosk keeps the rest until there is room."""
    database = tmp_path / "database"
    database.mkdir()
    village = Village(tmp_path, database=f"sqlite:///{database / 'gateway.db'}")
    kiosk = village.kiosk("koraput-7", deadline_s=1.0)
    kiosk.record(NUMBERED)
    before = disks.small(database, 1000, 640)
    with village.broker, village.gateway(before=before) as gateway, kiosk.running() as daemon, daemon.ready():
        village.on_disk_of = gateway
        gateway.wait_for("no room|is full")
        kiosk.sync()
        assert kiosk.left > 0
        assert village.stored() + kiosk.left >= NUMBERED
        disks.make_room(gateway, database)
        kiosk.drain()
        village.reconcile()


def test_the_kiosks_disk_is_full(tmp_path: Path) -> None:
    """It says so to visitors; what it had recorded goes out as soon as somebody has made room."""
    village = Village(tmp_path)
    kiosk = village.kiosk("koraput-7")
    fill_camera(kiosk.folder)
    kiosk.record(NUMBERED // 4)
    before = disks.small(kiosk.state, 3000, 1600)  # room for its reserve, which a kiosk takes while there is some
    with kiosk.running(before=before) as daemon, daemon.ready() as client:
        kiosk.on_disk_of = daemon
        wait_until(lambda: not _visits(kiosk, client))
        assert kiosk.left > NUMBERED // 4
        with village.broker, village.gateway():
            kiosk.sync()
            disks.make_room(daemon, kiosk.state)
            kiosk.drain()
            village.reconcile()


def _visits(kiosk: Kiosk, client: httpx.Client) -> bool:
    """Whether one more visit could be recorded."""
    begun = client.post("/visits", json={})
    if begun.status_code == 201:
        photo = client.post(f"/visits/{begun.json()['visit']}/photo", json={})
        if photo.status_code == 201:
            kiosk.note(begun.json()["visit"])
            return True
        begun = photo
    assert begun.json()["error"] == "state_full"
    return False
