"""What farmers write, and what it means."""

from __future__ import annotations

import string
import unicodedata
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.conversation.meaning import LONGEST, Meaning, Names, Sense, read
from edge_daemon.conversation.words import Concept, Words
from tests.edge.conversation.seven_languages import SevenLanguages

WORDS = Words.load()
SEVEN = SevenLanguages()

STOP = [
    *("stop", "STOP", "Stop.", "stop sms", "please stop", "stop it please", "STOP!!!"),
    *("unsubscribe", "stop all", "please stop the sms", "yes stop", "stop 1", "no stop", "1 2 stop", "hi stop"),
    *("dont send sms", "don't send", "don\N{RIGHT SINGLE QUOTATION MARK}t send", "stop sms to 9812345678 please"),
    *("yes stop sending me messages", "please stop sending me these messages", "mujhe ab koi message mat bhejo"),
    *("எனக்கு sms வேண்டாம்", "నాకు మెసేజ్ లు వద్దు"),
    *("please stop rice advice sms", "start stop", "ｓｔｏｐ", "s\u200dtop"),
    *("0", "०", "౦", "௦", "০", "೦", "０", "0.", "(0)", "reply 0", "0 please"),
    *("band karo", "Band Karo ji", "sms band kar do", "karo band", "बंद करो", "बन्द करो", "बंद कर दो जी", "मत भेजो"),
    *("sms nako", "nako sms", "band kara", "बंद करा", "पाठवू नका", "थांबवा"),
    *("aapandi", "ఆపండి", "మెసేజ్ వద్దు", "sms vaddu", "పంపకండి"),
    *("niruthu", "நிறுத்து", "நிறுத்துங்கள்", "sms vendam", "அனுப்ப வேண்டாம்"),
    *("bondho koro", "বন্ধ করুন", "মেসেজ চাই না", "sms chai na"),
    *("nillisi", "ನಿಲ್ಲಿಸಿ", "sms beda", "ಮೆಸೇಜ್ ಬೇಡ", "ಕಳಿಸಬೇಡಿ"),
]
START = [
    *("start", "START sms", "please start again", "subscribe", "yes start", "unstop"),
    *("shuru karo", "chalu karo", "शुरू करो", "चालू करें", "suru kara", "सुरू करा", "modalu pettandi", "మొదలుపెట్టండి"),
    *("தொடங்கவும்", "thodangu", "শুরু করুন", "chalu koro", "ಪ್ರಾರಂಭಿಸಿ", "shuru madi"),
]
HELP = [
    *(
        "",
        " ",
        "\u0301",
        "?",
        "??",
        "...",
        "\u200d",
        "\n",
        "help",
        "HELP ME",
        "info",
        "menu",
        "hi",
        "Hi!",
        "hello sir",
        "हैलो",
    ),
    *("madad", "मदद", "namaste", "नमस्ते जी", "madat", "मदत", "सहाय्य", "sahayam", "సహాయం", "నమస్కారం", "vanakkam"),
    *("உதவி", "வணக்கம்", "সাহায্য", "nomoskar", "ಸಹಾಯ", "namaskara", "help my plants"),
]
YES = [
    *("yes", "YES", "Yes.", "y", "yes sir", "yes please", "haan", "haan ji", "ji haan", "हाँ", "हां", "हा", "जी हाँ"),
    *("ho", "हो", "होय", "ho na", "avunu", "అవును", "avunandi", "aam", "ஆம்", "ஆமாம்", "hyan", "হ্যাঁ", "হ্যা", "howdu", "ಹೌದು"),
    *("haan theek ho gaya", "ह\u200dाँ", "yes it worked"),
]
NO = [
    *("no", "NO!", "n", "no sir", "nahi", "nahin", "nhi", "नहीं", "नही", "ना", "bilkul nahi", "nahi chahiye"),
    *("nako", "नाही", "नको", "kaadu", "ledu", "vaddu", "కాదు", "లేదు", "illai", "இல்லை", "வேண்டாம்", "na", "না", "illa"),
    *("ಇಲ್ಲ", "beda", "ಬೇಡ"),
    *("it did not help", "didn't help", "Advice not helped", "no help", "not helpful sir"),
]
REPEAT = [
    *("repeat", "again", "send again", "advice again", "please send it again", "once more", "phir se", "phir se bhejo"),
    *("dobara", "फिर से", "दोबारा भेजो", "punha", "पुन्हा", "परत पाठवा", "malli", "మళ్ళీ", "మళ్లీ పంపండి", "marubadi"),
    *("மறுபடியும்", "மீண்டும் அனுப்பு", "abar", "আবার পাঠান", "matte", "ಮತ್ತೆ", "ಮತ್ತೊಮ್ಮೆ ಕಳಿಸಿ", "rice advice again"),
]
UNKNOWN = [
    *("how do I stop the disease in my rice field", "9812345678", "+91 98123-45678", "1800-180-1551", "12", "xyz"),
    *("when will it rain", "sms", "please", "do not know what to say", "ji", "kya dukan ravivar band hai"),
    *("disease came again", "how do I start growing cotton here", "yes we have no bananas today thank god", "0 rice"),
    *("my leaves have 2 kinds of spots and holes", "x" * (LONGEST + 1), " " * (LONGEST + 1)),
]
UNCLEAR = [
    *(
        "no 1",
        "No. 1",
        "no.1",
        "1 2",
        "1 or 2",
        "yes no",
        "yes 2",
        "haan nahi",
        "no 3",
        "one two",
        "yes 0",
        "0 1",
        "1/2",
    ),
    *("haan ya nahi", "நான் இல்லை ஆம்", "ek do", "yes stop watering from above please", "½"),
]
DIGITS = {
    1: [
        *("1", "1.", "(1)", "1)", "#1", "ans 1", "option 1", "1 1", "number 1", "१", "౧", "௧", "১", "೧", "１", "①"),
        *("1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}", "1st", "one", "ONE", "ek", "एक", "okati", "ఒకటి"),
        *("onnu", "ஒன்று", "এক", "ondu", "ಒಂದು", "ek ji", "answer is one", "uttar 1", "1 neem oil", "rice 1"),
    ],
    2: [
        "2",
        "option2",
        "2nd",
        "do",
        "दो",
        "दोन",
        "don",
        "rendu",
        "రెండు",
        "irandu",
        "இரண்டு",
        "দুই",
        "eradu",
        "two please",
    ],
    3: ["3", "3 please", "teen", "तीन", "moodu", "మూడు", "மூன்று", "তিন", "mooru", "ಮೂರು"],
    9: ["9", "९", "my answer is 9", "9 98123"],
}
AGREEING = {
    ("yes 1", "1 yes", "1.yes", "1yes", "YES1", "haan 1", "१ हाँ", "1) Yes", "avunu 1"): Meaning(Sense.YES, 1),
    ("no 2", "2 no", "2.no", "2no", "nahi 2", "२ नहीं", "(2) No"): Meaning(Sense.NO, 2),
}
NAMED = {
    (
        "hindi",
        "HINDI",
        "Language Hindi",
        "hindi language",
        "change language to hindi",
        "हिन्दी",
        "हिंदी भाषा",
        "lang hi",
    ): "hi",
    ("hindi me bhejo", "language hi", "भाषा हिन्दी", "hindi please", "hi hindi", "send in hindi", "hindi again"): "hi",
    ("english", "en", "angrezi", "lang en", "hello english", "language english"): "en",
    ("language", "bhasha", "भाषा बदलो", "please change language", "language klingon", "மொழி", "ಭಾಷೆ", "ভাষা"): None,
    ("bangla", "ভাষা বাংলা", "বাংলা ভাষা", "bhasha bangla", "bn"): "bn",
    ("ಕನ್ನಡ", "ಕನ್ನಡ ಭಾಷೆ", "kn", "kannada bhashe"): "kn",
    ("marathi", "मराठी", "मराठी भाषा", "mr", "mala marathi madhe pahije"): "mr",
}
SEVEN_NAMED = {
    ("te", "lang te", "language te", "telugu", "తెలుగు", "భాష తెలుగు", "telugu bhasha marchandi", "language telugu"): "te",
    ("மொழி தமிழ்", "tamil mozhi", "ta", "தமிழ்", "tamil please"): "ta",
}
CROPS = {
    (
        "rice",
        "RICE",
        "advice for rice",
        "paddy",
        "धान",
        "धान के बारे में",
        "rice advice please",
        "hello rice",
        "dhan ki salah",
    ): "rice",
    ("tamatar ke bare me", "टमाटर", "tomato", "tomato tomato", "tamatar ki jankari"): "tomato",
    ("shimla mirch", "advice for bell pepper", "शिमला मिर्च"): "pepper",
    ("mirch", "मिर्च", "मिर्ची"): "chilli",
    ("ধান সম্পর্কে বলুন", "ಭತ್ತ ಬಗ್ಗೆ ಹೇಳಿ", "भात बद्दल सांगा", "bhatta bagge tilisi"): "rice",
    ("मूँगफली", "मूंगफली", "म\u200dूँगफली"): "groundnut",
}


