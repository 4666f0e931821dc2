"""From a photo to what the kiosk dares to say of it: decode, check, classify, decide."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Generic, Protocol, TypeVar

from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Finding, Photo, Visit

Canvas = TypeVar("Canvas")
T = TypeVar("T")
R = TypeVar("R")


class Verdict(Protocol):
    """A decision, before it belongs to a visit."""

    @property
    def decision(self) -> Decision: ...
    @property
    def candidates(self) -> tuple[Candidate, ...]: ...


@dataclass(frozen=True)
class Vision(Generic[Canvas]):
    """The four steps from bytes to a verdict. What a canvas is, is their own business.

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


class Judge(Generic[Canvas]):
    """Judges photos, one at a time, in a thread of its own; `close` ends that.

    rehearsal: written into every diagnosis, so that nobody counts it as an outbreak.
    """

    def __init__(self, vision: Vision[Canvas], rehearsal: bool) -> None:
        self._vision = vision
        self._rehearsal = rehearsal
        # Decoding and inference compute and wait on no device, so this thread cannot hang. It is one, since a Pi has
        # few cores and the interpreter takes one photo at a time.
        self._thread = ThreadPoolExecutor(1, "judge")

    async def judge(self, visit: Visit, photo: Photo, watch: Stopwatch) -> Diagnosis:
        """What the kiosk says of this photo; nothing is recorded. Raises PoorPhoto, PhotoUnreadable, PhotoTooLarge."""
        with watch.stage("decode"):
            canvas = await self._computed(self._vision.decode, photo.data)
        with watch.stage("quality"):
            self._vision.check(canvas)
        with watch.stage("inference"):
            finding = await self._computed(self._vision.classify, canvas)
        with watch.stage("decision"):
            verdict = self._vision.decide(finding, visit.crop)
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
            rehearsal=self._rehearsal,
        )

    def close(self) -> None:
        """End the thread, after what it computes now: well under a second."""
        self._thread.shutdown()

    async def _computed(self, function: Callable[[T], R], value: T) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, value)
