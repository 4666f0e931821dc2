"""What there is to translate: the English texts, and the PO files brought up to date with them.

`make po` runs this after an English text was changed. In each locale/<language>.po a new text is added, empty; one that
was changed keeps its old translation marked "fuzzy", which is out of use until a translator has removed the mark; one
that is gone is kept at the end, marked obsolete.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polib

from edge_daemon.advice.entry import CROP_FIELDS, FIELDS
from edge_daemon.advice.phrases import SCREEN, SOURCE, USES
from edge_daemon.advice.reader import FOLDER, context, read_crops, read_locales, read_phrases, wrong_field
from edge_daemon.advice.rules import LIMITS


class Wanted(NamedTuple):
    """A text to be translated. comment: what a translator has to know."""

    context: str
    english: str
    comment: str


def wanted(folder: Path = FOLDER) -> Iterator[Wanted]:
    """Every text of the catalogue, the fixed ones first. Raises AdviceFaulty."""
    locales = read_locales(folder)
    for key, text in read_phrases(locales)[SOURCE].texts.items():
        yield Wanted(context("fixed", key), text, _use(key))
    for crop, entries in read_crops(folder, locales):
        for key in CROP_FIELDS:
            yield Wanted(context(f"{crop.id} crop", key), getattr(crop.words[SOURCE], key), _limit(key))
        for entry in entries:
            for key in FIELDS:
                yield Wanted(context(entry.label, key), getattr(entry.texts[SOURCE], key), _limit(key))
            if quiz := entry.quizzes.get(SOURCE):
                yield Wanted(context(entry.label, "right"), quiz.right, _limit("answer"))
                for number, answer in enumerate(quiz.wrong, 1):
                    yield Wanted(context(entry.label, wrong_field(number)), answer, _limit("answer"))


def template(folder: Path = FOLDER) -> polib.POFile:
    """All that there is to translate, as a PO template."""
    file = polib.POFile(wrapwidth=0)
    for text in wanted(folder):
        file.append(polib.POEntry(msgctxt=text.context, msgid=text.english, comment=text.comment))
    return file


def update(path: Path, texts: polib.POFile) -> None:
    """Bring one PO file up to date, making it if need be."""
    file = polib.pofile(str(path), encoding="utf-8", wrapwidth=0) if path.exists() else polib.POFile(wrapwidth=0)
    file.metadata = {
        "Language": path.stem,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
    }
    before = {entry.msgctxt: entry for entry in file if not entry.obsolete}
    previous = {(entry.msgctxt, entry.msgid): entry.previous_msgid for entry in file if entry.fuzzy}
    file.merge(texts)
    for entry in file:
        entry.previous_msgid = previous.get((entry.msgctxt, entry.msgid))
        _keep_as_fuzzy(entry, before.get(entry.msgctxt))
    order = {(text.msgctxt, text.msgid): number for number, text in enumerate(texts)}
    file.sort(key=lambda entry: order.get((entry.msgctxt, entry.msgid), len(order)))
    file.save(str(path))


def _keep_as_fuzzy(entry: polib.POEntry, old: polib.POEntry | None) -> None:
    """A text whose English was changed: the old translation is a beginning; whoever reviewed it did not see this."""
    if entry.obsolete or entry.msgstr or old is None or not old.msgstr or old.msgid == entry.msgid:
        return
    entry.msgstr, entry.previous_msgid = old.msgstr, old.msgid
    entry.flags.append("fuzzy")


def _use(key: str) -> str:
    parts = USES[key].parts
    return "for the screen" if parts == SCREEN else f"at most {parts} SMS part{'s' * (parts > 1)}, blanks filled in"


def _limit(key: str) -> str:
    form = "" if key in {"name", "leaf", "answer"} else "; a sentence with its full stop"
    return f"at most {LIMITS[key]} characters{form}"


def main() -> None:
    """Bring the PO file of every language up to date."""
    texts = template()
    for path in sorted((FOLDER / "locale").glob("*.toml")):
        if path.stem != SOURCE:
            update(path.with_suffix(".po"), texts)


if __name__ == "__main__":
    main()
