"""Tune a whole pretrained network to leaves.

    python -m model.tune --data DIR --out build/model [--network lite0] [--epochs N] [--steps N] [--without SOURCE ...]

First the layer behind the frozen network is fitted, then everything is tuned from there: a tuned network keeps more of
what helps in a place that it has not seen when its last layer is good from the start (Kumar et al. 2022). The kept
weights are means of running averages (Izmailov et al. 2018; Wortsman et al. 2022). One fold of the look-alike groups is
never learned from; the limits of decisions are found there (model.calibrate). A run that was cut off goes on from its
last checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from edge_daemon.vision.image import decode, model_input
from model.dataset import Sample, fingerprint, leaves, others
from model.groups import HELD_OUT, SEED, groups_of, held_out
from model.lights import blended, light
from model.networks import SCALES, EfficientNetLite, MobileNetV3, pretrained_lite
from model.schedule import chances, kinds_alike, pace_at
from model.views import PLAIN_GROUND, Strength, leaf_mask, shape, soft

BATCH = 32


@dataclass(frozen=True)
class Plan:
    """What a run does. sides: of the square that each epoch sees, pixels; rough: how many epochs see most photos
    blended, and soft targets, before the rate begins anew and the rest sees them more as a kiosk does: less blended,
    `fields` times as many from the field, and as many leaves as things among the strangers; rate: of the network;
    head_rate: of the last layers; within: weight of the loss among the labels of the leaf's own crop; strangers: of a
    batch; keep: of the running average, at each step; of_start: the share of the start in what is kept."""

    network: str = "lite0"
    frozen: int = 3
    sides: tuple[int, ...] = (160,) * 6 + (192,) * 15
    rough: int = 12
    fields: float = 3.0
    rate: float = 2e-4
    head_rate: float = 1e-3
    decay: float = 0.05
    smoothing: float = 0.1
    last_smoothing: float = 0.05
    within: float = 0.5
    strangers: int = 3
    keep: float = 0.998
    of_start: float = 0.1
    strength: Strength = field(default_factory=Strength)
    held_out: float = HELD_OUT
    without: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = SEED


class Leafnet(nn.Module):  # type: ignore[misc]  # torch is untyped where the types are checked
    """A network and its two layers. forward gives (logits [batch, labels], leaf [batch], features [batch, width])."""

    def __init__(self, network: EfficientNetLite | MobileNetV3, labels: int) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.zeros(network.width))
        self.register_buffer("deviation", torch.ones(network.width))
        self.disease = nn.Linear(network.width, labels)
        self.leaf = nn.Linear(network.width, 1)

    def forward(self, photos: Tensor, drop: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
        """photos: 0 to 255, [batch, 3, side, side]."""
        features = self.network(photos).float()
        level = functional.dropout((features - self.mean) / self.deviation, drop, self.training)
        return self.disease(level), self.leaf(level)[:, 0], features


@dataclass
class Photographs:
    """Canvases in memory and what they show. target: -1 where it is a stranger."""

    samples: list[Sample]
    canvases: list[npt.NDArray[np.uint8]]
    targets: npt.NDArray[np.int64]
    leaf: dict[int, npt.NDArray[np.uint8]]

    @classmethod
    def load(cls, samples: Sequence[Sample], labels: Sequence[str], what: str) -> Photographs:
        """Decode them all by the kiosk's own code: 0.2 MB each."""
        with ThreadPoolExecutor(2) as pool:
            read = pool.map(lambda sample: decode(sample.path.read_bytes()), samples)
            canvases = list(tqdm(read, total=len(samples), unit="photo", desc=what))
            plain = [place for place, sample in enumerate(samples) if is_plain(sample)]
            masks = dict(zip(plain, pool.map(lambda place: leaf_mask(canvases[place]), plain), strict=True))
        targets = np.array([labels.index(sample.label) if sample.label in labels else -1 for sample in samples])
        leaf = {place: soft(mask) for place, mask in masks.items() if mask is not None}
        return cls(list(samples), canvases, targets, leaf)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Photographs:
        """Those of them."""
        places = np.flatnonzero(chosen)
        leaf = {new: self.leaf[int(old)] for new, old in enumerate(places) if int(old) in self.leaf}
        return Photographs(
            [self.samples[at] for at in places], [self.canvases[at] for at in places], self.targets[places], leaf
        )

    def inputs(self, places: npt.NDArray[np.int64]) -> Tensor:
        """As the kiosk's network sees them, [photographs, 3, 224, 224]."""
        return _tensor(np.concatenate([model_input(self.canvases[place]) for place in places]))


def is_plain(sample: Sample) -> bool:
    """Whether its leaf lies on a plain ground."""
    return sample.source in PLAIN_GROUND or sample.label == "other_leaf"


