"""A language's PO file: which of its texts are in use, and who reviewed them."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.translations import NONE, Translated, read_translations
from edge_daemon.errors import AdviceFaulty

HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
ACT = "रोगी पौधे हटाएँ।"


def read(tmp_path: Path, entry: str) -> Translated | None:
    """What a file of this one entry says of "rice/blast act"."""
    path = tmp_path / "hi.po"
    path.write_text(HEADER + entry, encoding="utf-8")
    return read_translations(path).get("rice/blast act", "Pull out sick plants.")


def entry(text: str = ACT, before: str = "", context: str = "rice/blast act") -> str:
    return f'{before}msgctxt "{context}"\nmsgid "Pull out sick plants."\nmsgstr "{text}"\n'


def test_a_translation_is_found_by_its_place_and_its_english(tmp_path: Path) -> None:
    assert read(tmp_path, entry()) == Translated(ACT, "")
    assert read(tmp_path, entry(context="rice/tungro act")) is None
    assert read(tmp_path, entry().replace("Pull out sick", "Pull out all sick")) is None


@pytest.mark.parametrize(
    "unusable",
    [entry(""), entry(before="#, fuzzy\n"), "".join(f"#~ {line}\n" for line in entry().splitlines())],
    ids=["empty", "fuzzy", "obsolete"],
)
def test_what_is_empty_fuzzy_or_obsolete_is_not_in_use(tmp_path: Path, unusable: str) -> None:
    assert read(tmp_path, unusable) is None


@pytest.mark.parametrize(
    ("comment", "reviewed_by"),
    [
        ("", ""),
        ("# reviewed by: A. Singh, KVK Karnal\n", "A. Singh, KVK Karnal"),
        ("# Reviewed by:   A. Singh  \n", "A. Singh"),
        ("# a short word is needed here\n# reviewed by: A. Singh\n", "A. Singh"),
        ("# reviewed by: A. Singh\n# reviewed by: B. Rao\n", "A. Singh, B. Rao"),
        ("# reviewed by:\n", ""),
        ("# to be reviewed by: A. Singh\n", ""),
        ("#. reviewed by: A. Singh\n", ""),
    ],
)
def test_who_reviewed_a_text_stands_in_the_translator_s_comment(tmp_path: Path, comment: str, reviewed_by: str) -> None:
    assert read(tmp_path, entry(before=comment)) == Translated(ACT, reviewed_by)


def test_a_language_may_have_no_file_yet(tmp_path: Path) -> None:
    assert read_translations(tmp_path / "hi.po") is NONE


def test_a_damaged_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "hi.po"
    path.write_bytes(b'msgid "a"\nmsgstr "\xff"\n')
    with pytest.raises(AdviceFaulty, match=r"hi\.po: is not UTF-8"):
        read_translations(path)
    path.write_text("it is no PO file\n", encoding="utf-8")
    with pytest.raises(AdviceFaulty, match=r"hi\.po: is not a gettext PO file: .* Correct it\."):
        read_translations(path)


def signed(copy: Path, *contexts: str) -> Catalogue:
    """The catalogue once these of Hindi's texts are reviewed, by A. Singh and no one else."""
    path = copy / "locale" / "hi.po"
    text = path.read_text(encoding="utf-8").replace("# reviewed by:", "# read by:")
    for context in contexts:
        assert f'msgctxt "{context}"' in text
        text = text.replace(f'msgctxt "{context}"', f'# reviewed by: A. Singh\nmsgctxt "{context}"')
    path.write_text(text, encoding="utf-8")
    return Catalogue.load(copy)


FIELDS = [f"rice/blast {field}" for field in ("name", "what", "act", "do_not", "officer")]
ANSWERS = [f"rice/blast {field}" for field in ("right", "wrong 1", "wrong 2")]
CROP = [f"rice crop {field}" for field in ("name", "leaf", "first_aid")]


def test_an_entry_is_reviewed_once_each_of_its_texts_is(copy: Path) -> None:
    catalogue = signed(copy, *FIELDS, *ANSWERS, *CROP, "fixed not_sure")
    quiz = catalogue.quiz("rice/blast", "hi")
    assert quiz is not None
    assert quiz.reviewed_by == "A. Singh"
    assert catalogue.text("rice/blast", "hi").reviewed_by == "A. Singh"
    assert catalogue.words("rice", "hi").reviewed_by == "A. Singh"
    assert catalogue.say("hi").reviewed == {"not_sure": "A. Singh"}
    assert catalogue.text("rice/tungro", "hi").reviewed_by == ""


def test_an_entry_is_a_draft_while_one_of_its_texts_is(copy: Path) -> None:
    catalogue = signed(copy, *FIELDS[:-1], *ANSWERS[:-1], *CROP[:-1])
    quiz = catalogue.quiz("rice/blast", "hi")
    assert quiz is not None
    assert quiz.reviewed_by == ""
    assert catalogue.text("rice/blast", "hi").reviewed_by == ""
    assert catalogue.words("rice", "hi").reviewed_by == ""
    assert catalogue.say("hi").reviewed == {}
