"""Fit the two linear layers to leaves: which disease, and whether it is a leaf at all.

    python -m model.train --data DIR --out build/model

The features come from the backbone's TFLite file through the kiosk's own `decode` and `model_input`: what is fitted
to is, but for the rounding of the weights, what the kiosk will see. Temperature and limits are fitted on predictions
for photographs that the predicting fit had not seen (out of fold), never on the validation split. Folds keep
look-alikes together, and only photographs from the field count there: a kiosk meets no plain backgrounds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.optimize import minimize_scalar
from scipy.sparse.csgraph import connected_components
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from tqdm import tqdm

from edge_daemon.vision.image import Canvas, decode, model_input
from model.dataset import Sample, fingerprint, leaves, others
from model.metrics import expected_calibration_error

Floats = npt.NDArray[np.float32]

SEED = 20261123
EMBEDDING = 1280
"""How many of the features, the first ones, are the embedding."""
FOLDS = 4
STRENGTHS = (0.01, 0.03, 0.1)
"""Inverse strengths of the L2 penalty that are tried; the out-of-fold log loss decides. 0.003, tried on the embedding
alone, was worse than 0.01 (top-1 85.0 against 85.8 %)."""
LOOK_ALIKE = 0.90
"""Cosine of two embeddings of one class from which on photographs stay in one fold: often the same plant. Stricter
than near-duplicates (0.97), where the top-1 out of fold, 84.9 % in the field, flatters: here it is 81.1 %."""
GOOD_LEAVES_REFUSED = 0.01
"""The leaf limit is set so that this share of good leaves is called no leaf, out of fold."""
ACCURACY_WHEN_ANSWERING = 0.95
"""The answer limit is the least probability from which answers are this often right, out of fold, crop given."""
TRUTH_IN_TWO = 0.90
"""The same for "one of these two", among the photographs that get no single answer."""
LEAST_TEMPERATURE = 1.0
"""Out of fold 0.9 fits, but a village differs from the training photographs more than its folds do: never sharpen."""
WRONG_CROP_ALARMS = 0.0025
"""The share of leaves of the named crop that may be called another crop, out of fold."""


class Fit(NamedTuple):
    """Weights [classes, features] and biases [classes] of a linear layer on raw features."""

    weight: Floats
    bias: Floats

    def logits(self, features: Floats) -> Floats:
        """[photographs, classes]."""
        return features @ self.weight.T + self.bias


VIEWS = ("whole", "whole mirrored", "close", "close mirrored")
"""How a photograph is shown in training; a kiosk shows the first."""
CLOSE = 7 / 8
"""Which part of the width a close view keeps."""


def show(canvas: Canvas, view: str) -> Canvas:
    """The network's input for a view of a canvas; "whole" is what the kiosk's own model_input gives."""
    tensor = model_input(canvas)
    if view.startswith("close"):
        side = tensor.shape[1]
        edge = round(side * (1 - CLOSE) / 2)
        middle = Image.fromarray(tensor[0, edge : side - edge, edge : side - edge])
        tensor = np.asarray(middle.resize((side, side), Image.Resampling.BILINEAR))[np.newaxis]
    return np.ascontiguousarray(tensor[:, :, ::-1]) if view.endswith("mirrored") else tensor


def features_of(samples: Sequence[Sample], backbone: Path, view: str) -> Floats:
    """Features [photographs, 1968] of a view: the embedding, then the textures (model/network.py)."""
    from ai_edge_litert.interpreter import Interpreter

    def work(share: Sequence[Sample]) -> list[Any]:
        interpreter = Interpreter(str(backbone), num_threads=1)
        interpreter.allocate_tensors()
        source, target = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
        rows = []
        for sample in share:
            interpreter.set_tensor(source, show(decode(sample.path.read_bytes()), view))
            interpreter.invoke()
            rows.append(interpreter.get_tensor(target)[0].copy())
            bar.update()
        return rows

    with tqdm(total=len(samples), unit="photo", desc=view) as bar:
        halves = [samples[: len(samples) // 2], samples[len(samples) // 2 :]]
        with ThreadPoolExecutor(len(halves)) as pool:
            return np.array([row for rows in pool.map(work, halves) for row in rows], np.float32)


def groups_of(embeddings: Floats, labels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """A group number for each photograph; look-alikes of a class share one."""
    groups = np.zeros(len(labels), np.int64)
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        _, components = connected_components(unit[rows] @ unit[rows].T >= LOOK_ALIKE, directed=False)
        groups[rows] = groups.max() + 1 + components
    return groups


def fit_linear(features: Floats, targets: npt.NDArray[Any], strength: float) -> Fit:
    """Multinomial logistic regression on standardised features, every class weighing the same; as one linear layer."""
    mean, deviation = features.mean(0), features.std(0) + 1e-6
    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=300, tol=1e-3)
    model.fit((features - mean) / deviation, targets)
    weight = (model.coef_ / deviation).astype(np.float32)
    return Fit(weight, (model.intercept_ - weight @ mean).astype(np.float32))


def out_of_fold(
    views: Sequence[Floats], targets: npt.NDArray[Any], groups: npt.NDArray[Any], strength: float
) -> Floats:
    """Logits for each photograph's first view by a fit that has seen neither it nor its look-alikes."""
    logits: Floats | None = None
    for seen, unseen in GroupKFold(FOLDS, shuffle=True, random_state=SEED).split(views[0], groups=groups):
        fit = fit_linear(np.vstack([view[seen] for view in views]), np.tile(targets[seen], len(views)), strength)
        if logits is None:
            logits = np.zeros((len(targets), len(fit.bias)), np.float32)
        logits[unseen] = fit.logits(views[0][unseen])
    assert logits is not None
    return logits


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Along the last axis."""
    scaled = logits / temperature
    raised = np.exp(scaled - scaled.max(-1, keepdims=True))
    return np.asarray(raised / raised.sum(-1, keepdims=True), np.float32)


def log_loss(probabilities: Floats, targets: npt.NDArray[Any]) -> float:
    """Mean negative log likelihood, in nats."""
    return float(-np.log(probabilities[np.arange(len(targets)), targets] + 1e-12).mean())


def masked(probabilities: Floats, crops: npt.NDArray[Any], crop_of_label: npt.NDArray[Any]) -> Floats:
    """Each row with the other crops' labels at 0, summing to 1 again."""
    kept = np.where(crop_of_label[None, :] == crops[:, None], probabilities, 0.0)
    return np.asarray(kept / kept.sum(1, keepdims=True), np.float32)