def _tensor(photos: npt.NDArray[np.uint8]) -> Tensor:
    as_read = torch.from_numpy(photos).permute(0, 3, 1, 2).float()
    return as_read.contiguous(memory_format=torch.channels_last)


class Batches:
    """Views of the photographs, made one batch ahead in a thread of its own."""

    def __init__(self, leaves: Photographs, strangers: Photographs, plan: Plan) -> None:
        self._leaves, self._strangers, self._plan = leaves, strangers, plan
        self._chances = chances(leaves.samples), chances(leaves.samples, plan.fields)
        self._strange = kinds_alike(strangers.samples)
        self._grounds = [
            canvas for canvas, sample in zip(strangers.canvases, strangers.samples, strict=True) if not is_plain(sample)
        ]

    def of_epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """(photos, targets); the same for the same seed and epoch."""
        generator = np.random.default_rng([self._plan.seed, epoch])
        known = BATCH - self._plan.strangers
        shown = self._chances[epoch >= self._plan.rough]
        chosen = generator.choice(len(self._leaves.samples), len(self._leaves.samples), p=shown)
        steps = self.steps
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(self._make, chosen[:known], epoch, generator)
            for step in range(steps):
                ready = ahead.result()
                if step + 1 < steps:
                    rows = chosen[(step + 1) * known : (step + 2) * known]
                    ahead = pool.submit(self._make, rows, epoch, generator)
                yield ready

    @property
    def steps(self) -> int:
        """Whole batches of an epoch."""
        return len(self._leaves.samples) // (BATCH - self._plan.strangers)

    def _make(self, rows: npt.NDArray[np.int64], epoch: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        if epoch < self._plan.rough:
            strange = generator.integers(0, len(self._strangers.samples), self._plan.strangers)
        else:
            strange = generator.choice(len(self._strangers.samples), self._plan.strangers, p=self._strange)
        views = [self._view(self._leaves, int(row), epoch, generator) for row in rows]
        views += [self._view(self._strangers, int(row), epoch, generator) for row in strange]
        targets = np.concatenate([self._leaves.targets[rows], self._strangers.targets[strange]])
        order = generator.permutation(len(views))  # or a stranger would always be mixed with the same neighbour
        photos = _tensor(np.stack([views[place] for place in order]))
        torch_generator = torch.Generator().manual_seed(int(generator.integers(2**62)))
        return light(photos, self._plan.strength, torch_generator), torch.from_numpy(targets[order])

    def _view(self, among: Photographs, row: int, epoch: int, generator: np.random.Generator) -> Any:
        strength, cut_out = self._plan.strength, None
        if row in among.leaf and generator.random() < strength.other_ground:
            cut_out = among.leaf[row], self._grounds[generator.integers(len(self._grounds))]
        return shape(among.canvases[row], self._plan.sides[epoch], strength, generator, cut_out)


def losses(
    network: Leafnet,
    photos: Tensor,
    targets: Tensor,
    crop_of: Tensor,
    plan: Plan,
    generator: np.random.Generator,
    epoch: int,
) -> Tensor:
    """Of a batch: which disease, which of its crop's diseases, and whether it is a leaf of a known crop."""
    rough = epoch < plan.rough
    smoothing = plan.smoothing if rough else plan.last_smoothing
    seen, (others_target,), own = blended(photos, [targets], generator, 2 / 3 if rough else 1 / 3)
    with torch.autocast("cpu", torch.bfloat16):
        logits, leaf, _ = network(seen, drop=0.2)
    total = torch.zeros(())
    for target, share in ((targets, own), (others_target, 1 - own)):
        if share == 0:
            continue
        known = target >= 0
        ours, right = logits[known], target[known]
        loss = functional.cross_entropy(ours, right, label_smoothing=smoothing)
        inside = ours.masked_fill(crop_of[None, :] != crop_of[right][:, None], -30.0)
        loss = loss + plan.within * functional.cross_entropy(inside, right)
        total = total + share * loss
    is_leaf = own * (targets >= 0).float() + (1 - own) * (others_target >= 0).float()
    return total + functional.binary_cross_entropy_with_logits(leaf, is_leaf)


@torch.no_grad()  # type: ignore[untyped-decorator]  # as above
def predict(network: Leafnet, photographs: Photographs, what: str) -> dict[str, npt.NDArray[np.float32]]:
    """logits, leaf (a logit) and features of every photograph as the kiosk would show it."""
    network.eval()
    rows: dict[str, list[Any]] = {"logits": [], "leaf": [], "features": []}
    places = np.arange(len(photographs.samples))
    for start in tqdm(range(0, len(places), BATCH), desc=what, unit="batch"):
        with torch.autocast("cpu", torch.bfloat16):
            logits, leaf, features = network(photographs.inputs(places[start : start + BATCH]))
        for name, value in (("logits", logits), ("leaf", leaf), ("features", features)):
            rows[name].append(value.float().numpy())
    return {name: np.concatenate(parts) for name, parts in rows.items()}


def begin_well(network: Leafnet, features: npt.NDArray[np.float32], targets: npt.NDArray[np.int64]) -> None:
    """Fit both last layers to the frozen network's features by penalised logistic regression (L-BFGS)."""
    known = targets >= 0
    rows = torch.from_numpy(features)
    network.mean.copy_(rows[known].mean(0))
    network.deviation.copy_(rows[known].std(0) + 1e-3)
    level, right = (rows - network.mean) / network.deviation, torch.from_numpy(targets)
    chosen = torch.from_numpy(known)
    weights = 1.0 / torch.bincount(right[chosen], minlength=network.disease.out_features).clamp(min=1).float()
    weights *= chosen.sum() / network.disease.out_features

    def disease() -> Tensor:
        return functional.cross_entropy(network.disease(level[chosen]), right[chosen], weights.clamp(max=20))

    def leaf() -> Tensor:
        return functional.binary_cross_entropy_with_logits(network.leaf(level)[:, 0], chosen.float())

    for layer, loss in ((network.disease, disease), (network.leaf, leaf)):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
        _minimise(layer, loss, penalty=2e-3)


def _minimise(layer: nn.Linear, loss: Callable[[], Tensor], penalty: float) -> None:
    solver = torch.optim.LBFGS(layer.parameters(), max_iter=60, history_size=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        value = loss() + penalty * (layer.weight**2).sum()
        value.backward()
        return value

    solver.step(closure)


Loss = Callable[[Leafnet, Tensor, Tensor, np.random.Generator, int], Tensor]
"""Of a network, photos, targets, chance, and the epoch."""


def tune(network: Leafnet, batches: Batches, loss_of: Loss, plan: Plan, checkpoint: Path | None) -> Leafnet:
    """Tune everything; gives the mean of the running averages at the ends of both cycles, and a part of the start.

    What lies between two ends of one run is right more often than either (Wortsman et al. 2022, "Model soups"), and a
    little of the start keeps what helps in a place that was never seen ("Robust fine-tuning of zero-shot models", the
    same year). Goes on from the checkpoint if there is one of this plan.
    """
    network.network.frozen = plan.frozen
    start, average = copy.deepcopy(network.state_dict()), copy.deepcopy(network)
    ends: list[dict[str, Tensor]] = []
    head = [*network.disease.parameters(), *network.leaf.parameters()]
    solver = torch.optim.AdamW(
        [
            {"params": list(network.network.parameters()), "lr": plan.rate, "top": plan.rate},
            {"params": head, "lr": plan.head_rate, "top": plan.head_rate},
        ],
        weight_decay=plan.decay,
    )
    steps = min(batches.steps, plan.limit or batches.steps)
    total, first = steps * len(plan.sides), 0
    told = json.dumps(asdict(plan))
    if checkpoint is not None and checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        if kept["plan"] == told:
            first = kept["epoch"]
            network.load_state_dict(kept["network"])
            average.load_state_dict(kept["average"])
            solver.load_state_dict(kept["solver"])
            ends = kept["ends"]
    bar = tqdm(total=total, initial=first * steps, unit="step", desc=f"tuning {plan.network}")
    for epoch in range(first, len(plan.sides)):
        network.train()
        torch.manual_seed(plan.seed + epoch)
        generator = np.random.default_rng([plan.seed, epoch, 1])
        for step, (photos, targets) in zip(range(steps), batches.of_epoch(epoch), strict=False):
            done = epoch * steps + step
            pace = pace_at(done, plan.rough * steps, total)
            for group in solver.param_groups:
                group["lr"] = group["top"] * pace
            loss = loss_of(network, photos, targets, generator, epoch)
            solver.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            solver.step()
            _follow(average, network, min(plan.keep, (done + 1) / (done + 10)))
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.2f}")
        if epoch + 1 in {plan.rough, len(plan.sides)}:
            ends.append(copy.deepcopy(average.state_dict()))
        if checkpoint is not None:
            _save(checkpoint, network, average, solver, ends, epoch + 1, told)
    bar.close()
    average.load_state_dict(stirred(start, ends, plan.of_start))
    return average


def stirred(start: dict[str, Tensor], ends: list[dict[str, Tensor]], of_start: float) -> dict[str, Tensor]:
    """The mean of the ends, less `of_start`, which is the start's. Without an end it is the start."""
    if not ends:
        return start
    share = (1 - of_start) / len(ends)
    return {name: of_start * value + share * sum(end[name] for end in ends) for name, value in start.items()}


def _follow(average: Leafnet, network: Leafnet, keep: float) -> None:
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - keep)
        for ours, theirs in zip(average.buffers(), network.buffers(), strict=True):
            ours.copy_(theirs)


