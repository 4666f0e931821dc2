"""The catalogue that ships: complete, findable by any name, and refused where it is broken."""

from __future__ import annotations

import tomllib
import unicodedata
from pathlib import Path

import pytest

from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.advice.reader import FOLDER
from edge_daemon.errors import AdviceFaulty, ModelMismatch, UnknownCrop, UnknownLanguage
from edge_daemon.vision.manifest import Manifest

MODEL = Path(__file__).parents[3] / "model" / "shipped" / "manifest.json"
CLASSES = {
    "chilli": "healthy leaf_spot whitefly yellow_virus",
    "cotton": "diseased healthy",
    "groundnut": "early_leaf_spot healthy late_leaf_spot nutrient_deficiency rust",
    "maize": "common_rust gray_leaf_spot healthy northern_leaf_blight",
    "pepper": "bacterial_spot healthy",
    "potato": "early_blight healthy late_blight",
    "rice": "bacterial_leaf_blight blast brown_spot false_smut healthy leaf_smut neck_blast sheath_blight tungro",
    "sugarcane": "healthy mosaic red_rot rust yellow_leaf",
    "tomato": "bacterial_spot early_blight healthy late_blight leaf_mold mosaic_virus septoria_leaf_spot "
    "spider_mites target_spot yellow_leaf_curl_virus",
    "wheat": "healthy leaf_blight leaf_rust loose_smut powdery_mildew septoria",
}
LABELS = tuple(f"{crop}/{disease}" for crop, diseases in CLASSES.items() for disease in diseases.split())


def test_every_class_has_a_text_in_every_language(catalogue: Catalogue) -> None:
    assert catalogue.labels == tuple(sorted(LABELS))
    assert catalogue.crops == tuple(CLASSES)
    for label in LABELS:
        assert set(catalogue.entry(label).texts) == set(catalogue.languages)


def test_the_shipped_model_answers_only_what_the_catalogue_knows(catalogue: Catalogue) -> None:
    manifest = Manifest.model_validate_json(MODEL.read_bytes())
    catalogue.check_labels(manifest.labels)


def test_a_label_without_advice_is_a_mismatch(catalogue: Catalogue) -> None:
    with pytest.raises(ModelMismatch, match=r"rice/hispa.*belong together"):
        catalogue.check_labels(["rice/blast", "rice/hispa"])
    with pytest.raises(ModelMismatch, match="cassava/mosaic"):
        catalogue.name("cassava/mosaic", "en")


@pytest.mark.parametrize(
    ("text", "crop"),
    [
        ("rice", "rice"),
        (" RICE ", "rice"),
        ("धान", "rice"),
        ("paddy", "rice"),
        ("गेहूँ", "wheat"),
        ("गेहूं", "wheat"),
        ("मूंगफली", "groundnut"),
        ("Shimla  Mirch", "pepper"),
        ("मिर्च", "chilli"),
        ("Capsicum", "pepper"),
        ("नरमा", "cotton"),
        ("kanak", "wheat"),
    ],
)
def test_a_crop_is_found_by_any_name(catalogue: Catalogue, text: str, crop: str) -> None:
    assert catalogue.crop(text) == crop


@pytest.mark.parametrize(
    ("text", "code"),
    [("hi", "hi"), ("Hindi", "hi"), ("हिन्दी", "hi"), ("हिंदी", "hi"), ("EN", "en"), ("english", "en"), ("अंग्रेज़ी", "en")],
)
def test_a_language_is_found_by_any_name(catalogue: Catalogue, text: str, code: str) -> None:
    assert catalogue.language(text) == code
    assert catalogue.language(unicodedata.normalize("NFD", text)) == code


def test_no_two_crops_or_languages_share_a_name(catalogue: Catalogue) -> None:
    for crop in catalogue.crop_words.values():
        names = [crop.id, *crop.aliases, *(words.name for words in crop.words.values())]
        assert {name: catalogue.crop(name) for name in names} == dict.fromkeys(names, crop.id)
    for code, phrases in catalogue.phrases.items():
        names = [code, phrases.language.name, phrases.language.english, *phrases.language.aliases]
        assert {name: catalogue.language(name) for name in names} == dict.fromkeys(names, code)


def test_an_unknown_crop_or_language_is_answered_with_those_that_exist(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownCrop, match=r"'mango'.*chilli, cotton.*wheat"):
        catalogue.crop("mango")
    with pytest.raises(UnknownCrop, match="mango"):
        catalogue.crop_name("mango", "en")
    with pytest.raises(UnknownLanguage, match=r"'xx'.*en \(English\).*hi \(हिन्दी\)"):
        catalogue.language("xx")
    with pytest.raises(UnknownLanguage, match="'xx'"):
        catalogue.name("rice/blast", "xx")


def test_names_come_in_the_language_asked_for(catalogue: Catalogue) -> None:
    assert catalogue.name("rice/blast", "en") == "Rice blast"
    assert catalogue.name("rice/blast", "hi") == "धान का झोंका रोग"
    assert catalogue.crop_name("sugarcane", "hi") == "गन्ना"


def test_every_source_that_is_listed_is_cited_and_recall_is_none(catalogue: Catalogue) -> None:
    cited = {source for entry in catalogue.entries.values() for source in entry.sources}
    barring = tomllib.loads((FOLDER / "substances.toml").read_text(encoding="utf-8"))["substances"].values()
    cited |= {substance["source"] for substance in barring if substance["barred"]}
    assert cited == set(catalogue.sources)
    assert "T" not in catalogue.sources


def test_every_file_is_nfc() -> None:
    for path in [*FOLDER.rglob("*.toml"), *FOLDER.rglob("*.po")]:
        text = path.read_text(encoding="utf-8")
        assert unicodedata.is_normalized("NFC", text), path


