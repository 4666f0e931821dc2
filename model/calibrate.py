"""Find a tuned model's temperature and limits on photographs that it never learned from.

    python -m model.calibrate --data DIR --build build/model [--file leaf-mixed.tflite]

These are the look-alike groups that model.tune held out, those from the field alone: a kiosk meets no plain grounds.
The file is run through the kiosk's own code. The validation split has no part in it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from tqdm import tqdm

from edge_daemon.vision.image import decode, model_input
from model.dataset import Sample, fingerprint, leaves, others
from model.groups import HELD_OUT, SEED, groups_of, held_out
from model.metrics import expected_calibration_error

Floats = npt.NDArray[np.float32]

EMBEDDING = 1280
GOOD_LEAVES_REFUSED = 0.025
"""The leaf limit is set so that this share of good leaves is called no leaf: half of what is allowed, since leaves of a
new village look less like those that were learned from."""
ACCURACY_WHEN_ANSWERING = 0.95
"""The answer limit is the least probability from which answers are this often right, crop given."""
TRUTH_IN_TWO = 0.90
"""The same for "one of these two", among the photographs that get no single answer."""
MISSED = 0.10
"""How often the truth may be outside of what is called possible, for each crop."""
LEAST_TEMPERATURE = 0.5
"""Softened targets and blended photographs leave a network too modest, so that below 1 is usual; further is a fault."""
FEW = 40
"""A crop with fewer held-out photographs from the field gets its set from all of its held-out ones."""
WRONG_CROP_ALARMS = 0.0025
"""The share of leaves of the named crop that may be called another crop."""


class Seen(NamedTuple):
    """What a file says of photographs: probabilities [photographs, labels], leaf [photographs], NaN if it does not."""

    probabilities: Floats
    leaf: Floats


def look(samples: Sequence[Sample], file: Path, labels: int) -> Seen:
    """Run a file on photographs, prepared as the kiosk prepares them."""
    from ai_edge_litert.interpreter import Interpreter

    def work(share: Sequence[Sample]) -> list[tuple[Any, Any]]:
        interpreter = Interpreter(str(file), num_threads=1)
        interpreter.allocate_tensors()
        source = interpreter.get_input_details()[0]["index"]
        by_shape = {tuple(int(n) for n in told["shape"]): told for told in interpreter.get_output_details()}
        rows = []
        for sample in share:
            interpreter.set_tensor(source, model_input(decode(sample.path.read_bytes())))
            interpreter.invoke()
            shares = _widened(interpreter, by_shape[1, labels])
            leaf = _widened(interpreter, by_shape[1, 1]) if (1, 1) in by_shape else np.array([np.nan])
            rows.append((shares, leaf))
            bar.update()
        return rows

    with tqdm(total=len(samples), unit="photo", desc=file.name) as bar, ThreadPoolExecutor(2) as pool:
        halves = [samples[: len(samples) // 2], samples[len(samples) // 2 :]]
        rows = [row for rows in pool.map(work, halves) for row in rows]
    return Seen(np.array([row[0] for row in rows], np.float32), np.array([row[1][0] for row in rows], np.float32))


def _widened(interpreter: Any, told: dict[str, Any]) -> Floats:
    """An output as float32, also of a file that computes in int8 throughout."""
    values = interpreter.get_tensor(told["index"])[0]
    scale, zero = told["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * scale if scale else values.copy(), np.float32)


def cooled(probabilities: Floats, temperature: float) -> Floats:
    """At another temperature, as edge_daemon.vision.decision.calibrate does it."""
    raised = np.maximum(probabilities, 1e-30) ** (1 / temperature)
    return np.asarray(raised / raised.sum(1, keepdims=True), np.float32)


def log_loss(probabilities: Floats, targets: npt.NDArray[Any]) -> float:
    """Mean negative log likelihood, in nats."""
    return float(-np.log(probabilities[np.arange(len(targets)), targets] + 1e-12).mean())


def masked(probabilities: Floats, crops: npt.NDArray[Any], crop_of_label: npt.NDArray[Any]) -> Floats:
    """Each row with the other crops' labels at 0, summing to 1 again."""
    kept = np.where(crop_of_label[None, :] == crops[:, None], probabilities, 0.0)
    return np.asarray(kept / np.maximum(kept.sum(1, keepdims=True), 1e-30), np.float32)


def limit_for(scores: Floats, right: npt.NDArray[np.bool_], wanted: float) -> float:
    """The least score such that, among the photographs at or above it, the wanted share is right."""
    order = np.argsort(-scores)
    share = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(share >= wanted)
    return float(scores[order[good[-1]]]) if len(good) else 1.0


def possible_from(of_truth: Floats) -> float:
    """The threshold of a conformal set: the truth's probability is below it at most MISSED of the time.

    of_truth: the probability of the true label of each held-out photograph. With too few of them nothing can be
    promised, and everything is possible: 0. (Split conformal prediction: Vovk, Gammerman and Shafer 2005; as a
    threshold on the probability: Sadinle, Lei and Wasserman 2019.)
    """
    rank = int(np.floor(MISSED * (len(of_truth) + 1)))
    return round(float(np.floor(float(np.sort(of_truth)[rank - 1]) * 1e4)) / 1e4, 4) if rank else 0.0


