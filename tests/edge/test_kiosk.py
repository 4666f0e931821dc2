"""The straight line with hand-made parts: what is called in which order, and what is not when something goes wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.clock import Instant
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Farmer, Finding, Photo, Visit
from edge_daemon.errors import CameraTimeout, ModelError, PhotoUnreadable, PoorPhoto, StateFull
from edge_daemon.judge import LEAVES, NO_MODEL, VISITS, Judge, Stopwatch, Vision
from edge_daemon.kiosk import REPORTED, Kiosk
from edge_daemon.store.store import Store
from edge_daemon.wire import codec
from edge_daemon.wire.messages import DiagnosisReport

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PHOTO = Photo(b"jpeg", NOON, "folder:leaf.jpg", "synced")
LABELS = ("rice/blast", "rice/brown_spot", "rice/healthy", "rice/tungro")


@dataclass(frozen=True)
class Verdict:
    """Four candidates, one answer."""

    decision: Decision = Decision.ANSWER
    candidates: tuple[Candidate, ...] = tuple(
        Candidate(label, share) for label, share in zip(LABELS, (0.85, 0.1, 0.04, 0.01), strict=True)
    )
    voted: int = 1


class Camera:
    """Gives one photo, or a trouble."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble

    async def still(self) -> Photo:
        if self.trouble:
            raise self.trouble
        return PHOTO


