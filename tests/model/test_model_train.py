"""Fitting: what is trained on is what the kiosk sees, folds keep look-alikes together, limits do what they say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon.vision.image import decode, model_input
from model import card
from model.dataset import NoPhotographs, Sample, fingerprint, leaves
from model.metrics import expected_calibration_error
from model.train import (
    ACCURACY_WHEN_ANSWERING,
    LEAST_TEMPERATURE,
    VIEWS,
    fit_linear,
    groups_of,
    limit_for,
    log_loss,
    masked,
    out_of_fold,
    rules_from,
    show,
    softmax,
)
from tests.drawn import jpeg, leaf

CANVAS = decode(jpeg(leaf(11)))
LABELS = ("maize/healthy", "maize/rust", "rice/blast", "rice/healthy")


def drawn_logits(count: int, strength: float) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(1)
    targets = chance.integers(0, len(LABELS), count)
    logits = chance.normal(size=(count, len(LABELS))).astype(np.float32)
    logits[np.arange(count), targets] += strength
    return logits, targets


def test_the_first_view_in_training_is_what_the_kiosk_gives_its_network() -> None:
    assert np.array_equal(show(CANVAS, VIEWS[0]), model_input(CANVAS))


def test_mirrored_twice_is_as_before() -> None:
    assert np.array_equal(show(CANVAS, "whole mirrored")[:, :, ::-1], show(CANVAS, "whole"))


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_an_input_of_the_network(view: str) -> None:
    tensor = show(CANVAS, view)
    assert tensor.shape == (1, 224, 224, 3)
    assert tensor.dtype == np.uint8


def test_look_alikes_of_a_class_share_a_group_and_no_others_do() -> None:
    embeddings = np.array([[1, 0], [0.99, 0.05], [0, 1], [1, 0]], np.float32)
    groups = groups_of(embeddings, np.array([0, 0, 0, 1]))
    assert groups[0] == groups[1]
    assert len(set(groups.tolist())) == 3


def test_a_prediction_out_of_fold_has_not_seen_the_photo_s_group() -> None:
    """Pairs of the same embedding with labels by chance: only who has seen the other one of a pair can know."""
    chance = np.random.default_rng(2)
    embeddings = np.repeat(chance.normal(size=(80, 96)), 2, axis=0).astype(np.float32)
    targets, pairs = np.repeat(chance.integers(0, 3, 80), 2), np.repeat(np.arange(80), 2)
    honest = out_of_fold([embeddings], targets, pairs, 10.0).argmax(1) == targets
    leaking = out_of_fold([embeddings], targets, np.arange(160), 10.0).argmax(1) == targets
    assert honest.mean() < 0.5
    assert leaking.mean() > 0.7


def test_one_linear_layer_is_what_was_fitted() -> None:
    chance = np.random.default_rng(3)
    targets = np.repeat([0, 1, 2], 30)
    embeddings = (np.eye(3)[targets] * 5 + chance.normal(size=(90, 3))).astype(np.float32)
    assert (fit_linear(embeddings, targets, 1.0).logits(embeddings).argmax(1) == targets).mean() > 0.95


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
    kept = masked(softmax(drawn_logits(20, 1.0)[0]), np.repeat("rice", 20), crops)
    assert (kept[:, :2] == 0).all()
    assert kept.sum(1) == pytest.approx(np.ones(20), abs=1e-5)


def test_the_rules_keep_what_they_promise() -> None:
    logits, targets = drawn_logits(4000, 3.0)
    rules = rules_from(logits, targets, LABELS, {"limit": 0.5})
    within = masked(
        softmax(logits, rules["temperature"]),
        np.array([LABELS[target].partition("/")[0] for target in targets]),
        np.array([label.partition("/")[0] for label in LABELS]),
    )
    answered = within.max(1) >= rules["answer"]
    assert (within.argmax(1) == targets)[answered].mean() >= ACCURACY_WHEN_ANSWERING - 0.01
    assert answered.mean() > 0.3
    assert rules["temperature"] >= LEAST_TEMPERATURE


def test_a_temperature_cools_what_is_too_sure() -> None:
    logits, targets = drawn_logits(4000, 1.0)
    assert rules_from(logits * 4, targets, LABELS, {"limit": 0.5})["temperature"] > 2.5
    assert log_loss(softmax(logits * 4, 4.0), targets) < log_loss(softmax(logits * 4), targets)


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


def test_no_manifest_is_said(tmp_path: Path) -> None:
    with pytest.raises(NoPhotographs, match=r"manifest\.csv: No such file"):
        leaves(tmp_path, "train")


def test_a_fingerprint_does_not_depend_on_the_order() -> None:
    samples = [Sample(Path("a"), "x/y", sha256="bb"), Sample(Path("b"), "x/y", sha256="aa")]
    assert fingerprint(samples) == fingerprint(samples[::-1]) == hashlib.sha256(b"aa\nbb").hexdigest()


def test_the_card_has_every_section_that_is_written_into_it() -> None:
    text = card.CARD.read_text(encoding="utf-8")
    for name in ("figures", "strangers", "quality", "classes"):
        assert f"\n| new {name} |\n" in card.fill(text, name, [f"| new {name} |"])
    with pytest.raises(ValueError, match="no section nonsense"):
        card.fill(text, "nonsense", [])
