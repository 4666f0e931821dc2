"""The diagnoses of a batch, field by field instead of one by one: like stands beside like, and packs small.

Three values: the batch's own words; the times, each as the difference to the one before; and the columns, a byte for
each diagnosis or candidate. A word is its place in KNOWN followed by the batch's own. What no compression makes smaller
comes apart from them: ids, and the lower byte of each time and of each probability.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple

from edge_daemon.wire import cbor
from edge_daemon.wire.errors import BadMessage, TooLarge, fault
from edge_daemon.wire.messages import LATEST, Candidate, DiagnosisReport

KNOWN = (
    "",
    *("answer", "two_candidates", "not_sure", "not_a_leaf", "wrong_crop", "first_aid"),
    *("bn", "en", "hi", "kn", "mr", "ta", "te"),
    *("chilli", "cotton", "groundnut", "maize", "pepper", "potato", "rice", "sugarcane", "tomato", "wheat"),
    *("chilli/healthy", "chilli/leaf_spot", "chilli/whitefly", "chilli/yellow_virus"),
    *("cotton/diseased", "cotton/healthy"),
    *("groundnut/early_leaf_spot", "groundnut/healthy", "groundnut/late_leaf_spot"),
    *("groundnut/nutrient_deficiency", "groundnut/rust"),
    *("maize/common_rust", "maize/gray_leaf_spot", "maize/healthy", "maize/northern_leaf_blight"),
    *("pepper/bacterial_spot", "pepper/healthy"),
    *("potato/early_blight", "potato/healthy", "potato/late_blight"),
    *("rice/bacterial_leaf_blight", "rice/blast", "rice/brown_spot", "rice/false_smut", "rice/healthy"),
    *("rice/leaf_smut", "rice/neck_blast", "rice/sheath_blight", "rice/tungro"),
    *("sugarcane/healthy", "sugarcane/mosaic", "sugarcane/red_rot", "sugarcane/rust", "sugarcane/yellow_leaf"),
    *("tomato/bacterial_spot", "tomato/early_blight", "tomato/healthy", "tomato/late_blight", "tomato/leaf_mold"),
    *("tomato/mosaic_virus", "tomato/septoria_leaf_spot", "tomato/spider_mites", "tomato/target_spot"),
    "tomato/yellow_leaf_curl_virus",
    *("wheat/healthy", "wheat/leaf_blight", "wheat/leaf_rust", "wheat/loose_smut", "wheat/powdery_mildew"),
    "wheat/septoria",
)
"""Part of version 1 of the contract: never changed. A new word goes along in the batch that uses it."""

ID_BYTES = 16
MOST_WORDS = 256
"""KNOWN and a batch's own: the place of each is a byte."""
MOST_LETTERS = 100
"""Of a word."""
MOST_CANDIDATES = 8
_NO_WORDS = ("\0",) * MOST_WORDS
"""Behind the words, for places that have none."""

_SYNCED, _REHEARSAL, _CROP, _SAME_VISIT = 1, 2, 4, 8
"""Bits of a diagnosis's first column. The last: it has the visit of the one before."""


class DiagnosisRow(NamedTuple):
    """A DiagnosisReport as a gateway stores it, checked like one. Without the kiosk, which is the batch's."""

    diagnosis: str
    visit: str
    taken_at: int
    synced: bool
    crop: str | None
    decision: str
    candidates: tuple[tuple[str, int], ...]
    model: str
    language: str
    rehearsal: bool


class Unreadable(NamedTuple):
    """One message of a batch that this program does not read: kept by the gateway, and acknowledged with the rest."""

    body: bytes
    reason: str


def pack(reports: Sequence[DiagnosisReport]) -> tuple[list[Any], bytes]:
    """The three values, and what no compression makes smaller. Raises TooLarge."""
    words = {word: place for place, word in enumerate(KNOWN)}
    candidates = list(chain.from_iterable(report.candidates for report in reports))
    columns = b"".join(_columns(reports, candidates, words))
    times = [report.taken_at for report in reports]
    steps = [time - before for time, before in zip(times, [0, *times[:-1]], strict=True)]
    ids = [report.diagnosis for report in reports]
    ids += [report.visit for report, same in zip(reports, _same_visit(reports), strict=True) if not same]
    low = bytes(step & 255 for step in steps) + bytes(candidate.permille & 255 for candidate in candidates)
    return [list(words)[len(KNOWN) :], [step >> 8 for step in steps], columns], bytes.fromhex("".join(ids)) + low


def _columns(
    reports: Sequence[DiagnosisReport], candidates: Sequence[Candidate], words: dict[str, int]
) -> Iterator[bytes]:
    yield bytes(map(_flags, reports, _same_visit(reports)))
    yield _places((report.crop or "" for report in reports), words)
    yield _places((report.decision for report in reports), words)
    yield _places((report.model for report in reports), words)
    yield _places((report.language for report in reports), words)
    yield bytes(map(_count, reports))
    yield _places((candidate.label for candidate in candidates), words)
    yield bytes(candidate.permille >> 8 for candidate in candidates)


def _same_visit(reports: Sequence[DiagnosisReport]) -> list[bool]:
    visits = [report.visit for report in reports]
    return [visit == before for visit, before in zip(visits, ["", *visits[:-1]], strict=True)]


def _flags(report: DiagnosisReport, same_visit: bool) -> int:
    synced = report.clock == "synced"
    return (
        _SYNCED * synced | _REHEARSAL * report.rehearsal | _CROP * (report.crop is not None) | _SAME_VISIT * same_visit
    )


