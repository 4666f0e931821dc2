"""The visit API over a real socket: each call, each refusal, and what a foreign web page must not do.

Behind it stands a line that needs no camera, so that each answer can be chosen.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from edge_daemon.clock import Instant
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Farmer, Photo, Sms, Visit
from edge_daemon.errors import (
    BadTelephone,
    CameraTimeout,
    KrishiError,
    PoorPhoto,
    StateFull,
    UnknownCrop,
    UnknownLanguage,
)
from edge_daemon.judge import Stopwatch
from edge_daemon.period import read_period
from edge_daemon.references import References
from edge_daemon.store.store import Store
from edge_daemon.thumbnails import Sharing
from edge_daemon.visits import WAITING_FOR_CAMERA, Visits
from edge_daemon.web.app import BODY_BYTES, build_app
from edge_daemon.web.server import listen, serve

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Line:
    """The straight line with a photo that is always rice blast, or a trouble of the test's choice."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.trouble: KrishiError | None = None
        self.decision = Decision.ANSWER
        self.gate = asyncio.Event()
        self.gate.set()

    def begin(self, language: str, crop: str | None) -> Visit:
        visit = Visit(uuid.uuid4().hex, NOON, "unsure", language, crop)
        self.store.begin(visit)
        return visit

    async def examine(self, visit: Visit, watch: Stopwatch) -> Diagnosis:
        await self.gate.wait()
        if self.trouble:
            raise self.trouble
        with watch.stage("inference"):
            candidates = (Candidate("rice/blast", 0.85),)
        diagnosis = Diagnosis(
            uuid.uuid4().hex, visit, NOON, "unsure", self.decision, candidates, 0.9, "m-1", "file:x", True
        )
        self.store.record(diagnosis, Photo(b"x", NOON, "file:x"), b"report")
        return diagnosis

    def advise(self, diagnosis: Diagnosis, farmer: Farmer) -> Sms:
        return self.store.queue_sms(diagnosis, farmer, f"Rice blast, 85 % ({farmer.language})")


class Names:
    """Two languages, one crop."""

    def crop(self, text: str) -> str:
        if text != "rice":
            raise UnknownCrop(f"No crop {text!r}. There is: rice.")
        return text

    def language(self, text: str) -> str:
        if text not in {"en", "hi"}:
            raise UnknownLanguage(f"No language {text!r}. There are: en, hi.")
        return text

    def name(self, label: str, language: str) -> str:
        return {"en": "Rice blast", "hi": "धान का झोंका"}[language]

    def reviewed_by(self, label: str, language: str) -> str:
        return "A. Reader" if language == "en" else ""

    def notice(self, language: str) -> tuple[str, str]:
        return f"{language}-00000001", f"What your number is used for ({language})."

    def retake(self, fault: str, language: str) -> str:
        return f"Again, please: {fault} ({language})."


def normalise(given: str) -> str:
    if given != "98123 45678":
        raise BadTelephone(f"{given!r} is not a telephone number.")
    return "+919812345678"


async def shrunk(photo: bytes) -> bytes:
    return b"small " + photo


async def status() -> dict[str, Any]:
    return {"running": True}


async def report(*, week: bool, since: str | None, until: str | None) -> dict[str, Any]:
    read_period(ZoneInfo("Asia/Kolkata"), NOON.date(), week, since, until)
    return {"week": week, "since": since, "until": until}


