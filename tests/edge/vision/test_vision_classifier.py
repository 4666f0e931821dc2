"""The shipped model in the interpreter that is installed, and every way in which a model can be wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_daemon.config import Model
from edge_daemon.diagnosis import WHERE_SIDE
from edge_daemon.errors import ModelCorrupt, ModelError, ModelMismatch, ModelMissing
from edge_daemon.vision.classifier import Classifier, drawn_input
from edge_daemon.vision.decision import warmth
from edge_daemon.vision.image import decode
from edge_daemon.vision.manifest import MANIFEST, MODEL
from tests.drawn import jpeg, leaf

SHIPPED = Model().path()


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    return Classifier.load(SHIPPED)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "model"))


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_the_shipped_model_passes_its_self_test_and_judges_a_leaf(shipped: Classifier) -> None:
    finding = shipped.classify(decode(jpeg(leaf(1))))
    assert finding.labels == shipped.labels
    assert len(finding.labels) == 50
    assert sum(finding.probabilities) == pytest.approx(1, abs=1e-3)
    assert 0 <= finding.leaf <= 1
    assert len(finding.embedding) == 1280
    assert finding.model == shipped.name


def test_the_same_photo_gets_the_same_finding(shipped: Classifier) -> None:
    canvas = decode(jpeg(leaf(2)))
    assert shipped.classify(canvas) == shipped.classify(canvas)


def test_the_shipped_files_stay_small() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 10_000_000


def test_the_pattern_is_the_same_on_every_machine() -> None:
    pattern = drawn_input(7)
    assert pattern.shape == (1, 224, 224, 3)
    assert pattern.dtype == np.uint8
    assert int(pattern.astype(np.int64).sum()) == 18_450_777


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"manifest\.json: No such file"):
        Classifier.load(tmp_path)


def test_no_file_beside_the_manifest(copy: Path) -> None:
    (copy / MODEL).unlink()
    with pytest.raises(ModelMissing, match=r"leaf\.tflite: No such file"):
        Classifier.load(copy)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:5000] + b"x" + data[5001:], lambda _: b""]
)
def test_another_file_than_the_manifest_says(copy: Path, damage: Callable[[bytes], bytes]) -> None:
    (copy / MODEL).write_bytes(damage((copy / MODEL).read_bytes()))
    with pytest.raises(ModelCorrupt, match="another file than its manifest says"):
        Classifier.load(copy)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.update(labels=m["labels"][:-1]), "self_test has not one probability for each label"),
        (lambda m: m.update(labels=[*m["labels"][:-1], m["labels"][0]]), "a label stands twice"),
        (lambda m: m.update(lab_only=["rice/blight"]), "lab_only names 'rice/blight'"),
        (lambda m: m.update(schema_version=2), "schema_version"),
        (lambda m: m["rules"].update(answer=1.5), "rules.answer"),
        (lambda m: m.pop("rules"), "rules"),
        (lambda m: m.update(input_shape=[1, 192, 192, 3]), "tensor"),
        (lambda m: m.update(embedding_size=1024), "tensor"),
        (lambda m: m["outputs"].update(leaf=9), "names number 9"),
        (lambda m: m["self_test"].update(leaf=1 - m["self_test"]["leaf"]), "self-test is off by"),
    ],
)
def test_a_manifest_that_does_not_fit(copy: Path, change: Callable[[dict[str, Any]], None], words: str) -> None:
    edit(copy, change)
    with pytest.raises(ModelMismatch, match=words):
        Classifier.load(copy)


def test_a_manifest_that_is_no_json(copy: Path) -> None:
    (copy / MANIFEST).write_text("{")
    with pytest.raises(ModelMismatch):
        Classifier.load(copy)


def test_a_file_that_is_no_network(copy: Path) -> None:
    import hashlib

    (copy / MODEL).write_bytes(b"not a network")
    edit(copy, lambda m: m.update(sha256=hashlib.sha256(b"not a network").hexdigest()))
    with pytest.raises(ModelError, match="cannot load the model"):
        Classifier.load(copy)


PHOTOS = Path(__file__).parents[3] / "build" / "demo-photos" / "redpatch_notebooks"
FLOAT32 = json.loads((Path(__file__).parent / "float32.json").read_text(encoding="utf-8"))
"""What the network says of two real photographs before its weights are quantised: model.export's leaf-f32.tflite."""
QUANTISED = 0.08
"""How far a probability may be from that; over the validation split quantising costs 0.1 points of top-1."""


@pytest.mark.parametrize("name", sorted(FLOAT32))
def test_the_quantised_file_agrees_with_float32_on_a_real_photograph(shipped: Classifier, name: str) -> None:
    if not PHOTOS.is_dir():
        pytest.skip("make test and make demo fetch the photographs")
    finding = shipped.classify(decode((PHOTOS / name).read_bytes()))
    assert np.abs(np.array(finding.probabilities) - FLOAT32[name]).max() < QUANTISED


def test_the_model_tells_where_it_looked(shipped: Classifier) -> None:
    finding = shipped.classify(decode(jpeg(leaf(1))))
    assert len(finding.where) == len(finding.labels)
    shares = warmth(finding, finding.labels[0])
    assert (len(shares), min(shares), max(shares)) == (WHERE_SIDE**2, 0.0, 1.0)
