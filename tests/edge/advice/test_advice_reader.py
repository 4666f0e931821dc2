"""A language that is not whole: what it lacks comes in the next of its languages, an entry as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polib
import pytest

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.compose import compose
from edge_daemon.advice.template import template, update
from edge_daemon.diagnosis import Decision
from edge_daemon.modem.alphabet import count_parts
from tests.edge.advice.test_advice_compose import diagnosis

BLAST, RUST = "rice/blast", "maize/common_rust"
NAME = "बीमारी"


@pytest.fixture
def begun(copy: Path) -> Path:
    """The catalogue with one more language that falls back to Hindi, then English, and has no PO file yet."""
    hindi = (copy / "locale" / "hi.toml").read_text(encoding="utf-8")
    own = hindi.replace("हिन्दी", "नई भाषा").replace('english = "Hindi"', 'english = "New"')
    own = own.replace('aliases = ["hindi", "हिंदी"]', "aliases = []").replace('["en"]', '["hi", "en"]')
    assert own.count('["hi", "en"]') == 1
    (copy / "locale" / "xx.toml").write_text(own, encoding="utf-8")
    return copy


def translate(folder: Path, language: str, texts: dict[str, str]) -> None:
    """Change these texts of a language, by context."""
    path = folder / "locale" / f"{language}.po"
    update(path, template(folder))
    file = polib.pofile(str(path), wrapwidth=0)
    for entry in file:
        entry.msgstr = texts.get(entry.msgctxt, entry.msgstr)
    file.save()


def forget(folder: Path, language: str, contexts: Iterable[str]) -> None:
    translate(folder, language, dict.fromkeys(contexts, ""))


def test_a_language_that_nobody_has_begun_speaks_its_next_one(begun: Path) -> None:
    catalogue = Catalogue.load(begun)
    assert catalogue.language("नई भाषा") == "xx"
    assert catalogue.text(BLAST, "xx") == catalogue.text(BLAST, "hi")
    assert catalogue.quiz(BLAST, "xx") == catalogue.quiz(BLAST, "hi")
    assert catalogue.words("rice", "xx") == catalogue.words("rice", "hi")
    assert catalogue.say("xx").say("not_sure") == catalogue.say("hi").say("not_sure")
    assert "xx" not in catalogue.entry(BLAST).own_languages


def test_what_neither_has_comes_in_english(begun: Path) -> None:
    forget(begun, "hi", [f"{BLAST} what", f"{BLAST} wrong 2", "rice crop leaf", "fixed not_sure"])
    catalogue = Catalogue.load(begun)
    for language in ("hi", "xx"):
        assert catalogue.text(BLAST, language) == catalogue.text(BLAST, "en")
        assert catalogue.quiz(BLAST, language) == catalogue.quiz(BLAST, "en")
        assert catalogue.words("rice", language) == catalogue.words("rice", "en")
        assert catalogue.say(language).say("not_sure") == catalogue.say("en").say("not_sure")
        assert not catalogue.say(language).has("not_sure")
        assert catalogue.text(RUST, language).language == "hi"


def test_a_half_translated_entry_comes_whole_from_the_next_language(begun: Path) -> None:
    translate(begun, "xx", {f"{BLAST} name": NAME, f"{BLAST} act": "पानी रखें।", "fixed not_sure": "पता नहीं।"})
    catalogue = Catalogue.load(begun)
    assert catalogue.text(BLAST, "xx") == catalogue.text(BLAST, "hi")
    assert catalogue.say("xx").say("not_sure") == "पता नहीं।"
    assert catalogue.say("xx").say("not_sure_act") == catalogue.say("hi").say("not_sure_act")
    told = compose(catalogue, diagnosis(Decision.ANSWER, BLAST), "xx", count_parts=count_parts)
    assert told == compose(catalogue, diagnosis(Decision.ANSWER, BLAST), "hi", count_parts=count_parts)


def test_a_whole_entry_is_told_in_the_language_itself(begun: Path) -> None:
    hindi = Catalogue.load(begun).text(BLAST, "hi")
    fields = ("what", "act", "do_not", "officer")
    translate(begun, "xx", {f"{BLAST} {key}": getattr(hindi, key) for key in fields} | {f"{BLAST} name": NAME})
    catalogue = Catalogue.load(begun)
    assert (catalogue.text(BLAST, "xx").name, catalogue.text(BLAST, "xx").language) == (NAME, "xx")
    assert "xx" in catalogue.entry(BLAST).own_languages
    assert catalogue.text(RUST, "xx").language == "hi"
    assert catalogue.text(BLAST, "hi") == hindi


def test_a_fuzzy_text_takes_its_whole_entry_along(copy: Path) -> None:
    path = copy / "locale" / "hi.po"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(f'msgctxt "{BLAST} act"', f'#, fuzzy\nmsgctxt "{BLAST} act"'), encoding="utf-8")
    catalogue = Catalogue.load(copy)
    assert catalogue.text(BLAST, "hi") == catalogue.text(BLAST, "en")
    assert catalogue.quiz(BLAST, "hi") != catalogue.quiz(BLAST, "en")


def test_no_message_shows_a_key_or_a_blank_in_any_state_of_a_language(begun: Path) -> None:
    forget(begun, "hi", [f"{BLAST} name", "fixed answer", "fixed ask_help"])
    catalogue = Catalogue.load(begun)
    for decision in set(Decision) - {Decision.FIRST_AID}:
        said = diagnosis(decision, BLAST, RUST, crop="rice")
        message = compose(catalogue, said, "xx", count_parts=count_parts)
        assert message
        assert not {"{", "}", "_"} & set(message)


def test_a_crop_is_found_by_a_name_that_its_language_s_file_adds(begun: Path) -> None:
    path = begun / "locale" / "xx.toml"
    path.write_text(
        path.read_text(encoding="utf-8").split("[crops]")[0] + '[crops]\nrice = ["sali"]\n', encoding="utf-8"
    )
    assert Catalogue.load(begun).crop("Sali") == "rice"
