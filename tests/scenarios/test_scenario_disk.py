"""The disk is full: photos go first, then the farmer is told; with room again it goes on. A read-only card is named.

The state folder is a small file system of the daemon's own, mounted in a namespace that ends with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from edge_daemon.modem.simulator import ModemSimulator
from tests.drawn import jpeg, leaf
from tests.scenarios.kit import RunningKiosk, write_config

MOUNT = 'mount -t tmpfs -o size=3m none "$0" && head -c 1760k /dev/zero > "$0/ballast" && exec "$@"'
VISITS = 400
"""More than the little disk can hold."""


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[RunningKiosk]:
    (tmp_path / "state").mkdir()
    (tmp_path / "camera").mkdir()
    (tmp_path / "camera" / "leaf.jpg").write_bytes(jpeg(leaf(1)))
    camera = f'kind = "folder"\nfolder = "{tmp_path / "camera"}"'
    own_mount = ("unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT, str(tmp_path / "state"))
    with (
        ModemSimulator() as network,
        RunningKiosk(write_config(tmp_path, network.port, camera), before=own_mount) as running,
    ):
        yield running


def photograph(client: httpx.Client) -> httpx.Response:
    begun = client.post("/visits", json={})
    if begun.status_code != 201:
        return begun
    return client.post(f"/visits/{begun.json()['visit']}/photo", json={})


def until_full(client: httpx.Client) -> tuple[int, httpx.Response]:
    for done in range(VISITS):
        answer = photograph(client)
        if answer.status_code != 201:
            return done, answer
    raise AssertionError("the disk never filled")


@pytest.mark.needs("own mounts")
def test_photos_go_first_then_the_visitor_is_told_then_it_recovers(kiosk: RunningKiosk, tmp_path: Path) -> None:
    with kiosk.ready() as client:
        done, answer = until_full(client)
        assert (answer.status_code, answer.json()["error"]) == (507, "state_full")
        assert "no room is left" in answer.json()["message"]
        told = client.get("/status").json()
        assert told["disk"]["photos"] == 0
        assert told["queues"]["report"]["waiting"] == done
        assert done > 10
        Path(f"/proc/{kiosk.process.pid}/root{tmp_path}/state/ballast").unlink()
        assert photograph(client).status_code == 201
        assert client.get("/status").json()["queues"]["report"]["waiting"] == done + 1
        assert kiosk.stop() == 0


FULL_AT_START = (
    'mount -t tmpfs -o size=3m none "$0" && cp -r "$1/." "$0" && '
    '{ head -c 4m /dev/zero > "$0/ballast"; shift; exec "$@"; }'
)


@pytest.mark.needs("own mounts")
def test_a_kiosk_whose_disk_is_full_before_it_starts_makes_room_by_its_photos(tmp_path: Path) -> None:
    with ModemSimulator() as network:
        (tmp_path / "camera").mkdir()
        (tmp_path / "camera" / "leaf.jpg").write_bytes(jpeg(leaf(1)))
        config = write_config(tmp_path, network.port, f'kind = "folder"\nfolder = "{tmp_path / "camera"}"')
        with RunningKiosk(config) as running, running.ready() as client:
            for _ in range(8):
                assert photograph(client).status_code == 201
            assert running.stop() == 0
        kept = tmp_path / "kept"
        (tmp_path / "state").rename(kept)
        (tmp_path / "state").mkdir()
        mount = ("unshare", "--map-root-user", "--mount", "sh", "-c", FULL_AT_START, str(tmp_path / "state"), str(kept))
        with RunningKiosk(config, before=mount) as running, running.ready() as client:
            assert client.get("/status").json()["disk"]["photos"] < 8
            assert running.stop() == 0


@pytest.mark.needs("own mounts")
def test_a_card_that_was_mounted_read_only_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    config = write_config(tmp_path, "/dev/null")
    read_only = 'mount -t tmpfs -o size=3m,ro none "$0" && exec "$@"'
    own_mount = ("unshare", "--map-root-user", "--mount", "sh", "-c", read_only, str(tmp_path / "state"))
    with RunningKiosk(config, before=own_mount) as kiosk:
        assert kiosk.ended() == 73
        assert "Read-only file system" in "".join(kiosk.log)
        assert "Make it writable" in "".join(kiosk.log)
