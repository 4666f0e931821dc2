"""The diagnoses of a batch, field by field instead of one by one: like stands beside like, and packs small.

Three values: the batch's own words, the times (each as the difference to the one before), and the columns, a byte for
each diagnosis or candidate. Ids come apart from that, since no compression makes them smaller. A word is its place in
KNOWN followed by the batch's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import Any, NamedTuple

from edge_daemon.wire import cbor
from edge_daemon.wire.errors import BadMessage, TooLarge
from edge_daemon.wire.messages import LATEST, DiagnosisReport

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
    """The three values, and the ids: those of the diagnoses, then those of the visits. Raises TooLarge."""
    words = {word: place for place, word in enumerate(KNOWN)}
    columns = b"".join(_columns(reports, words))
    times = [report.taken_at for report in reports]
    steps = [time - before for time, before in zip(times, [0, *times[:-1]], strict=True)]
    same = _same_visit(reports)
    ids = [report.diagnosis for report in reports]
    visits = [report.visit for report, same in zip(reports, same, strict=True) if not same]
    return [list(words)[len(KNOWN) :], steps, columns], bytes.fromhex("".join(ids + visits))


def _columns(reports: Sequence[DiagnosisReport], words: dict[str, int]) -> Iterator[bytes]:
    same = _same_visit(reports)
    yield bytes(_flags(report, same) for report, same in zip(reports, same, strict=True))
    yield _places((report.crop or "" for report in reports), words)
    yield _places((report.decision for report in reports), words)
    yield _places((report.model for report in reports), words)
    yield _places((report.language for report in reports), words)
    yield bytes(_count(report) for report in reports)
    candidates = list(chain.from_iterable(report.candidates for report in reports))
    yield _places((candidate.label for candidate in candidates), words)
    yield bytes(candidate.permille >> 8 for candidate in candidates)
    yield bytes(candidate.permille & 255 for candidate in candidates)


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


def unpack(values: Any, ids: bytes) -> tuple[list[DiagnosisRow], list[Unreadable]]:
    """The diagnoses, and those among them that are not what they should be.

    Raises BadMessage where the values do not hold together.
    """
    match values:
        case [list(own), list(steps), bytes(columns), *_] if all(type(step) is int for step in steps):
            table = [*KNOWN, *(word if _is_word(word) else None for word in own)][:MOST_WORDS]
            times = list(accumulate(steps))
            rows, used = _rows(times, columns, ids, table + [None] * (MOST_WORDS - len(table)))
        case _:
            raise BadMessage("the diagnoses are not words, times and columns")
    if used and min(times) >= 0 and max(times) <= LATEST:
        return rows, []
    return _sorted_out(rows)


def _is_word(word: Any) -> bool:
    return type(word) is str and len(word) <= MOST_LETTERS and word.isprintable()


def _rows(times: list[int], columns: bytes, ids: bytes, table: list[Any]) -> tuple[list[DiagnosisRow], bool]:
    """The rows, and whether each word and figure in them is sound; a word that is not stands there as None."""
    count = len(times)
    flags, crops, decisions, models, languages, counts = (
        columns[start : start + count] for start in range(0, 6 * count, count)
    )
    of_all = sum(counts)
    labels, high, low = (columns[start : start + of_all] for start in _starts(6 * count, of_all))
    if len(columns) < 6 * count + 3 * of_all:
        raise BadMessage("the columns of the diagnoses are cut off")
    permille = [above << 8 | below for above, below in zip(high, low, strict=True)]
    sound = max(permille, default=0) <= 1000 and None not in {
        table[place] for place in set(crops + decisions + models + languages + labels)
    }
    candidates = list(zip([table[place] for place in labels], permille, strict=True))
    ends = list(accumulate(counts))
    diagnoses, visits = _ids(flags, ids)
    rows = zip(
        diagnoses,
        visits,
        times,
        [bool(flag & _SYNCED) for flag in flags],
        [table[crop] if flag & _CROP else None for crop, flag in zip(crops, flags, strict=True)],
        [table[place] for place in decisions],
        [tuple(candidates[end - length : end]) for end, length in zip(ends, counts, strict=True)],
        [table[place] for place in models],
        [table[place] for place in languages],
        [bool(flag & _REHEARSAL) for flag in flags],
        strict=True,
    )
    return list(map(DiagnosisRow._make, rows)), sound


def _starts(first: int, length: int) -> tuple[int, int, int]:
    return first, first + length, first + 2 * length


def _ids(flags: bytes, ids: bytes) -> tuple[list[str], list[str]]:
    """The ids of the diagnoses and of their visits."""
    digits = 2 * ID_BYTES
    text = ids.hex()
    names = [text[start : start + digits] for start in range(0, len(text), digits)]
    own = [not flag & _SAME_VISIT for flag in flags]
    if not own[0] or len(ids) != ID_BYTES * (len(flags) + sum(own)):
        raise BadMessage("the diagnoses have too few ids, or too many")
    visits = names[len(flags) :]
    return names[: len(flags)], [visits[place - 1] for place in accumulate(own)]


def _sorted_out(rows: list[DiagnosisRow]) -> tuple[list[DiagnosisRow], list[Unreadable]]:
    good, bad = [], []
    for row in rows:
        reason = _fault(row)
        if reason:
            bad.append(Unreadable(cbor.dumps(list(row)), reason))
        else:
            good.append(row)
    return good, bad


def _fault(row: DiagnosisRow) -> str:
    """What is wrong with it; "" if nothing is."""
    if not 0 <= row.taken_at <= LATEST:
        return f"taken_at {cbor.shown(row.taken_at)} is no time"
    labels = [label for label, _ in row.candidates]
    if None in (row.decision, row.model, row.language, *labels):
        return "a word is none of the batch's, is too long or cannot be printed"
    if any(permille > 1000 for _, permille in row.candidates):
        return "a candidate has more than 1000 thousandths"
    return ""
