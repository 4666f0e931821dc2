"""What follows from an SMS: a table from what it means, and who sent it, to what is done and said. Pure.

Rules kept here:
- STOP works whatever is open, and is confirmed once; after it nothing is said until START;
- a digit belongs to the newest question that is open, else to the newest that was asked: then it is late, or a repeat;
- whatever is asked or answered gets one reply; what was not understood gets help, once in 24 hours;
- nobody, and no machine, gets more than MOST_REPLIES in 24 hours, and one more for a STOP; what comes then still works.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from edge_daemon.conversation.meaning import Meaning, Sense
from edge_daemon.diagnosis import Kind
from edge_daemon.exchange import NO, REASONS, YES, Answer, Correspondent, Outcome, Question, Reply, Topic

MOST_REPLIES = 10
"""In 24 hours, to one number: two machines that answer each other come to an end."""


class Texts(Protocol):
    """The words, in a language: edge_daemon.wording.Wording."""

    def say(self, key: str, language: str) -> str: ...
    def languages(self, language: str) -> str: ...
    def crop(self, crop: str, language: str) -> str: ...
    def recall_reply(self, label: str, language: str, *, right: bool) -> str: ...


Again = Callable[[str, str], str]
"""The advice on a diagnosis, by its id, in a language."""


def respond(meaning: Meaning, who: Correspondent, now: datetime, texts: Texts, again: Again) -> Outcome:
    """All that follows from a message that means this."""
    sense = meaning.sense
    if sense is Sense.STOP:
        return _stop(who, texts)
    if sense is Sense.START:
        return _start(who, texts)
    if who.opted_out or who.replies >= MOST_REPLIES:
        return Outcome(sense.value)
    if sense in {Sense.DIGIT, Sense.YES, Sense.NO, Sense.UNCLEAR} and who.question is not None:
        return _to_question(meaning, who, who.question, now, texts)
    return _request(meaning, who, texts, again)


def without_words(meaning: Meaning, who: Correspondent, now: datetime) -> Outcome:
    """As respond, where its words cannot be had: all is done, and nothing is said or asked."""
    return replace(respond(meaning, who, now, _Silent(), lambda _, __: ""), reply=None, unknown=False)


class _Silent:
    """Texts without a word."""

    def say(self, key: str, language: str) -> str:
        return ""

    def languages(self, language: str) -> str:
        return ""

    def crop(self, crop: str, language: str) -> str:
        return ""

    def recall_reply(self, label: str, language: str, *, right: bool) -> str:
        return ""


def _stop(who: Correspondent, texts: Texts) -> Outcome:
    if who.opted_out:
        return Outcome(Sense.STOP.value)
    reply = _said(texts, "stopped", who, Kind.CONFIRMATION) if who.replies <= MOST_REPLIES else None
    return Outcome(Sense.STOP.value, opted=False, reply=reply)


def _start(who: Correspondent, texts: Texts) -> Outcome:
    reply = _said(texts, "started", who, Kind.CONFIRMATION) if who.replies < MOST_REPLIES else None
    return Outcome(Sense.START.value, opted=True, reply=reply)


def _request(meaning: Meaning, who: Correspondent, texts: Texts, again: Again) -> Outcome:
    """What asks for something, and what is not understood."""
    sense, language = meaning.sense, who.language
    if sense is Sense.LANGUAGE and meaning.value is None:
        return Outcome(sense.value, reply=Reply(Kind.REPLY, texts.languages(language), "language_list"))
    if sense is Sense.LANGUAGE and meaning.value is not None:
        reply = Reply(Kind.REPLY, texts.say("language_set", meaning.value), "language_set")
        return Outcome(sense.value, language=meaning.value, reply=reply)
    if sense is Sense.CROP and meaning.value is not None:
        return Outcome(sense.value, reply=Reply(Kind.REPLY, texts.crop(meaning.value, language), "crop_advice"))
    if sense is Sense.REPEAT:
        if who.advice is None:
            return Outcome(sense.value, reply=_said(texts, "nothing_to_repeat", who))
        return Outcome(sense.value, reply=Reply(Kind.REPLY, again(who.advice, language), "repeat"))
    if sense is Sense.HELP:
        return Outcome(sense.value, reply=_said(texts, "help", who))
    if who.helped:
        return Outcome(sense.value)
    return Outcome(sense.value, reply=_said(texts, "help", who), unknown=True)


def _to_question(meaning: Meaning, who: Correspondent, question: Question, now: datetime, texts: Texts) -> Outcome:
    sense = meaning.sense.value
    digit = _digit(meaning, question)
    if digit is None:
        return Outcome(sense, reply=_said(texts, "unclear", who))
    late = not question.is_in_time(now)
    if question.state != "asked":
        answer = Answer(question.id, digit, counts=False, late=late)
        return Outcome(sense, answer=answer, reply=_said(texts, "noted", who))
    answer = Answer(question.id, digit, counts=True, late=late)
    return Outcome(sense, answer=answer, reply=_to_answer(question, digit, who, texts))


def _digit(meaning: Meaning, question: Question) -> int | None:
    """The digit that is meant; None where the question has no such answer."""
    if meaning.sense in {Sense.YES, Sense.NO}:
        said = YES if meaning.sense is Sense.YES else NO
        return said if question.topic is Topic.HELP else None
    if meaning.sense is Sense.DIGIT and meaning.digit is not None and meaning.digit <= question.options:
        return meaning.digit
    return None


def _to_answer(question: Question, digit: int, who: Correspondent, texts: Texts) -> Reply:
    if question.topic.is_recall:
        right = digit == question.right
        text = texts.recall_reply(question.label, who.language, right=right)
        return Reply(Kind.REPLY, text, "recall_right" if right else "recall_wrong")
    if question.topic is Topic.REASON:
        return _said(texts, f"reason_{digit}", who)
    if digit == YES:
        return _said(texts, "thanks_yes", who)
    return Reply(Kind.REPLY, texts.say("ask_reason", who.language), "ask_reason", asks=(Topic.REASON, REASONS))


def _said(texts: Texts, key: str, who: Correspondent, kind: Kind = Kind.REPLY) -> Reply:
    return Reply(kind, texts.say(key, who.language), key)
