"""`krishi-kiosk diagnose`: judge photo files. Nothing is recorded unless asked, so that a test leaves no trace.

With a telephone number it is a visit like any other: recorded, reported, texted.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import sys
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from edge_daemon import parts, receipt, telephone
from edge_daemon.clock import system_now
from edge_daemon.config import Config
from edge_daemon.diagnosis import Diagnosis, Farmer, Photo, Visit
from edge_daemon.drain import flush
from edge_daemon.errors import BadInput, DeviceError, ModelError, PhotoUnreadable, PoorPhoto, StateInUse
from edge_daemon.judge import Stopwatch
from edge_daemon.modem.sms import open_modem
from edge_daemon.store.store import Store
from edge_daemon.vision.image import MAX_BYTES
from edge_daemon.visits import diagnosis_as_data

SEND_DEADLINE_S = 180.0
"""After this the advice stays in the outbox, and the kiosk sends it when it runs."""


@dataclass(frozen=True)
class Request:
    """What was asked for, as given. telephone: for one photo only."""

    photos: tuple[Path, ...]
    crop: str | None
    language: str | None
    telephone: str | None
    record: bool
    as_json: bool


def diagnose(config: Config, request: Request) -> int:
    """Judge the photos and print what comes out. 0: all could be judged, 65: one could not. Raises KrishiError."""
    return asyncio.run(_diagnose(config, request))


class PhotoFile:
    """A camera that has taken its one photo already: a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def still(self) -> Photo:
        """The file as a photo of now. Raises PhotoUnreadable, also for a pipe, which could be waited on for ever."""
        if self._path.exists() and not self._path.is_file():
            raise PhotoUnreadable("This is not a file. Name the photos themselves.")
        try:
            with self._path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)  # one more than allowed, for the decoder to refuse
        except OSError as why:
            raise PhotoUnreadable(f"The file cannot be read: {why.strerror}.") from why
        now = system_now()
        return Photo(data, now.utc, f"file:{self._path.name}", now.clock)


async def _diagnose(config: Config, request: Request) -> int:
    with contextlib.ExitStack() as opened:
        given = request.telephone
        number = None if given is None else telephone.normalise(given, config.kiosk.country)
        skill = opened.enter_context(parts.open_skill(config))
        if skill.models.trouble:  # here a technician looks: the model that is configured, or none
            raise ModelError(skill.models.trouble[0])
        crop = skill.catalogue.crop(request.crop) if request.crop else None
        language = skill.catalogue.language(request.language or config.kiosk.language)
        store = opened.enter_context(_open_store(config)) if request.record or number else None
        failures = 0
        for path in _progress(request.photos):
            row, diagnosis = await _examine(path, skill, language, crop, config, store)
            failures += diagnosis is None
            if number and store and diagnosis:
                row["sms"] = await _advise(config, skill, store, diagnosis, Farmer(number, language))
            _say(json.dumps(row, ensure_ascii=False) if request.as_json else _readable(row, len(request.photos) > 1))
    return 65 if failures else 0


async def _examine(
    path: Path, skill: parts.Skill, language: str, crop: str | None, config: Config, store: Store | None
) -> tuple[dict[str, Any], Diagnosis | None]:
    watch = Stopwatch()
    camera = PhotoFile(path)
    try:
        if store is None:
            visit = Visit(uuid.uuid4().hex, *system_now(), language, crop)
            diagnosis = await skill.judge.judge(visit, await camera.still(), watch)
        else:
            kiosk = parts.build_kiosk(config, skill, camera, store)
            diagnosis = await kiosk.examine(kiosk.begin(language, crop), watch)
    except BadInput as why:
        refusal = {"fault": why.fault, "hint": why.hint} if isinstance(why, PoorPhoto) else {}
        return {"photo": str(path), "error": why.name, "message": str(why), **refusal}, None
    stages = {stage: round(ms, 2) for stage, ms in watch.stages_ms.items()}
    return {
        "photo": str(path),
        **diagnosis_as_data(diagnosis, skill.catalogue, skill.models.lab_only),
        "stages_ms": stages,
    }, diagnosis


async def _advise(
    config: Config, skill: parts.Skill, store: Store, diagnosis: Diagnosis, farmer: Farmer
) -> dict[str, Any]:
    kiosk = parts.build_kiosk(config, skill, PhotoFile(Path()), store)
    sms = kiosk.advise(diagnosis, farmer)
    outcome = await _send(config, store) if store.alone else "queued: the running kiosk sends it"
    return {"id": sms.id, "text": sms.text, "outcome": outcome, **store.sms_states(diagnosis.visit)[-1]}


async def _send(config: Config, store: Store) -> str:
    """Empty the outbox now, ourselves: no daemon does. What cannot go stays there."""
    try:
        async with asyncio.timeout(SEND_DEADLINE_S), open_modem(config.modem) as modem:
            await flush(store.sms, functools.partial(parts.send, modem, store))
    except DeviceError as why:
        return f"queued: {why}"
    except TimeoutError:
        return f"queued: not gone within {SEND_DEADLINE_S:.0f} s; it goes when the kiosk runs"
    return "handed to the modem"


def _open_store(config: Config) -> Store:
    try:
        return parts.open_store(config)
    except StateInUse:  # a daemon runs: add to its outbox
        return parts.share_store(config)


def _progress(photos: tuple[Path, ...]) -> Iterable[Path]:
    return tqdm(photos, unit="photo", file=sys.stderr, disable=None if len(photos) > 1 else True, leave=False)


def _say(text: str) -> None:
    tqdm.write(text, file=sys.stdout)


def _readable(row: Mapping[str, Any], one_line: bool) -> str:
    if "error" in row:
        return f"{row['photo']}: {row['message']}"
    if one_line:
        return f"{row['photo']}: {receipt.answer(row)}"
    lines = [
        receipt.line("Photo", row["photo"]),
        receipt.line("Answer", receipt.answer(row)),
        receipt.line("Time", receipt.stages(row["stages_ms"])),
    ]
    if sms := row.get("sms"):
        lines += [receipt.line("SMS", f"{sms['state']}, {sms['outcome']}"), receipt.text_message(sms["text"])]
    return "\n".join(lines)
