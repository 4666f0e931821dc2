"""Training: what is learned from is what the kiosk sees, look-alikes stay together, limits keep their word."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.vision.decision import calibrate
from edge_daemon.vision.image import decode, model_input
from model import card
from model.calibrate import (
    ACCURACY_WHEN_ANSWERING,
    LEAST_TEMPERATURE,
    MISSED,
    Seen,
    cooled,
    limit_for,
    log_loss,
    masked,
    possible_from,
    rules_from,
)
from model.dataset import NoPhotographs, Sample, fingerprint, lab_only, leaves, others
from model.groups import groups_of, held_out
from model.metrics import expected_calibration_error
from model.schedule import chances, kinds_alike, pace_at
from model.views import Strength, leaf_mask, shape, soft
from model.votes import votes
from tests.drawn import jpeg, leaf

CANVAS = decode(jpeg(leaf(11)))
LABELS = ("maize/healthy", "maize/rust", "rice/blast", "rice/healthy")


STILL = Strength(least=1.0, compressed=0.0, other_ground=0.0)


def softmax(logits: np.ndarray) -> np.ndarray:
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True), np.float32)


def drawn(count: int, strength: float, too_sure: float = 1.0) -> tuple[Seen, np.ndarray]:
    """Predictions that are as sure as they are right, but for `too_sure`, and the true labels."""
    chance = np.random.default_rng(1)
    logits = chance.normal(size=(count, len(LABELS))) * strength
    shares = softmax(logits)
    targets = np.array([chance.choice(len(LABELS), p=row / row.sum()) for row in shares.astype(np.float64)])
    return Seen(softmax(logits * too_sure), chance.random(count).astype(np.float32)), targets


@pytest.mark.parametrize("seed", range(5))
def test_a_view_that_changes_nothing_is_what_the_kiosk_gives_its_network(seed: int) -> None:
    """But for the turn and the mirroring: the square that is seen, and each of its pixels, are the kiosk's."""
    square = model_input(CANVAS)[0]
    whole = Strength(least=1.0, compressed=0.0, other_ground=0.0)
    view = shape(square, 224, whole, Square(seed))
    turns = [np.rot90(side, turn) for side in (square, square[:, ::-1]) for turn in range(4)]
    assert any(np.array_equal(view, turn) for turn in turns)


class Square(np.random.Generator):
    """Chance that never changes a crop's shape."""

    def __init__(self, seed: int) -> None:
        super().__init__(np.random.PCG64(seed))

    def uniform(self, low: float = 0.0, high: float = 1.0, size: None = None) -> float:  # type: ignore[override]
        # as NumPy declares it, `size` may be a shape
        return 1.0 if low > 0 else (low + high) / 2


@given(st.integers(0, 2**32 - 1), st.sampled_from([96, 160, 224]))
def test_every_view_is_a_square_of_bytes(seed: int, side: int) -> None:
    view = shape(CANVAS, side, Strength(), np.random.default_rng(seed))
    assert view.shape == (side, side, 3)
    assert view.dtype == np.uint8


def test_a_leaf_on_a_plain_ground_is_cut_out_and_laid_on_another() -> None:
    photo = np.full((224, 224, 3), 128, np.uint8)
    photo[60:160, 50:170] = (30, 140, 20)
    mask = leaf_mask(photo)
    assert mask is not None
    assert (mask[60:160, 50:170].mean(), mask[:40].mean()) == (1.0, 0.0)
    ground = np.full((224, 300, 3), (250, 0, 0), np.uint8)
    view = shape(photo, 224, STILL, np.random.default_rng(3), (soft(mask), ground))
    colours = Counter(map(tuple, view.reshape(-1, 3).tolist()))
    assert colours[250, 0, 0] > 10_000
    assert colours[30, 140, 20] > 5_000
    assert colours[128, 128, 128] == 0


def test_what_has_no_colour_has_no_leaf() -> None:
    assert leaf_mask(np.full((224, 224, 3), 90, np.uint8)) is None


