"""The table by which network and precision were chosen: model/measured.json. Runs in the workshop's environment.

    python -m model.compare --data DIR --build build/model

It takes what is in the build folder: probed-, tuned- and distilled-*.pt on the validation split, those whose name ends
in -without-SOURCES on these sources alone (the labels that the rest of the data has), and leaf-*.tflite, the tuned
network's precisions. Latency is that of one thread of this machine, as a ratio to MobileNetV3-Large in float32.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import litert_torch
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from model.calibrate import Seen, look, masked
from model.dataset import Sample, leaves
from model.export import EXAMPLE, Plain, load, peer, quantised, weights_in
from model.metrics import expected_calibration_error

MEASURED = Path(__file__).parent / "measured.json"
ROUNDS = 40


def scores(seen: Seen, samples: Sequence[Sample], labels: Sequence[str]) -> dict[str, float]:
    """Top-1, top-1 and top-3 with the crop given, ECE (not calibrated), as shares."""
    crop_of_label = np.array([label.partition("/")[0] for label in labels])
    targets = np.array([labels.index(sample.label) for sample in samples])
    within = masked(seen.probabilities, crop_of_label[targets], crop_of_label)
    right = seen.probabilities.argmax(1) == targets
    order = np.argsort(-within, axis=1)
    told = {
        "top1": right.mean(),
        "crop_given": (order[:, 0] == targets).mean(),
        "top3_crop_given": (order[:, :3] == targets[:, None]).any(1).mean(),
        "ece": expected_calibration_error(seen.probabilities.max(1), right),
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


def left_out(path: Path, data: Path, labels: Sequence[str]) -> list[Sample]:
    """The photographs of the sources in a file's name, where the rest of the training split has their label."""
    sources = path.stem.partition("-without-")[2].split("-")
    train = leaves(data, "train")
    learned = {sample.label for sample in train if sample.source not in sources}
    return [sample for sample in train if sample.source in sources and sample.label in learned]


def network_row(path: Path, data: Path, labels: list[str], scratch: Path, large: Path) -> dict[str, Any]:
    """One network: its sizes, latency, and scores."""
    val = leaves(data, "val")
    whole, eighth = scratch / "whole.tflite", scratch / "eighth.tflite"
    litert_torch.convert(Plain(load(path)).eval(), (EXAMPLE,)).export(str(whole))
    quantised(whole, eighth, weights_in(8))
    ours, theirs = latency_ms([whole, large])
    told = scores(look(val, whole, len(labels)), val, labels)
    row: dict[str, Any] = {
        "name": path.stem,
        "f32_mb": round(whole.stat().st_size / 1e6, 2),
        "w8_mb": round(eighth.stat().st_size / 1e6, 2),
        "latency_ratio": round(ours / theirs, 2),
        **{f"val_{name}": value for name, value in told.items()},
        "new_sources": None,
    }
    for other in path.parent.glob(f"{path.stem}-without-*.pt"):
        new = left_out(other, data, labels)
        litert_torch.convert(Plain(load(other)).eval(), (EXAMPLE,)).export(str(whole))
        row["new_sources"] = scores(look(new, whole, len(labels)), new, labels)["crop_given"]
        row["new_sources_photographs"] = len(new)
    return row


def main() -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(description="Measure networks and precisions side by side.")
    parser.add_argument("--data", type=Path, required=True, help="holds leaves/ and ood/")
    parser.add_argument("--build", type=Path, required=True, help="holds *.pt and leaf-*.tflite")
    arguments = parser.parse_args()
    labels = sorted({sample.label for sample in leaves(arguments.data, "train")})
    val = leaves(arguments.data, "val")
    told: dict[str, Any] = {"photographs": len(val), "networks": [], "precisions": []}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        peer(scratch / "large.tflite.xz", keep=True)
        large = scratch / "large.tflite"
        for path in sorted(arguments.build.glob("*-*.pt")):
            if "-without-" not in path.stem:
                told["networks"].append(network_row(path, arguments.data, labels, scratch, large))
        files = [arguments.build / f"leaf-{kind}.tflite" for kind in ("f32", "f16", "w8", "mixed", "i8")]
        *ours, theirs = latency_ms([*files, large])
        for file, ms in zip(files, ours, strict=True):
            row = {"name": file.stem, "mb": round(file.stat().st_size / 1e6, 2), "latency_ratio": round(ms / theirs, 2)}
            told["precisions"].append({**row, **scores(look(val, file, len(labels)), val, labels)})
    MEASURED.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
