"""What there is to translate, and the PO files kept up to date with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import polib
import pytest

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.phrases import USES
from edge_daemon.advice.reader import FOLDER
from edge_daemon.advice.template import template, update, wanted

OLD, NEW = "Keep a thin layer of water", "Keep a little water"
CONTEXT = "rice/blast right"
HINDI = "खेत में थोड़ा पानी रखें"
SHIPPED = sorted({path.stem for path in (FOLDER / "locale").glob("*.toml")} - {"en"})


def change_file(copy: Path, old: str, new: str) -> None:
    path = copy / "content" / "rice.toml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def change_english(copy: Path, old: str, new: str) -> None:
    """A whole text."""
    change_file(copy, f'"{old}"', f'"{new}"')


def updated(copy: Path) -> polib.POFile:
    """The Hindi file of a copy, once it is up to date."""
    path = copy / "locale" / "hi.po"
    update(path, template(copy))
    return polib.pofile(str(path))


def found(file: polib.POFile, english: str) -> polib.POEntry:
    (entry,) = [entry for entry in file if entry.msgctxt == CONTEXT and entry.msgid == english]
    return entry


@pytest.mark.parametrize("language", SHIPPED)
def test_the_shipped_files_are_up_to_date_with_the_english(tmp_path: Path, language: str) -> None:
    shipped = FOLDER / "locale" / f"{language}.po"
    path = Path(shutil.copy(shipped, tmp_path))
    update(path, template())
    assert path.read_bytes() == shipped.read_bytes(), "run: make po"


def test_every_text_is_wanted_once_with_what_a_translator_has_to_know(catalogue: Catalogue) -> None:
    texts = {text.context: text for text in wanted()}
    assert len(texts) == len(list(wanted()))
    fields = len(catalogue.entries) * 5 + len(catalogue.crop_words) * 3
    answers = sum(len(entry.quizzes["en"].answers) for entry in catalogue.entries.values() if entry.quizzes)
    assert len(texts) == len(USES) + fields + answers
    assert texts["rice/blast act"].comment == "at most 100 characters; a sentence with its full stop"
    assert texts[CONTEXT] == (CONTEXT, OLD, "at most 40 characters")
    assert texts["fixed notice"].comment == "for the screen"
    assert texts["fixed unclear"].comment == "at most 1 SMS part, blanks filled in"
    assert texts["fixed help"].comment == "at most 3 SMS parts, blanks filled in"


def test_a_new_language_begins_with_every_text_empty(tmp_path: Path) -> None:
    update(tmp_path / "xx.po", template())
    file = polib.pofile(str(tmp_path / "xx.po"))
    assert file.metadata["Language"] == "xx"
    assert [(entry.msgctxt, entry.msgid, entry.msgstr) for entry in file] == [
        (text.context, text.english, "") for text in wanted()
    ]


def test_a_changed_english_text_makes_its_translation_fuzzy(copy: Path) -> None:
    change_english(copy, OLD, NEW)
    entry = found(updated(copy), NEW)
    assert (entry.msgstr, entry.previous_msgid, entry.fuzzy, entry.obsolete) == (HINDI, OLD, True, False)
    assert found(updated(copy), OLD).obsolete
    quiz = Catalogue.load(copy).quiz("rice/blast", "hi")
    assert quiz is not None
    assert (quiz.language, quiz.right) == ("en", NEW)


def test_whoever_reviewed_a_text_did_not_review_what_it_became(copy: Path) -> None:
    path = copy / "locale" / "hi.po"
    mark = f'# reviewed by: A. Singh\nmsgctxt "{CONTEXT}"'
    path.write_text(path.read_text(encoding="utf-8").replace(f'msgctxt "{CONTEXT}"', mark), encoding="utf-8")
    assert found(updated(copy), OLD).tcomment == "reviewed by: A. Singh"
    change_english(copy, OLD, NEW)
    assert found(updated(copy), NEW).tcomment == ""


def test_an_english_text_that_comes_back_has_its_translation_again(copy: Path) -> None:
    shipped = (copy / "locale" / "hi.po").read_text(encoding="utf-8")
    change_english(copy, OLD, NEW)
    updated(copy)
    change_english(copy, NEW, OLD)
    entry = found(updated(copy), OLD)
    assert (entry.msgstr, entry.fuzzy, entry.obsolete) == (HINDI, False, False)
    assert (copy / "locale" / "hi.po").read_text(encoding="utf-8").startswith(shipped.rstrip())


def test_a_text_that_is_gone_is_kept_as_obsolete(copy: Path) -> None:
    wrong = '["Give the crop more urea now", "Let the field dry out fully"]'
    change_file(copy, f'right = "{OLD}"\nwrong = {wrong}\n', "")
    entry = found(updated(copy), OLD)
    assert (entry.msgstr, entry.obsolete) == (HINDI, True)
    assert Catalogue.load(copy).quiz("rice/blast", "hi") is None


def test_what_a_translator_has_done_stays(copy: Path) -> None:
    change_english(copy, OLD, NEW)
    file = updated(copy)
    entry = found(file, NEW)
    entry.msgstr, entry.tcomment = "थोड़ा पानी रखें", "reviewed by: A. Singh"
    entry.flags.remove("fuzzy")
    file.save()
    entry = found(updated(copy), NEW)
    assert (entry.msgstr, entry.fuzzy, entry.tcomment) == ("थोड़ा पानी रखें", False, "reviewed by: A. Singh")


@pytest.mark.parametrize("new", [OLD, NEW])
def test_bringing_it_up_to_date_twice_changes_nothing(copy: Path, new: str) -> None:
    change_english(copy, OLD, new)
    updated(copy)
    once = (copy / "locale" / "hi.po").read_bytes()
    updated(copy)
    assert (copy / "locale" / "hi.po").read_bytes() == once
