"""The models that this kiosk may use, best first: the newest, then an older one. A kiosk with an old model still helps.

A model is loaded when it is needed. One that cannot be loaded, or that fails while it works, is left for the next; what
was wrong with it stays readable in `trouble`. When none is left, ModelError is raised: then there is first aid.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from edge_daemon.diagnosis import Finding
from edge_daemon.errors import ModelError
from edge_daemon.vision.classifier import Classifier
from edge_daemon.vision.decision import Verdict, decide
from edge_daemon.vision.image import Canvas

log = logging.getLogger(__name__)


class Models:
    """Loads and runs the first model that works. accept raises ModelError for labels that the kiosk cannot use."""

    def __init__(self, folders: Sequence[Path], accept: Callable[[Sequence[str]], None]) -> None:
        self.trouble: list[str] = []
        self._folders = list(dict.fromkeys(folders))
        self._accept = accept
        self._current: Classifier | None = None
        self._rules_of: dict[str, Classifier] = {}

    @property
    def name(self) -> str | None:
        """The model at work, name and version; None where none is left."""
        return None if self._current is None else self._current.name

    def lab_only(self, label: str) -> bool:
        """Whether the model at work knows a label from picked leaves alone."""
        return self._current is not None and label in self._current.manifest.lab_only

    def load(self) -> None:
        """Load the first model that works, unless one is at work. Raises ModelError when none is left."""
        while self._current is None:
            if not self._folders:
                raise ModelError("No model can be used. " + " ".join(self.trouble))
            folder = self._folders.pop(0)
            try:
                classifier = Classifier.load(folder)
                self._accept(classifier.labels)
            except ModelError as why:
                self._give_up(str(why))
            else:
                self._current = self._rules_of[classifier.name] = classifier

    def classify(self, canvas: Canvas) -> Finding:
        """What the model at work sees, or the next one that works. Raises ModelError when none is left."""
        while True:
            self.load()
            assert self._current is not None
            try:
                return self._current.classify(canvas)
            except ModelError as why:
                self._give_up(f"{self._current.name}: {why}")
                self._current = None

    def decide(self, findings: Sequence[Finding], crop: str | None) -> Verdict:
        """What to say of findings of one visit, all of one model, by that model's rules. Raises UnknownCrop."""
        return decide(findings, crop, self._rules_of[findings[-1].model].rules)

    def _give_up(self, why: str) -> None:
        log.error("A model cannot be used: %s", why)
        self.trouble.append(why)
