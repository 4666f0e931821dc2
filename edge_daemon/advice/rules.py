"""What no text of the catalogue may say, and what each must have. Pure: entries in, faults out.

A catalogue with a fault is not loaded, so a text that breaks a rule reaches no farmer. The rules find words, not
meanings: they are a net under the agronomist's review, not instead of it.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_daemon.advice.entry import (
    CROP_FIELDS,
    FIELDS,
    SUBSTANCE_KINDS,
    Crop,
    Entry,
    Language,
    Quiz,
    Substance,
    Text,
)

LIMITS = {"name": 40, "what": 120, "act": 100, "do_not": 70, "officer": 70, "leaf": 30, "first_aid": 100, "answer": 40}
"""Characters. A name, its percentage and an act fit three SMS parts in any script: 3 x 67 units of UCS-2
(3GPP TS 23.038 6.2.3 and TS 23.040 9.2.3.24). answer: of a quiz."""

_NUMBER = r"\d+(?:[.,/]\d+)?"


@dataclass(frozen=True)
class Doses:
    """How an amount is written, in every language at once: "2 g", "2.5 to 3 ml", "10 %", "half spoon", "2 per litre".

    Days, weeks and counts of plants are none.
    """

    units: tuple[str, ...]
    counts: tuple[str, ...]
    to: tuple[str, ...]
    per: tuple[str, ...]

    @functools.cached_property
    def pattern(self) -> re.Pattern[str]:
        """Finds an amount."""
        units, counts, to, per = (_any_of(words) for words in (self.units, self.counts, self.to, self.per))
        return re.compile(
            rf"{_NUMBER}\s*(?:{to}\s*{_NUMBER}\s*)?{units}|(?:^|\s){counts}\s+{units}|{_NUMBER}\s*{per}\s",
            re.IGNORECASE,
        )


def _any_of(words: Collection[str]) -> str:
    """Any of these; where Latin letters end one, the word ends. Other scripts join their endings to it."""
    longest_first = sorted(words, key=len, reverse=True)
    return (
        "(?:"
        + "|".join(
            re.escape(word) + (r"\b" if word[-1].isascii() and word[-1].isalpha() else "") for word in longest_first
        )
        + ")"
    )


TREATS = {"virus": "fungicide", "bacterium": "antibiotic"}
"""What is useless or forbidden against a pathogen: it is never advised."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What the rules look for. words: for a kind of substance, the words that mean the kind, such as "fungicide"."""

    substances: tuple[Substance, ...]
    words: Mapping[str, tuple[str, ...]]
    doses: Doses

    def barred(self) -> Iterator[str]:
        """Every spelling that may stand in no text."""
        return (word for substance in self.substances if substance.barred for word in substance.spellings)

    def named(self, kind: str) -> Iterator[str]:
        """Every spelling of a substance of this kind."""
        return (word for substance in self.substances if substance.kind == kind for word in substance.spellings)


def faults(
    entry: Entry, languages: Mapping[str, Language], sources: Collection[str], lexicon: Lexicon
) -> Iterator[str]:
    """Everything that is wrong with an entry, as sentences."""
    for fault in _source_faults(entry, sources):
        yield f"{entry.label}: {fault}"
    for code in entry.own_languages:
        for fault in _text_faults(entry, entry.texts[code], languages[code], lexicon):
            yield f"{entry.label}, {code}: {fault}"
    for code, quiz in entry.quizzes.items():
        if quiz.language == code:
            for fault in _quiz_faults(entry, quiz, languages[code], lexicon):
                yield f"{entry.label}, {code}: {fault}"


def crop_faults(crop: Crop, languages: Mapping[str, Language], lexicon: Lexicon) -> Iterator[str]:
    """Everything that is wrong with a crop's own words."""
    for code, words in crop.words.items():
        if words.language != code:
            continue
        for key in CROP_FIELDS:
            text = getattr(words, key)
            found = [*_form_faults(key, text, languages[code]), *_content_faults(text, lexicon)]
            yield from (f"{crop.id}, {code}: {key} {fault}" for fault in found)
        if lexicon.doses.pattern.search(words.first_aid):
            yield f"{crop.id}, {code}: first_aid names an amount; it is for no disease in particular."


