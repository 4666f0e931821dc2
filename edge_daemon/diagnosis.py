"""The nouns of a visit: frozen values that check themselves, so that a wrong one cannot exist.

A visit has photos; a photo becomes a finding (what the model saw), then a diagnosis (what the kiosk dares to say); a
diagnosis and a farmer become a message. These values hold no devices and do no I/O. Labels are "<crop>/<disease>".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

Clock = Literal["synced", "unsure"]
"""Whether the kiosk's clock was known to be right: a Pi has no clock of its own."""

WHERE_SIDE = 7
"""Places along each side of the picture for which the network tells how much they speak for a label."""

LABEL = re.compile(r"[a-z_]+/[a-z_]+")
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""International numbers, ITU-T E.164: at most 15 digits."""


class Decision(StrEnum):
    """What the kiosk dares to say of a photo that it could judge."""

    ANSWER = "answer"  # one disease (or healthy), with its percentage
    TWO_CANDIDATES = "two_candidates"  # one of these two
    NOT_SURE = "not_sure"  # ask the extension officer
    NOT_A_LEAF = "not_a_leaf"  # no leaf of a crop that the model knows
    WRONG_CROP = "wrong_crop"  # a leaf, but of another crop than the farmer named
    FIRST_AID = "first_aid"  # no model could be run: nothing was judged


class Share(StrEnum):
    """Whether a small picture of a visit's leaf may be sent, and what became of it."""

    MAY_ASK = "may_ask"  # nobody was asked yet
    AGREED = "agreed"  # it waits
    SENT = "sent"  # it has gone, or may have: nothing calls it back
    DROPPED = "dropped"  # they agreed, but its room was needed
    REFUSED = "refused"  # they said no, or took their yes back in time


@dataclass(frozen=True, slots=True)
class Visit:
    """One farmer at the kiosk. crop is None where the farmer does not know it or did not say."""

    id: str
    begun_at: datetime
    clock: Clock
    language: str
    crop: str | None = None

    def __post_init__(self) -> None:
        _require(bool(self.id), "a visit has an id")
        _require_utc(self.begun_at)


@dataclass(frozen=True, slots=True)
class Photo:
    """An encoded picture as the camera gave it. source says which: "picamera2", or "folder:" and a file name."""

    data: bytes = field(repr=False)
    taken_at: datetime
    source: str
    clock: Clock = "unsure"

    def __post_init__(self) -> None:
        _require_utc(self.taken_at)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A label and the calibrated probability (0 to 1) that it is right."""

    label: str
    probability: float

    def __post_init__(self) -> None:
        _require(LABEL.fullmatch(self.label) is not None, f"{self.label!r} is not <crop>/<disease>")
        _require(0.0 <= self.probability <= 1.0, f"{self.probability} is not a probability")

    @property
    def crop(self) -> str:
        return self.label.partition("/")[0]

    @property
    def disease(self) -> str:
        return self.label.partition("/")[2]

    @property
    def percent(self) -> int:
        """Whole percent, never 100: the kiosk is never certain."""
        return min(99, round(self.probability * 100))


@dataclass(frozen=True, slots=True)
class Finding:
    """What the model saw in one photo, before any decision.

    probabilities: one per label of `labels`, as the graph gives them (not calibrated), summing to 1.
    leaf: 0 to 1, how much this looks like a leaf of a crop that the model knows.
    embedding: the features before the last layer. model: name and version, as in the manifest.
    where: for each label, how much each of 7 x 7 places of the middle square speaks for it, row by row; empty where the
    model does not tell. Larger is more; only the differences mean something.
    """

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    leaf: float
    embedding: tuple[float, ...] = field(repr=False)
    model: str
    where: tuple[tuple[float, ...], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        _require(len(self.where) in {0, len(self.labels)}, "a map for each label, or none")
        _require(len(self.labels) == len(self.probabilities), "one probability per label")
        _require(abs(sum(self.probabilities) - 1) < 0.01, "probabilities sum to 1")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the kiosk says of a visit's leaves so far, the newest photo among them.

    candidates: best first, at most five, masked to the visit's crop if it has one; none for first aid. leaf: of the
    newest photo. rehearsal: the photo or the modem was not the real one; the gateway must not count it as an outbreak.
    leaves: how many photos voted. where: 7 x 7 shares (0 to 1) of the newest photo, row by row, that spoke most for
    the best candidate; kept for the screen, not in the store.
    """

    id: str
    visit: Visit
    taken_at: datetime
    clock: Clock
    decision: Decision
    candidates: tuple[Candidate, ...]
    leaf: float
    model: str
    source: str
    rehearsal: bool
    leaves: int = 1
    where: tuple[float, ...] = field(default=(), repr=False, compare=False)

    def __post_init__(self) -> None:
        _require_utc(self.taken_at)
        least = 0 if self.decision is Decision.FIRST_AID else 1
        _require(least <= len(self.candidates) <= 5 * least, "one to five candidates; none for first aid")
        _require(
            self.decision is not Decision.TWO_CANDIDATES or len(self.candidates) >= 2,
            "two candidates are two",
        )

    @property
    def best(self) -> Candidate:
        """The likeliest. First aid has none."""
        return self.candidates[0]


@dataclass(frozen=True, slots=True)
class Farmer:
    """Whom to text. number: E.164, such as "+919812345678"; it never leaves the kiosk."""

    number: str = field(repr=False)
    language: str

    def __post_init__(self) -> None:
        _require(E164.fullmatch(self.number) is not None, "a telephone number is in E.164 form")


class Kind(StrEnum):
    """Why an SMS is sent. They go in this order."""

    ANSWER = "answer"  # to a farmer who stands at the kiosk
    CONFIRMATION = "confirmation"  # that no more SMS will come: the one thing that goes after an opt-out
    REPLY = "reply"  # to an SMS that came in
    FOLLOW_UP = "follow_up"  # the kiosk asks by itself

    @property
    def rank(self) -> int:
        """0 goes first."""
        return list(Kind).index(self)


@dataclass(frozen=True, slots=True)
class Sms:
    """A text on its way to a telephone.

    reference: 0 to 255, marks the parts of one message (3GPP TS 23.040, 9.2.3.24.1); a repeat bears the same one.
    parts_sent: how many parts the network has already taken, so that a repeat begins at the first that is in doubt.
    not_after: when it is of no use any more (UTC), None if that is not known. flash: class 0, shown at once and not
    kept (3GPP TS 23.038, 4). shift: languages (ISO 639-1) whose national tables may be used; a repeat has the same.
    """

    id: int
    number: str = field(repr=False)
    text: str
    reference: int
    parts_sent: int = 0
    kind: Kind = Kind.ANSWER
    not_after: datetime | None = None
    flash: bool = False
    shift: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require(0 <= self.reference <= 255, "a reference is one octet")


@dataclass(frozen=True, slots=True)
class Report:
    """What the gateway shall know, as bytes of the wire contract."""

    id: int
    body: bytes = field(repr=False)


def _require(holds: bool, rule: str) -> None:
    if not holds:
        raise ValueError(rule)


def _require_utc(time: datetime) -> None:
    offset = time.utcoffset()
    _require(offset is not None and not offset, f"{time} is not in UTC")