def test_held_out_are_whole_groups_of_every_class() -> None:
    chance = np.random.default_rng(4)
    labels = np.repeat([0, 1, 2], [200, 60, 12])
    groups = np.concatenate([np.repeat(np.arange(50), 4), 50 + np.arange(60), np.repeat([110, 111], [8, 4])])
    out = held_out(groups, labels, 0.12, chance)
    assert all(len(set(out[groups == group])) == 1 for group in set(groups.tolist()))
    assert [int(out[labels == label].sum()) for label in (0, 1, 2)] == [24, 8, 4]


def test_look_alikes_of_a_class_share_a_group_and_no_others_do() -> None:
    embeddings = np.array([[1, 0], [0.99, 0.05], [0, 1], [1, 0]], np.float32)
    groups = groups_of(embeddings, np.array([0, 0, 0, 1]))
    assert groups[0] == groups[1]
    assert len(set(groups.tolist())) == 3


@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=60), st.floats(0.1, 1))
def test_at_or_above_a_limit_the_wanted_share_is_right(pairs: list[tuple[float, bool]], wanted: float) -> None:
    scores, right = np.array([s for s, _ in pairs], np.float32), np.array([r for _, r in pairs])
    limit = limit_for(scores, right, wanted)
    assert limit == 1.0 or any(
        right[np.argsort(-scores)][: count + 1].mean() >= wanted
        for count in np.flatnonzero(np.sort(scores)[::-1] == limit)
    )


def test_a_limit_that_nothing_reaches_is_one() -> None:
    assert limit_for(np.array([0.9, 0.8], np.float32), np.array([False, False]), 0.5) == 1.0


def test_masking_leaves_the_crop_and_sums_to_one() -> None:
    crops = np.array([label.partition("/")[0] for label in LABELS])
    kept = masked(drawn(20, 1.0)[0].probabilities, np.repeat("rice", 20), crops)
    assert (kept[:, :2] == 0).all()
    assert kept.sum(1) == pytest.approx(np.ones(20), abs=1e-5)


def test_the_rules_keep_what_they_promise() -> None:
    seen, targets = drawn(6000, 3.0)
    rules = rules_from(seen, targets, LABELS, np.ones(len(targets), np.bool_))
    crop_of_label = np.array([label.partition("/")[0] for label in LABELS])
    crops = crop_of_label[targets]
    within = masked(cooled(seen.probabilities, rules["temperature"]), crops, crop_of_label)
    answered = within.max(1) >= rules["answer"]
    assert (within.argmax(1) == targets)[answered].mean() >= ACCURACY_WHEN_ANSWERING - 0.01
    assert answered.mean() > 0.3
    assert rules["temperature"] >= LEAST_TEMPERATURE
    for crop in ("maize", "rice"):
        of_truth = within[np.arange(len(targets)), targets][crops == crop]
        assert (of_truth >= rules["possible"][crop]).mean() == pytest.approx(1 - MISSED, abs=0.01)


def test_a_temperature_cools_what_is_too_sure() -> None:
    seen, targets = drawn(4000, 1.0, too_sure=3.0)
    assert rules_from(seen, targets, LABELS, np.ones(len(targets), np.bool_))["temperature"] == pytest.approx(
        3.0, abs=0.3
    )
    assert log_loss(cooled(seen.probabilities, 3.0), targets) < log_loss(seen.probabilities, targets)


def test_cooling_is_the_kiosk_s_own() -> None:
    shares = drawn(1, 2.0)[0].probabilities
    assert cooled(shares, 1.7)[0].tolist() == pytest.approx(calibrate(shares[0].tolist(), 1.7), abs=1e-5)