def limit_for(scores: Floats, right: npt.NDArray[np.bool_], wanted: float) -> float:
    """The least score such that, among the photographs at or above it, the wanted share is right."""
    order = np.argsort(-scores)
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share >= wanted)
    return float(scores[order[good[-1]]]) if len(good) else 1.0


def rules_from(
    logits: Floats, targets: npt.NDArray[Any], labels: Sequence[str], leaf: dict[str, float]
) -> dict[str, float]:
    """Temperature and limits, all from out-of-fold predictions; the fields of edge_daemon.vision.manifest.Rules."""
    found = minimize_scalar(lambda t: log_loss(softmax(logits, t), targets), bounds=(0.3, 5), method="bounded")
    temperature = max(LEAST_TEMPERATURE, round(float(found.x), 3))
    crop_of_label = np.array([label.partition("/")[0] for label in labels])
    everything = softmax(logits, temperature)
    within = masked(everything, crop_of_label[targets], crop_of_label)
    first, two = within.max(1), np.sort(within, axis=1)[:, -2:].sum(1)
    order = np.argsort(within, axis=1)
    best_right, either_right = order[:, -1] == targets, (order[:, -2:] == targets[:, None]).any(1)
    answer = limit_for(first, best_right, ACCURACY_WHEN_ANSWERING)
    unanswered = first < answer
    other = _likeliest_other_crop(everything, crop_of_label, crop_of_label[targets])
    return {
        "temperature": temperature,
        "answer": round(answer, 3),
        "two_candidates": round(limit_for(two[unanswered], either_right[unanswered], TRUTH_IN_TWO), 3),
        "leaf": leaf["limit"],
        "wrong_crop": round(float(np.quantile(other, 1 - WRONG_CROP_ALARMS)), 3),
    }


