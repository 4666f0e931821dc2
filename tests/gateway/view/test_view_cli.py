"""kiosks, want and export as somebody types them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from gateway import tables
from gateway.store import Store
from tests.gateway.view import fleet_kit as kit
from tests.peers.program import Program, free_port

DEADLINE_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a gateway.toml, and a database that two kiosks are in."""
    (tmp_path / "gateway.toml").write_text(f'[state]\nfolder = "{tmp_path / "state"}"\n', encoding="utf-8")
    store = Store.open(f"sqlite:///{tmp_path / 'state' / 'gateway.db'}")
    kit.add_kiosk(store.engine, "koraput-7", last_seen_at=5)
    kit.add_kiosk(store.engine, "revoked-1", state="revoked", revoked_at=7)
    kit.add_diagnoses(store.engine, 3)
    store.close()
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", *words, "--config", str(folder / "gateway.toml")]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S)


def test_kiosks(folder: Path) -> None:
    said = run(folder, "kiosks")
    assert said.returncode == 0, said.stderr
    assert "silent" in said.stdout.splitlines()[1]
    assert said.stdout.splitlines()[-1].startswith("2 kiosks. In trouble: silent 1")
    assert json.loads(run(folder, "kiosks", "--trouble", "silent", "--json").stdout)["id"] == "koraput-7"
    assert "Ask on site" in run(folder, "kiosks", "koraput-7").stdout


@pytest.mark.parametrize(
    "words", [("kiosks",), ("want", "--all", "--health"), ("export", "health", "--out", "health.csv")]
)
def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "gateway.toml").write_text(f'[state]\nfolder = "{tmp_path / "state"}"\n', encoding="utf-8")
    said = run(tmp_path, *words)
    assert (said.returncode, said.stdout) == (69, "")
    assert "gateway.db is not there" in said.stderr
    assert not (tmp_path / "state").exists()


def test_want(folder: Path) -> None:
    said = run(folder, "want", "koraput-7", "--daily-kb", "500", "--thumbnails", "off")
    assert '"revision":1' in said.stdout, said.stderr
    assert run(folder, "want", "--all", "--health").stdout == "Wanted of 1 kiosk.\n"
    shown = json.loads(run(folder, "kiosks", "koraput-7", "--json").stdout)["desired"]
    assert (shown["revision"], shown["daily_kb"], shown["thumbnails"], shown["health"]) == (2, 500, False, 1)


def test_reread(folder: Path) -> None:
    said = run(folder, "reread")
    assert said.stdout == "Nothing is kept aside.\n", said.stderr


def test_forget_asks_and_takes_silence_for_a_no(folder: Path) -> None:
    store = Store.open(f"sqlite:///{folder / 'state' / 'gateway.db'}")
    with store.writing() as db:
        db.execute(tables.diagnosis.update().values(received_at=1000))  # whatever this machine's clock says, it is over
    store.close()
    said = run(folder, "forget", "--before", "1970-01-02")
    assert said.stdout.endswith("Type yes: \nNothing was removed.\n"), said.stderr
    said = run(folder, "forget", "--before", "1970-01-02", "--what", "diagnoses", "--yes")
    assert said.stdout.endswith("Removed: 3 of diagnoses.\n"), said.stderr


def test_export(folder: Path) -> None:
    out = folder / "d.csv"
    said = run(folder, "export", "diagnoses", "--since", "2026-11-25", "--out", str(out))
    assert said.stdout == f"{out}: 3 rows.\n", said.stderr
    with out.open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 3


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["kiosks", "nobody-1"], 65, "No kiosk has the id 'nobody-1'"),
        (["kiosks", "--trouble", "tired"], 64, "--trouble"),
        (["want", "koraput-7"], 65, "Nothing is wanted"),
        (["forget"], 64, "--before"),
        (["forget", "--before", "soon"], 65, "is no time"),
        (["forget", "--before", "2999-01-01", "--yes"], 65, "still to come"),
        (["want", "koraput-7", "--daily-kb", "1"], 65, "daily_kb"),
        (["want", "revoked-1", "--health"], 65, "revoked-1 is revoked"),
        (["want", "--health"], 64, "required"),
        (["want", "koraput-7", "--all", "--health"], 64, "not allowed"),
        (["export", "diagnoses"], 64, "--out"),
        (["export", "photos", "--out", "x"], 64, "photos"),
        (["export", "diagnoses", "--since", "soon", "--out", "x"], 65, "'soon' is no time"),
        (["export", "diagnoses", "--out", "/nowhere/x"], 73, "/nowhere/x: cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(folder: Path, words: list[str], code: int, says: str) -> None:
    said = run(folder, *words)
    assert (said.returncode, said.stdout) == (code, ""), said.stderr
    assert says in said.stderr
    assert "Traceback" not in said.stderr


def test_run_serves_what_the_commands_show(folder: Path) -> None:
    port = free_port()
    with (folder / "gateway.toml").open("a", encoding="utf-8") as config:
        config.write(f"[web]\nport = {port}\n")
    command = [sys.executable, "-m", "gateway", "run", "--only", "web", "--config", str(folder / "gateway.toml")]
    with Program("gateway", folder, command, port) as running:
        answer = httpx.get(f"http://127.0.0.1:{port}/kiosks?trouble=silent", timeout=DEADLINE_S)
        assert [row["id"] for row in answer.json()["kiosks"]] == ["koraput-7"]
        assert "krishi_database_up 1.0" in httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_S).text
    assert "Traceback" not in running.log.read_text(encoding="utf-8")
