"""The network, run by TFLite: ai-edge-litert where it is installed, else tflite-runtime. Only here is either known."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_daemon.diagnosis import WHERE_SIDE, Finding
from edge_daemon.errors import ModelError, ModelMismatch
from edge_daemon.vision.image import Canvas, model_input
from edge_daemon.vision.manifest import MODEL, Manifest, Rules

THREADS = 1
"""Of the interpreter. A second one gains little on a Pi and takes it from the rest of the kiosk."""


class Classifier:
    """A loaded model that has passed its self-test."""

    def __init__(self, manifest: Manifest, data: bytes, threads: int = THREADS) -> None:
        """Raises ModelError, ModelMismatch."""
        self.manifest = manifest
        self._interpreter = _interpreter(data, threads)
        self._input = self._interpreter.get_input_details()[0]
        self._outputs = self._interpreter.get_output_details()
        self._lock = threading.Lock()
        self._check_shapes()
        self._test_itself()

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Load the model of a folder. Raises ModelMissing, ModelCorrupt, ModelMismatch, ModelError."""
        manifest = Manifest.load(folder)
        return cls(manifest, manifest.read_model(folder))

    @property
    def name(self) -> str:
        """Name and version, as in the manifest; every diagnosis bears it."""
        return self.manifest.full_name

    @property
    def labels(self) -> tuple[str, ...]:
        """In the order of the network's outputs."""
        return self.manifest.labels

    @property
    def rules(self) -> Rules:
        """For vision.decision.decide."""
        return self.manifest.rules

    def classify(self, canvas: Canvas) -> Finding:
        """What the network sees on a canvas. One call at a time; further ones wait. Raises ModelError."""
        try:
            probabilities, embedding, leaf, *where = self._run(model_input(canvas))
        except (RuntimeError, ValueError, SystemError) as why:
            raise ModelError(f"The model cannot be run: {why}. {_REMEDY}") from why
        return Finding(
            labels=self.labels,
            probabilities=tuple(probabilities.tolist()),
            leaf=float(leaf[0]),
            embedding=tuple(embedding.tolist()),
            model=self.name,
            where=tuple(where[0].T.tolist()) if where else (),
        )

    def _run(self, tensor: Canvas) -> tuple[npt.NDArray[np.float32], ...]:
        places = self.manifest.outputs
        with self._lock:
            self._interpreter.set_tensor(self._input["index"], tensor)
            self._interpreter.invoke()
            return tuple(
                self._interpreter.get_tensor(self._outputs[place]["index"])[0]
                for place in (places.probabilities, places.embedding, places.leaf, places.where)
                if place is not None
            )

    def _check_shapes(self) -> None:
        places, manifest = self.manifest.outputs, self.manifest
        wanted = [
            (tuple(self._input["shape"]), manifest.input_shape),
            (self._shape(places.probabilities), (1, len(manifest.labels))),
            (self._shape(places.embedding), (1, manifest.embedding_size)),
            (self._shape(places.leaf), (1, 1)),
        ]
        if places.where is not None:
            wanted.append((self._shape(places.where), (1, WHERE_SIDE**2, len(manifest.labels))))
        for found, needed in wanted:
            if found != needed:
                raise ModelMismatch(f"{MODEL} has a tensor {found} where its manifest says {needed}.")
        if self._input["dtype"] is not np.uint8:
            raise ModelMismatch(f"{MODEL} takes {self._input['dtype'].__name__}; this kiosk gives uint8.")

    def _shape(self, place: int) -> tuple[int, ...]:
        if not 0 <= place < len(self._outputs):
            raise ModelMismatch(f"{MODEL} has {len(self._outputs)} outputs; its manifest names number {place}.")
        return tuple(int(side) for side in self._outputs[place]["shape"])

    def _test_itself(self) -> None:
        wanted = self.manifest.self_test
        try:
            probabilities, _, leaf, *_ = self._run(drawn_input(wanted.seed))
        except (RuntimeError, ValueError, SystemError) as why:
            raise ModelError(f"The model cannot be run: {why}. {_REMEDY}") from why
        expected = np.array([*wanted.probabilities, wanted.leaf])
        worst = float(np.abs(np.append(probabilities, leaf) - expected).max())
        if not worst <= wanted.tolerance:  # so that NaN fails too
            raise ModelMismatch(f"The model's self-test is off by {worst:.3g}; {wanted.tolerance:g} is allowed.")


_REMEDY = "Install the packages of requirements/edge.txt again (tflite-runtime needs NumPy below 2)."


def drawn_input(seed: int) -> Canvas:
    """A self-test's input, uint8 [1, 224, 224, 3]: stripes and grain, by whole-number arithmetic alone.

    NumPy's random generators may change between its versions (NEP 19); this cannot.
    """
    y, x, channel = np.mgrid[0:224, 0:224, 0:3].astype(np.int64)
    stripes = np.choose(channel, [(x * y // 32) % 192, (x + 2 * y) % 192, (3 * x - y) % 192])
    grain = ((x * 7919 + y * 104729 + channel * 1299709 + seed * 15485863) ** 2 >> 9) % 64
    pattern: Canvas = (stripes + grain).astype(np.uint8)
    return pattern[np.newaxis]


def _interpreter(data: bytes, threads: int) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError as why:
            raise ModelError("No TFLite interpreter is installed. Install the extra edge or edge-tflite.") from why
    try:
        with _without_banner():
            interpreter = Interpreter(model_content=data, num_threads=threads)
            interpreter.allocate_tensors()
    except (RuntimeError, ValueError, SystemError) as why:
        raise ModelError(f"The interpreter cannot load the model: {why}. {_REMEDY}") from why
    return interpreter


@contextlib.contextmanager
def _without_banner() -> Iterator[None]:
    """TFLite writes which delegate it made straight to file descriptor 2; its errors come as exceptions."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