@pytest.mark.parametrize(("count", "threshold"), [(8, 0.0), (9, 0.1), (19, 0.2), (100, 1.0)])
def test_too_few_photographs_promise_nothing(count: int, threshold: float) -> None:
    """With n of them the floor(0.1 (n + 1))-th least is the threshold; with 8 there is none, and all is possible."""
    of_truth = (np.arange(count, 0, -1) / 10).astype(np.float32)
    assert possible_from(of_truth) == pytest.approx(threshold, abs=1e-4)


@dataclass(frozen=True)
class Photograph:
    label: str
    shares: tuple[float, ...]


def test_more_leaves_are_right_more_often_when_their_faults_differ() -> None:
    seen, targets = drawn(400, 1.5)
    told = votes(
        [Photograph(LABELS[t], tuple(row)) for t, row in zip(targets, seen.probabilities.tolist(), strict=True)], LABELS
    )
    right = [told[size] or 0.0 for size in ("1", "2", "3", "6")]
    assert right == sorted(right)
    assert right[-1] > right[0] + 0.1


def test_no_vote_of_classes_with_too_few_photographs() -> None:
    assert set(votes([Photograph("rice/blast", (0.0, 0.0, 1.0, 0.0))] * 5, LABELS).values()) == {None}


def test_the_calibration_error_of_known_cases() -> None:
    assert expected_calibration_error(np.full(10, 0.9), np.arange(10) < 9) == pytest.approx(0.0, abs=1e-9)
    assert expected_calibration_error(np.full(10, 1.0), np.arange(10) < 5) == pytest.approx(0.5)
    assert expected_calibration_error(np.array([0.1, 0.9]), np.array([False, True])) == pytest.approx(0.1)


def test_a_manifest_names_label_source_and_setting(tmp_path: Path) -> None:
    (tmp_path / "leaves").mkdir()
    (tmp_path / "leaves" / "manifest.csv").write_text(
        "path,sha256,split,setting,source_key\n"
        "train/rice/blast/a.webp,aa,train,field,rld\nval/rice/blast/b.webp,bb,val,lab,rld\n"
    )
    path = tmp_path / "leaves" / "train/rice/blast/a.webp"
    assert leaves(tmp_path, "train") == [Sample(path, "rice/blast", "rld", "field", "aa")]


def test_another_leaf_has_its_species_for_a_source(tmp_path: Path) -> None:
    (tmp_path / "ood").mkdir()
    (tmp_path / "ood" / "manifest.csv").write_text(
        "path,sha256,source,source_path,licence,split,kind\n"
        "train/natural/a.webp,aa,BIDS/BSDS500,data/images/train/1.jpg,none,train,natural\n"
        "train/other_leaf/b.webp,bb,x/y,Test/images/Cherry_(including_sour)___healthy/2.jpg,none,train,other_leaf\n"
        "val/natural/c.webp,cc,BIDS/BSDS500,data/images/val/3.jpg,none,val,natural\n"
    )
    assert [(one.label, one.source, one.sha256) for one in others(tmp_path, "train")] == [
        ("natural", "BIDS/BSDS500", "aa"),
        ("other_leaf", "cherry", "bb"),
    ]


def test_a_class_with_few_photographs_from_the_field_is_known_from_the_lab_alone() -> None:
    counts = {
        ("maize/healthy", "lab"): 9,
        ("maize/rust", "lab"): 9,
        ("maize/rust", "field"): 5,
        ("rice/blast", "lab"): 1,
    }
    counts["rice/blast", "field"] = 4
    samples = [Sample(Path("x"), label, "s", setting) for (label, setting), n in counts.items() for _ in range(n)]
    assert lab_only(samples) == ["maize/healthy", "rice/blast"]


def test_small_sources_are_shown_more_often_and_the_field_more_often_than_the_lab() -> None:
    samples = [Sample(Path("x"), "a/b", "many", "lab")] * 16 + [Sample(Path("x"), "a/b", "few", "field")] * 4
    shown = chances(samples)
    assert shown.sum() == pytest.approx(1)
    assert shown[-1] / shown[0] == pytest.approx(2)
    assert chances(samples, 3.0)[-1] / chances(samples, 3.0)[0] == pytest.approx(6)