BREAKAGES = [
    ("content/rice.toml", 'pathogen = "bacterium"', 'pathogen = "germ"', "pathogen is 'germ'"),
    ("content/rice.toml", 'urgency = "high"', 'urgency = "soon"', "urgency is 'soon'"),
    ("content/rice.toml", 'urgency = "high"\n', "", "lacks the key 'urgency'"),
    ("content/rice.toml", 'urgency = "high"', 'urgency = "high"\nurgent = true', "the key 'urgent'"),
    ("content/rice.toml", 'name = "Rice blast"', "name = 3", "must be a text in quotes"),
    ("content/rice.toml", 'reviewed_by = ""\n', "", "lacks the key 'reviewed_by'"),
    ("content/rice.toml", 'reviewed_by = ""', 'review = "draft"\nreviewed_by = ""', "the key 'review'"),
    ("content/rice.toml", "[blast]", "[blast", "is not TOML"),
    ("content/rice.toml", "[crop]\n", "[harvest]\n", "harvest"),
    ("content/rice.toml", "[crop.en]", "[crop.hi]", r"\[crop.en\] is missing"),
    ("content/rice.toml", "[blast.en]", "[blast.hi]", r"\[blast.en\] is missing"),
    ("content/rice.toml", '"KALRO-RICE", ', '"T", ', "source 'T' is not in sources"),
    ("content/rice.toml", '"Let the field dry out fully"', '"Keep a thin layer of water"', "are the same"),
    ("content/rice.toml", '"Let the field dry out fully"', '"Dry it", "Flood it"', "one or 2 wrong answers"),
    ("content/rice.toml", 'right = "Keep a thin layer of water"\n', "", "lacks the key 'right'"),
    ("sources.toml", "title = ", "named = ", "lacks the key 'title'"),
    ("locale/en.toml", 'not_sure = "', 'not_sur = "', "not_sur"),
    ("locale/en.toml", "Do not spray yet.", "Do not spray dicofol yet.", "locale en: .* barred"),
    ("locale/en.toml", "Do not spray yet.", "Do not spray 2 ml yet.", "names an amount"),
    ("locale/en.toml", "Do not spray yet.", "Do not spray yet\u2026", "letters that English"),
    ("locale/en.toml", "[texts]", "[words]", r"\[texts\] is missing"),
    ("locale/hi.po", "{name}, संभावना {percent}%।", "{name}, संभावना।", "answer has the blanks"),
    ("locale/hi.po", "अभी दवा न छिड़कें।", "अभी दवा छिड़कें।", "two_candidates_do_not forbids nothing"),
    ("locale/hi.po", "खेत में थोड़ा पानी रखें", "खेत में  थोड़ा पानी रखें", "blast, hi: act .*spaces too many"),
    ("locale/hi.po", "खेत सूखकर फटने दें", "यूरिया 2 किलो दें", "brown_spot, hi: the quiz.*names an amount"),
    ("locale/hi.toml", 'english = "Hindi"\n', "", "lacks the key 'english'"),
    ("locale/hi.toml", 'falls_back = ["en"]', "falls_back = []", "hi.toml: falls_back has to end with 'en'"),
    ("locale/hi.toml", 'falls_back = ["en"]', 'falls_back = ["en", "hi"]', "has to end with 'en'"),
    ("locale/hi.toml", 'falls_back = ["en"]', 'falls_back = ["hi", "en"]', "names 'hi', which is no other language"),
    ("locale/hi.toml", 'falls_back = ["en"]', 'falls_back = ["xx", "en"]', "names 'xx', which is no other language"),
    ("locale/hi.toml", "dicofol = ", "dicofil = ", "spells 'dicofil'"),
    ("locale/hi.toml", 'to = ["से"]', 'to = "से"', r"\[dose\] to has to be a list"),
    ("locale/hi.toml", 'to = ["से"]', 'to = ["से", 3]', r"\[dose\] to has to be a list"),
    ("locale/hi.toml", 'to = ["से"]', 'to = [""]', r"\[dose\] to has to be a list"),
    ("locale/hi.toml", "(^| )(न|मत) ", "(^| )(न|मत ", "missing \\)"),
    ("substances.toml", 'kind = "antibiotic"', 'kind = "tonic"', "kind is 'tonic'"),
    ("substances.toml", ', source = "STREP-DRAFT"', "", "names the source that bars it"),
]


@pytest.mark.parametrize(("file", "old", "new", "told"), BREAKAGES)
def test_a_broken_catalogue_is_refused_by_name(copy: Path, file: str, old: str, new: str, told: str) -> None:
    path = copy / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(AdviceFaulty, match=told):
        Catalogue.load(copy)


def test_a_catalogue_without_english_or_with_a_damaged_file_is_refused(copy: Path) -> None:
    (copy / "content" / "rice.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(AdviceFaulty, match=r"rice\.toml: is not UTF-8"):
        Catalogue.load(copy)
    (copy / "sources.toml").unlink()
    (copy / "content" / "rice.toml").unlink()
    with pytest.raises(AdviceFaulty, match=r"sources\.toml: cannot be read"):
        Catalogue.load(copy)
    (copy / "locale" / "en.toml").unlink()
    with pytest.raises(AdviceFaulty, match=r"no en\.toml"):
        Catalogue.load(copy)


def test_many_faults_are_counted(copy: Path) -> None:
    path = copy / "content" / "rice.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('do_not = "Do not', 'do_not = "Please'), encoding="utf-8")
    with pytest.raises(AdviceFaulty, match=r"forbids nothing.*\(4 more\)"):
        Catalogue.load(copy)
