"""What a kiosk tells the gateway. No telephone number and no photo has a place in it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


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
