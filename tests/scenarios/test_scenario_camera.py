"""The camera's program hangs in the middle of a visit: the farmer is told, the daemon lives, the next photo succeeds.

The daemon begins the program as on a Pi; a stand-in for the Pi's Python begins one that goes wrong at its first run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest

from edge_daemon.modem.simulator import ModemSimulator
from tests.drawn import jpeg, leaf
from tests.scenarios.kit import DEADLINE_S, NUMBER, RunningKiosk, write_config

STAND_IN = Path(__file__).parent.parent / "edge" / "camera" / "stand_in.py"


def pi_with(folder: Path, fault: str) -> str:
    """A [camera] table whose Python runs the stand-in with this fault, once."""
    (folder / "leaf.jpg").write_bytes(jpeg(leaf(2)))
    python = folder / "python3"
    python.write_text(f"#!/bin/sh\nexec {sys.executable} -I {STAND_IN} {fault} 1 {folder}/leaf.jpg {folder}/runs\n")
    python.chmod(0o755)
    return f'kind = "picamera2"\npython = "{python}"\nstill_deadline_s = 3.0\nstart_deadline_s = 30.0'


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("hangs_at_still", "camera_timeout"),
        ("half_a_picture_then_stalls", "camera_timeout"),
        ("dies_at_still", "camera_gone"),
        ("sends_no_jpeg", "camera_gone"),
    ],
)
def test_the_farmer_is_told_and_the_next_photo_succeeds(tmp_path: Path, fault: str, error: str) -> None:
    with (
        ModemSimulator() as network,
        RunningKiosk(write_config(tmp_path, network.port, pi_with(tmp_path, fault))) as kiosk,
        kiosk.ready() as client,
    ):
        visit = client.post("/visits", json={}).json()["visit"]
        told = client.post(f"/visits/{visit}/photo", json={})
        assert (told.status_code, told.json()["error"]) == (503, error)
        assert client.get(f"/visits/{visit}").json()["diagnosis"] is None
        assert client.post(f"/visits/{visit}/photo", json={}).status_code == 201
        assert client.post(f"/visits/{visit}/farmer", json={"telephone": NUMBER}).status_code == 202
        network.wait_for(1, DEADLINE_S)
        assert kiosk.stop() == 0


def test_sigterm_while_the_camera_hangs(tmp_path: Path) -> None:
    with (
        ModemSimulator() as network,
        RunningKiosk(write_config(tmp_path, network.port, pi_with(tmp_path, "hangs_at_start"))) as kiosk,
        kiosk.ready() as client,
    ):
        visit = client.post("/visits", json={}).json()["visit"]
        client.timeout = 1.0
        with pytest.raises(httpx.ReadTimeout):
            client.post(f"/visits/{visit}/photo", json={})
        assert kiosk.stop() == 0
