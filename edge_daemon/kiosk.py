"""The straight line: a visit becomes a photo, a diagnosis, an advice.

Read `Kiosk.examine`, then `Kiosk.advise`; what happens between photo and diagnosis is `Judge.judge`, next door.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge_daemon.clock import Now
from edge_daemon.diagnosis import Diagnosis, Farmer, Photo, Sms, Visit
from edge_daemon.judge import Stopwatch
from edge_daemon.wire import codec
from edge_daemon.wire.messages import Candidate, DiagnosisReport

REPORTED = 3
"""How many candidates a report names: what agronomists look at first, at 20 bytes each."""


class TakesPhotos(Protocol):
    """What the kiosk asks of a camera."""

    async def still(self) -> Photo: ...


class Judge(Protocol):
    """What the kiosk asks of whoever judges: edge_daemon.judge.Judge."""

    async def judge(self, visit: Visit, photo: Photo, watch: Stopwatch) -> Diagnosis: ...


class Store(Protocol):
    """What the kiosk asks of its memory."""

    def begin(self, visit: Visit) -> None: ...
    def record(self, diagnosis: Diagnosis, photo: Photo, report: bytes) -> None: ...
    def knows_notice(self, number: str) -> bool: ...
    def queue_sms(self, diagnosis: Diagnosis, farmer: Farmer, text: str, *, notice: bool) -> Sms: ...


@dataclass(frozen=True)
class Kiosk:
    """One kiosk: its parts are handed in.

    compose turns a diagnosis into the SMS in a language, with or without the notice of what the number is used for.
    """

    id: str
    camera: TakesPhotos
    judge: Judge
    compose: Callable[[Diagnosis, str, bool], str]
    store: Store
    now: Now

    def begin(self, language: str, crop: str | None) -> Visit:
        """A farmer steps up. Both are the catalogue's names; crop None is "don't know"."""
        now = self.now()
        visit = Visit(uuid.uuid4().hex, now.utc, now.clock, language, crop)
        self.store.begin(visit)
        return visit

    async def examine(self, visit: Visit, watch: Stopwatch) -> Diagnosis:
        """Photograph the leaf, judge it, record the diagnosis and its report.

        Raises PoorPhoto, PhotoUnreadable, PhotoTooLarge, a camera's DeviceError or a StateError; then nothing is
        recorded.
        """
        with watch.stage("camera"):
            photo = await self.camera.still()
        diagnosis = await self.judge.judge(visit, photo, watch)
        with watch.stage("store"):
            self.store.record(diagnosis, photo, codec.encode(report(self.id, diagnosis)))
        return diagnosis

    def advise(self, diagnosis: Diagnosis, farmer: Farmer) -> Sms:
        """Queue the advice for the farmer's telephone. The first says what their number is used for."""
        notice = not self.store.knows_notice(farmer.number)
        return self.store.queue_sms(diagnosis, farmer, self.compose(diagnosis, farmer.language, notice), notice=notice)


def report(kiosk: str, diagnosis: Diagnosis) -> DiagnosisReport:
    """What the gateway is told of a diagnosis."""
    return DiagnosisReport(
        diagnosis=diagnosis.id,
        visit=diagnosis.visit.id,
        kiosk=kiosk,
        taken_at=int(diagnosis.taken_at.timestamp()),
        clock=diagnosis.clock,
        crop=diagnosis.visit.crop,
        decision=diagnosis.decision.value,
        candidates=tuple(
            Candidate(label=candidate.label, permille=round(candidate.probability * 1000))
            for candidate in diagnosis.candidates[:REPORTED]
        ),
        model=diagnosis.model,
        language=diagnosis.visit.language,
        rehearsal=diagnosis.rehearsal,
    )
