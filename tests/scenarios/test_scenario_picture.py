"""A small picture of an uncertain case, with the real daemon: asked for, agreed to, kept over a crash, erased."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.store.store import Store
from edge_daemon.wire import codec
from edge_daemon.wire.messages import MOST_JPEG_BYTES, Thumbnail
from tests.edge.sync.small_gateway import SmallGateway
from tests.peers.mosquitto import Mosquitto
from tests.scenarios.kit import NUMBER, RunningKiosk, write_config

WHEAT = Path(__file__).parents[2] / "build" / "demo-photos" / "redpatch_notebooks" / "single_input.jpg"
"""A real leaf, of which the shipped model is not sure."""


def config_of(folder: Path, modem: str, *, thumbnails: bool, sync: str = "") -> Path:
    if not WHEAT.is_file():
        pytest.skip("make test and make demo fetch the photographs")
    camera = folder / "camera"
    camera.mkdir(exist_ok=True)
    shutil.copy(WHEAT, camera / "leaf.jpg")
    path = write_config(folder, modem, f'kind = "folder"\nfolder = "{camera}"')
    with path.open("a", encoding="utf-8") as file:
        file.write(f"[sync]\nthumbnails = {str(thumbnails).lower()}\n{sync}\n")
    return path


def seen(client: httpx.Client) -> tuple[str, dict[str, object]]:
    id = client.post("/visits", json={"language": "hi"}).json()["visit"]
    photo = client.post(f"/visits/{id}/photo", json={})
    assert photo.status_code == 201, photo.text
    assert photo.json()["decision"] == "not_sure"
    return id, photo.json()


def pictures(state: Path) -> list[Thumbnail]:
    with Store.look(state) as store:
        messages = [codec.decode(report.body) for report in store.reports.batch(100)]
    return [message for message in messages if isinstance(message, Thumbnail)]


def test_a_yes_outlives_a_crash_and_an_erasure_takes_it_back(tmp_path: Path) -> None:
    with ModemSimulator() as network:
        config = config_of(tmp_path, network.port, thumbnails=True)
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            id, diagnosis = seen(client)
            assert diagnosis["share"] == "may_ask"
            assert client.post(f"/visits/{id}/farmer", json={"telephone": NUMBER}).status_code == 202
            network.wait_for(1, 60)
            assert pictures(tmp_path / "state") == []
            assert client.post(f"/visits/{id}/share", json={"agreed": True}).json() == {"share": "agreed"}
            kiosk.kill()
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            assert client.post(f"/visits/{id}/share", json={"agreed": True}).json() == {"share": "agreed"}
            (picture,) = pictures(tmp_path / "state")
            assert picture.diagnosis == diagnosis["diagnosis"]
            assert picture.kiosk == "test-kiosk"
            assert len(picture.jpeg) <= MOST_JPEG_BYTES
            assert client.get("/status").json()["pictures"] == {"asked_for": True, "waiting": 1, "sent": 0}
            command = [sys.executable, "-m", "edge_daemon", "farmer", "erase", NUMBER, "--yes", "--json"]
            done = subprocess.run([*command, "--config", str(config)], check=True, capture_output=True)
            told = json.loads(done.stdout)
            assert (told["pictures"], told["photos"], told["clean"]) == (1, 1, True)
            assert pictures(tmp_path / "state") == []
            assert client.post(f"/visits/{id}/share", json={"agreed": True}).json() == {"share": "refused"}
            assert kiosk.stop() == 0


def opened_link(config: Path) -> None:
    """A technician opens it, and it is over."""
    command = [sys.executable, "-m", "edge_daemon", "sync", "--config", str(config)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


@pytest.mark.needs("mosquitto")
def test_the_gateway_gets_the_picture_and_the_kiosk_says_that_it_is_sent(tmp_path: Path) -> None:
    with ModemSimulator() as network, Mosquitto(tmp_path) as broker, SmallGateway(broker.port) as gateway:
        url = f'url = "mqtt://127.0.0.1:{broker.port}"'
        config = config_of(tmp_path, network.port, thumbnails=True, sync=url)
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            id, diagnosis = seen(client)
            opened_link(config)
            assert not [message for message in gateway.others if isinstance(message, Thumbnail)]
            client.post(f"/visits/{id}/share", json={"agreed": True})
            opened_link(config)
            (picture,) = [message for message in gateway.others if isinstance(message, Thumbnail)]
            assert picture.diagnosis == diagnosis["diagnosis"]
            assert client.get(f"/visits/{id}").json()["diagnosis"]["share"] == "sent"
            assert client.post(f"/visits/{id}/share", json={"agreed": False}).json() == {"share": "sent"}
            assert client.get("/status").json()["pictures"] == {"asked_for": True, "waiting": 0, "sent": 1}
            opened_link(config)
            assert len([message for message in gateway.others if isinstance(message, Thumbnail)]) == 1
            assert kiosk.stop() == 0


def test_where_it_is_off_nothing_is_asked_and_nothing_is_kept(tmp_path: Path) -> None:
    with ModemSimulator() as network:
        config = config_of(tmp_path, network.port, thumbnails=False)
        with RunningKiosk(config) as kiosk, kiosk.ready() as client:
            id, diagnosis = seen(client)
            assert diagnosis["share"] is None
            refused = client.post(f"/visits/{id}/share", json={"agreed": True})
            assert (refused.status_code, refused.json()["error"]) == (409, "nothing_to_share")
            assert pictures(tmp_path / "state") == []
            assert kiosk.stop() == 0
