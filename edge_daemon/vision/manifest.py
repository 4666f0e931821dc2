"""What a model says of itself: its manifest.json, checked. The file beside it must be the one that it names."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge_daemon.diagnosis import LABEL
from edge_daemon.errors import ModelCorrupt, ModelMismatch, ModelMissing

MANIFEST = "manifest.json"
MODEL = "leaf.tflite"

Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rules(_Part):
    """The numbers that turn a finding into a decision; how each was chosen is in the model's card.

    temperature: the probabilities are raised to 1 / temperature and made to sum to 1 again (Guo et al. 2017).
    answer: the least probability for naming one disease. two_candidates: the least sum for naming two.
    leaf: below this it is not a leaf of a known crop. wrong_crop: from this share of another crop on, the crop that the
    farmer named is doubted. possible: by crop ("" where none was named), the least probability with which a label is
    still possible: so set that the truth is among the possible ones nine times in ten, for each crop (a conformal set;
    Sadinle, Lei and Wasserman 2019). A model without it has two_candidates alone.
    """

    temperature: Annotated[float, Field(gt=0, le=20)]
    answer: Share
    two_candidates: Share
    leaf: Share
    wrong_crop: Share
    possible: dict[str, Share] = {}


class Outputs(_Part):
    """Which output of the graph is which, by its place. where: how much each of 7 x 7 places speaks for each label."""

    probabilities: int
    embedding: int
    leaf: int
    where: int | None = None


class SelfTest(_Part):
    """One inference on a drawn input (vision.classifier.drawn_input) and what has to come out of it.

    An import proves nothing: a wrong NumPy fails at the first inference only. The runtimes agree within `tolerance`.
    """

    seed: int
    probabilities: list[float]
    leaf: float
    tolerance: Annotated[float, Field(gt=0, le=0.1)]


class Manifest(_Part):
    """manifest.json. `preprocessing`, `training` and `metrics` are for people; the kiosk does not read them.

    lab_only: the labels that were learned from picked leaves on plain grounds alone; nobody knows how they do in a
    field, and the kiosk says so.
    """

    schema_version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]
    version: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size_bytes: Annotated[int, Field(alias="bytes", ge=1)]
    labels: Annotated[tuple[str, ...], Field(min_length=2)]
    input_shape: tuple[int, int, int, int]
    embedding_size: int
    outputs: Outputs
    lab_only: tuple[str, ...] = ()
    rules: Rules
    self_test: SelfTest
    preprocessing: str
    training: dict[str, Any]
    metrics: dict[str, Any]

    @model_validator(mode="after")
    def _fits_itself(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("a label stands twice")
        if wrong := [label for label in self.labels if not LABEL.fullmatch(label)]:
            raise ValueError(f"{wrong[0]!r} is not <crop>/<disease>")
        if len(self.self_test.probabilities) != len(self.labels):
            raise ValueError("self_test has not one probability for each label")
        if unknown := set(self.lab_only) - set(self.labels):
            raise ValueError(f"lab_only names {min(unknown)!r}, which is no label")
        return self

    @property
    def full_name(self) -> str:
        """Name and version; every diagnosis bears it."""
        return f"{self.name}-{self.version}"

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read the manifest of a model's folder. Raises ModelMissing, ModelMismatch."""
        path = folder / MANIFEST
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as why:
            raise ModelMissing(f"{path}: {why.strerror}. Install the model again, or set [model] folder.") from why
        except ValidationError as why:
            first = why.errors()[0]
            place = ".".join(str(step) for step in first["loc"]) or "the file"
            raise ModelMismatch(f"{path}: {place}: {first['msg']}. This kiosk cannot use that model.") from why

    def read_model(self, folder: Path) -> bytes:
        """The bytes of the model. Raises ModelMissing, and ModelCorrupt where they are not those that this names."""
        path = folder / MODEL
        try:
            data = path.read_bytes()
        except OSError as why:
            raise ModelMissing(f"{path}: {why.strerror}. Install the model again, or set [model] folder.") from why
        digest = hashlib.sha256(data).hexdigest()
        if digest != self.sha256:
            raise ModelCorrupt(
                f"{path}: another file than its manifest says ({len(data)} bytes, SHA-256 {digest[:12]}...; "
                f"it should be {self.size_bytes} bytes, {self.sha256[:12]}...). Install the model again."
            )
        return data
