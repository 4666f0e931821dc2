"""`krishi-gateway check`: a line for each thing, and the exit code of the worst."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import check
from gateway.authority import Authority
from gateway.config import Broker, Config, Database, State
from tests.peers.mosquitto import Mosquitto


def told(config: Config) -> tuple[int, list[str]]:
    lines: list[str] = []
    return check.check(config, lines.append), [" ".join(line.split()) for line in lines]


@pytest.mark.needs("mosquitto")
def test_all_is_as_it_should_be(tmp_path: Path, database_url: str) -> None:
    with Mosquitto(tmp_path) as mosquitto:
        broker = Broker(url=f"mqtt://127.0.0.1:{mosquitto.port}")
        code, lines = told(Config(state=State(folder=tmp_path), database=Database(url=database_url), broker=broker))
    assert code == 0
    assert [line.split(":")[0] for line in lines] == ["ok database", "ok authority", "ok broker", "ok clock"]


def test_each_trouble_has_its_line_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "gateway.db").write_bytes(b"this is no database, and it is long enough to be looked at" * 20)
    code, lines = told(Config(state=State(folder=tmp_path), broker=Broker(url="mqtts://127.0.0.1:1")))
    assert code == 74
    assert [line.split(":")[0] for line in lines] == [
        "trouble database",
        "trouble authority",
        "trouble broker",
        "ok clock",
    ]
    assert all("krishi-gateway init" in line for line in lines[1:3])


def test_a_certificate_near_its_end_is_told(tmp_path: Path) -> None:
    config = Config(state=State(folder=tmp_path))
    long_ago = datetime.fromtimestamp(time.time() - 5 * 365 * 86_400 + 20 * 86_400, UTC)
    Authority.make(tmp_path / "authority", ["localhost"], long_ago)
    code, lines = told(config)
    assert code == 74
    assert lines[1].startswith("trouble authority")
    assert "the gateway's certificate ends on" in lines[1]


def test_a_clock_before_the_program_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 100.0)
    code, lines = told(Config(state=State(folder=tmp_path), broker=Broker(url="mqtt://127.0.0.1:1")))
    assert code == 71
    assert lines[3].startswith("trouble clock: It is 1970-01-01")


@pytest.mark.needs("postgresql")
def test_a_clock_far_from_the_database_s_is_wrong(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.gateway.conftest import new_database

    url = new_database(request.getfixturevalue("postgres"))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)
    _, lines = told(
        Config(state=State(folder=tmp_path), database=Database(url=url), broker=Broker(url="mqtt://127.0.0.1:1"))
    )
    assert lines[3].startswith("trouble clock")
    assert "3600 s away" in lines[3]