@dataclass
class Steps:
    """The four steps, noting what each was given and in which thread."""

    trouble: dict[str, Exception] = field(default_factory=dict)
    taken: list[tuple[str, object]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def step(self, name: str, result: Any) -> Callable[..., Any]:
        def run(*values: object) -> Any:
            self.taken.append((name, values[0] if len(values) == 1 else values))
            self.threads.add(threading.current_thread().name)
            if name in self.trouble:
                raise self.trouble[name]
            return result

        return run

    def vision(self) -> Vision[str]:
        finding = Finding(LABELS, (0.85, 0.1, 0.04, 0.01), 0.9, (0.0,), "m-1")
        return Vision(
            self.step("decode", "canvas"),
            self.step("check", None),
            self.step("classify", finding),
            self.step("decide", Verdict()),
            self.step("warmth", ()),
        )


def examined(store: Store, steps: Steps, camera: Camera) -> tuple[Diagnosis, Stopwatch]:
    judge = Judge(steps.vision(), rehearsal=True)
    kiosk = Kiosk("k-1", camera, judge, lambda diagnosis, language, _: f"{diagnosis.best.label} {language}", store, now)
    watch = Stopwatch()
    try:
        return asyncio.run(kiosk.examine(kiosk.begin("hi", "rice"), watch)), watch
    finally:
        judge.close()


def now() -> Instant:
    return Instant(NOON, "unsure")


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(tmp_path, 10_000, now) as opened:
        yield opened


def test_a_photo_becomes_a_diagnosis_and_a_report(store: Store) -> None:
    steps = Steps()
    diagnosis, watch = examined(store, steps, Camera())
    assert [name for name, _ in steps.taken] == ["decode", "check", "classify", "decide", "warmth"]
    assert steps.taken[0][1] == b"jpeg"
    assert steps.taken[3][1][1] == "rice"  # type: ignore[index]  # the values of one step
    assert list(watch.stages_ms) == ["camera", "decode", "quality", "inference", "decision", "store"]
    assert any(name.startswith("judge") for name in steps.threads)
    (report,) = store.reports.waiting()
    told = codec.decode(report.body)
    assert isinstance(told, DiagnosisReport)
    assert told.diagnosis == diagnosis.id
    assert (told.kiosk, told.crop, told.language, told.clock, told.rehearsal) == ("k-1", "rice", "hi", "synced", True)
    assert (told.candidates[0].label, told.candidates[0].permille) == ("rice/blast", 850)
    assert len(told.candidates) == REPORTED


@pytest.mark.parametrize(
    ("where", "trouble"),
    [
        ("decode", PhotoUnreadable("cut short")),
        ("check", PoorPhoto("dark", "more light")),
        ("classify", ZeroDivisionError()),
        ("decide", ZeroDivisionError()),
    ],
)
def test_trouble_before_the_end_records_no_diagnosis(store: Store, where: str, trouble: Exception) -> None:
    with pytest.raises(type(trouble)):
        examined(store, Steps({where: trouble}), Camera())
    last = store.last_visit()
    assert last is not None
    assert last[1] is None
    assert store.queues()["report"] == {}


def test_a_camera_in_trouble_passes_its_name_on(store: Store) -> None:
    steps = Steps()
    with pytest.raises(CameraTimeout):
        examined(store, steps, Camera(CameraTimeout("no picture in 5 s")))
    assert steps.taken == []


def test_a_full_store_passes_its_name_on(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(Store):
        def record(self, diagnosis: Diagnosis, photo: Photo, report: bytes) -> None:
            raise StateFull("no room")

    store.__class__ = Full
    with pytest.raises(StateFull):
        examined(store, Steps(), Camera())


def test_advice_is_composed_in_the_farmer_s_language(store: Store) -> None:
    diagnosis, _ = examined(store, Steps(), Camera())
    judge = Judge(Steps().vision(), rehearsal=True)
    kiosk = Kiosk(
        "k-1",
        Camera(),
        judge,
        lambda diagnosis, language, notice: f"{diagnosis.best.percent} {language} {notice}",
        store,
        now,
    )
    sms = kiosk.advise(diagnosis, Farmer("+919812345678", "en"))
    judge.close()
    assert sms.text == "85 en True"
    assert store.sms_states(diagnosis.visit)[0]["state"] == "waiting"


def test_a_stage_is_timed_even_when_it_fails() -> None:
    watch = Stopwatch()
    with pytest.raises(ZeroDivisionError), watch.stage("decode"):
        raise ZeroDivisionError
    assert watch.stages_ms["decode"] >= 0


def test_the_values_check_themselves() -> None:
    with pytest.raises(ValueError, match="E\\.164"):
        Farmer("98123", "en")
    with pytest.raises(ValueError, match="not in UTC"):
        Visit("v", datetime(2026, 11, 23, 12), "unsure", "en")  # noqa: DTZ001 - a time without a zone is the point
    with pytest.raises(ValueError, match="probability"):
        Candidate("rice/blast", 1.1)
    with pytest.raises(ValueError, match="crop"):
        Candidate("blast", 0.5)
    assert Candidate("rice/blast", 0.9999).percent == 99


def test_a_judge_remembers_the_newest_leaves_of_the_newest_visits() -> None:
    steps = Steps()
    judge = Judge(steps.vision(), rehearsal=True)

    async def photographs(visit: Visit, count: int) -> None:
        for _ in range(count):
            await judge.judge(visit, PHOTO, Stopwatch())

    visits = [Visit(f"v{number}", NOON, "unsure", "en", "rice") for number in range(VISITS + 1)]
    for visit in visits:
        asyncio.run(photographs(visit, 1))
    asyncio.run(photographs(visits[-1], LEAVES + 3))
    asyncio.run(photographs(visits[0], 1))
    judge.close()
    asked = [len(values[0]) for name, values in steps.taken if name == "decide" and isinstance(values, tuple)]
    together = [*range(2, LEAVES + 1), *([LEAVES] * 4)]
    assert asked == [*([1] * len(visits)), *together, 1]  # the first visit was forgotten meanwhile


def test_without_a_model_the_diagnosis_is_first_aid() -> None:
    steps = Steps(trouble={"classify": ModelError("no model")})
    judge = Judge(steps.vision(), rehearsal=True)
    visit = Visit("v", NOON, "unsure", "en", "rice")
    diagnosis = asyncio.run(judge.judge(visit, PHOTO, Stopwatch()))
    judge.close()
    assert (diagnosis.decision, diagnosis.candidates, diagnosis.model) == (Decision.FIRST_AID, (), NO_MODEL)
