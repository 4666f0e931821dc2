"""`make fuzz`: damaged PDUs, texts in any table, and modems that babble, for as long as is wanted.

    python -m tests.fuzz [SECONDS] [SEED]

Not a test: what it finds becomes one. Each of FUZZERS does one thing after the other that must hold; whatever is raised
ends the run, and is printed with the seed and the input that did it.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from typing import Protocol

from tests.fuzz.dialogue import Babble, Listing
from tests.fuzz.modem import Keyboard
from tests.fuzz.pdus import Pdus
from tests.fuzz.texts import Texts


class Fuzzer(Protocol):
    """last: the input of the last round, to be printed."""

    last: str

    def once(self) -> str:
        """One round; gives what became of it."""


def fuzzers(chance: random.Random) -> tuple[Fuzzer, ...]:
    """One of each."""
    return Pdus(chance), Texts(chance), Babble(chance), Listing(chance), Keyboard(chance)


def main(words: list[str]) -> None:
    """See the module's description."""
    seconds = float(words[0]) if words else 60.0
    seed = int(words[1]) if len(words) > 1 else time.time_ns() % 2**32
    at_work = fuzzers(random.Random(seed))
    counts: Counter[str] = Counter()
    ends = time.monotonic() + seconds
    last = at_work[0]
    held = False
    try:
        while time.monotonic() < ends:
            for last in at_work:
                counts[last.once()] += 1
        held = True
    finally:
        if not held:
            print(f"seed {seed}, after {counts.total()}: {last.last}", file=sys.stderr)
    print(f"seed {seed}, {seconds:g} s: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))


if __name__ == "__main__":
    main(sys.argv[1:])
