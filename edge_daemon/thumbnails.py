"""May a small picture of this leaf go to people who can name the disease? Asked where the kiosk itself is not sure.

Rules kept here:
- nobody is asked unless [sync] thumbnails says so, and for no other decisions than UNCERTAIN;
- nothing is made or queued before somebody has said yes to the question in the visit's language;
- a visit is asked once. Whoever said yes can say no later: what has not gone by then does not go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from edge_daemon.diagnosis import Decision, Diagnosis, Share, Visit
from edge_daemon.errors import NothingToShare
from edge_daemon.wire import codec
from edge_daemon.wire.messages import Thumbnail

UNCERTAIN = {Decision.NOT_SURE, Decision.TWO_CANDIDATES}


class Consents(Protocol):
    """What was answered, and the pictures: edge_daemon.store.consents.Consents."""

    def said(self, visit: Visit) -> Share | None: ...
    def has_photo(self, diagnosis: Diagnosis) -> bool: ...
    def photo(self, diagnosis: Diagnosis) -> bytes | None: ...
    def agree(self, diagnosis: Diagnosis, notice: str, body: bytes) -> None: ...
    def refuse(self, diagnosis: Diagnosis, notice: str) -> None: ...


@dataclass(frozen=True)
class Sharing:
    """The question and its answer. kiosk: its id; wanted: whether pictures are wanted at all, now.

    question gives the id and the text of the question in a language. shrink makes a photo's small picture, a JPEG of at
    most wire.messages.MOST_JPEG_BYTES with nothing in it but the pixels; it may raise PhotoUnreadable, PhotoTooLarge.
    """

    kiosk: str
    consents: Consents
    wanted: Callable[[], bool]
    question: Callable[[str], tuple[str, str]]
    shrink: Callable[[bytes], Awaitable[bytes]]

    def describe(self, diagnosis: Diagnosis) -> dict[str, Any]:
        """As plain data: what the visit answered, or that it may be asked, with the words to ask in."""
        share = self._share(diagnosis)
        if share is not Share.MAY_ASK:
            return {"share": share, "consent": None}
        id, text = self.question(diagnosis.visit.language)
        return {"share": share, "consent": {"id": id, "text": text}}

    async def answer(self, diagnosis: Diagnosis, *, agreed: bool) -> Share:
        """Take the visit's answer; what holds from now on. Said again it changes nothing, and a no stays a no.

        Raises NothingToShare, StateError, and PhotoUnreadable for a photo that was damaged meanwhile.
        """
        share = self._share(diagnosis)
        if share is None:
            raise NothingToShare("For this visit nobody may be asked for a picture.")
        notice, _ = self.question(diagnosis.visit.language)
        if not agreed:
            self.consents.refuse(diagnosis, notice)
        elif share is Share.MAY_ASK:
            self.consents.agree(diagnosis, notice, await self._picture(diagnosis))
        return self.consents.said(diagnosis.visit) or share

    def _share(self, diagnosis: Diagnosis) -> Share | None:
        """What was answered; else whether it may be asked. None: it may not."""
        said = self.consents.said(diagnosis.visit)
        if said is not None:
            return said
        may = diagnosis.decision in UNCERTAIN and self.wanted() and self.consents.has_photo(diagnosis)
        return Share.MAY_ASK if may else None

    async def _picture(self, diagnosis: Diagnosis) -> bytes:
        photo = self.consents.photo(diagnosis)
        if photo is None:
            raise NothingToShare("The photo of this visit has made room for others. There is nothing to send.")
        jpeg = await self.shrink(photo)
        return codec.encode(Thumbnail(kiosk=self.kiosk, diagnosis=diagnosis.id, jpeg=jpeg))
