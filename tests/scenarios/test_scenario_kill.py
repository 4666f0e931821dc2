"""kill -9 at any moment of a visit, again and again: nothing recorded is half recorded, no SMS is lost.

The documented rule (docs/adr/0003-sms-at-least-once.md): only the part that was in doubt at a kill is repeated.
"""

from __future__ import annotations

import collections
import contextlib
import json
import random
import sqlite3
import threading
from pathlib import Path

import httpx
import pytest

from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.store.database import FILE
from tests.scenarios.kit import DEADLINE_S, RunningKiosk, fill_camera, wait_until, write_config

KILLS = 100
"""Of each of two kiosks side by side."""
AT_REST = {"sent", "delivered"}
"""A report that came while the kiosk was dead is lost, and its message stays sent."""
LONGEST_LIFE_S = 0.5
"""After it is ready; a visit with its SMS takes about a tenth of that."""


class Farmers:
    """Visits over the API, one farmer after the other, each with a number of its own; keeps what it was promised."""

    def __init__(self, kiosk: int) -> None:
        self._kiosk = kiosk
        self._count = 0
        self.diagnoses: list[str] = []
        self.numbers: list[str] = []

    def come(self, client: httpx.Client) -> None:
        """Until the kiosk dies."""
        with contextlib.suppress(httpx.TransportError):
            while True:
                self._count += 1
                number = f"+9198{self._kiosk}{self._count:07d}"
                visit = client.post("/visits", json={"language": "hi"}).json()["visit"]
                photo = client.post(f"/visits/{visit}/photo", json={})
                self.diagnoses.append(photo.json()["diagnosis"])
                farmer = client.post(f"/visits/{visit}/farmer", json={"telephone": number})
                assert farmer.status_code == 202, farmer.text
                self.numbers.append(number)


def lives(config: Path, farmers: Farmers, seed: int, committed: list[dict[str, int]], log: Path) -> None:
    """Be begun and killed, KILLS times; a fifth of the kills strike during the start."""
    chance = random.Random(seed)
    for _ in range(KILLS):
        with RunningKiosk(config) as kiosk:
            if chance.random() < 0.2:
                threading.Event().wait(chance.uniform(0, 0.5))  # the start is one of the moments
            else:
                with kiosk.ready() as client:
                    coming = threading.Thread(target=farmers.come, args=(client,))
                    coming.start()
                    threading.Event().wait(chance.uniform(0, LONGEST_LIFE_S))
                    kiosk.kill()
                    coming.join(DEADLINE_S)
            kiosk.kill()
        committed.append(sent_copies(config.parent / "state", log))


SENT = "SELECT number, part FROM sms_part JOIN outbox ON outbox.id = outbox_id JOIN farmer ON farmer.id = farmer_id"


def sent_copies(state: Path, log: Path) -> dict[str, int]:
    """For each part that the kiosk has committed as sent: how often the network has it by now."""
    if not (state / FILE).exists():
        return {}
    copies = copies_in(log)
    with contextlib.closing(sqlite3.connect(state / FILE)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
        rows = database.execute(SENT).fetchall() if "sms_part" in tables else []
    return {f"{number} {part}": copies[f"{number} {part}"] for number, part in rows}


def copies_in(log: Path) -> collections.Counter[str]:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    entries = [json.loads(line) for line in lines]
    return collections.Counter(f"{entry['number']} {entry['part']}" for entry in entries)


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    """Two kiosks at once, to use both cores."""
    stories = [Story(tmp_path / str(number), number) for number in (1, 2)]
    threads = [threading.Thread(target=story.play) for story in stories]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for story in stories:
        story.check()
    print(*(story.summary for story in stories), sep="\n")
    print(chance_of_a_repeat(stories))


def chance_of_a_repeat(stories: list[Story]) -> str:
    """For docs/adr/0003: how often a kill doubled a part, of all kills while SMS went, and of all parts sent."""
    repeated = sum(story.repeated for story in stories)
    kills, parts = sum(len(story.committed) for story in stories), sum(story.parts for story in stories)
    return f"{repeated} parts doubled: {repeated / kills:.1%} of {kills} kills, {repeated / parts:.2%} of {parts} parts"


class Story:
    """One kiosk's hundred lives, and the last one in which everything gets done."""

    def __init__(self, folder: Path, number: int) -> None:
        folder.mkdir()
        fill_camera(folder, 3)
        self.folder = folder
        self.log = folder / "network.jsonl"
        self.farmers = Farmers(number)
        self.number = number
        self.committed: list[dict[str, int]] = []
        self.summary = "did not finish"
        self.parts = self.repeated = 0

    def play(self) -> None:
        """Raises nothing that check would not see: an unfinished story has no summary."""
        with ModemSimulator(log=self.log) as network:
            config = write_config(self.folder, network.port)
            lives(config, self.farmers, self.number, self.committed, self.log)
            with RunningKiosk(config) as kiosk, kiosk.ready() as client:
                wait_until(lambda: not client.get("/status").json()["queues"]["sms"].keys() - AT_REST)
                assert kiosk.stop() == 0
        copies = copies_in(self.log)
        self.parts, self.repeated = sum(copies.values()), sum(copies.values()) - len(copies)
        self.summary = f"{len(self.farmers.diagnoses)} diagnoses, {self.parts} parts, " + (
            f"{self.repeated} repeated, {len(self.committed)} kills"
        )

    def check(self) -> None:
        """Everything promised is there, whole, once; repeats obey the rule."""
        assert self.summary != "did not finish"
        assert len(self.committed) == KILLS
        with contextlib.closing(sqlite3.connect(self.folder / "state" / FILE)) as database:
            check_records(database, self.farmers)
            check_telephones(database, copies_in(self.log))
        check_repeats(self.committed, copies_in(self.log))


def check_records(database: sqlite3.Connection, farmers: Farmers) -> None:
    diagnoses = {id for (id,) in database.execute("SELECT id FROM diagnosis")}
    reports = [id for (id,) in database.execute("SELECT diagnosis_id FROM outbox WHERE channel = 'report'")]
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert sorted(reports) == sorted(diagnoses), "each diagnosis has its one report"
    assert len(farmers.diagnoses) > KILLS / 4
    assert set(farmers.diagnoses) <= diagnoses, "what the kiosk had answered is recorded"
    numbers = {number for (number,) in database.execute("SELECT number FROM farmer")}
    assert set(farmers.numbers) <= numbers, "what the kiosk had promised is queued"


def check_telephones(database: sqlite3.Connection, copies: collections.Counter[str]) -> None:
    rows = database.execute("SELECT number, state FROM outbox JOIN farmer ON farmer.id = farmer_id").fetchall()
    assert {state for _, state in rows} <= AT_REST
    lost = [number for number, _ in rows if not all(copies[f"{number} {part}"] for part in (1, 2))]
    assert lost == [], "every part of every message reached the network"


def check_repeats(committed: list[dict[str, int]], copies: collections.Counter[str]) -> None:
    again = {part for before in committed for part, count in before.items() if copies[part] > count}
    assert again == set(), "no part that was committed as sent went again"
    assert sum(copies.values()) - len(copies) <= KILLS, "at most one part is in doubt at a kill"
