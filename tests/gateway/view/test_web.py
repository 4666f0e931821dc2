"""The read API as a program meets it: what each path answers is what /openapi.json says."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import Engine, create_engine

from gateway.config import Config, Web
from gateway.tables import metadata
from gateway.web import answers
from gateway.web.app import build_app
from tests.gateway.view import fleet_kit as kit
from tests.gateway.view.fleet_kit import DAY, NOW

JPEG = b"\xff\xd8\xff\xe0small"
ID = f"{1:032x}"

ANSWERS: dict[str, tuple[str, type[BaseModel] | None]] = {
    "/health": ("/health", answers.Health),
    "/kiosks": ("/kiosks?limit=1&trouble=any&since=2026-11-01&site=Koraput&state=enrolled", answers.Kiosks),
    "/kiosks/{id}": ("/kiosks/koraput-7", answers.WholeKiosk),
    "/diagnoses": ("/diagnoses?kiosk=koraput-7&label=rice/blast&decision=answer&limit=2", answers.Diagnoses),
    "/ledger": ("/ledger?kiosk=koraput-7&since=2026-11-01&until=2027-01-01", answers.Ledger),
    "/alarms": ("/alarms?rehearsal=true", answers.Alarms),
    "/counts": ("/counts?by=label,day,site&offset_min=330", answers.Counts),
    "/aside": ("/aside?kiosk=koraput-7", answers.Asides),
    "/thumbnails/{kiosk}/{diagnosis}": (f"/thumbnails/koraput-7/{ID}", None),
}


class Client:
    """Asks the application, without a network between."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app)

    def get(self, url: str, **asked: Any) -> httpx.Response:
        return self.ask("GET", url, **asked)

    def ask(self, method: str, url: str, **asked: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, url, **asked)

        return asyncio.run(call())


@pytest.fixture
def client(engine: Engine) -> Client:
    kit.add_kiosk(engine, "koraput-7", modem="modem_mute", health={"uptime": 5}, desired={"revision": 1})
    kit.add_kiosk(engine, "koraput-8", state="invited", last_seen_at=None, enrolled_at=None)
    kit.add_diagnoses(engine, 5)
    kit.add_ledger(engine, 2)
    kit.add_alarm(engine)
    kit.add_aside(engine, b"garbage")
    kit.add_picture(engine, 1, JPEG)
    return Client(build_app(engine, Config(), lambda: NOW))


def test_each_path_answers_as_described(client: Client) -> None:
    described = client.get("/openapi.json").json()
    assert described["paths"].keys() == ANSWERS.keys()
    for url, model in ANSWERS.values():
        answer = client.get(url)
        assert answer.status_code == 200, (url, answer.text)
        if model is None:
            assert (answer.content, answer.headers["content-type"]) == (JPEG, "image/jpeg")
            continue
        read = model.model_validate_json(answer.content, strict=True)
        assert read.model_dump(mode="json", exclude_unset=True) == answer.json(), url
        assert all(value for value in answer.json().values() if isinstance(value, list)), f"{url} shows nothing"


def test_every_field_and_parameter_is_described(client: Client) -> None:
    described = client.get("/openapi.json").json()
    fields = [
        (name, field, about)
        for name, schema in described["components"]["schemas"].items()
        for field, about in schema.get("properties", {}).items()
    ]
    parameters = [
        (path, parameter["name"], parameter)
        for path, calls in described["paths"].items()
        for parameter in calls["get"].get("parameters", [])
    ]
    assert len(fields) > 80
    assert len(parameters) > 30
    assert [where[:2] for where in [*fields, *parameters] if not where[2].get("description")] == []
    assert "HTTPValidationError" not in described["components"]["schemas"]


