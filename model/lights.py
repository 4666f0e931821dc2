"""How a batch of views is lit, blurred and blended before a network learns from it. In PyTorch, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.views import Strength


def light(photos: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    """Another light for each of [batch, 3, side, side], 0 to 255: brightness, contrast, tint and so on; blur, noise."""

    def factor(amount: float, channels: int = 1) -> Tensor:
        return 1 + (torch.rand((len(photos), channels, 1, 1), generator=generator) * 2 - 1) * amount

    grey = photos.mean(1, keepdim=True)
    photos = grey + (photos - grey) * factor(strength.light)
    middle = photos.mean((1, 2, 3), keepdim=True)
    photos = (middle + (photos - middle) * factor(strength.light)) * factor(strength.light) * factor(0.06, 3)
    rolled = torch.rand((len(photos), 2), generator=generator)
    soft = rolled[:, 0] < strength.blurred
    if soft.any():
        photos[soft] = blurred(photos[soft], float(0.6 + torch.rand(1, generator=generator)))
    noisy = rolled[:, 1] < strength.noisy
    if noisy.any():
        photos[noisy] += torch.randn(photos[noisy].shape, generator=generator) * 8
    return photos.clamp_(0, 255)


def blurred(photos: Tensor, sigma: float) -> Tensor:
    """Gaussian, sigma in pixels."""
    reach = torch.arange(-4, 5, dtype=torch.float32)
    line = torch.exp(-(reach**2) / (2 * sigma**2))
    line = (line / line.sum()).repeat(3, 1)
    padded = functional.pad(photos, (4, 4, 4, 4), mode="reflect")
    across = functional.conv2d(padded, line[:, None, None, :], groups=3)
    return functional.conv2d(across, line[:, None, :, None], groups=3)


def blended(
    photos: Tensor, targets: Sequence[Tensor], generator: np.random.Generator, share: float
) -> tuple[Tensor, list[Tensor], float]:
    """Each photo mixed with its neighbour: what is seen, the neighbours' targets, the share that is the photo's own.

    share: of the batches that are mixed, half of them as mixup (Zhang et al. 2018), half as CutMix (Yun et al. 2019).
    """
    kind = generator.random() / share
    others = [target.roll(1, 0) for target in targets]
    if kind >= 1:
        return photos, others, 1.0
    own = float(generator.beta(0.4, 0.4)) if kind < 0.5 else float(generator.uniform(0.3, 1.0))
    if kind < 0.5:
        return photos * own + photos.roll(1, 0) * (1 - own), others, own
    side = photos.shape[2]
    edge = round(side * float(np.sqrt(1 - own)))
    top, left = (int(generator.integers(0, side - edge + 1)) for _ in range(2))
    photos = photos.clone()
    photos[:, :, top : top + edge, left : left + edge] = photos.roll(1, 0)[:, :, top : top + edge, left : left + edge]
    return photos, others, 1 - (edge / side) ** 2