def cases(table: dict[tuple[str, ...], str | None]) -> list[tuple[str, str | None]]:
    return [(text, value) for texts, value in table.items() for text in texts]


@pytest.mark.parametrize(
    ("text", "sense"),
    [
        (text, sense)
        for sense, texts in (
            (Sense.STOP, STOP),
            (Sense.START, START),
            (Sense.HELP, HELP),
            (Sense.YES, YES),
            (Sense.NO, NO),
            (Sense.REPEAT, REPEAT),
            (Sense.UNKNOWN, UNKNOWN),
            (Sense.UNCLEAR, [*UNCLEAR, "rice tomato", "rice or wheat", "hindi english"]),
        )
        for text in texts
    ],
)
def test_what_has_a_sense_alone(text: str, sense: Sense, words: Words, catalogue: Catalogue) -> None:
    assert read(text, words, catalogue) == Meaning(sense)


@pytest.mark.parametrize(("text", "digit"), [(text, digit) for digit, texts in DIGITS.items() for text in texts])
def test_a_digit(text: str, digit: int, words: Words, catalogue: Catalogue) -> None:
    assert read(text, words, catalogue) == Meaning(Sense.DIGIT, digit)


@pytest.mark.parametrize(
    ("text", "meaning"), [(text, meaning) for texts, meaning in AGREEING.items() for text in texts]
)
def test_a_digit_that_agrees_with_its_word(text: str, meaning: Meaning, words: Words, catalogue: Catalogue) -> None:
    assert read(text, words, catalogue) == meaning