def _count(report: DiagnosisReport) -> int:
    if len(report.candidates) > MOST_CANDIDATES:
        raise TooLarge(f"diagnosis {report.diagnosis} has more than {MOST_CANDIDATES} candidates")
    return len(report.candidates)


def _places(values: Iterator[str], words: dict[str, int]) -> bytes:
    places = [words.setdefault(value, len(words)) for value in values]
    if len(words) > MOST_WORDS:
        raise TooLarge(f"the diagnoses use more than {MOST_WORDS - len(KNOWN)} words of their own")
    return bytes(places)


def unpack(values: Any, raw: bytes) -> tuple[list[DiagnosisRow], list[Unreadable]]:
    """The diagnoses, and those among them that are not what they should be.

    Raises BadMessage where the values do not hold together.
    """
    match values:
        case [list(own), [_, *_] as high, bytes(columns), *_] if _all(own, str) and _all(high, int):
            table = [*KNOWN, *own, *_NO_WORDS][:MOST_WORDS]
            rows, sound = _rows(high, _Pieces(columns), _Pieces(raw), table)
        case _:
            raise BadMessage("the diagnoses are not words, times and columns")
    return (rows, []) if sound else _sorted_out(rows)


def _all(values: list[Any], kind: type) -> bool:
    return all(type(value) is kind for value in values)


class _Pieces:
    """Bytes, taken piece after piece."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        """The next piece. Raises BadMessage where there is less."""
        self.at += length
        if self.at > len(self.data):
            raise BadMessage("the diagnoses are cut off")
        return self.data[self.at - length : self.at]

    def ids(self, count: int) -> list[str]:
        """The next pieces as ids."""
        digits, width = self.take(count * ID_BYTES).hex(), 2 * ID_BYTES
        return [digits[start : start + width] for start in range(0, len(digits), width)]


def _rows(high: list[int], columns: _Pieces, raw: _Pieces, table: list[str]) -> tuple[list[DiagnosisRow], bool]:
    """The rows, and whether each time, word and figure in them is sound."""
    flags, crops, decisions, models, languages, counts = (columns.take(len(high)) for _ in range(6))
    labels, permille_high = columns.take(sum(counts)), columns.take(sum(counts))
    own_visit = [not flag & _SAME_VISIT for flag in flags]
    if not own_visit[0]:
        raise BadMessage("the first diagnosis has the visit of one before it")
    ids, visits = raw.ids(len(high)), raw.ids(sum(own_visit))
    times = list(accumulate(_joined(high, raw.take(len(high)))))
    permille = _joined(permille_high, raw.take(len(labels)))
    candidates = list(zip([table[place] for place in labels], permille, strict=True))
    rows = zip(
        ids,
        [visits[place - 1] for place in accumulate(own_visit)],
        times,
        [bool(flag & _SYNCED) for flag in flags],
        [table[crop] if flag & _CROP else None for crop, flag in zip(crops, flags, strict=True)],
        [table[place] for place in decisions],
        [tuple(candidates[end - count : end]) for end, count in zip(accumulate(counts), counts, strict=True)],
        [table[place] for place in models],
        [table[place] for place in languages],
        [bool(flag & _REHEARSAL) for flag in flags],
        strict=True,
    )
    words = {*crops, *decisions, *models, *languages, *labels}
    sound = max(permille, default=0) <= 1000 and min(times) >= 0 and max(times) <= LATEST
    sound = sound and all(_is_word(table[place]) for place in words)
    return list(map(DiagnosisRow._make, rows)), sound


def _joined(high: Sequence[int], low: bytes) -> list[int]:
    return [above << 8 | below for above, below in zip(high, low, strict=True)]


def _is_word(word: str) -> bool:
    return len(word) <= MOST_LETTERS and word.isprintable()


def _sorted_out(rows: list[DiagnosisRow]) -> tuple[list[DiagnosisRow], list[Unreadable]]:
    good, bad = [], []
    for row in rows:
        reason = _fault(row)
        if reason:
            bad.append(Unreadable(cbor.dumps(list(row)), reason))
        else:
            good.append(row)
    return good, bad


def row_of(kiosk: str, values: list[Any]) -> DiagnosisRow:
    """A row that was set aside, as a list; it came from outside, so all of it is checked. Raises BadMessage."""
    try:
        row = DiagnosisRow._make(values)
        report = DiagnosisReport.model_validate(
            {
                **row._asdict(),
                "kiosk": kiosk,
                "clock": "synced" if row.synced else "unsure",
                "candidates": tuple(Candidate(label=label, permille=permille) for label, permille in row.candidates),
            },
            strict=True,
        )
    except (TypeError, ValueError) as why:
        raise BadMessage(f"a diagnosis that is not what it should be: {fault(why)}") from why
    candidates = tuple((candidate.label, candidate.permille) for candidate in report.candidates)
    row = row._replace(synced=report.clock == "synced", candidates=candidates)
    if reason := _fault(row):
        raise BadMessage(reason)
    return row


def _fault(row: DiagnosisRow) -> str:
    """What is wrong with it; "" if nothing is."""
    if not 0 <= row.taken_at <= LATEST:
        return f"taken_at {cbor.shown(row.taken_at)} is no time"
    labels = (label for label, _ in row.candidates)
    if not all(_is_word(word) for word in (row.crop or "", row.decision, row.model, row.language, *labels)):
        return f"a word is none of the batch's, has more than {MOST_LETTERS} letters or cannot be printed"
    if any(permille > 1000 for _, permille in row.candidates):
        return "a candidate has more than 1000 thousandths"
    return ""