def _likeliest_other_crop(
    probabilities: Floats, crop_of_label: npt.NDArray[Any], crops: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    names = np.unique(crop_of_label)
    shares = np.stack([probabilities[:, crop_of_label == name].sum(1) for name in names], axis=1)
    shares[names[None, :] == crops[:, None]] = 0
    return np.asarray(shares.max(1))


def fit_leaf(
    good: Floats, strange: Floats, groups: npt.NDArray[Any], field: npt.NDArray[np.bool_]
) -> tuple[Fit, dict[str, float]]:
    """The layer that tells leaves of known crops from all else, its limit, and what that does out of fold."""
    both = np.vstack([good, strange])
    is_leaf = np.repeat([1, 0], [len(good), len(strange)])
    everyone = np.concatenate([groups, groups.max() + 1 + np.arange(len(strange))])
    scores = np.zeros(len(both), np.float32)
    for seen, unseen in GroupKFold(FOLDS, shuffle=True, random_state=SEED).split(both, groups=everyone):
        fit = fit_linear(both[seen], is_leaf[seen], 0.001)
        scores[unseen] = 1 / (1 + np.exp(-fit.logits(both[unseen])[:, 0]))
    limit = round(float(np.quantile(scores[: len(good)][field], GOOD_LEAVES_REFUSED)), 4)
    told = {"limit": limit, "strange_refused_out_of_fold": float((scores[len(good) :] < limit).mean())}
    return fit_linear(both, is_leaf, 0.001), told


def main() -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(description="Fit the linear layers behind the frozen backbone.")
    parser.add_argument("--data", type=Path, required=True, help="holds leaves/ and ood/")
    parser.add_argument("--out", type=Path, required=True, help="holds backbone.tflite; gets heads.npz and fit.json")
    arguments = parser.parse_args()
    train, strangers = leaves(arguments.data, "train"), others(arguments.data, "train")
    labels = sorted({sample.label for sample in train})
    targets = np.array([labels.index(sample.label) for sample in train])
    backbone = arguments.out / "backbone.tflite"
    views = [_cached(train, backbone, arguments.out, view) for view in VIEWS]
    strange = _cached(strangers, backbone, arguments.out, VIEWS[0])
    groups = groups_of(views[0][:, :EMBEDDING], targets)
    losses, logits = {}, {}
    for strength in tqdm(STRENGTHS, desc="penalty", unit="fit"):
        logits[strength] = out_of_fold(views, targets, groups, strength)
        losses[strength] = log_loss(softmax(logits[strength]), targets)
    strength = min(losses, key=losses.__getitem__)
    field = np.array([sample.setting == "field" for sample in train])
    leaf, leaf_told = fit_leaf(views[0], strange, groups, field)
    rules = rules_from(logits[strength][field], targets[field], labels, leaf_told)
    disease = fit_linear(np.vstack(views), np.tile(targets, len(views)), strength)
    np.savez(
        arguments.out / "heads.npz",
        disease_weight=disease.weight,
        disease_bias=disease.bias,
        leaf_weight=leaf.weight,
        leaf_bias=leaf.bias,
    )
    calibrated = softmax(logits[strength], rules["temperature"])
    told = {
        "labels": labels,
        "rules": rules,
        "training": {
            "photographs": len(train),
            "strangers": len(strangers),
            "groups": int(groups.max()),
            "data_fingerprint": fingerprint([*train, *strangers]),
            "seed": SEED,
            "folds": FOLDS,
            "penalty": {"chosen": strength, "log_loss": {str(c): round(loss, 4) for c, loss in losses.items()}},
            "out_of_fold_top1": round(float((calibrated.argmax(1) == targets).mean()), 4),
            "out_of_fold_ece": round(expected_calibration_error(calibrated.max(1), calibrated.argmax(1) == targets), 4),
            "out_of_fold_top1_field": round(float((calibrated.argmax(1) == targets)[field].mean()), 4),
            "strangers_refused_out_of_fold": round(leaf_told["strange_refused_out_of_fold"], 4),
        },
    }
    (arguments.out / "fit.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: told[key] for key in ("rules", "training")}, indent=1))


def _cached(samples: Sequence[Sample], backbone: Path, out: Path, view: str) -> Floats:
    """Features, kept in the out folder: a run that was cut off goes on from there."""
    network = hashlib.sha256(backbone.read_bytes()).hexdigest()
    path = out / f"features-{network[:8]}-{fingerprint(list(samples))[:8]}-{view.replace(' ', '-')}.npy"
    if path.exists():
        return np.asarray(np.load(path), np.float32)
    features = features_of(samples, backbone, view)
    np.save(path, features)
    return features


if __name__ == "__main__":
    main()