def test_every_kind_of_stranger_is_shown_as_often() -> None:
    shown = kinds_alike([Sample(Path("x"), "natural")] * 9 + [Sample(Path("x"), "other_leaf")] * 3)
    assert (shown[:9].sum(), shown[9:].sum()) == (pytest.approx(0.5), pytest.approx(0.5))


def test_the_rate_falls_to_nothing_and_begins_anew_once() -> None:
    paces = [pace_at(step, 600, 1000) for step in range(1000)]
    assert max(paces[:600]) > 0.9
    assert paces[599] < 0.001
    assert max(paces[600:]) > 0.8
    assert paces[999] < 0.001
    assert paces[0] < 0.02
    assert all(0 <= pace <= 1 for pace in [*paces, *(pace_at(step, 900, 300) for step in range(300))])


def test_no_manifest_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoPhotographs, match=r"manifest\.csv: No such file"):
        leaves(tmp_path, "train")


def test_a_fingerprint_does_not_depend_on_the_order() -> None:
    samples = [Sample(Path("a"), "x/y", sha256="bb"), Sample(Path("b"), "x/y", sha256="aa")]
    assert fingerprint(samples) == fingerprint(samples[::-1]) == hashlib.sha256(b"aa\nbb").hexdigest()


MEASURED = {
    "networks": [
        {
            "name": "tuned-lite0",
            "f32": {
                "mb": 13.9,
                "latency_ratio": 1.6,
                "top1": 0.9,
                "crop_given": 0.91,
                "top3_crop_given": 1.0,
                "ece": 0.02,
            },
            "f16": {"mb": 7.0, "latency_ratio": 1.6, "top1": 0.9, "crop_given": 0.91, "top3_crop_given": 1.0},
            "i8": {"mb": 3.9, "latency_ratio": 0.8, "top1": 0.8, "crop_given": 0.81, "top3_crop_given": 0.9},
        }
    ],
    "precisions": [
        {"name": "leaf-w8", "mb": 3.9, "latency_ratio": 1.6, "top1": 0.9, "crop_given": 0.9, "top3_crop_given": 1.0}
    ],
    "abroad": [
        {
            "name": "tuned-lite0",
            "sources": {"rice_x": {"photographs": 7, "crop_given": 0.5}},
            "all_sources": {"photographs": 7, "crop_given": 0.5},
            "species": {"apple": {"photographs": 3, "refused": 0.75}},
        }
    ],
}


def test_the_tables_of_what_was_measured() -> None:
    assert card.networks(MEASURED)[2] == "| tuned-lite0 | f32 | 13.9 | 1.6 |  90.0 |  91.0 | 100.0 |   2.0 |"
    assert card.networks(MEASURED)[4].endswith("|  80.0 |  81.0 |  90.0 |     - |")
    assert card.precisions(MEASURED)[2] == "| leaf-w8 | 3.9 | 1.6 |  90.0 |  90.0 | 100.0 |"
    assert card.new_sources(MEASURED)[2:] == ["| rice_x | 7 |  50.0 |", "| all | 7 |  50.0 |"]
    assert card.new_species(MEASURED)[2:] == ["| apple | 3 |  75.0 |"]


def test_the_card_has_every_section_that_is_written_into_it() -> None:
    pages = {
        card.MODEL_CARD: ("figures", "conformal", "strangers", "quality", "classes", "lab only"),
        card.DATA_CARD: ("sources",),
        card.CHOICE: ("networks", "precisions", "new sources", "new species"),
    }
    for path, names in pages.items():
        text = path.read_text(encoding="utf-8")
        for name in names:
            assert f"\n| new {name} |\n" in card.fill(text, name, [f"| new {name} |"])
    with pytest.raises(ValueError, match="no section nonsense"):
        card.fill(text, "nonsense", [])
