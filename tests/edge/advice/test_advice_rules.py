"""The rules of safety, over the whole catalogue, and each of them against an entry that was made to break it."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.entry import CROP_FIELDS, FIELDS, Crop, Entry, Language
from edge_daemon.advice.reader import FOLDER, read_lexicon, read_locales
from edge_daemon.advice.rules import LIMITS, Lexicon, crop_faults, faults, mentions
from edge_daemon.modem.alphabet import GSM7

LEXICON = read_lexicon(FOLDER, read_locales(FOLDER))
VIRUS, BACTERIUM, FUNGUS = "rice/tungro", "tomato/bacterial_spot", "rice/blast"


def languages(catalogue: Catalogue) -> Mapping[str, Language]:
    return {code: phrases.language for code, phrases in catalogue.phrases.items()}


def every_text(catalogue: Catalogue, language: str) -> dict[str, str]:
    """All that is written in a language, by where it stands."""
    texts: dict[str, str] = {}
    for label, entry in catalogue.entries.items():
        if (text := entry.texts[language]).language == language:
            texts |= {f"{label} {field}": getattr(text, field) for field in FIELDS}
        if (quiz := entry.quizzes.get(language)) and quiz.language == language:
            texts |= {f"{label} answer {number}": answer for number, answer in enumerate(quiz.answers)}
    for crop in catalogue.crop_words.values():
        if (words := crop.words[language]).language == language:
            texts |= {f"{crop.id} {field}": getattr(words, field) for field in CROP_FIELDS}
    fixed = catalogue.say(language).texts.items()
    return texts | {key: re.sub(r"{\w+}", "", text) for key, text in fixed}


def doctored(catalogue: Catalogue, label: str, language: str, field: str, text: str) -> Entry:
    """An entry with one sentence changed."""
    entry = catalogue.entry(label)
    changed = dataclasses.replace(entry.texts[language], **{field: text})
    return dataclasses.replace(entry, texts=MappingProxyType({**entry.texts, language: changed}))


def told(catalogue: Catalogue, entry: Entry) -> str:
    return " ".join(faults(entry, languages(catalogue), catalogue.sources, LEXICON))


def test_the_catalogue_breaks_no_rule(catalogue: Catalogue) -> None:
    assert list(catalogue.faults(LEXICON)) == []


def test_no_text_names_a_dose_or_any_substance(catalogue: Catalogue) -> None:
    substances = [word for substance in LEXICON.substances for word in substance.spellings]
    for language in catalogue.languages:
        for place, text in every_text(catalogue, language).items():
            assert LEXICON.doses.pattern.search(text) is None, place
            assert mentions(text, substances) == [], place


def test_english_fits_the_gsm_alphabet(catalogue: Catalogue) -> None:
    for place, text in every_text(catalogue, "en").items():
        assert all(GSM7.units(letter) == 1 for letter in text), place


def test_every_other_language_keeps_to_one_script(catalogue: Catalogue) -> None:
    for language in set(catalogue.languages) - {"en"}:
        script = unicodedata.name(catalogue.say(language).language.name[0]).split()[0]
        for place, text in every_text(catalogue, language).items():
            letters = {letter for letter in text if letter.isalpha()}
            assert {unicodedata.name(letter).split()[0] for letter in letters} == {script}, f"{language} {place}"


def test_viruses_are_told_so_and_undecided_cotton_is_referred(catalogue: Catalogue) -> None:
    viruses = {label for label, entry in catalogue.entries.items() if entry.pathogen == "virus"}
    assert viruses == {
        "chilli/yellow_virus",
        "rice/tungro",
        "sugarcane/mosaic",
        "sugarcane/yellow_leaf",
        "tomato/mosaic_virus",
        "tomato/yellow_leaf_curl_virus",
    }
    assert all(catalogue.entry(label).treatability == "no_cure_remove" for label in viruses)
    assert catalogue.entry("cotton/diseased").treatability == "refer"


DOSES = [
    "Spray 2 g in a litre.",
    "Spray 2.5 ml per litre.",
    "Spray a 0.2 % mix.",
    "Spray 2 to 3 ml.",
    "Use 500g on the field.",
    "Mix two spoons in water.",
    "Give 4 kg.",
    "Use 1 per plant.",
]
DOSES_HI = [
    "2 ग्राम दवा डालें।",
    "2.5 मिली दवा डालें।",
    "२ ग्राम दवा डालें।",
    "2 से 3 मि.ली. दवा डालें।",
    "दो चम्मच दवा डालें।",
    "0.2% घोल डालें।",
]


@pytest.mark.parametrize("text", DOSES)
def test_a_dose_without_a_source_is_a_fault(catalogue: Catalogue, text: str) -> None:
    entry = doctored(catalogue, FUNGUS, "en", "act", text)
    assert "names an amount" in told(catalogue, entry)
    assert "names an amount" not in told(catalogue, dataclasses.replace(entry, dose_sources=("KALRO-RICE",)))
    assert "'T' is not in sources" in told(catalogue, dataclasses.replace(entry, dose_sources=("T",)))


@pytest.mark.parametrize("text", DOSES_HI)
def test_a_hindi_dose_without_a_source_is_a_fault(catalogue: Catalogue, text: str) -> None:
    assert "names an amount" in told(catalogue, doctored(catalogue, FUNGUS, "hi", "officer", text))


@pytest.mark.parametrize(
    "text", ["Look again in 7 days.", "Drain for 2-3 days.", "Leave one leaf.", "Call 1800-180-1551."]
)
def test_days_and_counts_are_no_dose(text: str) -> None:
    assert LEXICON.doses.pattern.search(text) is None


@pytest.mark.parametrize("field", ["what", "act", "do_not", "officer"])
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Do not use Streptomycin."),
        ("en", "Do not use oxytetracycline."),
        ("en", "Do not use monocrotophos."),
        ("en", "Do not use DICOFOL."),
        ("en", "Do not use dinocap."),
        ("en", "Do not use methomyl."),
        ("en", "Do not use carbofuran."),
        ("hi", "मोनोक्रोटोफॉस न डालें।"),
        ("hi", "स्ट्रेप्टोमाइसिन न डालें।"),
    ],
)
def test_a_barred_substance_is_a_fault_even_as_a_warning(
    catalogue: Catalogue, language: str, text: str, field: str
) -> None:
    assert "barred" in told(catalogue, doctored(catalogue, FUNGUS, language, field, text))


@pytest.mark.parametrize("substance", [substance for substance in LEXICON.substances if substance.barred])
def test_every_barred_substance_is_found_however_it_is_written(catalogue: Catalogue, substance: object) -> None:
    for word in substance.spellings:  # type: ignore[attr-defined]  # parametrize hands out objects
        assert "barred" in told(catalogue, doctored(catalogue, FUNGUS, "en", "act", f"Spray {word}."))


@pytest.mark.parametrize("field", ["act", "officer", "what"])
@pytest.mark.parametrize(
    ("label", "language", "text"),
    [
        (VIRUS, "en", "Spray a fungicide."),
        (VIRUS, "en", "Spray azoxystrobin."),
        (VIRUS, "hi", "फफूँदनाशक डालें।"),
        (VIRUS, "hi", "फफूँद की दवा डालें।"),
        (VIRUS, "hi", "हेक्साकोनाजोल डालें।"),
        (BACTERIUM, "en", "Spray an antibiotic."),
        (BACTERIUM, "en", "Spray kasugamycin."),
        (BACTERIUM, "hi", "एंटीबायोटिक डालें।"),
    ],
)
def test_a_useless_treatment_is_a_fault(catalogue: Catalogue, label: str, language: str, text: str, field: str) -> None:
    pathogen = catalogue.entry(label).pathogen
    assert f"against a {pathogen}" in told(catalogue, doctored(catalogue, label, language, field, text))


def test_a_do_not_may_warn_of_the_kind_but_names_no_substance(catalogue: Catalogue) -> None:
    warned = doctored(catalogue, VIRUS, "en", "do_not", "Do not spray a fungicide.")
    assert told(catalogue, warned) == ""
    named = doctored(catalogue, VIRUS, "en", "do_not", "Do not spray azoxystrobin.")
    assert "against a virus" in told(catalogue, named)


@pytest.mark.parametrize(
    ("language", "field", "text", "fault"),
    [
        ("en", "act", "", "is empty"),
        ("en", "act", "Drain  the field.", "spaces too many"),
        ("en", "act", "Drain the field", "does not end"),
        ("en", "act", "Drain it \u2014 today.", "letters that English"),
        ("en", "act", "Don\u2019t drain.", "letters that English"),
        ("en", "act", "It is 30 \u00b0C.", "letters that English"),
        ("en", "act", "à¤§ drain.", "letters that English"),
        ("hi", "act", "field सुखाएँ।", "letters that हिन्दी"),
        ("hi", "act", "खेत \ufffd सुखाएँ।", "letters that हिन्दी"),
        ("hi", "act", "पत्ते तो\u0958\u093cें।", "NFC"),
        ("en", "do_not", "Spray today.", "forbids nothing"),
        ("hi", "do_not", "आज दवा डालें।", "forbids nothing"),
        ("en", "act", "Drain it. " * 20 + "End.", "characters; 100 is the most"),
        ("en", "name", "R" * 41, "characters; 40 is the most"),
    ],
)
def test_a_text_out_of_form_is_a_fault(catalogue: Catalogue, language: str, field: str, text: str, fault: str) -> None:
    assert fault in told(catalogue, doctored(catalogue, FUNGUS, language, field, text))


@pytest.mark.parametrize(
    ("language", "answer", "fault"),
    [
        ("en", "Drain the field.", "ends like a sentence"),
        ("hi", "पानी निकालें।", "ends like a sentence"),
        ("en", "", "is empty"),
        ("en", "W" * 41, "characters; 40 is the most"),
        ("en", "Give 2 kg of urea", "names an amount"),
        ("hi", "यूरिया दो किलो दें", "names an amount"),
        ("en", "Spray a fungicide", "names fungicide"),
        ("hi", "फफूँदनाशक डालें", "names फफूँदनाशक"),
        ("en", "Spray sulphur", "names sulphur"),
        ("en", "Spray dicofol", "barred"),
        ("hi", "field सुखाएँ", "letters that हिन्दी"),
    ],
)
@pytest.mark.parametrize("right", [True, False])
def test_a_quiz_s_answer_teaches_nothing_wrong_by_name(
    catalogue: Catalogue, language: str, answer: str, fault: str, right: bool
) -> None:
    entry = catalogue.entry(FUNGUS)
    quiz = entry.quizzes[language]
    changed = dataclasses.replace(quiz, right=answer) if right else dataclasses.replace(quiz, wrong=(answer,))
    assert fault in told(catalogue, dataclasses.replace(entry, quizzes={**entry.quizzes, language: changed}))


def test_a_crop_s_own_words_are_kept_to_the_same_rules(catalogue: Catalogue) -> None:
    crop: Crop = catalogue.crop_words["rice"]

    def told_of(text: str) -> str:
        words = dataclasses.replace(crop.words["en"], first_aid=text)
        changed = dataclasses.replace(crop, words={**crop.words, "en": words})
        return " ".join(crop_faults(changed, languages(catalogue), LEXICON))

    assert told_of("Drain the field.") == ""
    assert "barred" in told_of("Spray dicofol.")
    assert "names an amount" in told_of("Give 4 kg of urea.")
    assert "does not end" in told_of("Drain")


def test_the_healthy_class_is_called_healthy(catalogue: Catalogue) -> None:
    with pytest.raises(ValueError, match="healthy class"):
        dataclasses.replace(catalogue.entry(FUNGUS), pathogen="healthy")


def test_a_name_with_an_act_always_fits_three_parts() -> None:
    percentage = len(", 99 % likely.  ")
    assert LIMITS["name"] + percentage + LIMITS["act"] <= 3 * 67


def test_a_lexicon_finds_by_kind() -> None:
    assert "kasugamycin" in set(Lexicon(LEXICON.substances, {}, LEXICON.doses).named("antibiotic"))
    assert "kasugamycin" not in set(LEXICON.barred())
