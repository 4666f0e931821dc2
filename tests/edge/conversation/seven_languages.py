"""A small catalogue: a few names in every language that has words, and quick to ask."""

from __future__ import annotations

from edge_daemon.errors import UnknownCrop, UnknownLanguage

LANGUAGES = {
    "en": ("english", "angrezi"),
    "hi": ("hindi", "हिन्दी", "हिंदी"),
    "mr": ("marathi", "मराठी"),
    "te": ("telugu", "తెలుగు"),
    "ta": ("tamil", "தமிழ்"),
    "bn": ("bengali", "bangla", "বাংলা"),
    "kn": ("kannada", "ಕನ್ನಡ"),
}
CROPS = {
    "rice": ("rice", "paddy", "vari", "nel", "భాత్", "వరి", "நெல்", "ধান", "ಭತ್ತ", "भात"),
    "pepper": ("shimla mirch",),
    "chilli": ("mirch", "marichi"),
}


class SevenLanguages:
    """Names of every language whose words ship."""

    def crop(self, text: str) -> str:
        for id, names in CROPS.items():
            if text in names:
                return id
        raise UnknownCrop(text)

    def language(self, text: str) -> str:
        for code, names in LANGUAGES.items():
            if text in (code, *names):
                return code
        raise UnknownLanguage(text)
