"""Teach a MobileNetV3, from nothing, what the tuned network knows: a peer for the table in docs/model.md, not shipped.

    python -m model.distil --data DIR --build build/model [--size small|large] [--epochs N]

No weights of MobileNetV3 are to be had from a package registry. The pupil sees the teacher's softened probabilities for
the same view (Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network").
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.dataset import leaves
from model.export import load
from model.lights import blended
from model.networks import MobileNetV3
from model.tune import Batches, Leafnet, Plan, read, tune

SOFTENED = 2.0


def main() -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(description="Distil the tuned network into a MobileNetV3.")
    parser.add_argument("--data", type=Path, required=True, help="holds leaves/ and ood/")
    parser.add_argument("--build", type=Path, required=True, help="holds tuned-lite0.pt; gets distilled-SIZE.pt")
    parser.add_argument("--size", choices=["small", "large"], default="large")
    parser.add_argument("--epochs", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    labels = sorted({sample.label for sample in leaves(arguments.data, "train")})
    teacher = load(arguments.build / "tuned-lite0.pt").to(memory_format=torch.channels_last)
    plan = Plan(
        sides=(128,) * arguments.epochs,
        rough=arguments.epochs,
        rate=3e-3,
        head_rate=3e-3,
        keep=0.99,
        frozen=0,
        of_start=0.0,
    )
    data = read(arguments.data, arguments.build, teacher, plan)
    torch.manual_seed(plan.seed)
    pupil = Leafnet(MobileNetV3(arguments.size == "large"), len(labels)).to(memory_format=torch.channels_last)

    def loss_of(network: Leafnet, photos: Tensor, targets: Tensor, generator: np.random.Generator, _: int) -> Tensor:
        seen, (others,), own = blended(photos, [targets], generator, 1 / 2)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                wanted, wanted_leaf, _ = teacher(seen)
            logits, leaf, _ = network(seen, drop=0.2)
        soft = functional.softmax(wanted.float() / SOFTENED, 1)
        alike = functional.kl_div(functional.log_softmax(logits / SOFTENED, 1), soft, reduction="batchmean")
        known = (targets >= 0) & (others >= 0)
        hard = own * functional.cross_entropy(logits[known], targets[known])
        hard = hard + (1 - own) * functional.cross_entropy(logits[known], others[known])
        is_leaf = functional.binary_cross_entropy_with_logits(leaf, torch.sigmoid(wanted_leaf.float()))
        return SOFTENED**2 * alike + 0.3 * hard + is_leaf

    name = f"distilled-{arguments.size}"
    tuned = tune(pupil, Batches(data.learned, data.strangers, plan), loss_of, plan, arguments.build / f"{name}.ckpt")
    torch.save(
        {"state": tuned.state_dict(), "labels": labels, "plan": json.dumps(asdict(plan))},
        arguments.build / f"{name}.pt",
    )


if __name__ == "__main__":
    main()
