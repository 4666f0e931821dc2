"""The evaluation as an outsider runs it: a drawn tree in, tables and rows out, through the shipped model."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.config import Model
from edge_daemon.vision.classifier import Classifier
from edge_daemon.vision.decision import decide
from edge_daemon.vision.image import decode
from model.evaluate import main
from tests.drawn import jpeg, leaf

DECISIONS = {"answer", "two_candidates", "not_sure", "not_a_leaf", "wrong_crop", "poor_photo"}
TREE = {
    "rice/blast/a.jpg": jpeg(leaf(1)),
    "rice/no_such_disease/b.JPEG": jpeg(leaf(2)),
    "tomato/late_blight/c.jpg": jpeg(leaf(3)),
    "natural/d.jpg": jpeg(leaf(4)),
    "tomato/field/late_blight/e.jpg": jpeg(leaf(5)),
    "tomato/healthy/dark.jpg": jpeg(leaf(6).point(lambda value: value * 0.05)),
    "tomato/healthy/broken.jpg": jpeg(leaf(7))[:3000],
    "tomato/healthy/notes.txt": b"no picture",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    for name, data in TREE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def told(tree: Path) -> dict[str, Any]:
    file = tree.parent / "told.json"
    assert main(["--data", str(tree), "--json", str(file)]) == 0
    return dict(json.loads(file.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def rows(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in told["photos"]}


def test_every_picture_has_a_row_and_nothing_else_has(rows: dict[str, Any]) -> None:
    assert rows.keys() == {name for name in TREE if not name.endswith(".txt")}


def test_labels_are_the_folders_between(rows: dict[str, Any]) -> None:
    assert {row["label"] for row in rows.values()} == {str(Path(name).parent) for name in TREE}


def test_a_broken_file_is_a_row_with_its_error_and_is_counted(told: dict[str, Any], rows: dict[str, Any]) -> None:
    broken = rows["tomato/healthy/broken.jpg"]
    assert (broken["best"], broken["best_crop_given"], broken["decision"]) == ([], [], "poor_photo")
    assert "damaged" in broken["error"]
    assert (told["photographs"], told["unreadable"], told["with_a_known_label"]) == (7, 1, 3)


def test_a_row_has_five_candidates_twice_best_first(rows: dict[str, Any]) -> None:
    for row in rows.values():
        for candidates in (row.get("best", []), row.get("best_crop_given", [])):
            shares = [candidate["probability"] for candidate in candidates]
            assert shares == sorted(shares, reverse=True)
            assert all(candidate.keys() == {"label", "probability"} for candidate in candidates)
    assert len(rows["rice/blast/a.jpg"]["best"]) == 5


@pytest.mark.parametrize("name", ["rice/blast/a.jpg", "rice/no_such_disease/b.JPEG", "tomato/late_blight/c.jpg"])
def test_a_known_crop_masks_the_second_list(rows: dict[str, Any], name: str) -> None:
    crops = {candidate["label"].partition("/")[0] for candidate in rows[name]["best_crop_given"]}
    assert crops == {name.partition("/")[0]}


def test_an_unknown_crop_masks_nothing(rows: dict[str, Any]) -> None:
    assert rows["natural/d.jpg"]["best_crop_given"] == rows["natural/d.jpg"]["best"]


def test_a_poor_photo_is_called_so_and_judged_all_the_same(rows: dict[str, Any]) -> None:
    dark = rows["tomato/healthy/dark.jpg"]
    assert (dark["decision"], dark["fault"], len(dark["best"])) == ("poor_photo", "dark", 5)


def test_decisions_are_the_kiosk_s_own(rows: dict[str, Any]) -> None:
    classifier = Classifier.load(Model().path())
    for name, crop in (("rice/blast/a.jpg", "rice"), ("natural/d.jpg", None)):
        verdict = decide([classifier.classify(decode(TREE[name]))], crop, classifier.rules)
        assert rows[name]["decision"] == verdict.decision.value


def test_the_decisions_add_up(told: dict[str, Any]) -> None:
    assert told["decisions"].keys() == DECISIONS
    assert sum(told["decisions"].values()) == told["photographs"] - told["unreadable"]
    assert told["classes"].keys() == {"rice/blast", "tomato/late_blight", "tomato/healthy"}


def test_each_other_crop_is_named_in_turn(tree: Path, told: dict[str, Any]) -> None:
    classifier = Classifier.load(Model().path())
    crops = {label.partition("/")[0] for label in classifier.labels}
    said: Counter[str] = Counter()
    for name, own in (
        ("rice/blast/a.jpg", "rice"),
        ("tomato/late_blight/c.jpg", "tomato"),
        ("tomato/healthy/dark.jpg", "tomato"),
    ):
        finding = classifier.classify(decode(TREE[name]))
        said.update(decide([finding], other, classifier.rules).decision.value for other in crops - {own})
    assert told["another_crop_named"] == {name: pytest.approx(count / said.total()) for name, count in said.items()}


def test_the_table_goes_to_stdout(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tree), "--limit", "3"]) == 0
    assert capsys.readouterr().out.startswith("photographs 3, unreadable ")


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_nothing_to_read_is_said_and_is_66(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["--data", str(tmp_path / name)]) == 66
    assert "no photographs there" in capsys.readouterr().err


def test_no_model_is_72(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tree), "--model", str(tmp_path)]) == 72
    assert "manifest.json" in capsys.readouterr().err


def test_a_result_that_cannot_be_written_is_73(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tree), "--limit", "1", "--json", str(tmp_path / "no" / "x.json")]) == 73
    assert "cannot be written" in capsys.readouterr().err


def test_links_are_followed(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rice").symlink_to(tree / "rice")
    assert main(["--data", str(tmp_path)]) == 0
    assert "photographs 2" in capsys.readouterr().out
