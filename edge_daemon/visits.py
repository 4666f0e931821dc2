"""Visits as people and programs ask for them: names and numbers as given, checked at the door, then the straight line.

The visit API and the command line both come in here. What goes out is plain data, with the farmer's number nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from edge_daemon.diagnosis import Diagnosis, Farmer, Share, Sms, Visit
from edge_daemon.errors import KioskBusy, NoDiagnosisYet, PoorPhoto
from edge_daemon.judge import Stopwatch
from edge_daemon.thumbnails import Sharing

WAITING_FOR_CAMERA = 4
"""Who may wait for the camera: a kiosk has one screen, and perhaps a telephone or two on its Wi-Fi."""


class Line(Protocol):
    """The straight line: edge_daemon.kiosk.Kiosk."""

    def begin(self, language: str, crop: str | None) -> Visit: ...
    async def examine(self, visit: Visit, watch: Stopwatch) -> Diagnosis: ...
    def advise(self, diagnosis: Diagnosis, farmer: Farmer) -> Sms: ...


class Memory(Protocol):
    """What is remembered of visits: edge_daemon.store.store.Store."""

    def visit(self, id: str) -> Visit: ...
    def diagnosis(self, visit: Visit) -> Diagnosis | None: ...
    def sms_states(self, visit: Visit) -> list[dict[str, object]]: ...
    def agree(self, number: str, language: str, notice: str) -> None: ...


class Catalogue(Protocol):
    """Names of crops, languages and diseases. crop and language raise UnknownCrop and UnknownLanguage."""

    def crop(self, text: str) -> str: ...
    def language(self, text: str) -> str: ...
    def name(self, label: str, language: str) -> str: ...
    def reviewed_by(self, label: str, language: str) -> str: ...
    def notice(self, language: str) -> tuple[str, str]: ...
    def retake(self, fault: str, language: str) -> str: ...


class Visits:
    """All that a visitor can do. normalise turns a telephone number as given into E.164, or raises BadTelephone.

    sharing asks for pictures of uncertain cases. has_reference: whether there is a picture of a label to compare with.
    """

    def __init__(
        self,
        line: Line,
        memory: Memory,
        catalogue: Catalogue,
        normalise: Callable[[str], str],
        language: str,
        sharing: Sharing,
        has_reference: Callable[[str], bool] = lambda label: False,
        lab_only: Callable[[str], bool] = lambda label: False,
    ) -> None:
        self._line = line
        self._memory = memory
        self._catalogue = catalogue
        self._normalise = normalise
        self._language = language
        self._sharing = sharing
        self._has_reference = has_reference
        self._lab_only = lab_only
        self._camera = asyncio.Lock()
        self._waiting = 0

    def begin(self, language: str | None, crop: str | None) -> Visit:
        """Begin a visit. Raises UnknownCrop, UnknownLanguage, StateError."""
        return self._line.begin(
            self._catalogue.language(language) if language else self._language,
            self._catalogue.crop(crop) if crop else None,
        )

    async def photograph(self, id: str, watch: Stopwatch) -> Diagnosis:
        """Photograph and judge the leaf, once the camera is free. Raises what Kiosk.examine does, and KioskBusy.

        What to do about a poor photo is said in the visit's language.
        """
        visit = self._memory.visit(id)
        if self._waiting >= WAITING_FOR_CAMERA:
            raise KioskBusy("Others are photographing their leaves. Wait a moment, then try again.")
        self._waiting += 1
        try:
            async with self._camera:
                return await self._line.examine(visit, watch)
        except PoorPhoto as why:
            raise PoorPhoto(why.fault, self._catalogue.retake(why.fault, visit.language)) from why
        finally:
            self._waiting -= 1

    def text_advice(self, id: str, telephone: str, language: str | None, notice: str | None = None) -> Sms:
        """Queue the advice on the visit's newest diagnosis. Asked again with the same number, nothing is sent twice.

        notice: the id of the notice above the number, which is kept with it; None: there was none.
        Raises NoSuchVisit, NoDiagnosisYet, BadTelephone, UnknownLanguage, StateError.
        """
        diagnosis = self._diagnosed(id)
        spoken = self._catalogue.language(language) if language else diagnosis.visit.language
        farmer = Farmer(self._normalise(telephone), spoken)
        sms = self._line.advise(diagnosis, farmer)  # refuses who wants no more SMS: their number is not kept
        if notice is not None:
            self._memory.agree(farmer.number, spoken, notice)
        return sms

    async def share(self, id: str, *, agreed: bool) -> Share:
        """The visit's answer to whether a small picture of its leaf may be sent, and what holds from now on.

        Raises NoSuchVisit, NoDiagnosisYet, and what Sharing.answer does.
        """
        return await self._sharing.answer(self._diagnosed(id), agreed=agreed)

    def _diagnosed(self, id: str) -> Diagnosis:
        diagnosis = self._memory.diagnosis(self._memory.visit(id))
        if diagnosis is None:
            raise NoDiagnosisYet("This visit has no diagnosis yet. Photograph the leaf first.")
        return diagnosis

    def show(self, id: str) -> dict[str, Any]:
        """All there is to know of a visit. Raises NoSuchVisit."""
        visit = self._memory.visit(id)
        diagnosis = self._memory.diagnosis(visit)
        return {
            **self.describe_visit(visit),
            "diagnosis": diagnosis and self.describe(diagnosis),
            "sms": self._memory.sms_states(visit),
        }

    def describe_visit(self, visit: Visit) -> dict[str, Any]:
        """A visit as plain data, and the notice to show where the number is asked for."""
        id, text = self._catalogue.notice(visit.language)
        return {**visit_as_data(visit), "notice": {"id": id, "text": text}}

    def describe(self, diagnosis: Diagnosis) -> dict[str, Any]:
        """A diagnosis as plain data, its names in the visit's language, where a picture to compare with is, and whether
        a picture of this leaf may be asked for.
        """
        data = diagnosis_as_data(diagnosis, self._catalogue, self._lab_only)
        for candidate in data["candidates"]:
            label = candidate["label"]
            candidate["reference"] = f"/references/{label}" if self._has_reference(label) else None
        return data | self._sharing.describe(diagnosis)


def visit_as_data(visit: Visit) -> dict[str, Any]:
    """A visit as plain data."""
    return {
        "visit": visit.id,
        "begun_at": visit.begun_at.isoformat(),
        "clock": visit.clock,
        "language": visit.language,
        "crop": visit.crop,
    }


def diagnosis_as_data(diagnosis: Diagnosis, catalogue: Catalogue, lab_only: Callable[[str], bool]) -> dict[str, Any]:
    """A diagnosis as plain data, its names in the visit's language. Probabilities are 0 to 1.

    lab_only: whether the model knows a label from picked leaves alone.
    """
    return {
        "diagnosis": diagnosis.id,
        "taken_at": diagnosis.taken_at.isoformat(),
        "decision": diagnosis.decision.value,
        "candidates": [
            {
                "label": candidate.label,
                "name": catalogue.name(candidate.label, diagnosis.visit.language),
                "reviewed_by": catalogue.reviewed_by(candidate.label, diagnosis.visit.language) or None,
                "percent": candidate.percent,
                "probability": round(candidate.probability, 4),
                "lab_only": lab_only(candidate.label),
            }
            for candidate in diagnosis.candidates
        ],
        "leaf": round(diagnosis.leaf, 4),
        "leaves": diagnosis.leaves,
        "model": diagnosis.model,
        "source": diagnosis.source,
        "rehearsal": diagnosis.rehearsal,
    }
