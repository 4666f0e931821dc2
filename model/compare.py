"""The tables by which network and precision were chosen: model/measured.json. Runs in the workshop's environment.

    python -m model.compare --data DIR --build build/model

It takes what is in the build folder: probed-, tuned- and distilled-*.pt on the validation split, in each precision;
those whose name ends in -without-SOURCES on these sources and species alone; and leaf-*.tflite, the shipped network's
precisions. Latency is that of one thread of this machine, as a ratio to MobileNetV3-Large in float32.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import litert_torch
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer.quantizer import Quantizer

from edge_daemon.vision.image import decode, model_input
from model.calibrate import GOOD_LEAVES_REFUSED, Seen, cooled, look, masked, never_learned, temperature_of
from model.dataset import OTHER_LEAF, Sample, leaves, others
from model.export import EXAMPLE, Plain, Shipped, load, peer, quantised, some_of, throughout, weights_in
from model.metrics import expected_calibration_error

MEASURED = Path(__file__).parent / "measured.json"
ROUNDS = 40


@dataclass(frozen=True)
class Bench:
    """What every row is measured with. large: the peer's file; apart: the leaves that no network learned from."""

    labels: list[str]
    val: list[Sample]
    apart: list[Sample]
    photos: list[Any]
    large: Path
    scratch: Path

    def targets(self, samples: Sequence[Sample]) -> Any:
        """The place of each one's label."""
        return np.array([self.labels.index(sample.label) for sample in samples])

    def figures(self, file: Path, *, calibrated: bool = False) -> dict[str, float]:
        """Size, latency and scores of a file."""
        ours, theirs = latency_ms([file, self.large])
        seen = look(self.val, file, len(self.labels))
        told = {"mb": round(file.stat().st_size / 1e6, 2), "latency_ratio": round(ours / theirs, 2)}
        told |= scores(seen, self.val, self.labels)
        if calibrated:
            held = look(self.apart, file, len(self.labels))
            temperature = temperature_of(held.probabilities, self.targets(self.apart))
            right = seen.probabilities.argmax(1) == self.targets(self.val)
            sure = cooled(seen.probabilities, temperature).max(1)
            told["ece"] = round(float(expected_calibration_error(sure, right)), 4)
        return told


def scores(seen: Seen, samples: Sequence[Sample], labels: Sequence[str]) -> dict[str, float]:
    """Top-1, and top-1 and top-3 with the crop given, as shares."""
    crop_of_label = np.array([label.partition("/")[0] for label in labels])
    targets = np.array([labels.index(sample.label) for sample in samples])
    within = masked(seen.probabilities, crop_of_label[targets], crop_of_label)
    order = np.argsort(-within, axis=1)
    told = {
        "top1": (seen.probabilities.argmax(1) == targets).mean(),
        "crop_given": (order[:, 0] == targets).mean(),
        "top3_crop_given": (order[:, :3] == targets[:, None]).any(1).mean(),
    }
    return {name: round(float(value), 4) for name, value in told.items()}


def latency_ms(files: Sequence[Path]) -> list[float]:
    """The median of each, measured in turns."""
    interpreters = [Interpreter(str(file), num_threads=1) for file in files]
    times: list[list[float]] = [[] for _ in files]
    photo = EXAMPLE.numpy()
    for interpreter in interpreters:
        interpreter.allocate_tensors()
    for _ in range(ROUNDS):
        for interpreter, taken in zip(interpreters, times, strict=True):
            begun = time.perf_counter()
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo)
            interpreter.invoke()
            taken.append((time.perf_counter() - begun) * 1000)
    return [statistics.median(taken) for taken in times]


def network_row(path: Path, bench: Bench) -> dict[str, Any]:
    """One network: figures of each precision, those of float32 with the calibrated ECE."""
    whole = bench.scratch / f"{path.stem}-f32.tflite"
    litert_torch.convert(Plain(load(path)).eval(), (EXAMPLE,)).export(str(whole))
    row: dict[str, Any] = {"name": path.stem, "f32": bench.figures(whole, calibrated=True)}
    ways: dict[str, Callable[[Quantizer], Any]] = {"f16": weights_in(16), "i8": throughout(bench.photos)}
    for name, way in ways.items():
        quantised(whole, file := bench.scratch / f"{path.stem}-{name}.tflite", way)
        row[name] = bench.figures(file)
    return row


def left_out(path: Path, data: Path) -> list[Sample]:
    """The photographs of the sources in a file's name, where the rest of the training split has their label."""
    names = path.stem.partition("-without-")[2].split("-")
    train = leaves(data, "train")
    learned = {sample.label for sample in train if sample.source not in names}
    return [sample for sample in train if sample.source in names and sample.label in learned]


def abroad(path: Path, data: Path, bench: Bench) -> dict[str, Any]:
    """A network on what it never saw: each source, and, where such were left out, each species of other leaf.

    The limit of the leaf layer is set on the field leaves of validation, less the left-out sources.
    """
    file = bench.scratch / "abroad.tflite"
    litert_torch.convert(Shipped(load(path)).eval(), (EXAMPLE,)).export(str(file))
    names = path.stem.partition("-without-")[2].split("-")
    new = left_out(path, data)
    seen, targets = look(new, file, len(bench.labels)), bench.targets(new)
    told: dict[str, Any] = {"name": path.stem.partition("-without-")[0], "sources": {}, "species": {}}
    for source in sorted({sample.source for sample in new}):
        rows = np.array([sample.source == source for sample in new])
        part = Seen(seen.probabilities[rows], seen.leaf[rows])
        own = [sample for sample, is_own in zip(new, rows, strict=True) if is_own]
        told["sources"][source] = {"photographs": len(own), **scores(part, own, bench.labels)}
    told["all_sources"] = {"photographs": len(targets), **scores(seen, new, bench.labels)}
    good = [sample for sample in bench.val if sample.setting == "field" and sample.source not in names]
    limit = np.quantile(look(good, file, len(bench.labels)).leaf, GOOD_LEAVES_REFUSED)
    strange = [*others(data, "train"), *others(data, "val")]
    for name in sorted({sample.source for sample in strange if sample.label == OTHER_LEAF} & set(names)):
        own = [sample for sample in strange if sample.source == name]
        refused = float((look(own, file, len(bench.labels)).leaf < limit).mean())
        told["species"][name] = {"photographs": len(own), "refused": round(refused, 4)}
    return told


def main() -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(description="Measure networks and precisions side by side.")
    parser.add_argument("--data", type=Path, required=True, help="holds leaves/ and ood/")
    parser.add_argument("--build", type=Path, required=True, help="holds *.pt and leaf-*.tflite")
    arguments = parser.parse_args()
    train, val = leaves(arguments.data, "train"), leaves(arguments.data, "val")
    labels = sorted({sample.label for sample in train})
    told: dict[str, Any] = {"photographs": len(val), "networks": [], "precisions": [], "abroad": []}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        peer(scratch / "large.tflite.xz", keep=True)
        photos = [model_input(decode(sample.path.read_bytes())) for sample in some_of(train)]
        apart = never_learned(arguments.data, arguments.build)
        bench = Bench(labels, val, apart, photos, scratch / "large.tflite", scratch)
        for path in sorted(arguments.build.glob("*-*.pt")):
            if "-without-" in path.stem:
                told["abroad"].append(abroad(path, arguments.data, bench))
            else:
                told["networks"].append(network_row(path, bench))
        for kind in ("f32", "f16", "w8", "mixed", "i8"):
            file = arguments.build / f"leaf-{kind}.tflite"
            told["precisions"].append({"name": file.stem, **bench.figures(file)})
    MEASURED.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