@pytest.mark.parametrize(("text", "code"), cases({**NAMED}))
def test_a_language(text: str, code: str | None, words: Words, catalogue: Catalogue) -> None:
    assert read(text, words, catalogue) == Meaning(Sense.LANGUAGE, value=code)


@pytest.mark.parametrize(("text", "code"), cases({**SEVEN_NAMED}))
def test_a_language_in_its_own_words(text: str, code: str, words: Words, seven: SevenLanguages) -> None:
    assert read(text, words, seven) == Meaning(Sense.LANGUAGE, value=code)


@pytest.mark.parametrize(("text", "crop"), cases({**CROPS}))
def test_a_crop(text: str, crop: str, words: Words, catalogue: Catalogue) -> None:
    assert read(text, words, catalogue) == Meaning(Sense.CROP, value=crop)


@pytest.mark.parametrize(
    "text",
    ["వరి గురించి చెప్పండి", "நெல் பற்றி", "ধান সম্পর্কে বলুন", "ಭತ್ತ ಬಗ್ಗೆ ಹೇಳಿ", "भात बद्दल सांगा", "vari panta salaha"],
)
def test_a_crop_in_each_language(text: str, words: Words, seven: SevenLanguages) -> None:
    assert read(text, words, seven) == Meaning(Sense.CROP, value="rice")


def test_the_longest_name_of_a_crop_counts(words: Words, seven: SevenLanguages) -> None:
    assert read("shimla mirch salah", words, seven) == Meaning(Sense.CROP, value="pepper")


def test_no_word_hides_a_name_of_the_catalogue(words: Words, catalogue: Catalogue) -> None:
    for crop in catalogue.crop_words.values():
        for name in (crop.id, *crop.aliases, *(its.name for its in crop.words.values())):
            assert read(name, words, catalogue) == Meaning(Sense.CROP, value=crop.id), name
    for phrases in catalogue.phrases.values():
        language = phrases.language
        for name in (language.name, language.english, *language.aliases):
            assert read(name, words, catalogue) == Meaning(Sense.LANGUAGE, value=language.code), name


ALONE = {
    Concept.STOP: Sense.STOP,
    Concept.START: Sense.START,
    Concept.HELP: Sense.HELP,
    Concept.YES: Sense.YES,
    Concept.NO: Sense.NO,
    Concept.REPEAT: Sense.REPEAT,
    Concept.LANGUAGE: Sense.LANGUAGE,
    Concept.ONE: Sense.DIGIT,
    Concept.TWO: Sense.DIGIT,
    Concept.THREE: Sense.DIGIT,
    Concept.FILLER: Sense.UNKNOWN,
}


