"""The catalogue's words as the conversation asks for them."""

from __future__ import annotations

from edge_daemon.advice import questions
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.phrases import USES
from edge_daemon.exchange import Asking


class Wording:
    """edge_daemon.conversation.talk.Texts. officer: the number to ask that an SMS names."""

    def __init__(self, catalogue: Catalogue, officer: str) -> None:
        self._catalogue = catalogue
        self._officer = officer

    def say(self, key: str, language: str) -> str:
        """A fixed text that needs nothing but the officer's number."""
        officer = {"officer": self._officer} if "officer" in USES[key].blanks else {}
        return self._catalogue.say(language).say(key, **officer)

    def languages(self, language: str) -> str:
        """The languages that there are."""
        return questions.language_list(self._catalogue, language)

    def crop(self, crop: str, language: str) -> str:
        """What can be said of a crop in general."""
        return questions.crop_advice(self._catalogue, crop, language, self._officer)

    def ask_help(self, label: str, language: str, template: str) -> str:
        """ "Did it help?", in this wording."""
        return questions.ask_help(self._catalogue, label, language, template)

    def recall(self, label: str, language: str, turn: int) -> Asking:
        """The recall question of a label, asked for the `turn`-th time, from 0."""
        asked = questions.recall(self._catalogue, label, language, turn)
        return Asking(asked.text, "ask_recall", asked.options, asked.right)

    def recall_reply(self, label: str, language: str, *, right: bool) -> str:
        """What is said to an answer."""
        return questions.recall_reply(self._catalogue, label, language, right=right)

    def urgency(self, label: str) -> str | None:
        """How urgent an advice is, None where nothing is asked about it: a healthy leaf, a label without a text."""
        entry = self._catalogue.entries.get(label)
        return None if entry is None or entry.healthy else entry.urgency
