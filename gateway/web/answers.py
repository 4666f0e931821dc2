"""What the read API answers, each field described: /openapi.json is made of these.

Times are whole seconds since 1970-01-01 UTC.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from gateway.tables import kiosk as registry


def said(about: str) -> Any:
    """A field that is always there, and what it is."""
    return Field(description=about)


class Problem(BaseModel):
    """Why there is no answer."""

    error: str = said("The kind of trouble, such as no_such_kiosk: for programs.")
    message: str = said("What is wrong and what to do, in a sentence.")


class Health(BaseModel):
    """That the gateway answers, and what it reads from."""

    status: Literal["ok"] = said("Always ok: in trouble the answer is 503.")
    database: Literal["sqlite", "postgresql"] = said("Which database it is.")
    newest: int | None = said("When the newest batch of any kiosk came; null before the first.")


class Kiosk(BaseModel):
    """A kiosk as the registry has it."""

    id: str = said("Its name, which its certificate bears.")
    state: str = said("invited, enrolled, revoked; seen: it sent, but was never enrolled here.")
    troubles: list[str] = said("What is wrong with it now; docs/gateway.md says what each means.")
    site: str = said("Where it stands, in the words of whoever invited it.")
    place: str = said("Where it says that it stands: village:CODE or geohash:LETTERS, or nothing.")
    invited_at: int | None = said("When it was invited.")
    enrolled_at: int | None = said("When it got its first certificate.")
    revoked_at: int | None = said("When it was revoked.")
    expires_at: int | None = said("When its newest certificate ends.")
    first_seen_at: int | None = said("When its first batch came.")
    last_seen_at: int | None = said("When its newest batch came.")
    lost_at: int | None = said("When the broker last said that its connection broke off.")
    starts: int | None = said("How often its daemon has begun, as it says.")
    restored_at: int | None = said("When an older copy of its card was noticed.")
    clock: str | None = said("synced or unsure, in its newest health report.")
    clock_off_s: int | None = said("Its clock less the gateway's, in seconds, when that report was fresh.")
    software: str = said("The version of its program.")
    model: str = said("The name and version of its model.")
    advice: str = said("The version of its advice.")
    disk_free_mb: int | None = said("Room on its disk, in MB.")
    backlog: int | None = said("Reports that wait on it.")
    backlog_before: int | None = said("The same, one health report before.")
    oldest_waiting: int | None = said("How many seconds the oldest of them had waited.")
    parked: int | None = said("Reports and SMS that it has given up.")
    modem: str = said("How its modem is: ok, or a trouble.")
    health_at: int | None = said("When its newest health report came.")
    rehearsal: bool | None = said("Whether its camera or modem is simulated.")
    desired_at: int | None = said("When what the gateway wants of it last changed.")
    diagnoses: int = said("Diagnoses that are stored of it.")
    set_aside: int = said("Messages of it that could not be read.")
    aside_at: int | None = said("When the newest of them came.")
    held_back: int = said("Batches of it beyond its share, which were not taken.")
    held_back_at: int | None = said("When the newest of them came.")
    bytes: int = said("Payload of its batches, in bytes.")


class WholeKiosk(Kiosk):
    """All that is known of a kiosk."""

    serial: str = said("The number of its newest certificate, hexadecimal.")
    health: dict[str, Any] | None = said("Its newest health report, as it sent it.")
    desired: dict[str, Any] | None = said("What the gateway wants of it.")


class Kiosks(BaseModel):
    """A page of kiosks, in the order of their ids."""

    kiosks: list[Kiosk] = said("The kiosks.")
    cursor: str | None = said("Give it back to get the next page; null at the end.")


class Diagnosis(BaseModel):
    """A diagnosis, without farmer, telephone number or photo: the kiosk never sends those."""

    kiosk: str = said("The kiosk that made it.")
    id: str = said("Its id, 32 hexadecimal digits; unique together with the kiosk.")
    visit: str = said("The visit's id: several leaves may belong to one.")
    taken_at: int = said("When the photo was taken, by the kiosk's clock.")
    synced: bool = said("Whether that clock was known to be right.")
    crop: str | None = said("The crop as the farmer named it; null for don't know.")
    decision: str = said("What the kiosk dared to say: answer, two_candidates, not_sure, not_a_leaf, wrong_crop, ...")
    label: str = said("The best candidate, <crop>/<disease>; empty where there is none.")
    permille: int = said("Its calibrated probability, in thousandths.")
    candidates: list[tuple[str, int]] = said("All candidates with their probabilities in thousandths.")
    model: str = said("The model that judged.")
    language: str = said("The visit's language.")
    rehearsal: bool = said("A simulated photo or modem.")
    received_at: int = said("When it came to the gateway.")
    thumbnail: bool = said("Whether there is a small picture of it: GET /thumbnails/{kiosk}/{diagnosis}.")


class Diagnoses(BaseModel):
    """A page of diagnoses, the newest first, as they came."""

    diagnoses: list[Diagnosis] = said("The diagnoses.")
    cursor: str | None = said("Give it back to get the next page; null at the end.")


class LedgerRow(BaseModel):
    """An advice, or a question about one, as it stands now."""

    kiosk: str = said("The kiosk that sent it.")
    diagnosis: str = said("The diagnosis that it is about.")
    advice: bool = said("Whether it is an advice; else it is a question.")
    row: int = said("Its number among the kiosk's advices, or among its questions.")
    at: int = said("When the kiosk told that it stands so.")
    kind: str = said("advice, help, reason, recall_3 or recall_14.")
    label: str = said("The best candidate of the diagnosis, <crop>/<disease>, or empty.")
    language: str = said("The language of its text.")
    template: str = said("Which wording it has; of an advice, the decision.")
    control: bool | None = said(
        "Whether its farmer is of those who get no quiz; null where that is not known any more."
    )
    state: str = said(
        "Of an advice: waiting, sending, sent, delivered, parked; of a question: asked, answered, missed, ..."
    )
    begun_at: int = said("When it was queued, or planned.")
    sent_at: int | None = said("When the network took the advice, or the question was queued.")
    ended_at: int | None = said("When the telephone had it, or it was answered.")
    parts: int = said("How many parts of its SMS the network took.")
    options: int = said("How many answers it offers, 0 for none.")
    right: int = said("The digit of the right answer, 0 where none is.")
    answer: int | None = said("The digit that counts; null before there is one.")
    late: bool = said("Whether the answer came after its time.")
    received_at: int = said("When it came to the gateway.")
    farmer: str | None = Field(
        default=None, description="The farmer's pseudonym, with farmers=true alone: it ties all of one farmer together."
    )


class Ledger(BaseModel):
    """A page of the ledger, in the order kiosk, diagnosis, question or advice, number."""

    rows: list[LedgerRow] = said("The rows.")
    cursor: str | None = said("Give it back to get the next page; null at the end.")


class Alarm(BaseModel):
    """What a kiosk could not wait to tell."""

    kiosk: str = said("The kiosk that gave it.")
    what: str = said("outbreak, disk_low, modem_sick, ...")
    label: str = said("Of an outbreak, <crop>/<disease>; else empty.")
    at: int = said("When, by the kiosk's clock.")
    count: int = said("Of an outbreak: visits within the days; else what the alarm counts, or 0.")
    days: int = said("Of an outbreak: within how many days.")
    synced: bool = said("Whether the kiosk's clock was known to be right.")
    rehearsal: bool = said("A simulated photo or modem.")
    received_at: int = said("When it came to the gateway.")


class Alarms(BaseModel):
    """A page of alarms, the newest first, as they came."""

    alarms: list[Alarm] = said("The alarms.")
    cursor: str | None = said("Give it back to get the next page; null at the end.")


class Aside(BaseModel):
    """A message that could not be read."""

    id: int = said("Its number here.")
    kiosk: str = said("Whose topic it came on; empty where that is no kiosk's.")
    digest: str = said("SHA-256 of its body, hexadecimal.")
    reason: str = said("Why it could not be read.")
    received_at: int = said("When it came to the gateway.")
    size: int = said("How many bytes it has.")
    begin: str = said("Its first 512 bytes, hexadecimal.")


class Asides(BaseModel):
    """A page of messages that could not be read, the newest first."""

    messages: list[Aside] = said("The messages.")
    cursor: str | None = said("Give it back to get the next page; null at the end.")


class Count(BaseModel):
    """Diagnoses of one group. Of the fields that name it those are there that were asked for."""

    label: str | None = Field(default=None, description="The best candidate, <crop>/<disease>.")
    crop: str | None = Field(default=None, description="The crop as farmers named it; null for don't know.")
    decision: str | None = Field(default=None, description="What the kiosks dared to say.")
    day: str | None = Field(default=None, description="The day, such as 2026-11-23, by the clock of offset_min.")
    kiosk: str | None = Field(default=None, description="The kiosk.")
    site: str | None = Field(default=None, description="The site, as whoever invited the kiosk wrote it.")
    place: str | None = Field(default=None, description="The place, as the kiosk says it.")
    language: str | None = Field(default=None, description="The visit's language.")
    model: str | None = Field(default=None, description="The model that judged.")
    diagnoses: int = said("How many diagnoses.")
    visits: int = said("Of how many visits: several leaves of one visit are one case.")


class Counts(BaseModel):
    """Groups, in their order."""

    by: list[str] = said("What the groups were made by.")
    counts: list[Count] = said("The groups; one that has no diagnosis is left out.")


assert {column.name for column in registry.c} >= Kiosk.model_fields.keys() - {"troubles"}