def fixed_faults(key: str, text: str, language: Language, lexicon: Lexicon) -> Iterator[str]:
    """Everything that is wrong with a fixed text. Its blanks are filled in with what was checked on its own."""
    said = re.sub(r"{\w+}", "", text)
    found = [*_letter_faults(said, language), *_content_faults(said, lexicon)]
    if dose := lexicon.doses.pattern.search(said):
        found.append(f"names an amount ({dose.group().strip()!r}).")
    if key.endswith("_do_not") and not re.search(language.forbids, said):
        found.append("forbids nothing.")
    yield from (f"locale {language.code}: {key} {fault}" for fault in found)


def mentions(text: str, words: Sequence[str] | Iterator[str]) -> list[str]:
    """Which of these words stand in a text. Latin words count inside others too: tetracycline in oxytetracycline."""
    folded = text.casefold()
    return [word for word in words if word.casefold() in folded]


def _source_faults(entry: Entry, sources: Collection[str]) -> Iterator[str]:
    for source in (*entry.sources, *entry.dose_sources):
        if source not in sources:
            yield f"source {source!r} is not in sources.toml."


def _text_faults(entry: Entry, text: Text, language: Language, lexicon: Lexicon) -> Iterator[str]:
    for key in FIELDS:
        words = getattr(text, key)
        for fault in (*_form_faults(key, words, language), *_content_faults(words, lexicon)):
            yield f"{key} {fault}"
        if (dose := lexicon.doses.pattern.search(words)) and not entry.dose_sources:
            yield f"{key} names an amount ({dose.group().strip()!r}) without a dose source."
    if not re.search(language.forbids, text.do_not):
        yield "do_not forbids nothing."
    yield from _treatment_faults(entry.pathogen, text, lexicon)


def _quiz_faults(entry: Entry, quiz: Quiz, language: Language, lexicon: Lexicon) -> Iterator[str]:
    """A wrong answer is remembered too: it names no substance and no kind of one, and no amount of anything."""
    for answer in quiz.answers:
        found = [*_form_faults("answer", answer, language), *_content_faults(answer, lexicon)]
        if answer[-1:] in ".।":
            found.append("ends like a sentence.")
        if lexicon.doses.pattern.search(answer):
            found.append("names an amount.")
        kinds = (word for kind in SUBSTANCE_KINDS for word in (*lexicon.named(kind), *lexicon.words.get(kind, ())))
        found += [f"names {word}." for word in mentions(answer, kinds)]
        yield from (f"the quiz's answer {answer!r} {fault}" for fault in found)


def _form_faults(key: str, text: str, language: Language) -> Iterator[str]:
    if not text or text != " ".join(text.split()):
        yield "is empty or has spaces too many."
    elif key not in {"name", "leaf", "answer"} and text[-1] not in ".।":
        yield "does not end like a sentence."
    if len(text) > LIMITS[key]:
        yield f"has {len(text)} characters; {LIMITS[key]} is the most."
    yield from _letter_faults(text, language)


def _letter_faults(text: str, language: Language) -> Iterator[str]:
    if text != unicodedata.normalize("NFC", text):
        yield "is not in Unicode's form NFC."
    if strange := sorted(set(re.findall(f"[^{language.letters}]", text))):
        yield f"has letters that {language.name} texts do not use: {' '.join(strange)}."


def _content_faults(text: str, lexicon: Lexicon) -> Iterator[str]:
    for word in mentions(text, lexicon.barred()):
        yield f"names {word}, which is barred."


def _treatment_faults(pathogen: str, text: Text, lexicon: Lexicon) -> Iterator[str]:
    """Named substances of the useless kind stand nowhere; the word for the kind stands in a do-not only."""
    useless = TREATS.get(pathogen)
    if useless is None:
        return
    for key in FIELDS:
        found = mentions(getattr(text, key), lexicon.named(useless))
        if key != "do_not":
            found += mentions(getattr(text, key), lexicon.words.get(useless, ()))
        if found:
            yield f"{key} names {found[0]} against a {pathogen}."