def _save(
    path: Path, network: Leafnet, average: Leafnet, solver: Any, ends: list[dict[str, Tensor]], epoch: int, told: str
) -> None:
    parts = {"network": network.state_dict(), "average": average.state_dict(), "solver": solver.state_dict()}
    beside = path.with_suffix(".part")
    torch.save({**parts, "ends": ends, "epoch": epoch, "plan": told}, beside)
    beside.replace(path)


@dataclass
class Data:
    """What a run learns from and is judged on. judged: held-out groups, or the sources that were left out."""

    labels: list[str]
    learned: Photographs
    judged: Photographs
    strangers: Photographs
    features: npt.NDArray[np.float32]
    """Of the frozen network: for `learned`, then for `strangers`."""

    @property
    def crop_of(self) -> Tensor:
        """[labels]: a number for each label's crop."""
        crops = [label.partition("/")[0] for label in self.labels]
        return torch.tensor([sorted(set(crops)).index(crop) for crop in crops])


def read(data: Path, out: Path, network: Leafnet, plan: Plan) -> Data:
    """Load the photographs and draw what is held out. The frozen network's features are kept in `out`."""
    train, strange = leaves(data, "train"), others(data, "train")
    labels = sorted({sample.label for sample in train})
    everything, strangers = Photographs.load(train, labels, "leaves"), Photographs.load(strange, labels, "strangers")
    kept = out / f"frozen-{plan.network}-{fingerprint([*train, *strange])[:8]}.npy"
    if not kept.exists():
        np.save(
            kept, np.concatenate([predict(network, part, "frozen")["features"] for part in (everything, strangers)])
        )
    features = np.load(kept)
    if plan.without:
        out_of = np.array([sample.source in plan.without for sample in train])
    else:
        groups = groups_of(features[: len(train), : network.network.embedding], everything.targets)
        out_of = held_out(groups, everything.targets, plan.held_out, np.random.default_rng(plan.seed))
    met = np.array([sample.source not in plan.without for sample in strange])
    rows = np.concatenate([np.flatnonzero(~out_of), len(train) + np.flatnonzero(met)])
    return Data(labels, everything.only(~out_of), everything.only(out_of), strangers.only(met), features[rows])


