"""Odd kiosks and odd days between kiosk and gateway: a full disk, a wrong year, an old card, garbage, far too much."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from gateway import tables
from tests import foreign
from tests.rigs.village import Kiosk, Village
from tests.scenarios.kit import DEADLINE_S, fill_camera, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.needs("mosquitto")]

NUMBERED = 200
SHARE = 100
"""Of one kiosk in an hour. A batch may have twice as many, and the first of an hour is taken whole."""
LIBRARY = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")


@pytest.mark.needs("faketime")
@pytest.mark.parametrize("days", [365, -365])
def test_a_clock_a_year_off(tmp_path: Path, days: int) -> None:
    """The kiosk has no clock: it gets in all the same, is told the time, and knows the year from then on."""
    environment = {"LD_PRELOAD": LIBRARY[0], "FAKETIME": f"{days:+d}d", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    village = Village(tmp_path)
    with village.broker, village.gateway():
        kiosk = village.kiosk("koraput-7")
        fill_camera(kiosk.folder)
        kiosk.record(NUMBERED)
        with kiosk.running(environment=environment) as daemon, daemon.ready() as client:
            kiosk.drain()
            told = kiosk.visit(client)
            assert abs(told.taken_at - datetime.now(UTC).timestamp()) < 60
            assert told.clock == "synced"
            kiosk.drain()
        village.reconcile()
        assert known(village, tables.kiosk.c.clock, tables.kiosk.c.clock_off_s) == ("synced", 0)


def known(village: Village, *columns: sqlalchemy.Column[Any]) -> tuple[Any, ...]:
    """What the gateway knows of its one kiosk."""
    engine = sqlalchemy.create_engine(village.database)
    with engine.connect() as database:
        row = database.execute(sqlalchemy.select(*columns)).one()
    engine.dispose()
    return tuple(row)


def test_an_old_card_is_put_back(tmp_path: Path) -> None:
    """Diagnoses before the copy was made, after it, and after it was put back: all are stored, each once."""
    village = Village(tmp_path)
    with village.broker, village.gateway():
        kiosk = village.kiosk("koraput-7")
        copy = tmp_path / "copy"
        kiosk.record(NUMBERED)  # these wait on both cards
        shutil.copytree(kiosk.state, copy)
        for after in (copy, None):
            kiosk.record(NUMBERED // 2)
            with kiosk.running() as daemon:
                daemon.ready().close()
                kiosk.drain()
            if after is not None:
                shutil.rmtree(kiosk.state)
                shutil.copytree(after, kiosk.state)
        village.reconcile()


def test_a_kiosk_that_sends_garbage(tmp_path: Path) -> None:
    """Nothing, noise, half a batch, a topic of another's: kept aside or refused, and its neighbour's reports get in."""
    village = Village(tmp_path)
    with village.broker, village.gateway():
        mad, sane = village.kiosk("mad-kiosk"), village.kiosk("sane-kiosk")
        sane.record(NUMBERED)
        noise = [os.urandom(60_000), b"\x01", b"\x01\x00" + os.urandom(100), b"{}"]
        for body in noise:
            _publish(village, mad, "k/mad-kiosk/u", body)
        _publish(village, mad, "k/sane-kiosk/u", b"not mine")
        with sane.running() as daemon:
            daemon.ready().close()
            sane.drain()
        wait_until(lambda: len(_aside(village)) >= len(noise))
        village.reconcile()
        kept = _aside(village)
        assert {row.kiosk for row in kept} == {"mad-kiosk"}
        assert sorted(row.body for row in kept) == sorted(noise)
        assert all(row.reason for row in kept)


def test_a_kiosk_that_sends_ten_times_too_much(tmp_path: Path) -> None:
    """It is told to wait and keeps its reports; its neighbour notices nothing; with a larger share all of it comes."""
    village = Village(tmp_path, settings=f"[ingest]\nhourly_messages = {SHARE}")
    loud, quiet = village.kiosk("loud-kiosk"), village.kiosk("quiet-kiosk")
    loud.record(10 * SHARE)
    quiet.record(SHARE // 10)
    with village.broker:
        with (
            village.gateway(),
            loud.running() as daemon,
            quiet.running() as neighbour,
            daemon.ready() as client,
            neighbour.ready(),
        ):
            loud.sync()
            assert "The gateway asked this kiosk to wait" in client.get("/status").json()["link"]["trouble"]
            quiet.drain()
            assert loud.left >= 8 * SHARE, "what the gateway did not take, the kiosk has"
            assert village.stored() == len(village.recorded()) - loud.left
        with village.gateway(village.write_config("larger.toml", village.broker.port)), loud.running() as daemon:
            daemon.ready().close()
            loud.drain()
            village.reconcile()


def _publish(village: Village, kiosk: Kiosk, topic: str, body: bytes) -> None:
    """By a program of others, with the kiosk's own certificate."""
    identity = kiosk.state / "identity"
    program = foreign.program("mosquitto_pub")
    assert program is not None
    message = kiosk.folder / "message"
    message.write_bytes(body)
    certificates = ["--cafile", "ca.crt", "--cert", "kiosk.crt", "--key", "kiosk.key"]
    words = [program, "-h", "127.0.0.1", "-p", str(village.broker.port), "-V", "5", "-q", "1", "-t", topic]
    done = subprocess.run(
        [*words, "-f", str(message), *certificates], cwd=identity, capture_output=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 0 or b"Not authorized" in done.stderr, done.stderr


def _aside(village: Village) -> list[sqlalchemy.Row[tuple[str, str, bytes]]]:
    """What the gateway has kept aside."""
    columns = tables.aside.c
    engine = sqlalchemy.create_engine(village.database)
    try:
        with engine.connect() as connection:
            return list(connection.execute(sqlalchemy.select(columns.kiosk, columns.reason, columns.body)))
    finally:
        engine.dispose()
