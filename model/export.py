"""A tuned network into TFLite, in several precisions. Runs in the workshop's environment (requirements/convert.txt).

    python -m model.export --build build/model [--network lite0]

writes leaf-f32.tflite; leaf-f16.tflite and leaf-w8.tflite, whose weights alone are in 16 and 8 bits and are widened
when the file is loaded; leaf-mixed.tflite, which has some of either and is shipped; and leaf-i8.tflite, which computes
in 8 bits throughout, its ranges taken from photographs of the training split.
"""

from __future__ import annotations

import argparse
import lzma
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import litert_torch
import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import recipe
from ai_edge_quantizer.qtyping import TFLOperationName
from ai_edge_quantizer.quantizer import Quantizer
from ai_edge_quantizer.recipe import AlgorithmName
from torch import Tensor, nn

from edge_daemon.vision.image import decode, model_input
from model.dataset import Sample, leaves
from model.networks import SIDE, MobileNetV3, pretrained_lite
from model.tune import Leafnet

EXAMPLE = torch.zeros((1, SIDE, SIDE, 3), dtype=torch.uint8)
TOLERANCE = 0.01
"""Of a probability, between PyTorch and the float32 file."""
PEER_CLASSES = 50
CALIBRATION = 48
"""Photographs that show a full int8 network the ranges of its signals."""


class Shipped(nn.Module):  # type: ignore[misc]  # torch is untyped where the types are checked
    """uint8 [1, 224, 224, 3] to probabilities [1, labels], embedding [1, 1280], leaf [1, 1], where [1, 49, labels].

    where: what each of 7 x 7 places adds to each label's logit through the embedding (Zhou et al. 2016).
    """

    def __init__(self, tuned: Leafnet) -> None:
        super().__init__()
        self.network = tuned.network
        self.disease, self.leaf = (_on_raw_features(tuned, layer) for layer in (tuned.disease, tuned.leaf))
        self.place = nn.Linear(self.network.embedding, self.disease.out_features, bias=False)
        with torch.no_grad():
            self.place.weight.copy_(self.disease.weight[:, : self.network.embedding])

    def forward(self, photo: Tensor) -> tuple[Tensor, ...]:
        """The four outputs."""
        features, places = self.network.look(photo.float().permute(0, 3, 1, 2))
        where = self.place(places.flatten(2).permute(0, 2, 1))
        embedding = features[:, : self.network.embedding]
        return torch.softmax(self.disease(features), 1), embedding, torch.sigmoid(self.leaf(features)), where


def _on_raw_features(tuned: Leafnet, layer: Any) -> Any:
    """The same layer without the standardisation before it."""
    raw = nn.Linear(layer.in_features, layer.out_features)
    with torch.no_grad():
        raw.weight.copy_(layer.weight / tuned.deviation)
        raw.bias.copy_(layer.bias - raw.weight @ tuned.mean)
    return raw


def load(path: Path) -> Leafnet:
    """A network as model.tune or model.distil wrote it; the file's name tells which."""
    kept = torch.load(path, weights_only=True)
    kind = path.stem.split("-")[1]
    network = pretrained_lite(int(kind[-1])) if kind.startswith("lite") else MobileNetV3(kind == "large")
    tuned = Leafnet(network, len(kept["labels"]))
    tuned.load_state_dict(kept["state"])
    tuned.eval()
    return tuned


def weights_in(bits: int) -> Callable[[Quantizer], None]:
    """Only the weights, per channel; what is computed stays in float32."""

    def quantise(quantizer: Quantizer) -> None:
        kind = AlgorithmName.FLOAT_CASTING if bits == 16 else AlgorithmName.MIN_MAX_UNIFORM_QUANT
        quantizer.add_weight_only_config(regex=".*", operation_name="*", num_bits=bits, algorithm_key=kind)

    return quantise


def mixed(quantizer: Quantizer) -> None:
    """As weights_in(8), but those of depthwise convolutions and last layers in 16 bits: a quarter of a megabyte.

    In 8 bits these few weights cost 0.8 points of top-1, crop given, on the validation split.
    """
    weights_in(8)(quantizer)
    for operation in (TFLOperationName.DEPTHWISE_CONV_2D, TFLOperationName.FULLY_CONNECTED):
        quantizer.add_weight_only_config(
            regex=".*", operation_name=operation, num_bits=16, algorithm_key=AlgorithmName.FLOAT_CASTING
        )