def temperature_of(probabilities: Floats, targets: npt.NDArray[Any]) -> float:
    """The temperature of the least log loss."""
    found = minimize_scalar(lambda t: log_loss(cooled(probabilities, t), targets), bounds=(0.3, 5), method="bounded")
    return max(LEAST_TEMPERATURE, round(float(found.x), 3))


def rules_from(
    seen: Seen, targets: npt.NDArray[Any], labels: Sequence[str], field: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    """The fields of edge_daemon.vision.manifest.Rules, from held-out leaves; field: which are from the field."""
    temperature = temperature_of(seen.probabilities[field], targets[field])
    crop_of_label = np.array([label.partition("/")[0] for label in labels])
    crops = crop_of_label[targets]
    everything = cooled(seen.probabilities, temperature)
    within = masked(everything, crops, crop_of_label)
    of_truth = within[np.arange(len(targets)), targets]
    first, two = within.max(1)[field], np.sort(within, axis=1)[field, -2:].sum(1)
    order = np.argsort(within, axis=1)
    best_right = (order[:, -1] == targets)[field]
    either_right = (order[:, -2:] == targets[:, None]).any(1)[field]
    answer = limit_for(first, best_right, ACCURACY_WHEN_ANSWERING)
    unanswered = first < answer
    others_share = _likeliest_other_crop(everything, crop_of_label, crops)[field]
    possible = {}
    for crop in np.unique(crop_of_label):
        own = crops == crop
        possible[str(crop)] = possible_from(of_truth[own & field] if (own & field).sum() >= FEW else of_truth[own])
    return {
        "temperature": temperature,
        "answer": round(answer, 3),
        "two_candidates": round(limit_for(two[unanswered], either_right[unanswered], TRUTH_IN_TWO), 3),
        "leaf": round(float(np.quantile(seen.leaf[field], GOOD_LEAVES_REFUSED)), 4),
        "wrong_crop": round(float(np.quantile(others_share, 1 - WRONG_CROP_ALARMS)), 3),
        "possible": {**possible, "": possible_from(everything[np.arange(len(targets)), targets][field])},
    }


def _likeliest_other_crop(
    probabilities: Floats, crop_of_label: npt.NDArray[Any], crops: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    names = np.unique(crop_of_label)
    shares = np.stack([probabilities[:, crop_of_label == name].sum(1) for name in names], axis=1)
    shares[names[None, :] == crops[:, None]] = 0
    return np.asarray(shares.max(1))


def never_learned(data: Path, build: Path, network: str = "lite0") -> list[Sample]:
    """The leaves that model.tune held out. build: holds the frozen network's features."""
    train, strangers = leaves(data, "train"), others(data, "train")
    labels = np.array([sample.label for sample in train])
    kept = build / f"frozen-{network}-{fingerprint([*train, *strangers])[:8]}.npy"
    targets = np.unique(labels, return_inverse=True)[1]
    groups = groups_of(np.load(kept)[: len(train), :EMBEDDING], targets)
    out = held_out(groups, targets, HELD_OUT, np.random.default_rng(SEED))
    return [sample for sample, apart in zip(train, out, strict=True) if apart]


def main() -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(description="Find a tuned model's temperature and limits.")
    parser.add_argument("--data", type=Path, required=True, help="holds leaves/ and ood/")
    parser.add_argument("--build", type=Path, required=True, help="holds the file; gets fit.json")
    parser.add_argument("--network", default="lite0", help="whose frozen features tell the look-alikes")
    parser.add_argument("--file", default="leaf-mixed.tflite")
    arguments = parser.parse_args()
    train, strangers = leaves(arguments.data, "train"), others(arguments.data, "train")
    labels = sorted({sample.label for sample in train})
    apart = never_learned(arguments.data, arguments.build, arguments.network)
    targets = np.array([labels.index(sample.label) for sample in apart])
    field = np.array([sample.setting == "field" for sample in apart])
    seen = look(apart, arguments.build / arguments.file, len(labels))
    rules = rules_from(seen, targets, labels, field)
    strange = look(strangers, arguments.build / arguments.file, len(labels))
    told = {
        "labels": labels,
        "rules": rules,
        "training": {
            "photographs": len(train) - len(apart),
            "held_out": len(apart),
            "strangers": len(strangers),
            "data_fingerprint": fingerprint([*train, *strangers]),
            "seed": SEED,
            **held_out_figures(seen.probabilities, targets, field, rules["temperature"]),
            "strangers_refused_that_were_learned_from": round(float((strange.leaf < rules["leaf"]).mean()), 4),
        },
    }
    (arguments.build / "fit.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({key: told[key] for key in ("rules", "training")}, indent=1))


def held_out_figures(
    probabilities: Floats, targets: npt.NDArray[Any], field: npt.NDArray[np.bool_], temperature: float
) -> dict[str, float]:
    """Top-1 of all and of the field, and the ECE of the field, on held-out leaves."""
    calibrated = cooled(probabilities, temperature)
    right = calibrated.argmax(1) == targets
    ece = expected_calibration_error(calibrated[field].max(1), right[field])
    return {
        "held_out_top1": round(float(right.mean()), 4),
        "held_out_top1_field": round(float(right[field].mean()), 4),
        "held_out_ece_field": round(ece, 4),
    }


if __name__ == "__main__":
    main()
