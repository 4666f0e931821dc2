"""`krishi-kiosk demo`: whole visits with the production code, simulated at both ends.

The camera is a folder, the telephone network is the modem simulator on a pty; everything between is what a kiosk in a
village runs. Where a rehearsal's gateway is named, the reports go there at the end. The state lies in a folder of the
demo's own, gone afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_daemon import parts, receipt, telephone
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.config import Config, FolderCamera, SerialModem, State
from edge_daemon.demo_gateway import tell_gateway
from edge_daemon.demo_talk import LABEL, converse
from edge_daemon.diagnosis import Farmer, Report
from edge_daemon.drain import flush
from edge_daemon.errors import BadInput, PhotoUnreadable
from edge_daemon.health_report import Versions
from edge_daemon.judge import Stopwatch
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.modem.sms import open_modem
from edge_daemon.visits import Visits
from edge_daemon.wire import codec

LANGUAGES = ("en", "hi")
"""One visit each in turn, where none is asked for."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is shown. gateway: the URL of a rehearsal's broker; None: the reports wait, as they do without a gateway."""

    photos: tuple[Path, ...]
    crop: str | None
    language: str | None
    phone: str
    gateway: str | None


def demo(config: Config, request: Request) -> int:
    """Print a receipt for each photo's visit. 0, or 65 where a photo cannot be judged. Raises KrishiError."""
    with tempfile.TemporaryDirectory(prefix="krishi-demo-") as name:
        folder = Path(name)
        copies = _fill_camera(folder / "camera", request.photos)
        rehearsal = config.model_copy(
            update={"state": State(folder=folder / "state"), "camera": FolderCamera(folder=folder / "camera")}
        )
        return asyncio.run(_demo(rehearsal, request, copies))


async def _demo(config: Config, request: Request, photos: list[str]) -> int:
    number = telephone.normalise(request.phone, config.kiosk.country)
    failures = 0
    async with contextlib.AsyncExitStack() as opened:
        skill = opened.enter_context(parts.open_skill(config))
        store = opened.enter_context(parts.open_store(config))
        camera = await opened.enter_async_context(parts.opened_camera(config))
        network = opened.enter_context(ModemSimulator())
        modem = await opened.enter_async_context(open_modem(SerialModem(kind="serial", port=network.port)))
        visits = parts.build_visits(config, skill, parts.build_kiosk(config, skill, camera, store), store)
        _print(
            f"Model {skill.models.name}: {len(skill.catalogue.labels)} classes of {len(skill.catalogue.crops)} crops."
        )
        _print(
            f"Kiosk {config.kiosk.id} rehearses: photos from a folder, SMS by {network.port} into a simulated network."
        )
        for turn, photo in enumerate(photos):
            visit = visits.begin(request.language or LANGUAGES[turn % len(LANGUAGES)], request.crop)
            _print(f"\n{f' Visit {turn + 1} ':-^{receipt.WIDTH}}")
            _print(receipt.line("Photo", photo))
            try:
                await _examine_and_text(visits, visit.id, number)
            except BadInput as why:
                _print(receipt.line("Refused", str(why)))
                failures += 1
                continue
            await flush(store.sms, functools.partial(parts.send, modem, store))
            _print_telephone(network)
            _print_report(store.reports.waiting()[-1])
        if not failures:
            await _converse(config, skill.catalogue, Farmer(number, request.language or LANGUAGES[0]))
        if request.gateway:
            _print(f"\n{f' The link to the gateway, by {request.gateway} ':-^{receipt.WIDTH}}")
            await tell_gateway(config, store, request.gateway, Versions(model=skill.models.name or ""), _print)
    return 65 if failures else 0


async def _converse(config: Config, catalogue: Catalogue, farmer: Farmer) -> None:
    """Two weeks with one farmer."""
    name = catalogue.name(LABEL, farmer.language)
    _print(f"\n{' The two weeks after an advice, days shortened ':-^{receipt.WIDTH}}")
    _print(f"The diagnosis is given, {name}; plan, questions, answers and modem are a kiosk's own.")
    await converse(config, catalogue, config.state.path() / "talk", farmer, _print)


async def _examine_and_text(visits: Visits, visit: str, number: str) -> None:
    watch = Stopwatch()
    diagnosis = visits.describe(await visits.photograph(visit, watch))
    _print(receipt.line("Answer", receipt.answer(diagnosis)))
    _print(receipt.line("Time", receipt.stages(watch.stages_ms)))
    visits.text_advice(visit, number, None)


def _print_telephone(network: ModemSimulator) -> None:
    """What the farmer's telephone shows: put together from the PDUs by the far end, not from our own text."""
    sms = network.received[-1]
    _print(receipt.line("SMS", f"to {sms.number}, {sms.parts} part{'s' * (sms.parts > 1)}, {sms.encoding}; it shows:"))
    _print(receipt.text_message(sms.text))


def _print_report(report: Report) -> None:
    fields = codec.decode(report.body).model_dump(mode="json")
    _print(receipt.line("Report", f"{len(report.body)} bytes wait for the gateway: {json.dumps(fields)}"))


def _fill_camera(folder: Path, photos: Sequence[Path]) -> list[str]:
    """Put the photos before the camera, in the order given. Raises PhotoUnreadable."""
    folder.mkdir()
    for number, photo in enumerate(photos):
        if photo.exists() and not photo.is_file():
            raise PhotoUnreadable(f"{photo}: is not a file. Name a photo.")
        try:
            # The kiosk goes by what is in a file, not by its name; the folder camera looks at .jpg and the like only.
            shutil.copyfile(photo, folder / f"{number:03d}-{photo.stem}.jpg")
        except OSError as why:
            raise PhotoUnreadable(f"{photo}: cannot be read: {why.strerror}.") from why
    return [f"{photo}, {photo.stat().st_size / 1000:.0f} kB" for photo in photos]


def _print(text: str) -> None:
    print(text, flush=True)  # a receipt is read as it grows
