"""Texts as long as messages are, and one in each language that has tables of its own."""

from __future__ import annotations

from hypothesis import strategies as st

MOST_LETTERS = 400
SAMPLES = {
    "hi": "धान में झुलसा रोग है। खेत का पानी निकालें",
    "bn": "ধানের পাতায় দাগ, জমির জল নামান",
    "gu": "ડાંગરના પાનમાં રોગ છે. પાણી કાઢો।",
    "kn": "ಭತ್ತದ ಎಲೆ ರೋಗ ಇದೆ, ನೀರು ಬಿಡಿ।",
    "ml": "നെല്ലിൽ രോഗം ഉണ്ട്. വെള്ളം ഒഴിവാക്കുക।",
    "or": "ଧାନ ପତ୍ରରେ ରୋଗ ଅଛି।",
    "pa": "ਕਣਕ ਨੂੰ ਪੀਲੀ ਕੁੰਗੀ ਲੱਗੀ ਹੈ।",
    "ta": "நெல் இலையில் நோய் உள்ளது।",
    "te": "వరి ఆకులో రోగం ఉంది.",
    "ur": "گندم میں پیلی کنگی ہے، کھیت دیکھیں۔",
    "tr": "Buğday yaprağında pas var; ışık İĞÜŞÖÇ ığüşöç",
    "es": "¿Cómo está el maíz? Ánimo, índice, útil, niño",
    "pt": "não pulverize amanhã à tarde; três ações, lâmpada",
}
"""Each can be written by the tables of its language."""


def texts(letters: st.SearchStrategy[str], most: int = MOST_LETTERS) -> st.SearchStrategy[str]:
    """Texts of these letters, of one up to `most` of them, long ones as often as short ones.

    Hypothesis draws short ones unless it is told the length, and those are never cut into parts.
    """
    return st.integers(1, most).flatmap(lambda length: st.text(letters, min_size=length, max_size=length))
