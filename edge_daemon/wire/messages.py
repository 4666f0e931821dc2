"""What a kiosk tells the gateway. No telephone number has a place in it, and no photo but a Thumbnail's small one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_daemon.wire.topics import KIOSK_ID

MOST_ROWS = 40
"""A ledger report has no more: some 2.5 kB."""
MOST_JPEG_BYTES = 12_000
LATEST = 2**40
"""Seconds since 1970: far beyond any date that a database holds."""

Seconds = Annotated[int, Field(ge=0, le=LATEST)]
"""Since 1970-01-01 UTC, by the kiosk's clock."""
Word = Annotated[str, Field(pattern=r"^[a-z_]{0,40}$")]
"""No digit stands in it, so no telephone number can."""
Small = Annotated[int, Field(ge=0, le=255)]
Count = Annotated[int, Field(ge=0, le=2**40)]
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9 ._+-]{0,60}$")]
KioskId = Annotated[str, Field(pattern=KIOSK_ID)]


class Candidate(BaseModel):
    """A label, "<crop>/<disease>", and its calibrated probability in thousandths."""

    model_config = ConfigDict(frozen=True)

    label: str
    permille: Annotated[int, Field(ge=0, le=1000)]


class DiagnosisReport(BaseModel):
    """One diagnosis. Decisions are strings, so that a gateway can keep one that is newer than itself."""

    model_config = ConfigDict(frozen=True)

    diagnosis: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    visit: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    kiosk: str
    taken_at: int
    """Seconds since 1970-01-01 UTC by the kiosk's clock."""
    clock: Literal["synced", "unsure"]
    crop: str | None
    """As the farmer named it; None for "don't know"."""
    decision: str
    candidates: tuple[Candidate, ...]
    model: str
    language: str
    rehearsal: bool
    """A simulated photo or modem: not to be counted as an outbreak."""


class LedgerRow(BaseModel):
    """An advice, or a question about one, as it stands now. Words are strings, as in DiagnosisReport."""

    model_config = ConfigDict(frozen=True, strict=True)

    kind: Annotated[str, Field(pattern=r"^[a-z]{1,20}(_[0-9]{1,2})?$")]
    """ "advice", "help", "reason", "recall_3" or "recall_14"."""
    row: Annotated[int, Field(ge=1, le=2**53)]
    """Its number among the kiosk's advices, or among its questions. It is never given to another."""
    farmer: Annotated[str, Field(pattern=r"^([0-9a-f]{16})?$")]
    """The pseudonym: the kiosk alone can tell whose it is. "" of a farmer who was erased."""
    diagnosis: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    label: Annotated[str, Field(pattern=r"^([a-z_]+/[a-z_]+)?$", max_length=100)]
    """ "<crop>/<disease>" of the best candidate; "" where the decision named none."""
    language: Word
    template: Word
    """The key of the wording; for an advice, the decision."""
    control: bool | None
    """Whether its farmer is of those who get no quiz. None of one who was erased: it followed from the pseudonym."""
    state: Word
    """Of an advice: waiting, sending, sent, delivered, parked. Of a question: asked, answered, missed, cancelled."""
    begun_at: Seconds
    """When it was queued, or planned."""
    sent_at: Seconds | None
    """When the network took the advice, or the question was queued."""
    ended_at: Seconds | None
    """When the telephone had it, or it was answered."""
    parts: Small
    """How many parts of its SMS the network took."""
    options: Small
    """How many answers it offers, 0 for none."""
    right: Small
    """The digit of the right answer, 0 where none is."""
    answer: Small | None
    """The digit that counts, None before there is one."""
    late: bool
    """The answer came after its time."""


class LedgerReport(BaseModel):
    """Rows of the ledger that changed since they were last told.

    (kiosk, diagnosis, kind is "advice", row) names a row: the one with the latest `at` counts, and each counts once.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    kiosk: KioskId
    at: Seconds
    """When the kiosk made the report. Its clock was known to be right."""
    rows: Annotated[tuple[LedgerRow, ...], Field(min_length=1, max_length=MOST_ROWS)]


class HealthReport(BaseModel):
    """How a kiosk is. Sent once each time that it has begun, then once a day, and when something turns bad."""

    model_config = ConfigDict(frozen=True, strict=True)

    kiosk: KioskId
    at: Seconds
    clock: Literal["synced", "unsure"]
    starts: Annotated[int, Field(ge=0, le=2**40)]
    """How often its daemon has begun with this state folder. It goes back when an older copy of it was put back."""
    uptime: Seconds
    """Of the daemon."""
    software: Version
    model: Version
    """Name and version; "" without one."""
    advice: Version
    """The catalogue's version, twelve letters of a digest of its files; "" if it tells none."""
    place: Annotated[str, Field(pattern=r"^(|village:[0-9]{1,6}|geohash:[0-9b-hjkmnp-z]{1,5})$")]
    """No finer than the technician wrote it; a geohash of five letters is a square of some 5 km."""
    rehearsal: bool
    disk_free_mb: Count
    photos: Count
    reports_waiting: Count
    oldest_waiting: Seconds | None
    """How many seconds the oldest report has waited, None if none does."""
    reports_parked: Count
    sms_waiting: Count
    sms_parked: Count
    parts: Annotated[tuple[Annotated[tuple[Word, Word], Field(strict=False)], ...], Field(strict=False, max_length=12)]
    """Name and state of each part of the daemon, such as ("sms", "ok"), ("sms", "modem_mute")."""
    desired: Annotated[int, Field(ge=0, le=2**32)]
    """The revision of what the gateway wants that it follows; 0 before it heard of any."""
    bytes_day: Count
    """Over the link in the last 24 hours, both ways."""


class Alarm(BaseModel):
    """What cannot wait for a window."""

    model_config = ConfigDict(frozen=True, strict=True)

    kiosk: KioskId
    at: Seconds
    clock: Literal["synced", "unsure"]
    what: Word
    """"outbreak", "disk_low", "modem_sick", ..."""
    label: Annotated[str, Field(pattern=r"^([a-z_]+/[a-z_]+)?$", max_length=100)]
    """Of an outbreak; else ""."""
    count: Count
    """Of an outbreak: visits within the days. Else 0, or what the alarm counts."""
    days: Small
    rehearsal: bool


class Thumbnail(BaseModel):
    """A small picture of a case of which the kiosk was not sure, for agronomists to name; where the farmer agreed."""

    model_config = ConfigDict(frozen=True, strict=True)

    kiosk: KioskId
    diagnosis: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    jpeg: Annotated[bytes, Field(min_length=4, max_length=MOST_JPEG_BYTES)]
    """Without EXIF or any other note."""


Message = DiagnosisReport | LedgerReport | HealthReport | Alarm | Thumbnail
"""Whatever a kiosk tells the gateway. Their kinds on the wire are 1, 2, 3, 4, 5."""