Scene = Callable[[httpx.AsyncClient, Line], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    async def stage(scene: Scene) -> None:
        with Store.open(tmp_path, 10_000, lambda: Instant(NOON, "unsure")) as store, listen(0) as listener:
            line = Line(store)
            sharing = Sharing(
                kiosk="test-kiosk",
                consents=store.consents,
                wanted=lambda: True,
                question=lambda language: (f"{language}-00000002", f"May it be sent ({language})?"),
                shrink=shrunk,
            )
            names = Names()
            visits = Visits(line, store, names, normalise, "en", sharing, lab_only=lambda label: label == "rice/blast")
            app = build_app(visits, status, References(tmp_path / "references"), report)
            serving = asyncio.create_task(serve(app, listener))
            address, port = listener.getsockname()
            async with httpx.AsyncClient(base_url=f"http://{address}:{port}", trust_env=False, timeout=20) as client:
                await scene(client, line)
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving

    return lambda scene: asyncio.run(stage(scene))


async def begun(client: httpx.AsyncClient, **body: str) -> str:
    answer = await client.post("/visits", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["visit"])


def test_a_whole_visit(play: Callable[[Scene], None]) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        visit = await begun(client, crop="rice", language="hi")
        photo = await client.post(f"/visits/{visit}/photo", json={})
        assert photo.status_code == 201
        assert photo.json()["decision"] == "answer"
        assert photo.json()["candidates"][0] | {"probability": 0} == {
            "label": "rice/blast",
            "name": "धान का झोंका",
            "percent": 85,
            "probability": 0,
            "lab_only": True,
            "reference": None,
            "reviewed_by": None,
        }
        assert "inference" in photo.json()["stages_ms"]
        farmer = await client.post(f"/visits/{visit}/farmer", json={"telephone": "98123 45678", "language": "en"})
        assert farmer.status_code == 202
        assert farmer.json()["text"] == "Rice blast, 85 % (en)"
        again = await client.post(f"/visits/{visit}/farmer", json={"telephone": "98123 45678", "language": "en"})
        assert again.json() == farmer.json()
        shown = (await client.get(f"/visits/{visit}")).json()
        assert (shown["crop"], shown["language"]) == ("rice", "hi")
        assert [sms["state"] for sms in shown["sms"]] == ["waiting"]
        assert "9812345678" not in str(shown)

    play(scene)


def test_a_visit_says_nothing_before_its_photo(play: Callable[[Scene], None]) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        visit = await begun(client)
        shown = (await client.get(f"/visits/{visit}")).json()
        assert (shown["diagnosis"], shown["sms"], shown["crop"], shown["language"]) == (None, [], None, "en")
        early = await client.post(f"/visits/{visit}/farmer", json={"telephone": "98123 45678"})
        assert (early.status_code, early.json()["error"]) == (409, "no_diagnosis_yet")
        early = await client.post(f"/visits/{visit}/share", json={"agreed": True})
        assert (early.status_code, early.json()["error"]) == (409, "no_diagnosis_yet")

    play(scene)


@pytest.mark.parametrize(
    ("trouble", "code", "name"),
    [
        (PoorPhoto("dark", "More light, please."), 422, "poor_photo"),
        (CameraTimeout("The camera gave no picture in 5 s."), 503, "camera_timeout"),
        (StateFull("No room is left."), 507, "state_full"),
    ],
)
def test_trouble_has_a_code_a_name_and_a_sentence(
    play: Callable[[Scene], None], trouble: KrishiError, code: int, name: str
) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        visit = await begun(client)
        line.trouble = trouble
        answer = await client.post(f"/visits/{visit}/photo", json={})
        told = str(trouble)
        if isinstance(trouble, PoorPhoto):  # said in the visit's language
            assert answer.json()["hint"] == "Again, please: dark (en)."
            told = "The photo cannot be judged (dark): Again, please: dark (en)."
        assert (answer.status_code, answer.json()["error"], answer.json()["message"]) == (code, name, told)
        line.trouble = None
        assert (await client.post(f"/visits/{visit}/photo", json={})).status_code == 201

    play(scene)


@pytest.mark.parametrize(
    ("path", "body", "code", "name"),
    [
        ("/visits", {"crop": "moon"}, 422, "unknown_crop"),
        ("/visits", {"language": "xx"}, 422, "unknown_language"),
        ("/visits", {"colour": "red"}, 400, "bad_request"),
        ("/visits", {"crop": 3}, 400, "bad_request"),
        ("/visits", [], 400, "bad_request"),
        ("/visits/nobody/photo", {}, 404, "no_such_visit"),
        ("/visits/nobody/farmer", {"telephone": "98123 45678"}, 404, "no_such_visit"),
        ("/visits/nobody/farmer", {}, 400, "bad_request"),
        ("/visits/nobody/share", {"agreed": True}, 404, "no_such_visit"),
        ("/visits/nobody/share", {}, 400, "bad_request"),
        ("/visits/nobody/share", {"agreed": None}, 400, "bad_request"),
        ("/visits/nobody/share", {"agreed": "true"}, 400, "bad_request"),
        ("/visits/nobody/share", {"agreed": 1}, 400, "bad_request"),
        ("/visits/nobody/share", {"agreed": True, "picture": "other"}, 400, "bad_request"),
        ("/nowhere", {}, 404, "http"),
        ("/status", {}, 405, "http"),
        ("/report", {}, 405, "http"),
    ],
)
def test_bad_requests_are_named(play: Callable[[Scene], None], path: str, body: object, code: int, name: str) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        answer = await client.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]) == (code, name)
        assert answer.json()["message"]

    play(scene)


async def photographed(client: httpx.AsyncClient) -> tuple[str, dict[str, Any]]:
    visit = await begun(client, language="hi")
    photo = await client.post(f"/visits/{visit}/photo", json={})
    assert photo.status_code == 201
    return visit, photo.json()