def throughout(photos: Sequence[Any]) -> Callable[[Quantizer], Any]:
    """Weights and signals in int8, their ranges taken from photographs."""

    def quantise(quantizer: Quantizer) -> Any:
        quantizer.load_quantization_recipe(recipe.static_wi8_ai8())
        return quantizer.calibrate({"serving_default": [{"args_0": photo} for photo in photos]})

    return quantise


def quantised(source: Path, path: Path, quantise: Callable[[Quantizer], Any]) -> None:
    """Write a float32 file in another precision."""
    quantizer = Quantizer(str(source))
    ranges = quantise(quantizer)
    quantizer.quantize(ranges).export_model(str(path), overwrite=True)
    path.chmod(0o644)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def some_of(train: Sequence[Sample]) -> Sequence[Sample]:
    """Photographs for the ranges, evenly spread over classes and sources."""
    return train[:: len(train) // CALIBRATION]


def check(network: Shipped, path: Path, photos: Sequence[Any]) -> None:
    """Whether PyTorch and the file agree on real photographs. Raises ValueError."""
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    source, outputs = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()
    probabilities = next(o["index"] for o in outputs if tuple(o["shape"]) == (1, network.disease.out_features))
    worst = 0.0
    for photo in photos:
        interpreter.set_tensor(source, photo)
        interpreter.invoke()
        with torch.no_grad():
            wanted = network(torch.from_numpy(photo))[0].numpy()
        worst = max(worst, float(np.abs(interpreter.get_tensor(probabilities) - wanted).max()))
    print(f"{path}: a probability differs from PyTorch by {worst:.2g} at most, over {len(photos)} photographs")
    if not worst <= TOLERANCE:
        raise ValueError(f"{path}: differs from PyTorch by {worst:.2g}; {TOLERANCE:g} is allowed.")


def peer(path: Path, *, keep: bool = False) -> None:
    """Write MobileNetV3-Large in float32, every weight the same, for tests/bench.py to take the time of. A few kB.

    keep: also the file that is not compressed.
    """
    network = Leafnet(MobileNetV3(large=True), PEER_CLASSES).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.01)
    whole = path.with_suffix("")
    litert_torch.convert(Plain(network).eval(), (EXAMPLE,)).export(str(whole))
    path.write_bytes(lzma.compress(whole.read_bytes(), preset=9))
    if not keep:
        whole.unlink()


class Plain(nn.Module):  # type: ignore[misc]  # as above
    """uint8 [1, 224, 224, 3] to probabilities: a peer's network with nothing else in it."""

    def __init__(self, network: Leafnet) -> None:
        super().__init__()
        self.network = network

    def forward(self, photo: Tensor) -> Tensor:
        """[1, labels]."""
        probabilities: Tensor = torch.softmax(self.network(photo.float().permute(0, 3, 1, 2))[0], 1)
        return probabilities


def main() -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(description="Write a tuned network as TFLite.")
    parser.add_argument("--data", type=Path, required=True, help="holds leaves/ and ood/")
    parser.add_argument("--build", type=Path, required=True, help="holds tuned-NETWORK.pt; gets leaf-*.tflite")
    parser.add_argument("--network", default="lite0")
    parser.add_argument("--peer", type=Path, help="write MobileNetV3-Large here, and nothing else")
    arguments = parser.parse_args()
    if arguments.peer:
        peer(arguments.peer)
        return
    build = arguments.build
    network = Shipped(load(build / f"tuned-{arguments.network}.pt")).eval()
    train = leaves(arguments.data, "train")
    photos = [model_input(decode(sample.path.read_bytes())) for sample in some_of(train)]
    float32 = build / "leaf-f32.tflite"
    litert_torch.convert(network, (EXAMPLE,)).export(str(float32))
    check(network, float32, photos[:12])
    quantised(float32, build / "leaf-f16.tflite", weights_in(16))
    quantised(float32, build / "leaf-w8.tflite", weights_in(8))
    quantised(float32, build / "leaf-mixed.tflite", mixed)
    quantised(float32, build / "leaf-i8.tflite", throughout(photos))


if __name__ == "__main__":
    main()
