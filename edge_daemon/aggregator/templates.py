"""Registered texts: which one a text is, and what stands in its slots. Pure.

India's operators pass bulk SMS on only where the text is a registered template whose slots hold at most 30 characters
each (TRAI, Telecom Commercial Communications Customer Preference Regulations 2018, and the operators' codes of practice
under it). They compare texts, and so do we: whoever composes a text need not know of templates.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from edge_daemon.config import Template

SLOT = "{#var#}"
SLOT_LETTERS = 30


def choose(templates: Iterable[Template], text: str) -> tuple[Template, tuple[str, ...]] | None:
    """The first template that a text fits, and what stands in its slots; None if it fits none."""
    for template in templates:
        values = fit(template.text, text)
        if values is not None:
            return template, values
    return None


def fit(template: str, text: str) -> tuple[str, ...] | None:
    """What stands in the slots, 1 to 30 characters each, the shortest first; None if the text is not this template."""
    begin, *after = template.split(SLOT)
    if not after:
        return () if text == begin else None

    @functools.cache
    def rest(slot: int, place: int) -> tuple[str, ...] | None:
        """The values from this slot on, which begins at this place."""
        for end in range(place + 1, min(place + SLOT_LETTERS, len(text)) + 1):
            if not text.startswith(after[slot], end):
                continue
            following = end + len(after[slot])
            if slot + 1 == len(after):
                if following == len(text):
                    return (text[place:end],)
            elif (others := rest(slot + 1, following)) is not None:
                return (text[place:end], *others)
        return None

    return rest(0, len(begin)) if text.startswith(begin) else None