def test_where_the_kiosk_is_not_sure_the_picture_may_be_asked_for(play: Callable[[Scene], None]) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        line.decision = Decision.NOT_SURE
        visit, said = await photographed(client)
        assert said["share"] == "may_ask"
        assert said["consent"] == {"id": "hi-00000002", "text": "May it be sent (hi)?"}
        assert (await client.get(f"/visits/{visit}")).json()["diagnosis"]["share"] == "may_ask"
        assert line.store.consents.counts() == {"waiting": 0, "sent": 0}
        for _ in range(2):
            answer = await client.post(f"/visits/{visit}/share", json={"agreed": True})
            assert (answer.status_code, answer.json()) == (200, {"share": "agreed"})
        assert line.store.consents.counts() == {"waiting": 1, "sent": 0}
        shown = (await client.get(f"/visits/{visit}")).json()["diagnosis"]
        assert (shown["share"], shown["consent"]) == ("agreed", None)
        taken_back = await client.post(f"/visits/{visit}/share", json={"agreed": False})
        assert taken_back.json() == {"share": "refused"}
        assert line.store.consents.counts() == {"waiting": 0, "sent": 0}

    play(scene)


def test_a_no_is_kept_and_nobody_is_asked_again(play: Callable[[Scene], None]) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        line.decision = Decision.NOT_SURE
        visit, _ = await photographed(client)
        for agreed in (False, True, False):
            answer = await client.post(f"/visits/{visit}/share", json={"agreed": agreed})
            assert (answer.status_code, answer.json()) == (200, {"share": "refused"})
        another = (await client.post(f"/visits/{visit}/photo", json={})).json()
        assert (another["share"], another["consent"]) == ("refused", None)
        assert line.store.consents.counts() == {"waiting": 0, "sent": 0}

    play(scene)


def test_a_sure_kiosk_asks_for_no_picture_and_takes_none(play: Callable[[Scene], None]) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        visit, said = await photographed(client)
        assert (said["share"], said["consent"]) == (None, None)
        answer = await client.post(f"/visits/{visit}/share", json={"agreed": True})
        assert (answer.status_code, answer.json()["error"]) == (409, "nothing_to_share")

    play(scene)


def test_a_bad_number_is_refused(play: Callable[[Scene], None]) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        visit = await begun(client)
        await client.post(f"/visits/{visit}/photo", json={})
        answer = await client.post(f"/visits/{visit}/farmer", json={"telephone": "12"})
        assert (answer.status_code, answer.json()["error"]) == (422, "bad_telephone")

    play(scene)


@pytest.mark.parametrize(
    ("headers", "content", "code"),
    [
        ({"content-type": "text/plain"}, b"{}", 400),
        ({"content-type": "application/x-www-form-urlencoded"}, b"crop=rice", 400),
        ({}, b"{}", 400),
        ({"content-type": "application/json"}, b"{not json", 400),
        ({"content-type": "application/json"}, b"\xff\xfe", 400),
        ({"content-type": "application/json"}, b"[" * 4000, 400),
        ({"content-type": "application/json"}, b'{"crop": "' + b"x" * BODY_BYTES + b'"}', 400),
        ({"content-type": "application/json", "host": "evil.example"}, b"{}", 400),
    ],
)
def test_what_a_foreign_page_or_a_broken_program_sends_is_refused(
    play: Callable[[Scene], None], headers: dict[str, str], content: bytes, code: int
) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        answer = await client.post("/visits", headers=headers, content=content)
        assert answer.status_code == code
        assert line.store.last_visit() is None

    play(scene)


def test_the_camera_s_queue_has_a_bound(play: Callable[[Scene], None]) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        visit = await begun(client)
        line.gate.clear()
        asked = [
            asyncio.create_task(client.post(f"/visits/{visit}/photo", json={})) for _ in range(WAITING_FOR_CAMERA + 1)
        ]
        done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = done
        assert (refused.result().status_code, refused.result().json()["error"]) == (503, "kiosk_busy")
        line.gate.set()
        answers = await asyncio.gather(*waiting)
        assert [answer.status_code for answer in answers] == [201] * WAITING_FOR_CAMERA

    play(scene)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"week": False, "since": None, "until": None}),
        ("?week=1", {"week": True, "since": None, "until": None}),
        ("?since=2026-11-01&until=2026-11-08", {"week": False, "since": "2026-11-01", "until": "2026-11-08"}),
    ],
)
def test_a_report_is_of_the_days_that_are_asked_for(
    play: Callable[[Scene], None], query: str, expected: dict[str, Any]
) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        answer = await client.get(f"/report{query}")
        assert (answer.status_code, answer.json()) == (200, expected)

    play(scene)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("week=yes", "bad_request"),
        ("month=1", "bad_request"),
        ("since=yesterday", "bad_period"),
        ("since=2026-11-08&until=2026-11-08", "bad_period"),
        ("week=1&since=2026-11-08", "bad_period"),
    ],
)
def test_a_report_of_no_period_is_refused(play: Callable[[Scene], None], query: str, name: str) -> None:
    async def scene(client: httpx.AsyncClient, line: Line) -> None:
        answer = await client.get(f"/report?{query}")
        assert (answer.status_code, answer.json()["error"]) == (400, name)
        assert answer.json()["message"]

    play(scene)