@pytest.mark.parametrize(
    ("url", "status", "says"),
    [
        ("/kiosks?limit=0", 422, "limit: "),
        ("/kiosks?limit=1001", 422, "limit: "),
        ("/kiosks?trouble=tired", 422, "trouble: is none of any, silent"),
        ("/kiosks?state=gone", 422, "state: is none of invited"),
        ("/kiosks?colour=red", 422, "colour: this call has no such parameter"),
        ("/kiosks?since=yesterday", 422, "since: 'yesterday' is no time"),
        ("/kiosks?site=%00", 422, "site: "),
        ("/kiosks?cursor=x", 400, "Begin without one"),
        ("/kiosks?cursor=WzFd", 400, "Begin without one"),
        ("/kiosks/koraput-9", 404, "No kiosk has the id 'koraput-9'"),
        ("/kiosks/Koraput", 422, "id: "),
        ("/diagnoses?since=5&until=4", 422, "ends before it begins"),
        ("/diagnoses?label=Rice", 422, "label: "),
        ("/diagnoses?cursor=WyJhIiwiYiIsImMiXQ", 400, "Begin without one"),
        ("/diagnoses?cursor=WzkyMjMzNzIwMzY4NTQ3NzU4MDgsImEiLCJiIl0", 400, "Begin without one"),
        ("/counts?by=farmer", 422, "by: 'farmer' is none of label"),
        ("/counts?by=label,label", 422, "by: names one twice"),
        ("/counts?offset_min=900", 422, "offset_min: "),
        (f"/thumbnails/koraput-7/{2:032x}", 404, "no picture"),
        ("/thumbnails/koraput-7/2", 422, "diagnosis: "),
        ("/nowhere", 404, "Not Found"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_sentence(client: Client, url: str, status: int, says: str) -> None:
    answer = client.get(url)
    assert answer.status_code == status, answer.text
    problem = answers.Problem.model_validate(answer.json(), strict=True)
    assert says in problem.message


def test_on_loopback_a_page_of_elsewhere_is_refused(client: Client, engine: Engine) -> None:
    url = "http://evil.example:8430/kiosks"
    assert client.get(url).status_code == 400
    assert client.get("http://localhost:8430/kiosks").status_code == 200
    behind_a_door = Client(build_app(engine, Config(web=Web(host="0.0.0.0")), lambda: NOW))
    assert behind_a_door.get(url).status_code == 200


def test_nothing_can_be_written(client: Client) -> None:
    for url, _ in ANSWERS.values():
        assert client.ask("POST", url).status_code == client.ask("DELETE", url).status_code == 405


def test_pages_lead_through_all(client: Client) -> None:
    page = client.get("/diagnoses?limit=2").json()
    met = [row["id"] for row in page["diagnoses"]]
    while page["cursor"]:
        page = client.get("/diagnoses", params={"limit": 2, "cursor": page["cursor"]}).json()
        met += [row["id"] for row in page["diagnoses"]]
    assert met == [f"{number:032x}" for number in range(1, 6)]


def test_pseudonyms_are_shown_to_those_alone_who_ask(client: Client) -> None:
    assert [row.get("farmer") for row in client.get("/ledger").json()["rows"]] == [None, None]
    assert "farmer" not in client.get("/ledger").text
    assert client.get("/ledger?farmers=true").json()["rows"][0]["farmer"] == "0123456789abcdef"


def test_counts_name_days(client: Client) -> None:
    said = client.get("/counts?by=day").json()
    assert said == {"by": ["day"], "counts": [{"day": "2026-11-25", "diagnoses": 5, "visits": 5}]}


def test_times_of_a_clock_gone_mad_are_still_counted(client: Client, engine: Engine) -> None:
    kit.add_diagnoses(engine, 1, kiosk="mad", taken_at=2**40)
    days = [row["day"] for row in client.get("/counts?by=day").json()["counts"]]
    assert days == ["2026-11-25", "9999-12-31"]


def test_a_database_that_is_away_is_said(tmp_path: Any) -> None:
    lost = Client(build_app(create_engine(f"sqlite:///{tmp_path}/nowhere/gateway.db"), Config(), lambda: NOW))
    answer = lost.get("/kiosks")
    assert (answer.status_code, answer.json()["error"]) == (503, "database_away")
    assert "krishi_database_up 0.0" in lost.get("/metrics").text


def test_an_empty_database_has_nothing_to_tell(tmp_path: Any) -> None:
    empty = create_engine(f"sqlite:///{tmp_path}/empty.db")
    client = Client(build_app(empty, Config(), lambda: NOW))
    assert client.get("/health").status_code == 503
    metadata.create_all(empty)
    assert client.get("/health").json() == {"status": "ok", "database": "sqlite", "newest": None}
    empty.dispose()


def test_metrics_of_the_fleet_and_of_each_kiosk(client: Client, engine: Engine) -> None:
    kit.add_kiosk(engine, "silent-1", site='a "quoted"\nsite', last_seen_at=NOW - 3 * DAY, diagnoses=7)
    shown = client.get("/metrics").text.splitlines()
    for line in (
        "krishi_database_up 1.0",
        'krishi_kiosks{state="enrolled"} 2.0',
        'krishi_kiosks{state="invited"} 1.0',
        'krishi_kiosks_in_trouble{trouble="silent"} 1.0',
        'krishi_kiosks_in_trouble{trouble="modem"} 1.0',
        "krishi_diagnoses_total 7.0",
        'krishi_kiosk_trouble{kiosk="koraput-7",site="Koraput",trouble="modem"} 1.0',
        'krishi_kiosk_trouble{kiosk="silent-1",site="a \\"quoted\\"\\nsite",trouble="silent"} 1.0',
        'krishi_kiosk_disk_free_bytes{kiosk="koraput-7"} 9e+09',
    ):
        assert line in shown
    assert any(line.startswith("krishi_ingest_batches_total ") for line in shown), "of this process, so any number"
    assert not any('kiosk="koraput-8"' in line for line in shown)
