"""The catalogue of advice: every class of the model, in every language, checked before anybody can ask for it.

A farmer's text comes from here and from nowhere else. Labels are "<crop>/<disease>", languages ISO 639-1 codes.
"""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_daemon.advice import rules
from edge_daemon.advice.entry import Crop, CropWords, Entry, Language, Quiz, Text
from edge_daemon.advice.phrases import USES, Phrases
from edge_daemon.advice.reader import FOLDER, read_crops, read_lexicon, read_locales, read_phrases, read_sources
from edge_daemon.advice.rules import Lexicon
from edge_daemon.advice.version import version_of
from edge_daemon.errors import AdviceFaulty, ModelMismatch, UnknownCrop, UnknownLanguage

FAULTS_SHOWN = 5


@dataclass(frozen=True)
class Catalogue:
    """All advice. entries: by label; crop_words: by crop id; phrases: by language code; sources: titles by id.

    version: of the files that it was read from; see version.py.
    """

    entries: Mapping[str, Entry]
    crop_words: Mapping[str, Crop]
    phrases: Mapping[str, Phrases]
    sources: Mapping[str, str]
    version: str = ""

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Catalogue:
        """Read and check the catalogue that came with the program, or another. Raises AdviceFaulty."""
        locales = read_locales(folder)
        crops = list(read_crops(folder, locales))
        catalogue = cls(
            entries={entry.label: entry for _, entries in crops for entry in entries},
            crop_words={crop.id: crop for crop, _ in crops},
            phrases=read_phrases(locales),
            sources=read_sources(folder),
            version=version_of(folder),
        )
        if found := list(catalogue.faults(read_lexicon(folder, locales))):
            more = f" ({len(found) - FAULTS_SHOWN} more)" if len(found) > FAULTS_SHOWN else ""
            raise AdviceFaulty(f"{folder}: {' '.join(found[:FAULTS_SHOWN])}{more} Correct the texts.")
        return catalogue

    def faults(self, lexicon: Lexicon) -> Iterator[str]:
        """Everything that breaks a rule, as sentences."""
        languages = {code: phrases.language for code, phrases in self.phrases.items()}
        for phrases in self.phrases.values():
            yield from phrases.faults()
            for key, text in phrases.texts.items():
                yield from rules.fixed_faults(key, text, phrases.language, lexicon)
        for crop in self.crop_words.values():
            yield from rules.crop_faults(crop, languages, lexicon)
        for entry in self.entries.values():
            yield from rules.faults(entry, languages, self.sources, lexicon)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that has an entry, sorted."""
        return tuple(sorted(self.entries))

    @property
    def crops(self) -> tuple[str, ...]:
        """The ids of the crops, sorted."""
        return tuple(sorted(self.crop_words))

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages, sorted."""
        return tuple(sorted(self.phrases))

    def check_labels(self, labels: Iterable[str]) -> None:
        """Raises ModelMismatch if the model can give an answer that no text exists for."""
        if missing := sorted(set(labels) - self.entries.keys()):
            raise ModelMismatch(
                f"The catalogue has no advice for {', '.join(missing)}, which the model can answer. "
                "Install a model and a catalogue that belong together."
            )

    def entry(self, label: str) -> Entry:
        """The entry of a label. Raises ModelMismatch."""
        self.check_labels([label])
        return self.entries[label]

    def text(self, label: str, language: str) -> Text:
        """The texts of a label in a language. Raises ModelMismatch, UnknownLanguage."""
        self.say(language)
        return self.entry(label).texts[language]

    def reviewed_by(self, label: str, language: str) -> str:
        """Who reviewed the texts of a label; empty for a draft. Raises ModelMismatch, UnknownLanguage."""
        return self.text(label, language).reviewed_by

    def notice(self, language: str) -> tuple[str, str]:
        """What a farmer's number is used for: an id that changes with the text, and the text."""
        return self._worded("notice", language)

    def consent(self, language: str) -> tuple[str, str]:
        """Whether a small picture of the leaf may be sent: an id that changes with the text, and the text."""
        return self._worded("share", language)

    def retake(self, fault: str, language: str) -> str:
        """What to do about a photo with this fault, for the screen. Raises UnknownLanguage."""
        return self.say(language).say(f"retake_{fault}")

    def reviews(self) -> dict[str, tuple[int, int]]:
        """By language: how many of its texts somebody has reviewed, and how many there are."""
        return {code: self._reviews(code, phrases) for code, phrases in self.phrases.items()}

    def _worded(self, key: str, language: str) -> tuple[str, str]:
        text = self.say(language).say(key)
        return f"{language}-{zlib.crc32(text.encode()):08x}", text

    def _reviews(self, code: str, phrases: Phrases) -> tuple[int, int]:
        told: list[Text | Quiz | CropWords] = [entry.texts[code] for entry in self.entries.values()]
        told += [entry.quizzes[code] for entry in self.entries.values() if code in entry.quizzes]
        told += [crop.words[code] for crop in self.crop_words.values()]
        signed = [said.language == code and bool(said.reviewed_by) for said in told]
        signed += [key in phrases.reviewed for key in USES]
        return sum(signed), len(signed)

    def quiz(self, label: str, language: str) -> Quiz | None:
        """The recall quiz of a label, None for a healthy leaf. Raises ModelMismatch, UnknownLanguage."""
        self.say(language)
        return self.entry(label).quizzes.get(language)

    def name(self, label: str, language: str) -> str:
        """A short name with the crop in it, such as "Rice blast". Raises ModelMismatch, UnknownLanguage."""
        return self.text(label, language).name

    def say(self, language: str) -> Phrases:
        """The fixed words of a language code. Raises UnknownLanguage."""
        if language not in self.phrases:
            raise self._unknown_language(language)
        return self.phrases[language]

    def words(self, crop: str, language: str) -> CropWords:
        """A crop's words, by its id. Raises UnknownCrop, UnknownLanguage."""
        self.say(language)
        if crop not in self.crop_words:
            raise self._unknown_crop(crop)
        return self.crop_words[crop].words[language]

    def crop_name(self, crop: str, language: str) -> str:
        """The name of a crop by its id, such as "Rice" or "धान". Raises UnknownCrop, UnknownLanguage."""
        return self.words(crop, language).name

    def crop(self, text: str) -> str:
        """The id of a crop as a visitor may name it: id, name in any language, or alias. Raises UnknownCrop."""
        asked = _folded(text)
        for crop in self.crop_words.values():
            names = (crop.id, *crop.aliases, *(words.name for words in crop.words.values()))
            if asked in map(_folded, names):
                return crop.id
        raise self._unknown_crop(text)

    def language(self, text: str) -> str:
        """The code of a language as a visitor may name it: code, its own name, or alias. Raises UnknownLanguage."""
        asked = _folded(text)
        for language in self._languages():
            if asked in map(_folded, (language.code, language.name, language.english, *language.aliases)):
                return language.code
        raise self._unknown_language(text)

    def _languages(self) -> Iterator[Language]:
        return (phrases.language for phrases in self.phrases.values())

    def _unknown_crop(self, text: str) -> UnknownCrop:
        return UnknownCrop(f"There is no advice for the crop {text!r}. There is for: {', '.join(self.crops)}.")

    def _unknown_language(self, text: str) -> UnknownLanguage:
        known = ", ".join(f"{language.code} ({language.name})" for language in self._languages())
        return UnknownLanguage(f"There is no advice in the language {text!r}. There is in: {known}.")


def _folded(text: str) -> str:
    """Spelled as names are compared: case, spaces and the two ways of writing a nasal vowel (ँ, ं) do not count."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().replace("ँ", "ं").split())