def main() -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(description="Tune a pretrained network to leaves.")
    parser.add_argument("--data", type=Path, required=True, help="holds leaves/ and ood/")
    parser.add_argument("--out", type=Path, required=True, help="gets tuned-NETWORK.pt, and checkpoints")
    parser.add_argument("--network", default="lite0", choices=[f"lite{number}" for number in SCALES])
    parser.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="a shorter run, half of it rough; 0: only the last layers are fitted",
    )
    parser.add_argument("--steps", type=int, metavar="N", help="only so many of each epoch, to try the machinery")
    parser.add_argument(
        "--without", nargs="*", default=(), metavar="SOURCE", help="leave these sources and species out"
    )
    arguments = parser.parse_args()
    plan = Plan(network=arguments.network, without=tuple(arguments.without), limit=arguments.steps)
    if arguments.epochs is not None:
        half = arguments.epochs // 2
        plan = replace(plan, sides=(160,) * half + (192,) * (arguments.epochs - half), rough=half)
    name = f"{'tuned' if plan.sides else 'probed'}-{plan.network}"
    name += "-without-" + "-".join(plan.without) if plan.without else ""
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    torch.manual_seed(plan.seed)
    labels = sorted({sample.label for sample in leaves(arguments.data, "train")})
    network = Leafnet(pretrained_lite(int(plan.network[-1])), len(labels)).to(memory_format=torch.channels_last)
    data = read(arguments.data, arguments.out, network, plan)
    begin_well(network, data.features, np.concatenate([data.learned.targets, data.strangers.targets]))
    batches, crop_of = Batches(data.learned, data.strangers, plan), data.crop_of

    def loss_of(
        network: Leafnet, photos: Tensor, targets: Tensor, generator: np.random.Generator, epoch: int
    ) -> Tensor:
        return losses(network, photos, targets, crop_of, plan, generator, epoch)

    tuned = tune(network, batches, loss_of, plan, arguments.out / f"{name}.ckpt")
    torch.save(
        {"state": tuned.state_dict(), "labels": labels, "plan": json.dumps(asdict(plan))}, arguments.out / f"{name}.pt"
    )


if __name__ == "__main__":
    main()
