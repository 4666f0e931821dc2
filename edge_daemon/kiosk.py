"""The straight line: a visit becomes a photo, a finding, a diagnosis, an advice. Read `Kiosk.examine`, then `advise`."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Generic, Protocol, TypeVar

from edge_daemon.clock import Now
from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Farmer, Finding, Photo, Sms, Visit
from edge_daemon.wire import codec
from edge_daemon.wire.messages import Candidate as WireCandidate
from edge_daemon.wire.messages import DiagnosisReport

Canvas = TypeVar("Canvas")
T = TypeVar("T")
R = TypeVar("R")

REPORTED = 3
"""How many candidates a report names: what agronomists look at first, at 20 bytes each."""


class Camera(Protocol):
    """What the kiosk asks of a camera."""

    async def still(self) -> Photo: ...


class Verdict(Protocol):
    """A decision, before it belongs to a visit."""

    @property
    def decision(self) -> Decision: ...
    @property
    def candidates(self) -> tuple[Candidate, ...]: ...


class Store(Protocol):
    """What the kiosk asks of its memory."""

    def begin(self, visit: Visit) -> None: ...
    def record(self, diagnosis: Diagnosis, photo: Photo, report: bytes) -> None: ...
    def queue_sms(self, diagnosis: Diagnosis, farmer: Farmer, text: str) -> Sms: ...


@dataclass(frozen=True)
class Vision(Generic[Canvas]):
    """The four steps from bytes to a verdict. Canvas is their own business.

    decode raises PhotoUnreadable or PhotoTooLarge, check raises PoorPhoto.
    """

    decode: Callable[[bytes], Canvas]
    check: Callable[[Canvas], object]
    classify: Callable[[Canvas], Finding]
    decide: Callable[[Finding, str | None], Verdict]


@dataclass
class Stopwatch:
    """How long each stage took, in milliseconds, in the order in which they ran."""

    stages_ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block."""
        begun = perf_counter()
        try:
            yield
        finally:
            self.stages_ms[name] = (perf_counter() - begun) * 1000


@dataclass(frozen=True)
class Identity:
    """Which kiosk speaks, and whether it only rehearses."""

    id: str
    rehearsal: bool


class Kiosk(Generic[Canvas]):
    """One kiosk. Its parts are handed in; `close` ends the one thread that it owns."""

    def __init__(
        self,
        identity: Identity,
        camera: Camera,
        vision: Vision[Canvas],
        compose: Callable[[Diagnosis, str], str],
        store: Store,
        now: Now,
    ) -> None:
        self.identity = identity
        self.camera = camera
        self.vision = vision
        self.compose = compose
        self.store = store
        self.now = now
        # Decoding and inference compute, they wait on no device, so a thread cannot hang; one, since the Pi's cores
        # are few and the interpreter serves one photo at a time.
        self._thread = ThreadPoolExecutor(1, "vision")

    def begin(self, language: str, crop: str | None) -> Visit:
        """A farmer steps up. Both are the catalogue's names; crop None is "don't know"."""
        now = self.now()
        visit = Visit(uuid.uuid4().hex, now.utc, now.clock, language, crop)
        self.store.begin(visit)
        return visit

    async def examine(self, visit: Visit, watch: Stopwatch) -> Diagnosis:
        """Photograph the leaf, judge it, record the diagnosis and its report.

        Raises PoorPhoto, PhotoUnreadable, PhotoTooLarge, a camera's DeviceError or a StateError; nothing is recorded then.
        """
        with watch.stage("camera"):
            photo = await self.camera.still()
        diagnosis = await self.judge(visit, photo, watch)
        with watch.stage("store"):
            self.store.record(diagnosis, photo, codec.encode(self._report(diagnosis)))
        return diagnosis

    async def judge(self, visit: Visit, photo: Photo, watch: Stopwatch) -> Diagnosis:
        """What the kiosk would say of this photo; nothing is recorded."""
        with watch.stage("decode"):
            canvas = await self._computed(self.vision.decode, photo.data)
        with watch.stage("quality"):
            self.vision.check(canvas)
        with watch.stage("inference"):
            finding = await self._computed(self.vision.classify, canvas)
        with watch.stage("decision"):
            verdict = self.vision.decide(finding, visit.crop)
        return Diagnosis(
            id=uuid.uuid4().hex,
            visit=visit,
            taken_at=photo.taken_at,
            clock=photo.clock,
            decision=verdict.decision,
            candidates=verdict.candidates,
            leaf=finding.leaf,
            model=finding.model,
            source=photo.source,
            rehearsal=self.identity.rehearsal,
        )

    def advise(self, diagnosis: Diagnosis, farmer: Farmer) -> Sms:
        """Queue the advice for the farmer's telephone."""
        return self.store.queue_sms(diagnosis, farmer, self.compose(diagnosis, farmer.language))

    def close(self) -> None:
        """End the thread. What it computes now is waited for: well under a second."""
        self._thread.shutdown()

    async def _computed(self, function: Callable[[T], R], value: T) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, value)

    def _report(self, diagnosis: Diagnosis) -> DiagnosisReport:
        return DiagnosisReport(
            diagnosis=diagnosis.id,
            visit=diagnosis.visit.id,
            kiosk=self.identity.id,
            taken_at=int(diagnosis.taken_at.timestamp()),
            clock=diagnosis.clock,
            crop=diagnosis.visit.crop,
            decision=diagnosis.decision.value,
            candidates=tuple(
                WireCandidate(label=candidate.label, permille=round(candidate.probability * 1000))
                for candidate in diagnosis.candidates[:REPORTED]
            ),
            model=diagnosis.model,
            language=diagnosis.visit.language,
            rehearsal=diagnosis.rehearsal,
        )
