"""Put the fitted network where the kiosk finds it: the file, and a manifest that says what it is and what it does.

    python -m model.package --data DIR --build build/model --out model/shipped

It also writes what the float32 file says of the demo's photographs, for the test that holds the shipped one to it.
The self-test's expected outputs are written by the interpreter that is installed here; the figures under `metrics` come
from the validation split, through the kiosk's own code.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edge_daemon.diagnosis import WHERE_SIDE
from edge_daemon.vision.classifier import drawn_input
from edge_daemon.vision.manifest import MANIFEST, MODEL
from model.calibrate import look
from model.dataset import Sample, lab_only, leaves
from model.evaluate import evaluate

NAME = "lite0-tuned"
VERSION = 3
FLOAT32 = Path(__file__).parents[1] / "tests" / "edge" / "vision" / "float32.json"
PREPROCESSING = (
    "edge_daemon.vision.image: decode to RGB with the short side at 224, then the middle square; uint8. "
    "The graph itself subtracts 127 and divides by 128."
)
TOLERANCE = 0.02
"""Between interpreters and processors; float32 arithmetic differs by less than 1e-4, a wrong file by far more."""


def outputs_of(interpreter: Any, classes: int, embedding: int) -> dict[str, int]:
    """Which output is which, told by its width. Raises ValueError."""
    widths = [int(output["shape"][1]) for output in interpreter.get_output_details()]
    wanted = {"probabilities": classes, "embedding": embedding, "leaf": 1, "where": WHERE_SIDE**2}
    return {name: widths.index(width) for name, width in wanted.items()}


def manifest(model: Path, fit: dict[str, Any]) -> dict[str, Any]:
    """The manifest of a converted file and its fit (labels, lab_only, rules, training), without metrics."""
    data = model.read_bytes()
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    source, results = interpreter.get_input_details()[0], interpreter.get_output_details()
    places = outputs_of(interpreter, len(fit["labels"]), 1280)
    seed = 7
    interpreter.set_tensor(source["index"], drawn_input(seed))
    interpreter.invoke()
    probabilities, leaf = (
        interpreter.get_tensor(results[places[name]]["index"])[0] for name in ("probabilities", "leaf")
    )
    return {
        "schema_version": 1,
        "name": NAME,
        "version": VERSION,
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "labels": fit["labels"],
        "input_shape": [int(side) for side in source["shape"]],
        "embedding_size": 1280,
        "preprocessing": PREPROCESSING,
        "outputs": places,
        "lab_only": fit["lab_only"],
        "rules": fit["rules"],
        "self_test": {
            "seed": seed,
            "probabilities": [round(float(p), 6) for p in probabilities],
            "leaf": round(float(leaf[0]), 6),
            "tolerance": TOLERANCE,
        },
        "training": {
            **fit["training"],
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "network": "EfficientNet-lite0, ImageNet weights, tuned; weights in 8 and 16 bits, computed in float32",
            "licences": "several sources of the photographs state none; see model/README.md",
        },
        "metrics": {},
    }


def main() -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(description="Put the fitted network where the kiosk finds it.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--file", default="leaf-mixed.tflite", help="which precision is shipped")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--photos", type=Path, help="photographs for the comparison with float32")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(arguments.build / arguments.file, arguments.out / MODEL)
    fit = json.loads((arguments.build / "fit.json").read_text(encoding="utf-8"))
    told = manifest(arguments.out / MODEL, {**fit, "lab_only": lab_only(leaves(arguments.data, "train"))})
    _write(arguments.out, told)
    if arguments.photos:
        samples = [Sample(path, "") for path in sorted(arguments.photos.glob("*.jpg"))]
        said = look(samples, arguments.build / "leaf-f32.tflite", len(fit["labels"])).probabilities
        rows = {one.path.name: [round(float(p), 5) for p in row] for one, row in zip(samples, said, strict=True)}
        FLOAT32.write_text(json.dumps(rows) + "\n", encoding="utf-8")
    summary, _ = evaluate(arguments.data / "leaves" / "val", arguments.out)
    strange, _ = evaluate(arguments.data / "ood" / "val", arguments.out)
    figures = ("top1", "top3", "top1_crop_given", "top3_crop_given", "coverage", "accuracy_when_it_answers", "ece")
    told["metrics"] = {
        "leaves_val": {name: round(summary[name], 4) for name in figures},
        "leaves_voting": summary["leaves_voting"],
        "strangers_val": strange["decisions"],
    }
    _write(arguments.out, told)
    print(json.dumps(told["metrics"], indent=1))


def _write(folder: Path, told: dict[str, Any]) -> None:
    (folder / MANIFEST).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
