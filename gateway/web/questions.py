"""What may be asked of the read API: each call's parameters, bounded and described. One that is not here is refused."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from edge_daemon.wire.topics import KIOSK_ID
from gateway.fleet_view import STATES, Asked
from gateway.reading import DEFAULT_LIMIT, MOST_CURSOR, MOST_LIMIT
from gateway.reports_view import GROUPS, Wanted
from gateway.span import read_span, read_time
from gateway.troubles import NAMES

_TIME = "a day (2026-11-23), a time of ISO 8601 (UTC unless it says otherwise), or seconds since 1970"
_WORD = r"^[a-z_]{1,40}$"


def _one_of(*names: str) -> AfterValidator:
    def check(value: str | None) -> str | None:
        if value is not None and value not in names:
            raise ValueError(f"is none of {', '.join(names)}")
        return value

    return AfterValidator(check)


def _groups(value: str) -> str:
    names = value.split(",")
    if unknown := [name for name in names if name not in GROUPS]:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(GROUPS)}")
    if len(set(names)) < len(names):
        raise ValueError("names one twice")
    return value


def _field(about: str, **limits: Any) -> Any:
    return Field(description=about, **limits)


Of = Annotated[str | None, _field("Of this kiosk alone.", pattern=KIOSK_ID)]
Label = Annotated[
    str | None, _field("Of this label alone, <crop>/<disease>.", pattern=r"^[a-z_]+/[a-z_]+$", max_length=100)
]
Since = Annotated[str | None, _field(f"From then on: {_TIME}.", max_length=40)]
Until = Annotated[str | None, _field(f"Until before then: {_TIME}.", max_length=40)]
Heard = Annotated[str | None, _field(f"Those that were heard of since then: {_TIME}.", max_length=40)]
Rehearsal = Annotated[bool, _field("Also rehearsals, which are left out otherwise.")]
Farmers = Annotated[bool, _field("With the farmers' pseudonyms, which are left out otherwise.")]
Decision = Annotated[str | None, _field("Of this decision alone, such as answer.", pattern=_WORD)]
Counted = Annotated[str, _field("Of this decision; any: of all.", pattern=_WORD)]
Pictured = Annotated[bool | None, _field("true: those with a small picture; false: those without.")]
Sick = Annotated[str | None, _field(f"Those with this trouble: any, {', '.join(NAMES)}."), _one_of("any", *NAMES)]
Site = Annotated[str | None, _field("Those of this site.", max_length=200, pattern=r"^[^\x00]*$")]
State = Annotated[str | None, _field(f"Those in this state: {', '.join(STATES)}."), _one_of(*STATES)]
By = Annotated[
    str, _field(f"What to group by, with commas: {', '.join(GROUPS)}.", max_length=100), AfterValidator(_groups)
]
Offset = Annotated[
    int, _field("How many minutes the clock that tells the days is ahead of UTC; 330 in India.", ge=-720, le=840)
]
Cursor = Annotated[str | None, _field("Where the page before ended.", max_length=MOST_CURSOR)]
Limit = Annotated[int, _field("At most so many.", ge=1, le=MOST_LIMIT)]


class Query(BaseModel):
    """A parameter that a call does not have is an error, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Paged(Query):
    """A page at a time."""

    cursor: Cursor = None
    limit: Limit = DEFAULT_LIMIT


class KiosksQuery(Paged):
    """Which kiosks."""

    trouble: Sick = None
    site: Site = None
    state: State = None
    since: Heard = None

    def asked(self) -> Asked:
        """As fleet_view takes it. Raises BadTime."""
        since = None if self.since is None else read_time("since", self.since)
        return Asked(self.trouble, self.site, self.state, since)


class Reports(Query):
    """What every call for reports has."""

    kiosk: Of = None
    label: Label = None
    since: Since = None
    until: Until = None

    def wanted(self) -> Wanted:
        """As reports_view takes it. Raises BadTime."""
        return Wanted(span=read_span(self.since, self.until), **self._further())

    def _further(self) -> dict[str, Any]:
        return {"kiosk": self.kiosk, "label": self.label}


class DiagnosesQuery(Reports, Paged):
    """Which diagnoses."""

    decision: Decision = None
    rehearsal: Rehearsal = False
    thumbnail: Pictured = None

    def _further(self) -> dict[str, Any]:
        mine = {"decision": self.decision, "rehearsals": self.rehearsal, "thumbnail": self.thumbnail}
        return {**super()._further(), **mine}


class LedgerQuery(Reports, Paged):
    """Which rows of the ledger; since and until go by begun_at."""

    farmers: Farmers = False


class AlarmsQuery(Reports, Paged):
    """Which alarms."""

    rehearsal: Rehearsal = False

    def _further(self) -> dict[str, Any]:
        return {**super()._further(), "rehearsals": self.rehearsal}


class AsideQuery(Paged):
    """Which messages."""

    kiosk: Of = None


class CountsQuery(Reports):
    """Which diagnoses are counted, and into which groups."""

    by: By = "label,day"
    decision: Counted = "answer"
    rehearsal: Rehearsal = False
    offset_min: Offset = 0

    def _further(self) -> dict[str, Any]:
        decision = None if self.decision == "any" else self.decision
        return {**super()._further(), "decision": decision, "rehearsals": self.rehearsal}