def test_every_entry_means_what_it_stands_under(words: Words, catalogue: Catalogue) -> None:
    wrong = [
        (" ".join(phrase), concept)
        for phrase, concept in words.concepts.items()
        if read(" ".join(phrase), words, catalogue).sense is not ALONE[concept]
    ]
    assert wrong == []


@pytest.mark.parametrize("made", [{"sense": Sense.DIGIT}, {"sense": Sense.YES, "digit": 0}, {"sense": Sense.CROP}])
def test_a_meaning_that_cannot_be(made: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"cannot have|has a name"):
        Meaning(**made)  # type: ignore[arg-type]  # the keys are those of Meaning


PHRASES = st.sampled_from([" ".join(phrase) for phrase in WORDS.concepts])
"""Sampled in a fixed order: a dict keeps that of the file."""
OTHERS = st.sampled_from(
    ["1", "2", "0", "12", "rice", "hindi", "xyz", "paddy", "shimla mirch", "en", "?", "9812345678"]
)
MESSAGES = st.lists(PHRASES | OTHERS, max_size=5).map(" ".join)
ANY = (
    st.text(max_size=60)
    | st.text(st.characters(categories=["Lo", "Mn", "Mc", "Nd", "Cf", "Cs"]), max_size=30)
    | MESSAGES
)
INDIC_ZEROS = "०০௦౦೦૦੦"


def means(text: str, names: Names = SEVEN) -> Meaning:
    return read(text, WORDS, names)


@given(ANY)
def test_any_text_has_a_meaning(text: str) -> None:
    meaning = means(text)
    assert meaning.sense in Sense
    assert (meaning.digit is None) or meaning.sense in {Sense.DIGIT, Sense.YES, Sense.NO}
    assert (meaning.value is None) or meaning.sense in {Sense.LANGUAGE, Sense.CROP}


@given(ANY, st.sampled_from([" ", "  ", "\n", "\u3000", "\t", "\u00a0", " - "]))
def test_spaces_do_not_count(text: str, space: str) -> None:
    assert means(space + text.replace(" ", space) + space) == means(text)


@given(ANY)
def test_the_case_of_latin_letters_does_not_count(text: str) -> None:
    upper = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
    lower = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
    assert means(text.translate(upper)) == means(text.translate(lower)) == means(text)


@given(ANY)
def test_full_width_does_not_count(text: str) -> None:
    wide = str.maketrans({code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
    assert means(text.translate(wide)) == means(text)


@given(ANY, st.sampled_from(INDIC_ZEROS))
def test_the_script_of_digits_does_not_count(text: str, zero: str) -> None:
    assert means(text.translate({ord(str(n)): chr(ord(zero) + n) for n in range(10)})) == means(text)


@given(MESSAGES, st.data())
def test_joiners_do_not_count(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    joiner = data.draw(st.sampled_from("\u200c\u200d\u200b\ufeff\u00ad"))
    assert means(text[:at] + joiner + text[at:]) == means(text)


@given(MESSAGES)
def test_either_normal_form_means_the_same(text: str) -> None:
    assert means(unicodedata.normalize("NFD", text)) == means(unicodedata.normalize("NFC", text)) == means(text)


TOKENS = sorted({token for phrase in WORDS.concepts for token in phrase})
SHORT = st.lists(st.sampled_from(TOKENS) | st.sampled_from(["0", "1", "rice", "xyz"]), min_size=1, max_size=3)
STOPS = [phrase for phrase, concept in WORDS.concepts.items() if concept is Concept.STOP]


@given(SHORT)
def test_the_order_of_a_short_message_does_not_change_whether_it_stops(message: list[str]) -> None:
    stops = {means(" ".join(order)).sense is Sense.STOP for order in permutations(message)}
    assert len(stops) == 1


@given(st.sampled_from(STOPS), st.lists(st.sampled_from(TOKENS), max_size=2))
def test_a_stop_word_wins_in_any_short_message(stop: tuple[str, ...], beside: list[str]) -> None:
    message = (*stop, *beside)[: max(3, len(stop))]
    assert {means(" ".join(order)).sense for order in permutations(message)} == {Sense.STOP}
