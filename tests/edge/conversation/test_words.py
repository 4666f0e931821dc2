"""The list of words: what ships is sound, and what is not sound is refused with its place."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from edge_daemon.conversation.words import FILE, Concept, Words
from edge_daemon.errors import WordsFaulty

LANGUAGES = {"en", "hi", "mr", "te", "ta", "bn", "kn"}
KEYS = {concept.value: [f"{concept.value}word"] for concept in Concept}


def toml(**tables: dict[str, object]) -> str:
    """A file of words, each language with a full table but for what is named."""
    lines = []
    for language, changed in tables.items():
        keys: dict[str, object] = {"reviewed_by": "", **KEYS, **changed}
        lines.append(f"[{language}]")
        lines += [f"{key} = {value!r}" for key, value in keys.items() if value is not None]
    return "\n".join(lines)


def load(tmp_path: Path, text: str) -> Words:
    path = tmp_path / "words.toml"
    path.write_text(text, encoding="utf-8")
    return Words.load(path)


def test_what_ships_has_every_concept_in_every_language(words: Words) -> None:
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))
    assert words.languages == tables.keys() == LANGUAGES
    assert len(words.concepts) > 1000


def test_no_list_that_ships_says_a_word_twice(words: Words) -> None:
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))
    for language, table in tables.items():
        for concept in Concept:
            folded = [entry.casefold() for entry in table[concept]]
            assert len(folded) == len(set(folded)), f"{language} {concept}"


def test_a_full_file_is_read(tmp_path: Path) -> None:
    words = load(tmp_path, toml(en={"stop": ["Stop  IT!", "STOP"]}, hi={"yes": ["हाँ"]}))
    assert words.concepts["stop", "it"] is words.concepts["stop",] is Concept.STOP
    assert words.concepts["हां",] is Concept.YES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (toml(en={"yes": ["one"], "no": ["One."]}), "[en] no has 'one', which"),
        (toml(en={"yes": ["ha"]}, hi={"filler": ["HA"]}), "[hi] filler has 'ha', which"),
        (toml(hi={"yes": ["हाँ"], "no": ["हां"]}), "[hi] no has 'हां', which"),
        (toml(en={"one": ["1"]}), "Digits have a meaning of their own"),
        (toml(en={"one": ["१"]}), "Digits have a meaning of their own"),
        (toml(en={"stop": ["stop 2"]}), "Digits have a meaning of their own"),
        (toml(en={}, te={"filler": ["TE"]}), "[te] filler has 'TE', which is the code of a language"),
        (toml(en={"stop": ["?!"]}), "[en] stop has '?!', which is no word"),
        (toml(en={"stop": [7]}), "[en] stop has 7, which is no word"),
        (toml(en={"stop": []}), "[en] stop must be a list with a word in it"),
        (toml(en={"stop": "stop"}), "[en] stop must be a list with a word in it"),
        (toml(en={"stop": None}), "[en] lacks the key 'stop'"),
        (toml(en={"reviewed_by": None}), "[en] lacks the key 'reviewed_by'"),
        (toml(en={"reviewed_by": 1}), "[en] reviewed_by must be a name"),
        (toml(en={"stopp": ["x"]}), "[en] has the key 'stopp', which means nothing"),
        ("en = 1", "[en] is no table"),
        ("[en", "is not TOML"),
    ],
)
def test_what_is_not_sound_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WordsFaulty) as refused:
        load(tmp_path, text)
    assert said in str(refused.value)
    assert "words.toml" in str(refused.value)


def test_the_greeting_hi_may_be_a_word(tmp_path: Path) -> None:
    assert load(tmp_path, toml(hi={"help": ["hi"]})).concepts["hi",] is Concept.HELP


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(WordsFaulty, match="cannot be read"):
        Words.load(tmp_path / "none.toml")
    (tmp_path / "words.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(WordsFaulty, match="not UTF-8"):
        Words.load(tmp_path / "words.toml")


def test_the_longest_phrase_covers(words: Words) -> None:
    spans = list(words.cover(("please", "ho", "gaya", "phir", "se", "xyz")))
    assert [(len(span), concept) for span, concept in spans] == [
        (1, Concept.FILLER),
        (2, Concept.FILLER),
        (2, Concept.REPEAT),
        (1, None),
    ]


def test_a_phrase_counts_in_any_order_where_asked(words: Words) -> None:
    assert words.within(("nako", "x", "sms"), Concept.STOP) == {"sms", "nako"}
    assert words.within(("nako",), Concept.STOP) == frozenset()
