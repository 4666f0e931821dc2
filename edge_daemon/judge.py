"""From a photo to what the kiosk dares to say of it: decode, check, classify, decide.

The leaves of one visit vote. When no model can be run, the diagnosis is first aid: nothing was judged, and it says so.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Generic, Protocol, TypeVar

from edge_daemon.diagnosis import Candidate, Decision, Diagnosis, Finding, Photo, Visit
from edge_daemon.errors import ModelError

log = logging.getLogger(__name__)

LEAVES = 6
"""How many of a visit's newest leaves vote: Nuru asks for six (Mrisho et al. 2020)."""
VISITS = 8
"""Of how many visits the leaves are remembered; a kiosk has one screen. After a restart a vote begins anew."""
NO_MODEL = "none"

Canvas = TypeVar("Canvas")
T = TypeVar("T")
R = TypeVar("R")


class Verdict(Protocol):
    """A decision, before it belongs to a visit."""

    @property
    def decision(self) -> Decision: ...
    @property
    def candidates(self) -> tuple[Candidate, ...]: ...
    @property
    def voted(self) -> int: ...


@dataclass(frozen=True)
class Vision(Generic[Canvas]):
    """The four steps from bytes to a verdict. What a canvas is, is their own business.

    decode raises PhotoUnreadable or PhotoTooLarge, check raises PoorPhoto, classify ModelError. decide takes all the
    visit's findings that one model made, the newest last. warmth: where the newest one's best candidate was seen.
    """

    decode: Callable[[bytes], Canvas]
    check: Callable[[Canvas], object]
    classify: Callable[[Canvas], Finding]
    decide: Callable[[Sequence[Finding], str | None], Verdict]
    warmth: Callable[[Finding, str], tuple[float, ...]]


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
        self._seen: OrderedDict[str, list[Finding]] = OrderedDict()

    async def judge(self, visit: Visit, photo: Photo, watch: Stopwatch) -> Diagnosis:
        """What the kiosk says of this visit's leaves; nothing is recorded.

        Raises PoorPhoto, PhotoUnreadable, PhotoTooLarge.
        """
        with watch.stage("decode"):
            canvas = await self.computed(self._vision.decode, photo.data)
        with watch.stage("quality"):
            self._vision.check(canvas)
        try:
            with watch.stage("inference"):
                finding = await self.computed(self._vision.classify, canvas)
        except ModelError as why:
            log.error("First aid only: %s", why)
            return self._diagnosis(visit, photo, Decision.FIRST_AID, leaf=0.0, model=NO_MODEL)
        with watch.stage("decision"):
            verdict = self._vision.decide(self._of_visit(visit, finding), visit.crop)
            where = self._vision.warmth(finding, verdict.candidates[0].label)
        return self._diagnosis(
            visit,
            photo,
            verdict.decision,
            verdict.candidates,
            leaf=finding.leaf,
            model=finding.model,
            leaves=verdict.voted,
            where=where,
        )

    def _of_visit(self, visit: Visit, finding: Finding) -> list[Finding]:
        """The visit's newest findings, this one too, as far as the same model made them."""
        earlier = [known for known in self._seen.pop(visit.id, []) if known.model == finding.model]
        self._seen[visit.id] = together = [*earlier, finding][-LEAVES:]
        while len(self._seen) > VISITS:
            self._seen.popitem(last=False)
        return together

    def _diagnosis(
        self,
        visit: Visit,
        photo: Photo,
        decision: Decision,
        candidates: tuple[Candidate, ...] = (),
        *,
        leaf: float,
        model: str,
        leaves: int = 1,
        where: tuple[float, ...] = (),
    ) -> Diagnosis:
        return Diagnosis(
            id=uuid.uuid4().hex,
            visit=visit,
            taken_at=photo.taken_at,
            clock=photo.clock,
            decision=decision,
            candidates=candidates,
            leaf=leaf,
            model=model,
            source=photo.source,
            rehearsal=self._rehearsal,
            leaves=leaves,
            where=where,
        )

    def close(self) -> None:
        """End the thread, after what it computes now: well under a second."""
        self._thread.shutdown()

    async def computed(self, function: Callable[[T], R], value: T) -> R:
        """What the function gives, computed in this thread: what takes long, and waits on no device."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, value)
